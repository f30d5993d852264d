"""A recurrent cell over time: what it is given, what it keeps, and how far back a slope reaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.colors import (
    CLEAR,
    GRID,
    NEUTRAL,
    OKABE_ITO,
)
from core.lessons.sequences.recurrent import KINDS, Trace
from core.lessons.sequences.text import GATES

if TYPE_CHECKING:  # plotly takes most of a second to import
    from plotly.graph_objects import Figure

#: Balanced about 0, readable by the colour-blind; and from closed to open.
DIVERGING, OPEN = "RdBu", "Cividis"

_FIXED: dict[str, Any] = {"fixedrange": True, "zeroline": False}


def trace_figure(
    kind: str, trace: Trace, curve: NDArray[np.floating] | None, probabilities: NDArray[np.floating] | None, frame: int
) -> Figure:
    """Everything of the first sequence under one axis of frames: input, probability, hidden state, memory and gates.

    Args:
        kind: Key in `KINDS`.
        trace: What the cell did.
        curve: (T,) the input where it is one number a frame, else None.
        probabilities: (T,) after each frame, or None.
        frame: From 0; marked by a line.
    """
    from plotly.subplots import make_subplots

    rows = _rows(kind, trace)
    lines = [entry for entry in (("brightness", curve), ("probability", probabilities)) if entry[1] is not None]
    figure = make_subplots(
        rows=len(lines) + len(rows), cols=1, shared_xaxes=True,
        vertical_spacing=0.055 if len(rows) + len(lines) < 6 else 0.035,
        row_heights=[1.0] * len(lines) + [1.25] * len(rows),
        subplot_titles=[*(title for title, _ in lines), *(title for title, _, _ in rows)],
    )  # fmt: skip
    at = list(range(1, trace.states.shape[1] + 1))
    for number, (title, values) in enumerate(lines, start=1):
        figure.add_scatter(
            x=at, y=np.asarray(values), row=number, col=1, mode="lines+markers", marker={"size": 4},
            line={"color": OKABE_ITO[0 if title == "brightness" else 4], "width": 2},
            hovertemplate=f"frame %{{x}}: {title} %{{y:.2f}}<extra></extra>",
        )  # fmt: skip
        if title == "probability":
            figure.update_yaxes(range=[0, 1.02], tickvals=[0, 0.5, 1], row=number, col=1)
    for number, (title, values, low) in enumerate(rows, start=len(lines) + 1):
        figure.add_heatmap(
            x=at, y=list(range(1, values.shape[1] + 1)), z=values.T, row=number, col=1, zmin=low, zmax=1,
            colorscale=DIVERGING if low < 0 else OPEN, reversescale=low < 0, showscale=False,
            hovertemplate=f"frame %{{x}}, unit %{{y}}: %{{z:.2f}}<extra>{title.split(':')[0]}</extra>",
        )  # fmt: skip
        figure.update_yaxes(tickvals=[1, values.shape[1]], row=number, col=1)
    _lay_out(figure, len(lines) * 92 + len(rows) * 108 + 60)
    figure.update_xaxes(range=[0.5, len(at) + 0.5])
    figure.update_xaxes(
        title={"text": "frame of the model", "font": {"size": 12}, "standoff": 4}, row=len(lines) + len(rows)
    )
    figure.add_vline(x=frame + 1, line={"color": OKABE_ITO[5], "width": 2})
    return figure


def _rows(kind: str, trace: Trace) -> list[tuple[str, NDArray[np.float64], float]]:
    """Title, (T, U) values and lower end of the scale of each heatmap."""
    rows = [("h, the hidden state, from −1 (blue) to 1 (red)", trace.states[0], -1.0)]
    if kind == "lstm":
        scale = max(1.0, float(np.abs(trace.memories[0]).max()))
        rows.append((f"c, the memory, from −{scale:.1f} (blue) to {scale:.1f} (red)", trace.memories[0] / scale, -1.0))
    for name in KINDS[kind][1]:
        if name != "h":
            low = -1.0 if name in "gn" else 0.0
            ends = "−1 to 1" if low else "0 (dark) to 1 (bright)"
            rows.append((f"{name}, {GATES[name]}, {ends}", trace.gates[name][0], low))
    return rows


def _lay_out(figure: Figure, height: int) -> None:
    figure.update_layout(
        height=height, margin={"l": 8, "r": 8, "t": 26, "b": 40}, paper_bgcolor=CLEAR, plot_bgcolor=CLEAR,
        showlegend=False, dragmode=False,
    )  # fmt: skip
    figure.update_annotations(font_size=12, x=0, xanchor="left")
    figure.update_xaxes(showgrid=False, ticks="", **_FIXED)
    figure.update_yaxes(gridcolor=GRID, automargin=True, **_FIXED)


def describe_trace(kind: str, trace: Trace, probabilities: NDArray[np.floating] | None) -> str:
    """The figure in words: how much moves, and where the (T,) probability ends."""
    moved = float(np.abs(np.diff(trace.states[0], axis=0)).mean()) if trace.states.shape[1] > 1 else 0.0
    _, frames, units = trace.states.shape
    text = f"{KINDS[kind][0]} over {frames} frames; its {units} units change by {moved:.2f} a frame on average"
    return f"{text}." if probabilities is None else f"{text}; the probability ends at {float(probabilities[-1]):.2f}."


def slopes_figure(slopes: Mapping[str, NDArray[np.floating]], title: str) -> Figure:
    """How far back a slope reaches: its length by frame on a logarithmic axis, a line each.

    Args:
        slopes: Name to (T,) lengths.
        title: The question.
    """
    from plotly.graph_objects import Figure

    figure = Figure()
    for number, (name, values) in enumerate(slopes.items()):
        shown = np.maximum(np.abs(np.asarray(values, np.float64)), 1e-14)
        figure.add_scatter(
            x=list(range(1, len(shown) + 1)), y=shown, mode="lines", name=name,
            line={"color": OKABE_ITO[number], "width": 2},
            hovertemplate=f"{name}, frame %{{x}}: %{{y:.2g}}<extra></extra>",
        )  # fmt: skip
    figure.add_hline(y=1, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    figure.update_layout(
        height=280, margin={"l": 8, "r": 8, "t": 56, "b": 40}, paper_bgcolor=CLEAR, plot_bgcolor=CLEAR, dragmode=False,
        title={"text": title, "font": {"size": 13}, "x": 0, "y": 0.98},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0}, showlegend=True,
    )  # fmt: skip
    figure.update_xaxes(title={"text": "frame", "font": {"size": 12}, "standoff": 4}, showgrid=False, **_FIXED)
    figure.update_yaxes(
        type="log", dtick=_decades(slopes), exponentformat="power", gridcolor=GRID, automargin=True, **_FIXED,
        title={"text": "length of the slope", "font": {"size": 12}},
    )  # fmt: skip
    return figure


def _decades(slopes: Mapping[str, NDArray[np.floating]]) -> int:
    """Powers of ten from one tick to the next."""
    least = min(float(np.maximum(np.abs(values), 1e-14).min()) for values in slopes.values())
    return max(1, round(-np.log10(least) / 5))


def describe_slopes(slopes: Mapping[str, NDArray[np.floating]]) -> str:
    """The figure in words: what is left of each (T,) slope at the first frame."""
    parts = [
        f"{name} {abs(float(values[0])):.1g} against {abs(float(values[-1])):.1g}" for name, values in slopes.items()
    ]
    return f"Length of the slope at the first frame against the last: {'; '.join(parts)}."
