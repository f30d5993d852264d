"""Explain: one scan, methods or models side by side, and how far each heatmap can be trusted."""

import streamlit as st

from core.inference.study import Study
from core.scan import Scan
from ui.session import Reading, reading
from ui.show import errors_shown, show_title


def show_explanations(state: Reading, scan: Scan) -> None:
    """What the model is given, and then what is explained of its answer."""
    from ui.explaining.board import show_maps
    from ui.reading.choose_model import choose_model
    from ui.reading.multi_input.gather import gather, needs_study

    card = choose_model(state, scan)
    if card is None:
        return
    study = gather(state, card, scan) if needs_study(card) else Study.of(card, scan)
    if study is not None:
        show_maps(state, card, study)


state = reading()
show_title("Explain")
if state.scan is None:
    st.info("Open a scan or a sample on the page Read; its explanations then stand side by side here.")
else:
    with errors_shown():
        show_explanations(state, state.scan)
