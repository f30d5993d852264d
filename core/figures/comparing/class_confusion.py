"""Which class is taken for which, when the largest probability decides: one panel a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.figures.comparing.canvas import Marks, Scene, axis, canvas, clipped
from core.figures.comparing.lines import Line, faded
from core.figures.comparing.numbers import count_text, percent_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Look of a model and its (classes, classes) counts, true class in rows.
Counts = Sequence[tuple[Line, NDArray[np.int64]]]

#: Panels in a row; pixels of a class, and of what stands around a panel.
ACROSS, CELL, AROUND = 2, 54, 96


def class_confusion_figure(scene: Scene, labels: Sequence[str], counts: Counts) -> Figure:
    """Counts with the true class in rows and the called one in columns, tinted by their fraction of the row.

    Args:
        scene: What is asked of what.
        labels: Of the classes.
        counts: Look and counts of each model, in the order of the page.
    """
    across = 1 if len(counts) == 1 else ACROSS
    rows = math.ceil(len(counts) / across)
    panel = CELL * len(labels) + AROUND
    most = max(int(found.sum()) for _, found in counts)
    figure = canvas(
        "Which class is taken for which?",
        f"{scene.dataset}: {count_text(most, 'case')}; shares are of the true class",
        90 + panel * rows,
    )
    longest = min(max(len(label) for label in labels), 24)
    figure.update_layout(margin_t=int(figure.layout.margin.t) + 20, margin_l=30 + 7 * longest)
    marks = Marks()
    for number, (line, found) in enumerate(counts):
        _add_panel(figure, marks, labels, line, found, number, (rows, across))
    marks.draw(figure)
    return figure


def _add_panel(
    figure: Figure, marks: Marks, labels: Sequence[str], line: Line, found: NDArray[np.int64], number: int,
    grid: tuple[int, int],
) -> None:  # fmt: skip
    (row, column), size = divmod(number, grid[1]), len(labels)
    end = "" if number == 0 else str(number + 1)
    gap = 0.06 if grid[1] > 1 else 0.0
    wide = (1 - gap * (grid[1] - 1)) / grid[1]
    space = AROUND / (CELL * size + AROUND) / grid[0]
    left, top = column * (wide + gap), 1 - row / grid[0]
    words = [clipped(label, 24) for label in labels]
    stacked = [word.replace(" ", "<br>") for word in words]
    figure.update_layout({
        f"xaxis{end}": axis(
            "Called", anchor=f"y{end}", domain=[left, left + wide], range=[0, size], showgrid=False,
            tickvals=[k + 0.5 for k in range(size)], ticktext=stacked, tickangle=0, automargin=True,
        ),
        f"yaxis{end}": axis(
            "True class" if column == 0 else "", anchor=f"x{end}", range=[size, 0], showgrid=False,
            domain=[max(0.0, top - 1 / grid[0] + (space if grid[0] > 1 else 0)), top],
            tickvals=[k + 0.5 for k in range(size)], ticktext=words if column == 0 else [""] * size,
        ),
    })  # fmt: skip
    fractions = found / np.maximum(found.sum(axis=1, keepdims=True), 1)
    for true, predicted in np.ndindex(size, size):
        fraction = float(fractions[true, predicted]) if found[true].sum() else float("nan")
        place = {"xref": f"x{end}", "yref": f"y{end}"}
        tint = faded(line.color, 0.06 + 0.44 * (0.0 if math.isnan(fraction) else fraction))
        marks.shape(
            "rect", (predicted + 0.02, predicted + 0.98), (true + 0.02, true + 0.98), layer="below", line={"width": 0},
            fillcolor=tint, **place,
        )  # fmt: skip
        marks.word(
            f"<b>{int(found[true, predicted]):,}</b><br><span style='font-size:11px'>{percent_text(fraction)}</span>",
            predicted + 0.5, true + 0.5, font={"size": 13}, align="center", **place,
        )  # fmt: skip
    figure.add_scatter(  # gives the axes a trace, without which Plotly does not draw them
        x=[0.5], y=[0.5], mode="markers", marker={"opacity": 0}, hoverinfo="skip", xaxis=f"x{end}", yaxis=f"y{end}",
    )  # fmt: skip
    marks.word(
        escape(clipped(line.title, 46)), 0, 1, xref=f"x{end} domain", yref=f"y{end} domain", xanchor="left",
        yanchor="bottom", yshift=4, font={"size": 13, "weight": 600},
    )  # fmt: skip


def describe_class_confusion(scene: Scene, labels: Sequence[str], counts: Counts) -> str:
    """The figure in words: how much of each class is correct, and what it is most often taken for."""
    parts = [
        f"{line.title}: " + ", ".join(_fate(labels, found, k) for k in range(len(labels))) for line, found in counts
    ]
    return f"Confusion of the classes on {scene.dataset}. {'; '.join(parts)}."


def _fate(labels: Sequence[str], found: NDArray[np.int64], true: int) -> str:
    total = int(found[true].sum())
    if not total:
        return f"no case of {labels[true]}"
    wrong = found[true].copy()
    wrong[true] = 0
    text = f"{labels[true]} correct in {percent_text(found[true, true] / total)}"
    return text + (f" and most often taken for {labels[int(wrong.argmax())]}" if wrong.any() else "")


def class_confusion_rows(labels: Sequence[str], counts: Counts) -> list[dict[str, Any]]:
    """The counts, a row each."""
    return [
        {"model": line.title, "true": labels[true], "called": labels[predicted], "cases": int(found[true, predicted])}
        for line, found in counts
        for true, predicted in np.ndindex(found.shape)
    ]
