"""Read a scan: the picture, what a model says of it, and how far to trust both."""

import streamlit as st

from core.scan import Scan
from ui.opening import open_from_address, remember_in_address, show_drop_zone, show_found, show_opening
from ui.session import Reading, reading
from ui.show import errors_shown, show_title
from ui.warming import warm_keras_for, warm_up


def show_scan(state: Reading, scan: Scan) -> None:
    """The picture on the left, the answer on the right, what stands behind them below."""
    # Not needed before a scan is open: the first page is there a second sooner without it.
    from ui.answer import choose_model, show_answer, show_probabilities, show_strip, show_take_home
    from ui.components.viewer import show_viewer, turned_to
    from ui.details import show_details, show_study_details
    from ui.looking import choose_look
    from ui.outlining.showing import show_outlining
    from ui.study.gathering import needs_study
    from ui.study.showing import show_study

    frame = turned_to(scan)
    show_found(state)
    with st.container(key="reading"):
        picture, panel = st.columns([5, 3], gap="medium")
    answer, card = None, None

    with panel, errors_shown():
        card = choose_model(state, scan)
        if card is not None and card.task != "segmentation" and not needs_study(card):
            answer = show_answer(state, scan, card, frame)

    if card is not None and card.task == "segmentation":
        show_outlining(state, scan, card, frame, picture, panel)
        return

    if card is not None and needs_study(card):
        show_study_details(scan, show_study(state, scan, card, picture, panel))
        return

    with picture, errors_shown():
        place = st.container()
        look = choose_look(state, scan)
        with place:
            show_viewer(look.view(scan, frame, answer), state.pictures)
        if answer is not None:
            show_strip(state, scan, answer)

    with panel, errors_shown():
        if answer is not None:
            show_probabilities(answer)
            show_take_home(scan, answer, look)

    with errors_shown():
        show_details(scan, answer)


state = reading()
show_title("Read a scan")
open_from_address(state)
if not show_opening(state):
    if state.scan is None or state.choosing:
        show_drop_zone(state)
        warm_up()
    else:
        remember_in_address(state)
        show_scan(state, state.scan)
        with errors_shown():
            warm_keras_for(state.scan)
