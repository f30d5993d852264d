"""The lesson on activation and pooling: its controls and what its three parts draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.lessons.convolution.activation import (
    LEAKY,
    NAMES,
    Activation,
    activation,
    gradient_through,
)
from core.lessons.convolution.activation_figure import activation_figure, describe_activation, unit_words
from core.lessons.convolution.colors import Scale, colored, scale_of
from core.lessons.convolution.figure import Panel, pooled_panels
from core.lessons.convolution.text import latex_number, number_text, pooled_latex
from core.lessons.pooling.compute import (
    FARTHEST,
    TITLES,
    Pooling,
    pool,
    shift_curve,
    shifted,
)
from core.lessons.pooling.figure import describe_shift, shift_figure
from core.lessons.sliding import Sliding, patch_at
from ui.charts import show_chart
from ui.lessons.convolution.cells import show_cells
from ui.lessons.convolution.chosen import choose_pixel, move_to
from ui.lessons.convolution.panes import Box, Pane, show_panes
from ui.lessons.convolution.view import show_size, window_boxes

PARTS = ("Activation", "Pooling", "Shift")

#: Layers of the chain that the vanishing gradient is told by.
DEPTH = 10


@dataclass(frozen=True, eq=False)
class Maps:
    """What the parts of the lesson work on.

    Attributes:
        edge: Of the image that the map was made from.
        sliding: How the kernel moved over it.
        sums: (rows, columns) of the map before the activation, for grey levels from 0 to 1.
        found: The activation.
        kernel: Name of the kernel.
    """

    edge: int
    sliding: Sliding
    sums: NDArray[np.float64]
    found: Activation
    kernel: str

    @property
    def units(self) -> NDArray[np.float64]:
        """(rows, columns) the map after the activation."""
        return self.found.function(self.sums)

    def place(self, pixel: tuple[int, int]) -> tuple[int, int]:
        """The unit whose window has its middle nearest to a pixel of the image."""
        return self.sliding.place(self.edge, pixel[0]), self.sliding.place(self.edge, pixel[1])

    def go(self, row: int, column: int) -> None:
        """Move to a unit of the map; called before the page runs."""
        move_to(self.sliding.center(self.edge, row), self.sliding.center(self.edge, column), self.edge)


def choose_activation() -> Activation:
    """The activation function, in the address."""
    name = st.selectbox("Activation", NAMES, index=2, key="function", bind="query-params", width=140)
    slope = 0.1
    if name == LEAKY:
        slope = st.slider("Slope below 0", 0.01, 0.3, 0.1, 0.01, key="slope", bind="query-params", width=110)
    return activation(name, slope)


def choose_gain() -> float:
    """What the sums are multiplied by, as larger weights would."""
    why = "Larger weights give larger sums, and push units of sigmoid and tanh into saturation."
    return st.slider("Weights times", 1, 50, 1, key="gain", bind="query-params", width=190, help=why)


def _pane(name: str, title: str, values: NDArray[np.float64], scale: Scale, boxes: Sequence[Box], at: object) -> Pane:
    return Pane(name, title, colored(values, scale), scale, title, boxes, at)  # type: ignore[arg-type]


def show_activation(maps: Maps) -> None:
    """Sums and outputs side by side, the curve with this unit on it, and what gradient is left."""
    units = maps.units
    images, curve = st.columns([1, 1], gap="medium")
    with curve:
        row, column = maps.place(choose_pixel(maps.edge))
    box, z = [Box(row, column, 1, 1)], float(maps.sums[row, column])
    with images:
        before = _pane("sums", f"Sums z after {maps.kernel}", maps.sums, scale_of(maps.sums), box, (row, column))
        after = _pane("units", f"After {maps.found.title}", units, scale_of(units), box, (row, column))
        show_panes([before, after], "activation-panes", lambda _, row, column: maps.go(row, column))
        st.latex(unit_words(maps.found, z))
        st.markdown(gradient_sentence(maps))
    with curve:
        show_chart(
            lambda: activation_figure(maps.found, z, maps.sums), "activation-curve",
            describe_activation(maps.found, z, maps.sums),
        )  # fmt: skip


def gradient_sentence(maps: Maps) -> str:
    """How much of the map hardly learns, and what a chain of such layers lets through."""
    fraction = float(maps.found.saturated(maps.sums).mean())
    through = gradient_through(maps.found, DEPTH)
    power = rf"${latex_number(maps.found.steepest)}^{{{DEPTH}}} = {latex_number(through)}$"
    chain = f"Through {DEPTH} layers the slopes let at most {power} of a gradient pass"
    limit = ", the weights aside." if through < 0.5 else ", so a gradient need not vanish."
    quiet = f"**{fraction:.0%}** of this map's units are saturated: there the slope is under 1 % of its largest."
    return f"{quiet} {chain}{limit}"


def choose_pooling(kinds: Sequence[Pooling]) -> tuple[Pooling, int, int]:
    """(kind, window, stride), in the address."""
    titles = {TITLES[kind]: kind for kind in kinds}
    bound: dict[str, Any] = {"required": True, "bind": "query-params"}
    kind = st.segmented_control("Pooling", list(titles), default=TITLES["max"], key="pooling", **bound)
    window = st.segmented_control("Window", [2, 3], default=2, key="pooling-window", **bound)
    stride = st.segmented_control("Stride", [1, 2, 3], default=2, key="pooling-stride", **bound)
    return titles[kind], window, stride


def show_pooling(maps: Maps) -> None:
    """The map with the window on it, the pooled map, and the numbers of this window."""
    units, edge = maps.units, maps.sums.shape[0]
    images, controls = st.columns([3, 2], gap="medium")
    with controls:
        with st.container(horizontal=True):
            kind, window, stride = choose_pooling(("max", "average"))
        row, column = maps.place(choose_pixel(maps.edge))
        sliding = Sliding(window, stride)
        show_size(sliding, edge)
    place = sliding.place(edge, row), sliding.place(edge, column)
    pooled, patch, scale = pool(units, kind, window, stride), patch_at(units, sliding, place), scale_of(units)
    after = float(pooled[place])

    def moved(name: str, row: int, column: int) -> None:
        if name == "pooled":
            row, column = sliding.center(edge, row), sliding.center(edge, column)
        maps.go(row, column)

    with images:
        before = _pane("units", f"After {maps.found.title}", units, scale, window_boxes(patch), (row, column))
        pane = _pane("pooled", f"After the {TITLES[kind]}", pooled, scale, [Box(*place, 1, 1)], place)
        show_panes([before, pane], "pooling-panes", moved)
    with st.container(horizontal=True, vertical_alignment="center", gap="large"):
        words = f"{window**2} units of the map become one, {number_text(after)}."
        show_cells(pooled_panels(patch, after, scale, kind), words)
        st.latex(pooled_latex(patch, after, kind), width="content")


def show_shift(maps: Maps) -> None:
    """Maps before and after a shift of the scan, and how much of the change pooling leaves."""
    units = maps.units
    with st.container(horizontal=True):
        pixels = st.slider("Shift to the right, pixels", 0, FARTHEST, 1, key="shift", bind="query-params", width=220)
        kind, window, stride = choose_pooling(tuple(TITLES))
    before, after = (pool(shifted(units, moved), kind, window, stride) for moved in (0, pixels))
    scale, difference = scale_of(before, after), after - before
    panes = [
        _pane("before", "Before", before, scale, [], None),
        _pane("after", f"After a shift by {pixels}", after, scale, [], None),
        _pane("difference", "Difference", difference, Scale(-scale.high, scale.high, signed=True), [], None),
    ]
    images, curves = st.columns([1, 1], gap="medium")
    with images:
        show_panes(panes, "shift-panes", lambda *_: None)
        if kind in {"max", "average"}:
            show_cells(*_shifted_window(units, kind, pixels, window, stride))
    found = {way: shift_curve(units, way, window, stride) for way in TITLES}
    with curves:
        show_chart(lambda: shift_figure(found, pixels), "shift-curves", describe_shift(found, pixels))
    chosen, bare = found[kind][pixels], found["none"][pixels]
    cells = f"{chosen.moved} {'cell' if chosen.moved == 1 else 'cells'}"
    st.markdown(
        f"With **{TITLES[kind]}** the map changes by **{chosen.change:.2f}**, where 1 would be as far as to an empty "
        f"map; moved back by {cells}, **{chosen.left_over:.2f}** is left over. Without pooling it changes by "
        f"{bare.change:.2f}, and moved back nothing is left: convolution moves with the scan."
    )


def _shifted_window(
    units: NDArray[np.float64], kind: Pooling, pixels: int, window: int, stride: int
) -> tuple[list[Panel], str]:
    """The window in which the shift changed the output most, before and after."""
    sliding, scale = Sliding(window, stride), scale_of(units)
    images = [shifted(units, moved) for moved in (0, pixels)]
    pooled = [pool(image, kind, window, stride) for image in images]
    row, column = np.unravel_index(np.abs(pooled[1] - pooled[0]).argmax(), pooled[0].shape)
    place = int(row), int(column)
    panels: list[Panel] = []
    for title, image, result in zip(("before", "after"), images, pooled, strict=True):
        inside, made = pooled_panels(patch_at(image, sliding, place), float(result[place]), scale, kind)
        panels += [
            Panel(
                f"Window {title}", inside.values, scale, inside.notes, marked=inside.marked, sign=";" if panels else ""
            ),
            made,
        ]
    low, high = (number_text(float(result[place])) for result in pooled)
    return panels, f"The output that changed most, {place}: {low} before, {high} after."
