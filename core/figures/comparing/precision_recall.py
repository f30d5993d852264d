"""Precision-recall curves of several models on one dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.evaluation.results.curves import PrecisionRecallCurve
from core.figures.comparing.canvas import (
    Scene,
    add_band,
    add_curve,
    add_guide,
    add_key,
    add_note,
    add_points,
    canvas,
    enlarge,
    square,
    thresholds,
)
from core.figures.comparing.lines import Line
from core.figures.comparing.numbers import estimate_text, number_text, percent_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Curves = Sequence[tuple[Line, PrecisionRecallCurve]]

_HOVER = "called from %{customdata:.3f} on<br>recall %{x:.3f}<br>precision %{y:.3f}"


#: The part that matters where models are good: most found, most calls right.
CORNER = ((0.75, 1.0), (0.75, 1.0))


def precision_recall_figure(scene: Scene, curves: Curves, corner: bool = False) -> Figure:
    """Precision over recall in steps, with bands and the precision of calling every case.

    Args:
        scene: What is asked of what.
        curves: Look and curve of each model, in the order of the page.
        corner: Enlarge the upper right corner.
    """
    figure = canvas(
        f"How many calls are right as more {scene.finding} is found?",
        scene.described([(curve.n, curve.positives) for _, curve in curves]),
    )
    square(figure, "Recall (sensitivity)", "Precision (positive predictive value)")
    prevalence = curves[0][1].prevalence
    add_guide(figure, (0, 1), (prevalence, prevalence))
    for line, curve in curves:
        add_band(figure, curve.band, line)
    for line, curve in curves:
        add_curve(
            figure, curve.recall, curve.precision, line, _HOVER, shape="vh", customdata=thresholds(curve.threshold)
        )
    for line, curve in curves:
        if curve.operating is not None:
            at = curve.operating
            add_points(
                figure, [at.sensitivity.value], [at.ppv.value], line, _HOVER, customdata=[curve.operating.threshold]
            )
    add_key(figure, [(line, f"average precision {estimate_text(curve.average_precision)}") for line, curve in curves])
    if corner:
        enlarge(figure, *CORNER)
    else:
        _name_baseline(figure, prevalence)
    return figure


def _name_baseline(figure: Figure, prevalence: float) -> None:
    """On the side of the line that is away from the curves, which end on it at the right."""
    side = "top" if prevalence > 0.12 else "bottom"
    add_note(figure, f"calling every case: {number_text(prevalence)}", 0.01, prevalence, xanchor="left", yanchor=side)


def describe_precision_recall(scene: Scene, curves: Curves) -> str:
    """The figure in words."""
    parts = [f"{line.title}: average precision {estimate_text(curve.average_precision)}" for line, curve in curves]
    every = percent_text(curves[0][1].prevalence)
    return (
        f"Precision-recall curves for {scene.finding} on {scene.dataset}. {'; '.join(parts)}. "
        f"Calling every case would be right in {every}."
    )


def precision_recall_rows(curves: Curves) -> list[dict[str, Any]]:
    """The points of the curves, a row each."""
    return [
        {"model": line.title, "threshold": threshold, "recall": recall, "precision": precision}
        for line, curve in curves
        for threshold, recall, precision in zip(curve.threshold, curve.recall, curve.precision, strict=True)
    ]
