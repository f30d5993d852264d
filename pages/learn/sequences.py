"""Lesson: a recurrent network on a beating heart, frame by frame."""

import streamlit as st

from ui.lessons.registry import show_lesson
from ui.lessons.sequences.model import show_model
from ui.lessons.sequences.parts import show_spoilt, show_states, show_vanishing
from ui.lessons.sequences.source import choose_sequence
from ui.show import errors_shown

PARTS = ("States and gates", "Spoilt sequences", "Vanishing slopes", "A trained heart model")


def show_parts() -> None:
    """The controls, and the chosen part."""
    sequence, kind, frame = choose_sequence()
    part = st.segmented_control(
        "Part", PARTS, default=PARTS[0], required=True, key="seq-part", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    if part == PARTS[1]:
        show_spoilt(sequence)
    elif part == PARTS[2]:
        show_vanishing(sequence, frame)
    elif part == PARTS[3]:
        show_model(sequence, frame)
    else:
        show_states(sequence, kind, frame)


show_lesson("sequences")
with errors_shown():
    show_parts()
