"""An activation function with its derivative, and where the units of a map lie on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.colors import (
    CLEAR,
    GRID,
    NEUTRAL,
    OKABE_ITO,
)
from core.lessons.convolution.activation import Activation
from core.lessons.convolution.text import latex_number, number_text

if TYPE_CHECKING:  # plotly takes most of a second to import
    from plotly.graph_objects import Figure

#: The sums that are drawn at least, to either side.
LEAST, POINTS, BARS = 6.0, 481, 60


def activation_figure(found: Activation, z: float, units: NDArray[np.floating]) -> Figure:
    """The function and its derivative, the zones without gradient shaded, one unit marked, a histogram of all units.

    Args:
        found: The function.
        z: The sum of the unit that is looked at.
        units: Sums of all units of the map, any shape.
    """
    from plotly.subplots import make_subplots

    reach = _reach(z, units)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.05, row_heights=[0.76, 0.24])
    at = np.linspace(-reach, reach, POINTS)
    for values, color, dash, name in (
        (found.function(at), OKABE_ITO[0], "solid", "f(z)"),
        (found.derivative(at), OKABE_ITO[5], "dash", "f′(z)"),
    ):
        figure.add_scatter(
            x=at.tolist(), y=values.tolist(), mode="lines", line={"color": color, "width": 2.4, "dash": dash},
            hovertemplate=f"{name} at z = %{{x:.2f}}: %{{y:.4g}}<extra></extra>", row=1, col=1,
        )  # fmt: skip
    for low, high in quiet_zones(found, at):
        figure.add_vrect(low, high, fillcolor=NEUTRAL, opacity=0.18, line_width=0, layer="below")
    _mark_unit(figure, found, z)
    _add_units(figure, units, reach)
    _lay_out(figure, found, at, reach)
    return figure


def _reach(z: float, units: NDArray[np.floating]) -> float:
    """Half the width of the figure: wide enough for the unit and nearly all others."""
    far = float(np.percentile(np.abs(units), 99.5)) if units.size else 0.0
    return max(LEAST, abs(z) * 1.1, min(far * 1.05, 60.0))


def quiet_zones(found: Activation, at: NDArray[np.float64]) -> list[tuple[float, float]]:
    """From where to where the unit is saturated, within the (n,) points `at`, which rise evenly."""
    flags = np.concatenate([[False], found.saturated(at), [False]]).astype(int)
    starts, ends = np.flatnonzero(np.diff(flags) == 1), np.flatnonzero(np.diff(flags) == -1)
    return [(float(at[start]), float(at[end - 1])) for start, end in zip(starts, ends, strict=True) if end - start > 2]


def _mark_unit(figure: Figure, found: Activation, z: float) -> None:
    ends = [float(found.function(np.array(z))), float(found.derivative(np.array(z)))]
    figure.add_vline(x=z, line={"color": NEUTRAL, "width": 1.5, "dash": "dot"})
    figure.add_scatter(
        x=[z, z], y=ends, mode="markers", row=1, col=1, cliponaxis=False,
        marker={"color": [OKABE_ITO[0], OKABE_ITO[5]], "size": 12, "line": {"color": "#FFFFFF", "width": 2}},
        hovertemplate="this unit: %{y:.4g}<extra></extra>",
    )  # fmt: skip


def _add_units(figure: Figure, units: NDArray[np.floating], reach: float) -> None:
    counts, edges = np.histogram(np.clip(units, -reach, reach), BARS, (-reach, reach))
    fraction = counts / max(1, counts.sum())
    figure.add_bar(
        x=((edges[1:] + edges[:-1]) / 2).tolist(), y=fraction.tolist(), marker={"color": NEUTRAL, "line": {"width": 0}},
        hovertemplate="z near %{x:.2f}: %{y:.1%} of the units<extra></extra>", row=2, col=1,
    )  # fmt: skip


def _lay_out(figure: Figure, found: Activation, at: NDArray[np.float64], reach: float) -> None:
    figure.update_layout(
        height=360,
        margin={"l": 44, "r": 8, "t": 34, "b": 40},
        showlegend=False,
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        bargap=0.0,
        dragmode=False,
    )
    quiet = {"gridcolor": GRID, "zeroline": False, "ticks": "", "fixedrange": True}
    figure.update_xaxes(range=[-reach, reach], **quiet)
    figure.update_xaxes(row=2, col=1, title={"text": "z, the sum of a unit", "font": {"size": 13}})
    values = np.concatenate([found.function(at), found.derivative(at)])
    low, high = float(values.min()), min(float(values.max()), max(1.6, 0.6 * reach))
    figure.update_yaxes(row=1, col=1, range=[low - 0.06 * (high - low), high + 0.06 * (high - low)], **quiet)
    figure.update_yaxes(
        row=2, col=1, title={"text": "units", "font": {"size": 12}}, nticks=3, tickformat=".0%", **quiet
    )
    first, second = (
        f"<span style='color:{color}'><b>{line}</b></span>"
        for color, line in ((OKABE_ITO[0], "━━"), (OKABE_ITO[5], "╍╍"))
    )
    key = f"{first} f(z)   {second} f′(z)"
    key += "   grey: slope under 1 % of the steepest"
    figure.add_annotation(
        xref="paper", yref="paper", x=0, y=1, yshift=26, text=key, showarrow=False, xanchor="left", font={"size": 13}
    )


def describe_activation(found: Activation, z: float, units: NDArray[np.floating]) -> str:
    """The figure of an activation at `z` in words; `units` are all values that the filter gave."""
    value, slope = float(found.function(np.array(z))), float(found.derivative(np.array(z)))
    fraction = float(found.saturated(np.asarray(units, np.float64)).mean())
    return (
        f"{found.title} and its derivative. The chosen unit has the sum {number_text(z)}, the output "
        f"{number_text(value)} and the derivative {number_text(slope)}. {fraction:.0%} of its units are saturated."
    )


def unit_words(found: Activation, z: float) -> str:
    """One unit's way through an activation, in LaTeX: f(z), f'(z)."""
    value, slope = float(found.function(np.array(z))), float(found.derivative(np.array(z)))
    at, shown, steep = (latex_number(number) for number in (z, value, slope))
    return (
        rf"\begin{{aligned}}f(z) &= {found.formula} & f({at}) &= \mathbf{{{shown}}}\\"
        rf"f'(z) &= {found.slope_formula} & f'({at}) &= \mathbf{{{steep}}}\end{{aligned}}"
    )
