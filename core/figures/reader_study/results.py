"""People beside a model: points with intervals on the model's ROC curve, of one reader or of a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from core.evaluation.results.curves import RocCurve
from core.evaluation.statistics.intervals import Estimate
from core.figures.comparing.canvas import (
    Scene,
    add_band,
    add_curve,
    add_guide,
    add_key,
    add_points,
    canvas,
    square,
    thresholds,
)
from core.figures.comparing.lines import LINE_COLORS, Line, faded
from core.figures.comparing.numbers import estimate_text, percent_text
from core.reader_study.class_results import ClassResult
from core.reader_study.results import ReaderResult

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MODEL = Line("The model", LINE_COLORS[0], "solid", "square")
WITHOUT = Line("without it", LINE_COLORS[1], "dot", "circle")
AIDED = Line("with it", LINE_COLORS[2], "solid", "diamond")

_CURVE = "called from %{customdata:.3f} on<br>sensitivity %{y:.2f}<br>false alarms: %{x:.2f}"
_POINT = "sensitivity %{y:.2f}<br>false alarms among cases without: %{x:.2f}"


def reader_figure(result: ReaderResult, scene: Scene) -> Figure:
    """One reader without and with the model, with 95 % intervals both ways, on the model's ROC curve of these cases."""
    figure = _roc("You and the model on the same cases", result.roc, scene)
    for line, decisions in ((WITHOUT, result.without), (AIDED, result.aided)):
        _add_cross(figure, line, decisions.counts.sensitivity, decisions.counts.specificity)
    _name(figure, result.roc, "You")
    return figure


def class_figure(roc: RocCurve, found: ClassResult, scene: Scene) -> Figure:
    """Every reader as a faint point, and the means of the class with 95 % intervals, on the model's ROC curve."""
    figure = _roc("The class and the model on the same cases", roc, scene)
    sensitivity, specificity = found.measures["sensitivity"], found.measures["specificity"]
    for k, line in enumerate((WITHOUT, AIDED)):
        figure.add_scatter(
            x=1.0 - specificity.readers[k], y=sensitivity.readers[k], mode="markers", cliponaxis=False,
            marker={"color": faded(line.color, 0.45), "symbol": line.symbol, "size": 8},
            hovertemplate=f"One reader {line.title}<br>{_POINT}<extra></extra>",
        )  # fmt: skip
    means = ((sensitivity.without, specificity.without), (sensitivity.aided, specificity.aided))
    for line, (hits, rejected) in zip((WITHOUT, AIDED), means, strict=True):
        _add_cross(figure, line, hits, rejected)
    _name(figure, roc, "Mean of the class")
    return figure


def _roc(title: str, roc: RocCurve, scene: Scene) -> Figure:
    figure = canvas(title, scene.described([(roc.n, roc.positives)]), 520)
    square(figure, "False positive rate (1 − specificity)", "Sensitivity")
    add_guide(figure, (0, 1), (0, 1))
    add_band(figure, roc.band, MODEL)
    add_curve(figure, roc.false_positive_rate, roc.sensitivity, MODEL, _CURVE, customdata=thresholds(roc.threshold))
    if roc.operating is not None:
        rate = 1.0 - roc.operating.specificity.value
        add_points(figure, [rate], [roc.operating.sensitivity.value], MODEL, _POINT)
    return figure


def _add_cross(figure: Figure, line: Line, sensitivity: Estimate, specificity: Estimate) -> None:
    """A point with its intervals; ends that are not defined are not drawn."""

    def arms(low: float, value: float, high: float) -> dict[str, Any]:
        plus, minus = np.nan_to_num([high - value, value - low]).tolist()
        return {
            "type": "data", "symmetric": False, "array": [plus], "arrayminus": [minus],
            "color": line.color, "thickness": 1.6, "width": 5,
        }  # fmt: skip

    rate = 1.0 - specificity.value
    add_points(
        figure, [rate], [sensitivity.value], line, _POINT,
        error_y=arms(sensitivity.low, sensitivity.value, sensitivity.high),
        error_x=arms(1.0 - specificity.high, rate, 1.0 - specificity.low),
    )  # fmt: skip
    # An open ring around the other point, where the model changed nothing.
    ring = {"symbol": "circle-open", "size": 20, "line": {"width": 3}} if line is WITHOUT else {"size": 12}
    figure.data[-1].marker.update(ring)


def _name(figure: Figure, roc: RocCurve, who: str) -> None:
    words = {"without": Line(f"{who} without it", WITHOUT.color), "with": Line(f"{who} with it", AIDED.color)}
    entries = [(MODEL, f"AUC {estimate_text(roc.auc)}; square: at its threshold")]
    entries += [(words["without"], "ring"), (words["with"], "diamond")]
    add_key(figure, entries)


def describe_reader(result: ReaderResult) -> str:
    """The figure of one reader in words."""
    return "Sensitivity and specificity: " + "; ".join(
        f"{who} {percent_text(one.counts.sensitivity.value)} and {percent_text(one.counts.specificity.value)}"
        for who, one in (
            ("you without the model", result.without),
            ("you with it", result.aided),
            ("the model alone", result.model),
        )
    )


def describe_class(found: ClassResult) -> str:
    """The figure of a class in words."""
    hits, rejected = found.measures["sensitivity"], found.measures["specificity"]
    return f"Mean sensitivity and specificity of {found.readers} readers: " + "; ".join(
        f"{who} {percent_text(one.value)} and {percent_text(other.value)}"
        for who, one, other in (
            ("without the model", hits.without, rejected.without),
            ("with it", hits.aided, rejected.aided),
            ("the model alone", hits.model, rejected.model),
        )
    )
