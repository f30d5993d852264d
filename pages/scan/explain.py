"""Explain: one scan, methods or models side by side, and how far each heatmap can be trusted."""

import streamlit as st

from core.models.compatibility import compatibility
from core.scan import Scan
from ui.session import Reading, reading
from ui.show import errors_shown, show_title
from ui.visible import visible_cards


def show_explanations(state: Reading, scan: Scan) -> None:
    """The question, then its answers as they get ready."""
    from ui.explaining.controls import (
        choose_classes,
        choose_frame,
        choose_method,
        choose_methods,
        choose_second_opinion,
        questions,
    )
    from ui.explaining.layers import choose_layer
    from ui.explaining.progress import is_paused, show_paused, show_progress
    from ui.explaining.prototype import show_prototype
    from ui.explaining.results import show_results
    from ui.explaining.work import carry_on, predicted
    from ui.reading.choose_model import choose_model
    from ui.reading.display_settings import choose_look
    from ui.reading.multi_input.gather import needs_study

    card = choose_model(state, scan)
    if card is None:
        return
    if needs_study(card) or card.task == "segmentation":
        st.info("Methods side by side are for models with one picture and one answer. This one is explained on Read.")
        return
    cards, _ = visible_cards()
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        frame = choose_frame(scan)
        label, rather_than = choose_classes(predicted(state, scan, card.slug, frame))
        st.session_state.setdefault("explain-compared", "Methods")
        compared = st.segmented_control("Side by side", ["Methods", "Models"], required=True, key="explain-compared")
        untrained = st.toggle("Untrained copy beside it", key="explain-untrained")
    by_model = compared == "Models"
    if by_model:
        methods = [choose_method()]
        others = [other for other in cards.values() if label in other.labels and compatibility(other, scan).fits]
        chosen = [card, *(other for other in others if other.slug != card.slug)]
    else:
        methods, chosen = choose_methods(), [card]
    with row:
        second = choose_second_opinion(methods)
    look = choose_look(state, scan)
    layer = "" if by_model else choose_layer(scan, frame, card)
    if not methods:
        st.info("No method is chosen: choose one above.")
        return
    everything = questions(chosen, methods, label, rather_than, layer, frame, untrained)
    making = carry_on(state, scan, everything, is_paused(), second)
    if is_paused():
        show_paused()
    show_progress(state, making)
    with errors_shown():
        show_results(state, scan, frame, look, everything, cards, by_model)
    if not by_model:
        with errors_shown():
            show_prototype(state, card, label, rather_than)


state = reading()
show_title("Explain")
if state.scan is None:
    st.info("Open a scan or a sample on the page Read; its explanations then stand side by side here.")
else:
    with errors_shown():
        show_explanations(state, state.scan)
