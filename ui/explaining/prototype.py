"""What a class looks like to the model: a picture that it makes itself, without any scan."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.explain.methods.prototypes import STEPS, Prototype, class_prototype
from core.models.card import ModelCard
from ui.cache import cached_bundle, cached_keras
from ui.foreign_text import plain
from ui.jobs import Job, show_job
from ui.session import Reading
from ui.show import show_error

SIDE = 360


def show_prototype(state: Reading, card: ModelCard, label: str, rather_than: str) -> None:
    """A button that makes it, the work, and the picture; it needs some ten seconds of the Keras process."""
    key = ("prototype", card.slug, label, rather_than)
    with st.expander(f"What {plain(label)} looks like to the model"):
        st.caption(
            "The picture that raises the score most, found by climbing from noise (activation maximisation by "
            "tf-keras-vis). It is no patient and no proof; it shows what the model would like to see, its prejudices "
            "included."
        )
        if key in state.maps:
            _show(state.maps.get(key, lambda: None))  # type: ignore[arg-type]
            return
        job: Job | None = st.session_state.get("prototype-job", {}).get(key)
        if job is None:
            st.button("Make it", key="make-prototype", on_click=_start, args=(key, card, label, rather_than))
        elif not job.wait(0.0):
            show_job(job, "cancel-prototype")
        else:
            st.session_state["prototype-job"] = {}
            if job.error is None:
                state.maps.put(key, job.hand_over())
                st.rerun()
            if not job.was_cancelled:
                show_error(str(job.error))
            st.button("Try again", key="make-prototype", on_click=_start, args=(key, card, label, rather_than))


def _start(key: tuple[str, ...], card: ModelCard, label: str, rather_than: str) -> None:
    for job in st.session_state.get("prototype-job", {}).values():
        job.cancel()
    target = card.labels.index(label)
    against = card.labels.index(rather_than) if rather_than else None

    def work(progress: Callable[[float, str], None], cancelled: Callable[[], bool]) -> Prototype:
        def told(share: float) -> None:
            progress(share, "")

        bundle, keras = cached_bundle(card.slug), cached_keras()
        return class_prototype(bundle, target, keras, against, STEPS, progress=told, cancelled=cancelled)

    st.session_state["prototype-job"] = {key: Job(f"Making a picture of {label}", work)}


def _show(found: Prototype) -> None:
    st.image(_stretched(found.picture), width=SIDE, alt=f"The model's own picture of {found.label}")
    than = f" rather than {found.rather_than}" if found.rather_than else ""
    score, grey = f"{found.score:.1f}", f"{found.grey_score:.1f}"
    st.markdown(f"Score for {plain(found.label + than)}: {score} logit units; a plain grey picture has {grey}.")


def _stretched(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """At a size that can be seen, in whole pixels so that nothing is smoothed."""
    levels = (np.clip(picture, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)
    if levels.shape[-1] == 1:
        levels = levels[..., 0]
    times = max(1, round(2 * SIDE / max(levels.shape[:2])))
    return levels.repeat(times, axis=0).repeat(times, axis=1)
