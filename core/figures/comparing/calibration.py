"""Calibration of several models on one dataset, with how many cases stand behind each point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from core.evaluation.results.calibration_curve import CalibrationBin, CalibrationCurve
from core.figures.comparing.canvas import (
    HEIGHT,
    Scene,
    add_curve,
    add_guide,
    add_key,
    axis,
    canvas,
    numbers,
    unit_axis,
)
from core.figures.comparing.lines import Line, faded
from core.figures.comparing.numbers import NOT_DEFINED, number_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Curves = Sequence[tuple[Line, CalibrationCurve]]

_HOVER = "mean probability %{x:.3f}<br>came true %{y:.3f} (%{customdata[0]})<br>%{customdata[1]} cases"


def calibration_figure(scene: Scene, curves: Curves) -> Figure:
    """Observed share over probability with Wilson's intervals, and below it how many cases each bin holds.

    Args:
        scene: What is asked of what.
        curves: Look and curve of each model, in the order of the page.
    """
    calibrated = curves[0][1].calibrated
    figure = canvas(
        f"Do the probabilities of {scene.finding} come true?",
        scene.described([(curve.n, _positives(curve)) for _, curve in curves]),
        HEIGHT + 60,
    )
    words = "Probability, calibrated" if calibrated else "Probability as the model gives it"
    figure.update_layout(
        xaxis=unit_axis(words, anchor="y2", constrain="domain", constraintoward="left"),
        yaxis=unit_axis(
            f"Share with {scene.finding}", domain=[0.24, 1], scaleanchor="x", constrain="domain", constraintoward="top"
        ),
        yaxis2=axis("Cases", domain=[0, 0.2], rangemode="tozero", nticks=3),
        barmode="group", bargap=0.12, bargroupgap=0.06,
    )  # fmt: skip
    add_guide(figure, (0, 1), (0, 1))
    for line, curve in curves:
        add_curve(
            figure, curve.smooth_x, curve.smooth_y, line, "mean probability %{x:.3f}<br>came true %{y:.3f}", opacity=0.5
        )
    for line, curve in curves:
        _add_bins(figure, line, [entry for entry in curve.bins if entry.n])
        _add_counts(figure, line, curve.bins)
    add_key(figure, [(line, _summary(curve)) for line, curve in curves])
    return figure


def _positives(curve: CalibrationCurve) -> int:
    return round(sum(entry.n * entry.observed.value for entry in curve.bins if entry.n))


def _summary(curve: CalibrationCurve) -> str:
    return (
        f"error {number_text(curve.error)}, slope {number_text(curve.slope)}, intercept {number_text(curve.intercept)}"
    )


def _add_bins(figure: Figure, line: Line, bins: Sequence[CalibrationBin]) -> None:
    """Points whose area grows with their cases: those that rest on few do not draw the eye."""
    observed = [entry.observed for entry in bins]
    most = max((entry.n for entry in bins), default=1)
    sizes = [5 + 9 * math.sqrt(entry.n / most) for entry in bins]
    figure.add_scatter(
        x=numbers([entry.mean for entry in bins]), y=numbers([fraction.value for fraction in observed]), mode="markers",
        cliponaxis=False,
        marker={"color": line.color, "symbol": line.symbol, "size": sizes, "opacity": 1, "line": {"width": 0}},
        error_y={
            "type": "data", "symmetric": False, "thickness": 1.2, "width": 0, "color": faded(line.color, 0.7),
            "array": numbers([fraction.high - fraction.value for fraction in observed]),
            "arrayminus": numbers([fraction.value - fraction.low for fraction in observed]),
        },
        customdata=[[f"{number_text(e.observed.low)} to {number_text(e.observed.high)}", e.n] for e in bins],
        hovertemplate=f"{escape(line.title)}<br>{_HOVER}<extra></extra>",
    )  # fmt: skip


def _add_counts(figure: Figure, line: Line, bins: Sequence[CalibrationBin]) -> None:
    figure.add_bar(
        x=[(entry.low + entry.high) / 2 for entry in bins], y=[entry.n for entry in bins], yaxis="y2",
        marker={"color": faded(line.color, 0.75), "line": {"width": 0}},
        customdata=[[f"{entry.low:g} to {entry.high:g}"] for entry in bins],
        hovertemplate=f"{escape(line.title)}<br>probability %{{customdata[0]}}: %{{y}} cases<extra></extra>",
    )  # fmt: skip


def describe_calibration(scene: Scene, curves: Curves) -> str:
    """The figure in words."""
    kind = "calibrated probabilities" if curves[0][1].calibrated else "probabilities as the models give them"
    parts = [
        f"{line.title}: calibration error {number_text(curve.error)}"
        + ("" if number_text(curve.slope) == NOT_DEFINED else f", slope {number_text(curve.slope)}, where 1 is right")
        for line, curve in curves
    ]
    return f"Calibration of the {kind} of {scene.finding} on {scene.dataset}. {'; '.join(parts)}."


def calibration_rows(curves: Curves) -> list[dict[str, Any]]:
    """The bins, a row each."""
    return [
        {
            "model": line.title, "from": entry.low, "to": entry.high, "cases": entry.n, "mean_probability": entry.mean,
            "observed_share": entry.observed.value, "low": entry.observed.low, "high": entry.observed.high,
        }
        for line, curve in curves
        for entry in curve.bins
    ]  # fmt: skip
