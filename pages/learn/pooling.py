"""Lesson: what bending and shrinking do to a map, where gradients die, and what a shift by one pixel changes."""

import streamlit as st

from core.lessons.convolution.compute import convolve
from core.lessons.sliding import Sliding
from ui.lessons.convolution.chosen import choose_kernel
from ui.lessons.image import choose_copy, choose_frame, choose_scan
from ui.lessons.pooling.page import (
    PARTS,
    Maps,
    choose_activation,
    choose_gain,
    show_activation,
    show_pooling,
    show_shift,
)
from ui.lessons.question import show_question
from ui.lessons.registry import show_lesson
from ui.show import errors_shown


def show_part(part: str) -> None:
    """Scan, kernel and activation, and then one of the three parts."""
    with st.container(horizontal=True, vertical_alignment="top"):
        scan = choose_scan("scan", width=230)
        copy = choose_copy(scan, choose_frame(scan, "pooling-frame"), "pooling-edge")
        kernel = choose_kernel("pooling-")
        found = choose_activation()
        gain = choose_gain() if part == "Activation" else 1
    sliding = Sliding(kernel.size)
    sums = gain * convolve(copy.levels / 255, kernel, sliding)
    maps = Maps(copy.edge, sliding, sums, found, kernel.title)
    with st.container(key="lesson"):
        {"Activation": show_activation, "Pooling": show_pooling, "Shift": show_shift}[part](maps)
    st.caption(f"{copy.sentence} Its grey levels go from 0 to 1.")


def ask(part: str) -> None:
    """The question of this part."""
    if part == "Activation":
        show_question(
            "pooling-gradient",
            "The sum of a sigmoid unit is 8. How much of a gradient passes back through it?",
            ["All of it, its output is nearly 1", "A quarter", "Less than a thousandth"],
            2,
            "σ(8) = 0.99966, so the slope is 0.99966 × 0.00034 = 0.00034. The unit shouts, and no longer learns.",
            "Read f′(z), not f(z): choose sigmoid, raise the weights, and go to a unit with a large sum.",
        )
    elif part == "Pooling":
        show_question(
            "pooling-gradient-max",
            "Maximum pooling took 0.9 out of a window with 0.1, 0.9, 0.3 and 0.2. Which pixels get the gradient back?",
            ["All four alike", "The one with 0.9 only", "None, a maximum has no derivative"],
            1,
            "Only the maximum moves the output, so it alone gets the gradient. The average gives each a quarter.",
            "Which of the four would change the output if it rose a little?",
        )
    else:
        show_question(
            "pooling-shift",
            "The scan moves by one pixel. What does maximum pooling, 2 × 2 with stride 2, make of it?",
            ["The same map", "The same map, moved", "Another map, if less so than without pooling"],
            2,
            "Windows that start at every second pixel now hold other pixels. Only a shift by 2, 4, 6 … moves the map "
            "as a whole; a blur before skipping pixels leaves less over (Zhang 2019).",
            "Look at the right curve: where does it touch zero?",
        )


show_lesson("pooling")
part = st.segmented_control(
    "Part", PARTS, default=PARTS[0], required=True, key="topic", bind="query-params", label_visibility="collapsed"
)
with errors_shown():
    show_part(part)
ask(part)
