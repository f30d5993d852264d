"""From the card of a model to the page Read: with a sample that the model knows, or with a scan of one's own."""

from __future__ import annotations

import streamlit as st

from core.inference.known_sample import KnownSample, known_sample
from core.models.card import ModelCard
from core.samples import cases_for
from core.samples.store import is_fetched
from ui.background import computed
from ui.cache import cached_bundle
from ui.foreign_text import plain
from ui.reading.gallery import show_cases_of
from ui.reading.open_scan import open_sample_scan
from ui.serving.visitor import is_at_hand
from ui.session import Recent, reading

READ_PAGE = "pages/scan/read.py"
_LEAVING = "card-leaves-for-read"
_KEPT = "known samples"


def show_ways_to_try(card: ModelCard) -> None:
    """Buttons that lead to the page Read."""
    if st.session_state.pop(_LEAVING, False):
        st.switch_page(READ_PAGE, query_params={"model": card.slug})
    cases = cases_for(card.slug)
    here = [case for case in cases if is_fetched(case)]
    found = None if here else _sample_of(card)
    with st.container(horizontal=True, vertical_alignment="center"):
        if here:
            st.button(
                "Open on a sample", type="primary", icon=":material/radiology:", key="card-case",
                on_click=_open, args=(here[0].key, here[0].title, card.slug),
            )  # fmt: skip
        if found is not None:
            st.button(
                "Open on a sample", type="primary", icon=":material/radiology:", key="card-sample",
                on_click=_open, args=(found.sample.key, found.sample.title),
            )  # fmt: skip
        st.button("Read a scan with it", icon=":material/add:", key="card-read", on_click=_leave)
        if cases and not here and is_at_hand():
            st.button(
                "Fetch samples", icon=":material/download:", key="card-fetch", on_click=_look_for, args=(card.slug,)
            )
        if here:
            st.caption(plain(f"{here[0].title}, of its test set"), width="content")
        if found is not None:
            doubt = "" if found.is_known else "; the model does not know such images well and may withhold its answer"
            st.caption(plain(f"{found.sample.title}{doubt}"), width="content")


def _sample_of(card: ModelCard) -> KnownSample | None:
    """The sample that fits, looked for once in a session; None while it is looked for and where there is none."""
    kept = st.session_state.setdefault(_KEPT, Recent(64))
    key, slug = (card.slug, card.sha256.get("model.onnx")), card.slug
    # In a list, as None would count as not yet computed.
    found = computed(
        "known-sample", key, kept, "Looking for a sample", lambda *_: [known_sample(cached_bundle(slug))],
        again="Look for a sample", patience=1.0, quiet=True, failed="No sample was looked for.",
    )  # fmt: skip
    return found[0] if found else None


def _open(key: str, title: str, slug: str = "") -> None:
    if slug:
        st.query_params["model"] = slug
    open_sample_scan(reading(), key, title)
    _leave()


def _look_for(slug: str) -> None:
    """Leave for the gallery, where its samples can be fetched."""
    show_cases_of(slug)
    reading().choosing = True
    _leave()


def _leave() -> None:
    st.session_state[_LEAVING] = True
