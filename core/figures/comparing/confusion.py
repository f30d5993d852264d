"""Decisions at a movable threshold: the four counts, and what another threshold would do, one row a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from core.colors import NEUTRAL
from core.evaluation.results.operating_point import ConfusionAt, ThresholdSweep
from core.figures.comparing.canvas import (
    SAMPLE,
    Marks,
    Scene,
    add_band,
    add_curve,
    add_sample,
    axis,
    canvas,
    clipped,
    unit_axis,
)
from core.figures.comparing.lines import Line, faded
from core.figures.comparing.numbers import estimate_text, number_text, percent_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Decisions = Sequence[tuple[Line, ConfusionAt, ThresholdSweep]]

#: Pixels: of a model's row.
PANEL = 230
#: Fraction of the width for the counts, and where the curves begin.
COUNTS, CURVES = 0.36, 0.5


def confusion_figure(scene: Scene, decisions: Decisions) -> Figure:
    """For each model the counts at its threshold, beside sensitivity and specificity over the threshold.

    Args:
        scene: What is asked of what.
        decisions: Look, counts and sweep of each model, in the order of the page.
    """
    rows = len(decisions)
    figure = canvas(
        f"Who is called, who is missed, when {scene.finding} is called from a threshold on?",
        scene.described([(at.n, at.true_positives + at.false_negatives) for _, at, _ in decisions]),
        122 + PANEL * rows,
    )
    figure.update_layout(margin_l=76, margin_t=int(figure.layout.margin.t) + 22)
    gap = 0.28 / rows if rows > 1 else 0.0
    height = (1 - gap * (rows - 1)) / rows
    marks = Marks()
    for row, (line, at, sweep) in enumerate(decisions):
        top = 1 - row * (height + gap)
        domain = [max(0.0, top - height), top]
        _add_counts(figure, marks, line, at, 2 * row + 1, domain)
        _add_sweep(figure, marks, line, at, sweep, 2 * row + 2, domain)
    marks.draw(figure)
    return figure


def _names(number: int) -> tuple[str, str]:
    end = "" if number == 1 else str(number)
    return f"x{end}", f"y{end}"


def _add_counts(
    figure: Figure, marks: Marks, line: Line, at: ConfusionAt, number: int, domain: Sequence[float]
) -> None:
    x, y = _names(number)
    figure.update_layout({
        x.replace("x", "xaxis"): axis(
            "", anchor=y, domain=[0, COUNTS], range=[0, 2], tickvals=[0.5, 1.5], ticktext=["positive", "negative"],
            side="bottom", showgrid=False,
        ),
        y.replace("y", "yaxis"): axis(
            "", anchor=x, domain=list(domain), range=[0, 2], tickvals=[0.5, 1.5], ticktext=["without", "with"],
            showgrid=False,
        ),
    })  # fmt: skip
    cells = (
        (0, 1, at.true_positives, at.sensitivity.value),
        (1, 1, at.false_negatives, 1 - at.sensitivity.value),
        (0, 0, at.false_positives, 1 - at.specificity.value),
        (1, 0, at.true_negatives, at.specificity.value),
    )
    for column, row, count, fraction in cells:
        opacity = 0.08 + 0.42 * (0.0 if math.isnan(fraction) else fraction)
        marks.shape(
            "rect", (column + 0.02, column + 0.98), (row + 0.02, row + 0.98), xref=x, yref=y, layer="below",
            line={"width": 0}, fillcolor=faded(line.color, opacity),
        )  # fmt: skip
        marks.word(
            f"<b>{count:,}</b><br><span style='font-size:12px'>{percent_text(fraction)}</span>",
            column + 0.5, row + 0.5, xref=x, yref=y, font={"size": 15}, align="center",
        )  # fmt: skip
    figure.add_scatter(  # gives the axes a trace, without which Plotly does not draw them, and the reader a pointer
        x=[column + 0.5 for column, *_ in cells], y=[row + 0.5 for _, row, *_ in cells], mode="markers", xaxis=x,
        yaxis=y, marker={"opacity": 0, "size": 50}, customdata=["found", "missed", "false alarm", "true negative"],
        hovertemplate=f"{escape(line.title)}: %{{customdata}}<extra></extra>",
    )  # fmt: skip
    marks.word(
        escape(clipped(line.title, 34)), 0, 1, xref=f"{x} domain", yref=f"{y} domain", xanchor="left", yanchor="bottom",
        yshift=4, font={"size": 13, "weight": 600},
    )  # fmt: skip


def _add_sweep(
    figure: Figure, marks: Marks, line: Line, at: ConfusionAt, sweep: ThresholdSweep, number: int,
    domain: Sequence[float],
) -> None:  # fmt: skip
    x, y = _names(number)
    figure.update_layout({
        x.replace("x", "xaxis"): unit_axis("Threshold", anchor=y, domain=[CURVES, 1]),
        y.replace("y", "yaxis"): unit_axis("", anchor=x, domain=list(domain)),
    })  # fmt: skip
    place = {"xaxis": x, "yaxis": y}
    lines = (
        (Line("sensitivity", line.color), sweep.sensitivity, sweep.sensitivity_band),
        (Line("specificity", NEUTRAL, "dash"), sweep.specificity, sweep.specificity_band),
    )
    for place_across, (look, values, band) in enumerate(lines):
        add_band(figure, band, look, **place)
        add_curve(figure, sweep.thresholds, values, look, "threshold %{x:.2f}: %{y:.3f}", **place)
        start = 112.0 * place_across
        above = {"xref": f"{x} domain", "yref": f"{y} domain"}
        add_sample(marks, look, 12, start, xanchor=0, yanchor=1, **above)
        marks.word(look.title, 0, 1, xanchor="left", yanchor="bottom", xshift=start + SAMPLE + 6, yshift=3, **above)
    _mark(marks, at.threshold, sweep.threshold, x, y)


def _mark(marks: Marks, chosen: float, own: float | None, x: str, y: str) -> None:
    lines = [(chosen, "solid")] + ([(own, "dot")] if own is not None else [])
    for threshold, dash in lines:
        look = {"color": NEUTRAL, "width": 1.6, "dash": dash}
        marks.shape("line", (threshold, threshold), (0, 1), xref=x, yref=y, line=look)
    apart = own is not None and abs(own - chosen) > 0.004
    words = [(chosen, f"here {number_text(chosen)}")] if apart or own is None else []
    if own is not None:
        words.append((own, f"from validation {number_text(own)}"))
    for place, (threshold, text) in enumerate(words):
        right = threshold > 0.6
        marks.word(
            text, threshold, 0.03 + 0.12 * place, xref=x, yref=y, xanchor="right" if right else "left",
            yanchor="bottom", xshift=-4 if right else 4,
        )  # fmt: skip


def describe_confusion(scene: Scene, decisions: Decisions) -> str:
    """The figure in words."""
    parts = [
        f"{line.title} at {number_text(at.threshold)}: {at.true_positives} found, {at.false_negatives} missed, "
        f"{at.false_positives} false alarms, {at.true_negatives} true negative"
        for line, at, _ in decisions
    ]
    return f"Decisions about {scene.finding} on {scene.dataset}. {'; '.join(parts)}."


def confusion_rows(decisions: Decisions) -> list[dict[str, Any]]:
    """Counts and shares, a row a model, at the chosen threshold and at its own."""
    return [
        {
            "model": line.title, "threshold": at.threshold, "validation_threshold": sweep.threshold,
            "true_positives": at.true_positives, "false_negatives": at.false_negatives,
            "false_positives": at.false_positives, "true_negatives": at.true_negatives,
            "sensitivity": estimate_text(at.sensitivity), "specificity": estimate_text(at.specificity),
            "ppv": estimate_text(at.ppv), "npv": estimate_text(at.npv), "accuracy": estimate_text(at.accuracy),
        }
        for line, at, sweep in decisions
    ]  # fmt: skip
