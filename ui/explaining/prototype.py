"""What a class looks like to the model: an image that it makes itself, without any scan."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.explain.methods.prototypes import STEPS, Prototype, class_prototype
from core.models.card import ModelCard
from ui.background import Progress, Stopper, computed
from ui.cache import cached_bundle, cached_keras
from ui.foreign_text import plain
from ui.session import Reading

SIDE = 360

#: Which one was asked for last.
WANTED = "prototype-wanted"


def show_prototype(state: Reading, card: ModelCard, label: str, rather_than: str) -> None:
    """A button that makes it, the work, and the image; it needs some ten seconds of the Keras process."""
    key = ("prototype", card.slug, label, rather_than)
    with st.expander(f"What {plain(label)} looks like to the model"):
        st.caption(
            "The image that raises the score most, found by climbing from noise (activation maximisation by "
            "tf-keras-vis). It is no patient and no proof; it shows what the model would like to see, its prejudices "
            "included."
        )
        if key not in state.maps and st.session_state.get(WANTED) != key:
            st.button("Make it", key="make-prototype", on_click=st.session_state.__setitem__, args=(WANTED, key))
            return
        target = card.labels.index(label)
        against = card.labels.index(rather_than) if rather_than else None

        def work(progress: Progress, cancelled: Stopper) -> Prototype:
            bundle, keras = cached_bundle(card.slug), cached_keras()
            return class_prototype(bundle, target, keras, against, STEPS, progress=progress, cancelled=cancelled)

        found = computed("prototype", key, state.maps, f"Making an image of {label}", work, again="Try again")
        if found is not None:
            _show(found)


def _show(found: Prototype) -> None:
    st.image(_stretched(found.image), width=SIDE, alt=f"The model's own image of {found.label}")
    than = f" rather than {found.rather_than}" if found.rather_than else ""
    score, grey = f"{found.score:.1f}", f"{found.grey_score:.1f}"
    st.markdown(f"Score for {plain(found.label + than)}: {score} logit units; a plain grey image has {grey}.")


def _stretched(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """At a size that can be seen, in whole pixels so that nothing is smoothed."""
    levels = (np.clip(image, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)
    if levels.shape[-1] == 1:
        levels = levels[..., 0]
    times = max(1, round(2 * SIDE / max(levels.shape[:2])))
    return levels.repeat(times, axis=0).repeat(times, axis=1)
