"""What the lesson on convolution draws: the window on the scan, the map, and the sum of one pixel."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.lessons.convolution.colors import Scale, colored
from core.lessons.convolution.compute import Products
from core.lessons.convolution.figure import describe_products, products_panels
from core.lessons.convolution.text import size_latex, sum_latex
from core.lessons.sliding import Patch, Sliding
from ui.lessons.convolution.cells import show_cells
from ui.lessons.convolution.chosen import move_to
from ui.lessons.convolution.panes import Box, Pane, show_panes


def window_boxes(patch: Patch) -> list[Box]:
    """The window over the image: one outline, and its cells where they lie apart."""
    top, left, span = int(patch.rows[0]), int(patch.columns[0]), int(np.ptp(patch.rows)) + 1
    outline = Box(top, left, span, span)
    if span == len(patch.rows):
        return [outline]
    cells = [Box(int(row), int(column), 1, 1, cell=True) for row in patch.rows for column in patch.columns]
    return [outline, *cells]


def show_maps(
    image: NDArray[np.floating],
    top: float,
    result: NDArray[np.float64],
    scale: Scale,
    sliding: Sliding,
    products: Products,
) -> None:
    """The scan with the window, and what comes out, with the pixel that the window makes.

    Args:
        image: (edge, edge).
        top: Its value of white.
        result: (rows out, columns out).
        scale: Of its colours.
        sliding: How the window moves.
        products: Of the chosen output.
    """
    edge, (row, column), after = image.shape[0], products.patch.place, f"After {products.kernel.title}"
    grey, at = Scale(0.0, top, signed=False), (sliding.center(edge, row), sliding.center(edge, column))

    def moved(name: str, row: int, column: int) -> None:
        if name == "map":
            row, column = sliding.center(edge, row), sliding.center(edge, column)
        move_to(row, column, edge)

    scan = Pane("scan", "Scan", colored(image, grey), grey, "The scan, small", window_boxes(products.patch), at)
    made = Pane("map", after, colored(result, scale), scale, after, [Box(row, column, 1, 1)], (row, column))
    show_panes([scan, made], "convolution-panes", moved)


def show_sum(products: Products, top: float, scale: Scale) -> None:
    """The numbers of this very pixel, as grids and as the formula."""
    with st.container(horizontal=True, vertical_alignment="center", gap="large"):
        show_cells(products_panels(products, top, scale), describe_products(products))
        st.latex(sum_latex(products), width="content")


def show_size(sliding: Sliding, length: int) -> None:
    """How large the map is, and why."""
    st.latex(size_latex(sliding, length))
    pads = sliding.pads(length)
    letters = [f"n = {length} pixels along an edge", f"k = {sliding.window} cells", f"s = {sliding.stride}"]
    added = f"p = {sum(pads)}" if pads[0] == pads[1] else f"p = {sum(pads)} ({pads[0]} before, {pads[1]} after)"
    letters.append(f"{added} pixels of padding")
    if sliding.dilation > 1:
        letters.append(f"d = {sliding.dilation}")
    st.caption(", ".join(letters))
