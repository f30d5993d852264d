"""A layer to look at, chosen from an image of the model."""

from __future__ import annotations

import streamlit as st

from core.lessons.inside.network import Box
from core.models.card import ModelCard
from core.scan import Scan
from ui.components.graph import message, show_graph
from ui.foreign_text import plain
from ui.lessons.inside.work import memory, thumbnails, work_on
from ui.show import errors_shown

LATER = "Methods of the CAM family look at one layer. Earlier ones are finer and know less of the class."


def choose_layer(scan: Scan, frame: int, card: ModelCard) -> str:
    """A layer of the model; `""` for the card's own."""
    key = f"explain-layer-{card.slug}"
    chosen = st.session_state.get(key, "")
    with st.expander(f"Layer: {plain(chosen or card.explain_layer)}"), errors_shown():
        # The image takes a moment and is drawn only for those who want it.
        if st.toggle("Show the model and choose", key=f"{key}-open"):
            _show_model(scan, frame, card, key)
    return str(st.session_state.get(key, ""))


def _show_model(scan: Scan, frame: int, card: ModelCard, key: str) -> None:
    work = work_on(scan, frame, card)
    boxes = [box for box in work.network.boxes if box.has_map and box.main is not None]
    own = next((box.layer for box in boxes if box.number == work.network.heat), card.explain_layer)
    paths = list(dict.fromkeys(box.layer for box in boxes))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Layer", paths, index=paths.index(_shown(key, own)) if _shown(key, own) in paths else len(paths) - 1,
            key=f"{key}-box-{_shown(key, own)}", width=320,
            on_change=lambda: _take(key, own, str(st.session_state[f"{key}-box-{_shown(key, own)}"])),
        )  # fmt: skip
        st.button("The card's own", on_click=_take, args=(key, own, own), disabled=_shown(key, own) == own)
    number = next((box.number for box in boxes if box.layer == _shown(key, own)), work.network.heat or 0)
    graph = f"{key}-graph"
    data = memory().kept.get(
        ("layers", *work.key, number), lambda: message(work.network, thumbnails(work), number, card.slug)
    )
    show_graph(data, graph, lambda: _picked(key, own, graph, boxes))
    st.caption(f"{LATER} Click a box; small images show its channel that varies most on this scan.")


def _shown(key: str, own: str) -> str:
    return str(st.session_state.get(key) or own)


def _take(key: str, own: str, layer: str) -> None:
    st.session_state[key] = "" if layer == own else layer


def _picked(key: str, own: str, graph: str, boxes: list[Box]) -> None:
    """A box without a map, such as one of the head, is left alone."""
    number = st.session_state[graph].picked
    layer = next((box.layer for box in boxes if box.number == number), "")
    if layer:
        _take(key, own, layer)
