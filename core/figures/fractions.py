"""What each input or fact adds to an answer, as bars; and what the answer would be if one thing were another."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from core.colors import (
    CLEAR,
    GRID,
    NEUTRAL,
    OKABE_ITO,
)

if TYPE_CHECKING:  # plotly takes most of a second to import, and the classifier brings ONNX Runtime
    from plotly.graph_objects import Figure

    from core.inference.what_if import WhatIf

#: Pixels of one bar, and of what stands around the bars.
ROW, FRAME = 30, 64


def fractions_figure(names: Sequence[str], values: Sequence[float], label: str) -> Figure:
    """Bars to the right for what speaks for a label, to the left for what speaks against it.

    Args:
        names: Of the inputs or facts, from the top.
        values: Logit units each adds.
        label: What they add to.
    """
    from plotly.graph_objects import Bar, Figure

    rows = list(range(len(names)))[::-1]
    most = max((abs(value) for value in values), default=0.0) or 1.0
    figure = Figure(
        Bar(
            x=list(values), y=rows, orientation="h", width=0.55, marker_line_width=0,
            marker_color=[OKABE_ITO[1] if value > 0 else OKABE_ITO[0] for value in values],
            text=[f"{value:+.2f}" for value in values], textposition="outside", cliponaxis=False,
            customdata=[escape(name) for name in names], hovertemplate="%{customdata}: %{x:+.3f} logit<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(
        height=FRAME + ROW * len(rows), margin={"l": 8, "r": 8, "t": 6, "b": 40}, showlegend=False,
        paper_bgcolor=CLEAR, plot_bgcolor=CLEAR, dragmode=False,
    )  # fmt: skip
    title = {"text": f"adds to {escape(label)}, logit units", "font": {"size": 12}, "standoff": 4}
    figure.update_xaxes(
        range=[-1.45 * most, 1.45 * most], gridcolor=GRID, zeroline=True, zerolinecolor=NEUTRAL, fixedrange=True,
        ticks="", nticks=5, title=title,
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=rows, ticktext=[f"{escape(name)}  " for name in names], showgrid=False, zeroline=False,
        fixedrange=True, automargin=True, ticks="", range=[-0.6, len(rows) - 0.4],
    )  # fmt: skip
    return figure


def describe_fractions(names: Sequence[str], values: Sequence[float], label: str) -> str:
    """The bars in words."""
    parts = [f"{name} {value:+.2f}" for name, value in zip(names, values, strict=True)]
    return f"What each adds to {label}, in logit units: {', '.join(parts)}."


def what_if_figure(
    curve: WhatIf, labels: Sequence[str], shown: Sequence[int], axis: str, threshold: float | None = None
) -> Figure:
    """Probability over the values of one thing, with a line where this patient is.

    Args:
        curve: What the model says at each value.
        labels: Of all classes.
        shown: Class indices to draw.
        axis: Title of the axis, with its unit.
        threshold: Drawn across where given.
    """
    from plotly.graph_objects import Figure

    figure = Figure()
    places = list(range(len(curve.answers))) if curve.answers else [float(value) for value in curve.values]
    for number, index in enumerate(shown):
        figure.add_scatter(
            x=places, y=[float(p) for p in curve.probabilities[:, index]], name=escape(labels[index]),
            mode="markers" if curve.answers else "lines",
            marker={"size": 11}, line={"color": OKABE_ITO[number % len(OKABE_ITO)], "width": 2},
            marker_color=OKABE_ITO[number % len(OKABE_ITO)],
            hovertemplate="%{x}: %{y:.2f}<extra>" + escape(labels[index]) + "</extra>",
        )  # fmt: skip
    if threshold is not None:
        figure.add_hline(y=threshold, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    if not np.isnan(curve.here):
        here = curve.here if not curve.answers else float(np.argmin(np.abs(curve.values - curve.here)))
        figure.add_vline(x=here, line={"color": OKABE_ITO[5], "width": 2})
    figure.update_layout(
        height=210, margin={"l": 8, "r": 8, "t": 8, "b": 40}, paper_bgcolor=CLEAR, plot_bgcolor=CLEAR, dragmode=False,
        showlegend=len(shown) > 1, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )  # fmt: skip
    title = {"text": escape(axis), "font": {"size": 12}, "standoff": 4}
    figure.update_xaxes(showgrid=False, zeroline=False, fixedrange=True, ticks="", title=title)
    if curve.answers:
        figure.update_xaxes(tickvals=places, ticktext=list(curve.answers), range=[-0.5, len(places) - 0.5])
    figure.update_yaxes(
        range=[0, 1.02], tickvals=[0, 0.5, 1], gridcolor=GRID, zeroline=False, fixedrange=True, ticks="",
        automargin=True, title={"text": "probability", "font": {"size": 12}, "standoff": 8},
    )  # fmt: skip
    return figure


def describe_what_if(curve: WhatIf, labels: Sequence[str], shown: Sequence[int], axis: str) -> str:
    """The curve in words: where it begins and ends."""
    parts = [
        f"{labels[index]} from {curve.probabilities[0, index]:.2f} to {curve.probabilities[-1, index]:.2f}"
        for index in shown
    ]
    ends = (
        f"{curve.answers[0]} to {curve.answers[-1]}"
        if curve.answers
        else f"{curve.values[0]:g} to {curve.values[-1]:g}"
    )
    return f"Probability as {axis} goes from {ends}: {'; '.join(parts)}."
