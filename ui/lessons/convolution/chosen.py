"""The controls of the lesson on convolution: which kernel, how it slides, and where it stands."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.errors import ScanLensError
from core.lessons.convolution.kernels import (
    FIXED,
    Kernel,
    box_kernel,
    fixed_kernel,
    gabor_kernel,
    gaussian_kernel,
    typed_kernel,
)
from core.lessons.convolution.model_filters import FirstLayer, first_layer
from core.lessons.sliding import Padding, Sliding
from core.models.card import ModelCard
from ui.session import reading
from ui.show import forget_beyond
from ui.visible import visible_cards

BOX, GAUSS, GABOR, OWN, LEARNED = "Box blur", "Gaussian blur", "Gabor", "Your own", "Learned by a model"
NAMES = (*FIXED, BOX, GAUSS, GABOR, OWN, LEARNED)
SIZES = (3, 5, 7)

#: Where the window stands to begin with, as a fraction of the image.
BEGIN = (0.55, 0.65)


def choose_kernel(lesson: str = "") -> Kernel:
    """The kernel and what it needs, all of it in the address.

    Args:
        lesson: Begins the names in the address. Each page has its own: Streamlit would carry values that are bound to
            the address from page to page, against what a link says.

    Raises:
        IncompatibleInput: A kernel that was typed in cannot be read.
        ScanLensError: The chosen model's first layer cannot be read.
    """
    name = st.selectbox("Kernel", NAMES, key=f"{lesson}kernel", bind="query-params", width=180)
    makers: dict[str, Callable[[], Kernel]] = {
        BOX: lambda: box_kernel(_size(lesson)),
        GAUSS: lambda: gaussian_kernel(_size(lesson)),
        GABOR: lambda: _gabor(lesson),
        OWN: lambda: _typed(lesson),
        LEARNED: lambda: _learned(lesson),
    }
    return makers[name]() if name in makers else fixed_kernel(name)


def _size(lesson: str, first: int = 3) -> int:
    key = f"{lesson}size"
    return st.segmented_control("Kernel size", SIZES, default=first, required=True, key=key, bind="query-params")


def _gabor(lesson: str) -> Kernel:
    size = _size(lesson, 7)
    angle = st.slider("Direction, °", 0, 165, 0, 15, key=f"{lesson}angle", bind="query-params", width=110)
    key = f"{lesson}wavelength"
    wavelength = st.slider("Wavelength", 2.0, 8.0, 4.0, 0.5, key=key, bind="query-params", width=110)
    return gabor_kernel(size, angle, wavelength)


def _typed(lesson: str) -> Kernel:
    text = st.text_area(
        "Rows of the kernel", "-1 -1 0\n-1 0 1\n0 1 1", key=f"{lesson}own", bind="query-params", width=190, height=96,
        max_chars=400,
    )  # fmt: skip
    return typed_kernel(text or "")


def _learned(lesson: str) -> Kernel:
    layers = _layers()
    title = st.selectbox("Model", list(layers), key=f"{lesson}filters", bind="query-params", width=220)
    layer = layers[title]
    forget_beyond(f"{lesson}filter", len(layer.weights))
    number = st.slider("Filter", 1, len(layer.weights), 1, key=f"{lesson}filter", bind="query-params", width=110)
    return layer.kernel(number - 1)


def _layers() -> dict[str, FirstLayer]:
    """First layers of the shipped models by title; read once a session, for they are small."""

    def read() -> dict[str, FirstLayer]:
        found = [(card.title, _layer(card)) for card in visible_cards()[0].values()]
        return {title: layer for title, layer in found if layer is not None}

    return reading().images.get("first layers of the models", read)


def _layer(card: ModelCard) -> FirstLayer | None:
    try:
        return first_layer(card)
    except ScanLensError:  # begins otherwise, or is broken, which the page about models tells
        return None


def choose_sliding(window: int) -> Sliding:
    """Padding, stride and dilation, in the address."""
    with st.container(horizontal=True):
        padding: Padding = st.segmented_control(
            "Padding", ["valid", "same"], default="valid", required=True, key="padding", bind="query-params",
            help="valid: the window stays inside the image. same: zeros around it keep the size at stride 1.",
        )  # fmt: skip
        stride = st.segmented_control(
            "Stride", [1, 2, 3], default=1, required=True, key="stride", bind="query-params",
            help="Pixels from one place of the window to the next.",
        )  # fmt: skip
        dilation = st.segmented_control(
            "Dilation", [1, 2, 3], default=1, required=True, key="dilation", bind="query-params",
            help="Pixels from one cell of the window to the next: a wider view with the same number of weights.",
        )  # fmt: skip
    if stride > 1 and dilation > 1:
        st.caption("The arithmetic allows stride and dilation together; Keras refuses it.")
    return Sliding(window, stride, padding, dilation)


def choose_pixel(edge: int) -> tuple[int, int]:
    """(row, column) of the image that the window is to stand on, kept in the address.

    Not bound to the address as the other controls are: a slider whose range changes, as this one does with the size of
    the image, would lose its place there.
    """
    _keep_place(edge)
    with st.container(horizontal=True):
        row = st.slider("Row", 0, edge - 1, key="row", width=190)
        column = st.slider("Column", 0, edge - 1, key="column", width=190)
    st.query_params.update({"row": str(row), "column": str(column)})
    return row, column


def _keep_place(edge: int) -> None:
    """Begin where the address says, and stay on the same part of the scan when the image's size changes."""
    before = st.session_state.get("lesson edge", edge)
    st.session_state["lesson edge"] = edge
    for name, fraction in zip(("row", "column"), BEGIN, strict=True):
        if name not in st.session_state:
            asked = st.query_params.get(name, "")
            at = int(asked) if asked.isdecimal() and len(asked) < 5 else round(fraction * edge)
        else:
            at = int((int(st.session_state[name]) + 0.5) * edge / before)
        st.session_state[name] = min(max(at, 0), edge - 1)


def move_to(row: int, column: int, edge: int) -> None:
    """Put the window on a pixel; called before the page runs."""
    for name, at in (("row", row), ("column", column)):
        st.session_state[name] = min(max(at, 0), edge - 1)
