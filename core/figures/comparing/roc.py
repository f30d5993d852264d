"""ROC curves of several models on one dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.evaluation.results.curves import RocCurve
from core.figures.comparing.canvas import (
    Scene,
    add_band,
    add_curve,
    add_guide,
    add_key,
    add_points,
    canvas,
    enlarge,
    square,
    thresholds,
)
from core.figures.comparing.lines import Line
from core.figures.comparing.numbers import estimate_text, percent_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Curves = Sequence[tuple[Line, RocCurve]]

_HOVER = "called from %{customdata:.3f} on<br>sensitivity %{y:.3f}<br>false alarms among cases without: %{x:.3f}"


#: The part that matters where models are good: few false alarms, few missed.
CORNER = ((0.0, 0.25), (0.75, 1.0))


def roc_figure(scene: Scene, curves: Curves, corner: bool = False) -> Figure:
    """Sensitivity over the false positive rate, with bands, chance, and each model's own threshold.

    Args:
        scene: What is asked of what.
        curves: Look and curve of each model, in the order of the page.
        corner: Enlarge the upper left corner.
    """
    figure = canvas(
        f"How well is {scene.finding} told from the rest?",
        scene.described([(curve.n, curve.positives) for _, curve in curves]),
    )
    square(figure, "False positive rate (1 − specificity)", "Sensitivity")
    add_guide(figure, (0, 1), (0, 1))
    for line, curve in curves:
        add_band(figure, curve.band, line)
    for line, curve in curves:
        add_curve(
            figure, curve.false_positive_rate, curve.sensitivity, line, _HOVER, customdata=thresholds(curve.threshold)
        )
    for line, curve in curves:
        if curve.operating is not None:
            rate = 1.0 - curve.operating.specificity.value
            add_points(
                figure,
                [rate],
                [curve.operating.sensitivity.value],
                line,
                _HOVER,
                customdata=[curve.operating.threshold],
            )
    add_key(figure, [(line, f"AUC {estimate_text(curve.auc)}") for line, curve in curves])
    if corner:
        enlarge(figure, *CORNER)
    return figure


def describe_roc(scene: Scene, curves: Curves) -> str:
    """The figure in words."""
    parts = [
        f"{line.title}: AUC {estimate_text(curve.auc)}"
        + (
            f", at its own threshold sensitivity {percent_text(curve.operating.sensitivity.value)} and "
            f"specificity {percent_text(curve.operating.specificity.value)}"
            if curve.operating is not None
            else ""
        )
        for line, curve in curves
    ]
    return f"ROC curves for {scene.finding} on {scene.dataset}. {'; '.join(parts)}."


def roc_rows(curves: Curves) -> list[dict[str, Any]]:
    """The points of the curves, a row each."""
    return [
        {"model": line.title, "threshold": threshold, "false_positive_rate": rate, "sensitivity": sensitivity}
        for line, curve in curves
        for threshold, rate, sensitivity in zip(
            curve.threshold, curve.false_positive_rate, curve.sensitivity, strict=True
        )
    ]
