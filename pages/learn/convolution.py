"""Lesson: a small window of weights turns a scan into a map, number by number."""

import streamlit as st

from core.lessons.convolution.colors import scale_of
from core.lessons.convolution.compute import convolve, products_at
from ui.lessons.convolution.chosen import choose_kernel, choose_pixel, choose_sliding
from ui.lessons.convolution.view import show_maps, show_size, show_sum
from ui.lessons.image import choose_copy, choose_frame, choose_scan
from ui.lessons.question import show_question
from ui.lessons.registry import show_lesson
from ui.show import errors_shown


def show_convolution() -> None:
    """Controls, images, the sum of one pixel, and the size of the map."""
    with st.container(horizontal=True, vertical_alignment="top"):
        scan = choose_scan("scan", width=230)
        copy = choose_copy(scan, choose_frame(scan))
        levels = st.segmented_control(
            "Grey levels", ["0–255", "0–1"], default="0–255", required=True, key="levels", bind="query-params"
        )
        kernel = choose_kernel()
    top = 255.0 if levels == "0–255" else 1.0
    image = copy.levels * (top / 255)
    with st.container(key="lesson"):
        images, controls = st.columns([3, 2], gap="medium")
    with controls:
        sliding = choose_sliding(kernel.size)
        row, column = choose_pixel(copy.edge)
        place = sliding.place(copy.edge, row), sliding.place(copy.edge, column)
        show_size(sliding, copy.edge)
        st.caption(kernel.sentence)
    products, result = products_at(image, kernel, sliding, place), convolve(image, kernel, sliding)
    scale = scale_of(result)
    with images:
        show_maps(image, top, result, scale, sliding, products)
    show_sum(products, top, scale)
    st.caption(
        f"{copy.sentence} What networks call convolution lays the kernel on the image as it is, which mathematics "
        "calls cross-correlation; its convolution turns the kernel round first."
    )


def ask() -> None:
    """Two questions, the second of which builds on the first."""
    left, right = st.columns(2, gap="medium")
    with left:
        show_question(
            "convolution-size",
            "A 3 × 3 kernel moves over 32 × 32 pixels without padding, one pixel at a time. How large is its map?",
            ["28 × 28", "30 × 30", "32 × 32"],
            1,
            "The window can stand in 32 − 3 + 1 = 30 places along each edge. 28 × 28 would be a 5 × 5 kernel, and "
            "32 × 32 needs padding; a text that gives 28 and 30 for the same example cannot be right twice.",
            "Set the image size above to 32 × 32 with padding “valid”, and read the formula.",
        )
    with right:
        show_question(
            "convolution-pooled",
            "Pooling by windows of 2 × 2, two pixels apart, follows. How large is the pooled map?",
            ["14 × 14", "15 × 15", "16 × 16"],
            1,
            "Pooling is a window too: (30 − 2) / 2 + 1 = 15. The 14 × 14 would follow from 28, the 16 × 16 from 32.",
            "Put n = 30, k = 2, s = 2 and p = 0 into the same formula.",
        )


show_lesson("convolution")
with errors_shown():
    show_convolution()
ask()
