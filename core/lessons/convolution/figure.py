"""Small grids of numbers side by side, joined by signs: pixels × kernel = products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.lessons.convolution.colors import Scale
from core.lessons.convolution.compute import Products
from core.lessons.convolution.text import number_text
from core.lessons.sliding import Patch


@dataclass(frozen=True, eq=False)
class Panel:
    """One grid.

    Attributes:
        title: Above it.
        values: (rows, columns).
        scale: Of its colours.
        notes: (rows, columns) of what is said of a cell that is pointed at.
        outside: (rows, columns) bool; cells that are padding, drawn empty. None for none.
        marked: (rows, columns) bool; cells with a frame. None for none.
        sign: What joins it to the grid before it.
    """

    title: str
    values: NDArray[np.float64]
    scale: Scale
    notes: Sequence[Sequence[str]] = ()
    outside: NDArray[np.bool_] | None = None
    marked: NDArray[np.bool_] | None = None
    sign: str = ""


def _balanced(values: NDArray[np.float64]) -> Scale:
    limit = float(np.abs(values).max()) or 1.0
    return Scale(-limit, limit, signed=True)


def _places(patch: Patch) -> list[list[str]]:
    return [
        [
            f"row {row}, column {column}" if inside else "padding"
            for column, inside in zip(patch.columns, within, strict=True)
        ]
        for row, within in zip(patch.rows, patch.inside, strict=True)
    ]


def products_panels(products: Products, top: float, scale: Scale) -> list[Panel]:
    """Pixels under the window, the kernel, their products, and the sum.

    Args:
        products: Of one output.
        top: Value of white in the image.
        scale: Of the map's colours, for the sum.
    """
    patch, places = products.patch, _places(products.patch)
    weights = products.kernel.weights
    panels = [
        Panel("Pixels", patch.values, Scale(0.0, top, signed=False), places, ~patch.inside),
        Panel(products.kernel.title, weights, _balanced(weights), sign="×"),
        Panel("Products", products.terms, _balanced(products.terms), places, ~patch.inside, sign="="),
    ]
    bias = products.kernel.bias
    if bias:
        panels.append(Panel("Bias", np.array([[bias]]), _balanced(weights), sign="Σ +"))
    row, column = patch.place
    note = [[f"output in row {row}, column {column}"]]
    panels.append(Panel("Sum", np.array([[products.total]]), scale, note, sign="=" if bias else "Σ"))
    return panels


def describe_products(products: Products) -> str:
    """The grids in words."""
    row, column = products.patch.place
    padding = int((~products.patch.inside).sum())
    more = f" {padding} of the pixels are padding." if padding else ""
    bias = " with the bias" if products.kernel.bias else ""
    return (
        f"{products.kernel.size**2} pixels under the window times the weights of {products.kernel.title}: the products "
        f"add up{bias} to {number_text(products.total)}, the output in row {row}, column {column}.{more}"
    )


def pooled_panels(before: Patch, after: float, scale: Scale, kind: str) -> list[Panel]:
    """A pooling window and the one number that it becomes.

    Args:
        before: The window.
        after: What it became.
        scale: Of the map's colours.
        kind: `max` marks the cells that hold the maximum.
    """
    marked = before.values == before.values.max() if kind == "max" else None
    return [
        Panel("Under the window", before.values, scale, _places(before), marked=marked),
        Panel("Maximum" if kind == "max" else "Average", np.array([[after]]), scale, sign="→"),
    ]
