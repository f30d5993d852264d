"""Lesson: inside a network. The chosen model, box by box, on a scan."""

import streamlit as st

from ui.explaining.controls import choose_frame
from ui.lessons.image import choose_scan
from ui.lessons.inside.cases import show_cases
from ui.lessons.inside.page import can_be_walked, show_walk
from ui.lessons.inside.score import show_score
from ui.lessons.inside.work import Work, work_on
from ui.lessons.question import show_question
from ui.lessons.registry import show_lesson
from ui.reading.choose_model import choose_model
from ui.session import reading
from ui.show import errors_shown


def choose_work() -> Work | None:
    """The scan, the model and the frame."""
    state = reading()
    left, right = st.columns(2)
    with left:
        scan = choose_scan("sample")
        frame = choose_frame(scan)
    with right:
        card = choose_model(state, scan, always=True)
    return work_on(scan, frame, card) if card is not None and can_be_walked(card) else None


@st.fragment
def walk(work: Work) -> None:
    """The graph and what one box does."""
    with errors_shown():
        show_walk(work)
        show_question(
            "inside-field",
            "Two convolutions 3 × 3 with stride 1 stand one after the other. How many pixels wide is what one cell of "
            "the second sees?",
            ["3", "5", "6", "9"],
            1,
            "The second reads 3 cells, and each of them reads 3 pixels, one apart: 3 + (3 − 1) · 1 = 5. With a stride "
            "of 2 in the first, neighbouring cells are 2 pixels apart, and it is 3 + (3 − 1) · 2 = 7.",
        )


@st.fragment
def score(work: Work) -> None:
    """From channels to a class."""
    with errors_shown():
        show_score(work)
        show_question(
            "inside-average",
            "The head averages each channel over all places. A finding moves from the left lung to the right and "
            "nothing else changes. What happens to the logit?",
            ["It changes its sign", "It stays nearly the same", "It doubles"],
            1,
            "An average does not know where its numbers stood. Only borders, and layers before that see neighbours "
            "differently, make a small difference.",
        )


@st.fragment
def cases(work: Work) -> None:
    """Features as a map."""
    with errors_shown():
        show_cases(work)


show_lesson("inside")
with errors_shown():
    chosen = choose_work()
    if chosen is not None:
        walk(chosen)
        score(chosen)
        cases(chosen)
