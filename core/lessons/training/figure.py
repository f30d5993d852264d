"""What a training in class looks like: its curves, its confusions, and where the network looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from core.colors import (
    CLEAR,
    GRID,
    NEUTRAL,
    OKABE_ITO,
)
from core.display import blend, heat_rgba
from core.lessons.training.live_run import Epoch, LiveRun

if TYPE_CHECKING:  # plotly takes most of a second to import
    from plotly.graph_objects import Figure

#: Side of a case in pixels.
SIDE = 132


def curves_figure(runs: Sequence[LiveRun], epoch: int | None = None) -> Figure:
    """Loss and accuracy by epoch; training dotted, validation drawn through, the test part as a diamond.

    Args:
        runs: One, or several on top of each other, a colour each.
        epoch: Marked by a line, None for none.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.09)
    for number, run in enumerate(runs):
        color = OKABE_ITO[number % len(OKABE_ITO)]
        _add_run(figure, run, color, run.name if len(runs) > 1 else "")
    if epoch is not None:
        figure.add_vline(x=epoch, line={"color": NEUTRAL, "width": 1})
    most = max((run.settings.epochs for run in runs), default=1)
    figure.update_xaxes(
        title={"text": "epoch", "font": {"size": 12}, "standoff": 4}, range=[-0.3, most + 0.3], gridcolor=GRID,
        zeroline=False, fixedrange=True, dtick=max(1, round(most / 8)),
    )  # fmt: skip
    figure.update_yaxes(gridcolor=GRID, zeroline=False, fixedrange=True, automargin=True)
    figure.update_yaxes(title={"text": "loss (nats)", "font": {"size": 12}}, rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title={"text": "accuracy", "font": {"size": 12}}, range=[0, 1.03], row=1, col=2)
    figure.update_layout(
        height=270, margin={"l": 8, "r": 8, "t": 34, "b": 40}, paper_bgcolor=CLEAR, plot_bgcolor=CLEAR,
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "font": {"size": 12}}, dragmode=False,
    )  # fmt: skip
    return figure


def _add_run(figure: Figure, run: LiveRun, color: str, name: str) -> None:
    at = [epoch.number for epoch in run.epochs]
    parts = (("training", "loss", "accuracy", "dot"), ("validation", "val_loss", "val_accuracy", "solid"))
    for title, loss, accuracy, dash in parts:
        drawn = color if name or title == "validation" else OKABE_ITO[1]
        words = f"{name}, {title}" if name else title
        for column, field in ((1, loss), (2, accuracy)):
            figure.add_scatter(
                x=at, y=[getattr(epoch, field) for epoch in run.epochs], row=1, col=column, name=words,
                mode="lines+markers" if len(at) < 3 else "lines", line={"color": drawn, "width": 2, "dash": dash},
                legendgroup=words, showlegend=column == 1,
                hovertemplate=f"{words}, epoch %{{x}}: %{{y:.3f}}<extra></extra>",
            )  # fmt: skip
    if run.test_probabilities is not None and run.epochs:
        right = float((run.test_probabilities.argmax(axis=1) == run.test_labels).mean())
        words = f"{name}, test" if name else "test"
        figure.add_scatter(
            x=[run.epochs[-1].number], y=[right], row=1, col=2, mode="markers", name=words, cliponaxis=False,
            marker={"symbol": "diamond", "size": 11, "color": color if name else OKABE_ITO[2]},
            hovertemplate=f"{words}: %{{y:.3f}}<extra></extra>",
        )  # fmt: skip


def describe_curves(runs: Sequence[LiveRun]) -> str:
    """The curves in words: where each run stands after its last epoch."""
    parts = []
    for run in runs:
        if run.epochs:
            last = run.epochs[-1]
            parts.append(
                f"{run.name} after epoch {last.number}: training loss {last.loss:.2f}, accuracy {last.accuracy:.2f}, "
                f"validation loss {last.val_loss:.2f}, accuracy {last.val_accuracy:.2f}"
            )
    return "Loss and accuracy by epoch. " + ("; ".join(parts) if parts else "Nothing was trained yet") + "."


def confusion_figure(counts: NDArray[np.int64], names: Sequence[str], part: str) -> Figure:
    """Counts with the true class in rows and the called one in columns, tinted by their fraction of the row.

    Args:
        counts: (classes, classes).
        names: Of the classes.
        part: Which images, e.g. `"validation"`.
    """
    from plotly.graph_objects import Figure, Heatmap

    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    few = len(names) <= 4
    words = [name if len(name) <= 16 else f"{name[:15]}…" for name in names]
    tint = [[0, "rgba(0,114,178,0.05)"], [1, "rgba(0,114,178,0.55)"]]
    size = len(names)
    figure = Figure(
        Heatmap(
            z=fractions, colorscale=tint, zmin=0, zmax=1, showscale=False, xgap=2, ygap=2, customdata=counts,
            hovertemplate="true %{y}, called %{x}: %{customdata} (%{z:.0%} of the row)<extra></extra>",
        )
    )  # fmt: skip
    figure.add_scatter(  # text of a heatmap takes a colour of its own; this one takes the theme's
        x=[column for _ in range(size) for column in range(size)],
        y=[row for row in range(size) for _ in range(size)],
        text=[str(count) for count in counts.ravel()],
        mode="text", hoverinfo="skip", textfont={"size": 15 if few else 11},
    )  # fmt: skip
    figure.update_layout(
        height=300, margin={"l": 8, "r": 8, "t": 30, "b": 44}, paper_bgcolor=CLEAR, plot_bgcolor=CLEAR, dragmode=False,
        title={"text": f"Confusion, {part} ({int(counts.sum())} images)", "font": {"size": 13}, "x": 0, "y": 0.98},
        showlegend=False,
    )  # fmt: skip
    ticks = {"tickvals": list(range(size)), "ticktext": words, "showgrid": False, "zeroline": False, "fixedrange": True}
    figure.update_xaxes(
        title={"text": "called", "font": {"size": 12}, "standoff": 4}, range=[-0.5, size - 0.5], **ticks
    )
    figure.update_yaxes(
        title={"text": "true class", "font": {"size": 12}}, range=[size - 0.5, -0.5], automargin=True, **ticks
    )
    return figure


def describe_confusion(counts: NDArray[np.int64], names: Sequence[str], part: str) -> str:
    """(classes, classes) counts in words: how much of each class is correct."""
    parts = [
        f"{name} {int(row[index])} of {int(row.sum())}"
        for index, (name, row) in enumerate(zip(names, counts, strict=True))
    ]
    return f"Confusion on the {part} part; correct: {', '.join(parts)}."


def evidence_figure(run: LiveRun, epoch: Epoch) -> Figure:
    """The watched cases with the evidence for their true class, all on one scale, and the true outline where known."""
    from plotly.graph_objects import Image
    from plotly.subplots import make_subplots

    cases, names = run.cases, run.lesson_set.names
    images = run.lesson_set.resized(run.size, cases)
    across = 3
    titles = []
    for index, case in enumerate(cases):
        true = int(run.lesson_set.labels[case])
        titles.append(f"{names[true][:14]}: {epoch.case_probabilities[index, true]:.2f}")
    rows = max(1, -(-len(cases) // across))
    figure = make_subplots(
        rows=rows, cols=across, subplot_titles=titles, horizontal_spacing=0.02, vertical_spacing=0.13
    )
    scale = float(epoch.grids.max())
    for index, case in enumerate(cases):
        mask = None if run.lesson_set.masks is None else run.lesson_set.masks[case]
        layer = _overlay(images[index], epoch.grids[index], scale, mask)
        row, column = divmod(index, across)
        figure.add_trace(Image(z=layer, hoverinfo="skip"), row=row + 1, col=column + 1)
    _add_scale(figure, scale)
    figure.update_xaxes(visible=False, fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True)
    figure.update_annotations(font_size=12, yshift=-3)
    figure.update_layout(
        height=40 + rows * (SIDE + 22), margin={"l": 4, "r": 4, "t": 40, "b": 4}, paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR, dragmode=False, showlegend=False,
        title={
            "text": "Evidence for the true class, with its probability", "font": {"size": 13}, "x": 0, "y": 0.985,
        },
    )  # fmt: skip
    return figure


def _overlay(
    image: NDArray[np.uint8], grid: NDArray[np.float32], scale: float, mask: NDArray[np.bool_] | None
) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3) the image under its evidence, with the true outline in white."""
    big = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    heat = cv2.resize(grid, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    drawn = blend(big, heat_rgba(heat, scale), 0.75)
    if mask is not None and mask.any():
        whole = cv2.resize(mask.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
        found, _ = cv2.findContours(whole, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        drawn = np.ascontiguousarray(drawn)
        cv2.drawContours(drawn, found, -1, (255, 255, 255), 1, cv2.LINE_AA)
    return drawn


def _add_scale(figure: Figure, scale: float) -> None:
    """The colours' meaning, once."""
    top = scale if scale > 0 else 1.0
    figure.add_scatter(
        x=[None], y=[None], mode="markers", hoverinfo="skip",
        marker={
            "color": [0.0, top], "cmin": 0, "cmax": top, "colorscale": "Inferno", "showscale": True,
            "colorbar": {
                "title": {"text": "logit", "side": "top", "font": {"size": 11}}, "thickness": 10, "len": 0.85,
                "tickvals": [0, top], "ticktext": ["0", f"{top:.2g}"], "outlinewidth": 0,
            },
        },
    )  # fmt: skip


def describe_evidence(run: LiveRun, epoch: Epoch) -> str:
    """The watched cases in words."""
    parts = []
    for index, case in enumerate(run.cases):
        true = int(run.lesson_set.labels[case])
        parts.append(f"{run.lesson_set.names[true]} {epoch.case_probabilities[index, true]:.2f}")
    return f"Evidence for the true class after epoch {epoch.number}, with its probability: {', '.join(parts)}."
