"""The answer of a classifier as a small bar chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.colors import CLEAR, GRID, OKABE_ITO
from core.formatting import beside_threshold, probability_text
from core.models.card import ModelCard

if TYPE_CHECKING:  # plotly takes most of a second to import, and the classifier brings ONNX Runtime
    from plotly.graph_objects import Figure

    from core.inference.decision import Decision

#: Pixels of one bar with its label, and of what stands above and below the bars.
ROW, FRAME = 38, 58


def bar_order(probabilities: NDArray[np.floating], decision: Decision, task: str = "") -> list[int]:
    """Class indices from the top bar to the lowest, for (classes,) probabilities.

    The label that a binary question is about comes first; classes that are ordered (`task` ordinal) keep their order;
    all others stand by size.
    """
    if decision.thresholds.keys() == {1}:
        return [1, 0]
    if task == "ordinal":
        return list(range(len(probabilities)))
    return [int(index) for index in np.argsort(-np.nan_to_num(probabilities, nan=-1.0), kind="stable")]


def probability_figure(
    card: ModelCard, probabilities: NDArray[np.floating], calibrated: NDArray[np.floating] | None, decision: Decision
) -> Figure:
    """Bars of every class's probability, with the threshold on the bar that it decides about.

    Bars and thresholds are on the scale of calibrated probabilities where there are any; what the model itself says
    stands behind each bar.

    Args:
        card: Gives labels and task.
        probabilities: (classes,) as the model says.
        calibrated: (classes,) after temperature scaling, or None.
        decision: What the probabilities came to.

    Returns:
        A figure without background or font colour of its own; ROW pixels a class.
    """
    from plotly.graph_objects import Bar, Figure

    shown, thresholds = _on_one_scale(probabilities, calibrated, decision)
    order = bar_order(shown, decision, card.task)
    rows = list(range(len(order)))[::-1]
    behind = "" if calibrated is None else ", before calibration %{customdata[1]:.4f}"
    figure = Figure(
        Bar(
            x=[float(shown[index]) for index in order],
            y=rows,
            orientation="h",
            width=0.5,
            marker_color=[OKABE_ITO[0] if index in decision.predicted else OKABE_ITO[4] for index in order],
            marker_line_width=0,
            customdata=[[escape(card.labels[index]), float(probabilities[index])] for index in order],
            hovertemplate=f"%{{customdata[0]}}: %{{x:.4f}}{behind}<extra></extra>",
        )
    )
    for index, threshold in thresholds.items():
        _mark_threshold(figure, threshold, rows[order.index(index)])
        if len(thresholds) == 1:
            _name_threshold(figure, float(shown[index]), threshold, rows[order.index(index)])
    _write_values(figure, order, rows, shown, thresholds)
    _lay_out(figure, [card.labels[index] for index in order], rows, 160 if len(thresholds) > 1 else 60)
    return figure


def _on_one_scale(
    probabilities: NDArray[np.floating], calibrated: NDArray[np.floating] | None, decision: Decision
) -> tuple[NDArray[np.floating], Mapping[int, float]]:
    """Probabilities and thresholds, both calibrated where there is a calibration, else both as the model says."""
    if calibrated is None:
        return probabilities, decision.thresholds
    return calibrated, decision.calibrated_thresholds


def _mark_threshold(figure: Figure, threshold: float, row: int) -> None:
    # A light line under a dark one is seen on the bar and on either theme.
    for color, width in (("#FFFFFF", 4), ("#444444", 2)):
        line = {"color": color, "width": width}
        figure.add_shape(type="line", x0=threshold, x1=threshold, y0=row - 0.4, y1=row + 0.5, line=line)


def _name_threshold(figure: Figure, probability: float, threshold: float, row: int) -> None:
    """Words above the line; only where no other bar is above it, which they would cover."""
    written = beside_threshold(probability, threshold)[1]
    # The words stay inside the axis when the threshold is near one of its ends.
    anchor = "left" if threshold < 0.15 else "right" if threshold > 0.85 else "center"
    figure.add_annotation(
        x=threshold, y=row + 0.5, text=f"threshold {written}", showarrow=False, xanchor=anchor, yanchor="bottom"
    )


def _write_values(
    figure: Figure,
    order: Sequence[int],
    rows: Sequence[int],
    shown: NDArray[np.floating],
    thresholds: Mapping[int, float],
) -> None:
    """Values in a column of their own, so that figures stand under one another and never on a bar."""
    for index, row in zip(order, rows, strict=True):
        text = f"<b>{escape(_value(index, float(shown[index]), thresholds))}</b>"
        if len(thresholds) > 1:
            text += f" ▏threshold {escape(beside_threshold(float(shown[index]), thresholds[index])[1])}"
        figure.add_annotation(
            xref="paper", x=1.0, xshift=10, y=row, text=text, showarrow=False, xanchor="left", align="left"
        )


def _value(index: int, probability: float, thresholds: Mapping[int, float]) -> str:
    if index in thresholds:
        return beside_threshold(probability, thresholds[index])[0]
    return probability_text(probability)


def _lay_out(figure: Figure, labels: Sequence[str], rows: Sequence[int], beside: int) -> None:
    figure.update_layout(
        height=FRAME + ROW * len(rows),
        margin={"l": 8, "r": beside, "t": 22, "b": 30},
        showlegend=False,
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        dragmode=False,
    )
    figure.update_xaxes(
        range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75, 1], ticks="", gridcolor=GRID, gridwidth=1, zeroline=False,
        fixedrange=True, tickformat=".2~f",
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(rows), ticktext=[f"{escape(_short(label))}  " for label in labels], range=[-0.6, len(rows) - 0.4],
        showgrid=False, zeroline=False, fixedrange=True, automargin=True, ticks="",
    )  # fmt: skip


def _short(label: str, longest: int = 28) -> str:
    return label if len(label) <= longest else label[: longest - 1].rstrip() + "…"


def describe_probabilities(
    card: ModelCard, probabilities: NDArray[np.floating], calibrated: NDArray[np.floating] | None, decision: Decision
) -> str:
    """The figure in words, for people who do not see it.

    Returns:
        E.g. `"Pneumonia is likely. Calibrated probability of Pneumonia 0.81; of Normal 0.19. The threshold for
        Pneumonia is 0.56."`
    """
    shown, thresholds = _on_one_scale(probabilities, calibrated, decision)
    order = bar_order(shown, decision, card.task)
    parts = [f"of {card.labels[index]} {_value(index, float(shown[index]), thresholds)}" for index in order]
    text = f"{decision.sentence}. {'P' if calibrated is None else 'Calibrated p'}robability {'; '.join(parts)}."
    for index in [index for index in order if index in thresholds]:
        written = beside_threshold(float(shown[index]), thresholds[index])[1]
        text += f" The threshold for {card.labels[index]} is {written}."
    return text
