"""Decision curves of several models on one dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.colors import NEUTRAL
from core.evaluation.results.decision_curve import DecisionCurve
from core.figures.comparing.canvas import (
    Scene,
    add_band,
    add_curve,
    add_guide,
    add_key,
    axis,
    canvas,
    fraction_of,
    unit_axis,
)
from core.figures.comparing.lines import Line
from core.figures.comparing.numbers import number_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Curves = Sequence[tuple[Line, DecisionCurve]]

#: What a model is compared with.
ALL, NONE = Line("acting on all", NEUTRAL, "dash"), Line("acting on none", NEUTRAL)

#: Thresholds at which the description reads the curves.
READ_AT = (0.1, 0.5)


def net_benefit_figure(scene: Scene, curves: Curves) -> Figure:
    """Net benefit over the threshold probability, beside acting on every case and on none.

    Args:
        scene: What is asked of what.
        curves: Look and curve of each model, in the order of the page.
    """
    figure = canvas(
        "Does acting on the model do more good than acting on all, or on none?",
        scene.described([fraction_of(curve.n, curve.prevalence) for _, curve in curves]),
    )
    first = curves[0][1]
    highest = (float(np.nanmax(curve.net_benefit, initial=0.0)) for _, curve in curves)
    top = max(0.01, float(np.nan_to_num(first.prevalence)), *highest)
    low, high = -0.25 * top, 1.12 * top
    figure.update_xaxes(**unit_axis("Threshold probability: from which one would act"))
    figure.update_yaxes(**axis("Net benefit, true positives a case", range=[low, high]))
    add_guide(figure, (0, 1), (0, 0), dash="solid")
    seen = first.treat_all >= low
    add_guide(figure, first.thresholds[seen].tolist(), first.treat_all[seen].tolist(), dash="dash")
    for line, curve in curves:
        add_band(figure, curve.band, line)
    for line, curve in curves:
        hover = "acting from %{x:.2f} on: net benefit %{y:.3f}"
        add_curve(figure, curve.thresholds, np.where(curve.net_benefit >= low, curve.net_benefit, np.nan), line, hover)
    add_key(figure, [*((line, _reading(curve)) for line, curve in curves), (ALL, ""), (NONE, "")])
    return figure


def _at(curve: DecisionCurve, threshold: float) -> float:
    return float(curve.net_benefit[int(np.argmin(np.abs(curve.thresholds - threshold)))])


def _reading(curve: DecisionCurve) -> str:
    return "net benefit " + ", ".join(f"{number_text(_at(curve, threshold))} at {threshold:g}" for threshold in READ_AT)


def describe_net_benefit(scene: Scene, curves: Curves) -> str:
    """The figure in words."""
    parts = [f"{line.title}: {_reading(curve)}" for line, curve in curves]
    return f"Decision curves for {scene.finding} on {scene.dataset}. {'; '.join(parts)}."


def net_benefit_rows(curves: Curves) -> list[dict[str, Any]]:
    """The points of the curves, a row each."""
    return [
        {
            "model": line.title, "threshold": curve.thresholds[k], "net_benefit": curve.net_benefit[k],
            "low": curve.band.low[k], "high": curve.band.high[k], "acting_on_all": curve.treat_all[k],
        }
        for line, curve in curves
        for k in range(len(curve.thresholds))
    ]  # fmt: skip
