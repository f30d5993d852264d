"""What an answer of several models means at other prevalences than that of the dataset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.colors import NEUTRAL
from core.evaluation.results.prevalence import PredictiveValues
from core.evaluation.statistics.intervals import Estimate
from core.evaluation.statistics.resampled_rates import Band
from core.figures.comparing.canvas import (
    Scene,
    add_band,
    add_curve,
    add_key,
    add_note,
    add_points,
    canvas,
    fraction_of,
    unit_axis,
)
from core.figures.comparing.lines import Line
from core.figures.comparing.numbers import NOT_DEFINED, estimate_text, number_text, percent_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Values = Sequence[tuple[Line, PredictiveValues]]


def predictive_values_figure(scene: Scene, values: Values, at: Values) -> Figure:
    """Positive and negative predictive value over prevalence, side by side.

    Args:
        scene: What is asked of what.
        values: Look and curves of each model, in the order of the page.
        at: The same models at the one prevalence that is marked.
    """
    chosen = float(at[0][1].prevalence[0])
    figure = canvas(
        f"What do the answers mean where {percent_text(chosen)} have {scene.finding}?",
        scene.described([fraction_of(found.n, found.observed) for _, found in values]),
        470,
    )
    words = f"Prevalence of {scene.finding}"
    figure.update_layout(
        xaxis=unit_axis(words, domain=[0, 0.45], anchor="y"),
        yaxis=unit_axis("Positive predictive value", anchor="x"),
        xaxis2=unit_axis(words, domain=[0.55, 1], anchor="y2"),
        yaxis2=unit_axis("Negative predictive value", anchor="x2"),
    )
    for panel, number in (("ppv", ""), ("npv", "2")):
        place = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        for line, found in values:
            add_band(figure, getattr(found, f"{panel}_band"), line, **place)
        for line, found in values:
            hover = "prevalence %{x:.2f}: %{y:.3f}"
            add_curve(figure, found.prevalence, getattr(found, panel), line, hover, **place)
        _mark(figure, number, chosen, values[0][1].observed)
        for line, found in at:
            hover = "prevalence %{x:.3g}: %{y:.3f}"
            add_points(figure, found.prevalence, getattr(found, panel), line, hover, **place)
    add_key(figure, [(line, _reading(found)) for line, found in at])
    return figure


def _mark(figure: Figure, number: str, chosen: float, observed: float) -> None:
    for fraction, dash in ((chosen, "solid"), (observed, "dot")):
        if math.isnan(fraction):
            continue
        figure.add_shape(
            type="line", xref=f"x{number}", yref=f"y{number}", x0=fraction, x1=fraction, y0=0, y1=1, layer="below",
            line={"color": NEUTRAL, "width": 1.2, "dash": dash},
        )  # fmt: skip
    if math.isnan(observed):
        return
    right = observed < 0.6
    add_note(
        figure, f"here {percent_text(observed)}", observed, 0.02, xref=f"x{number}", yref=f"y{number}",
        xanchor="left" if right else "right", yanchor="bottom", xshift=4 if right else -4,
    )  # fmt: skip


def at_fraction(found: PredictiveValues, fraction: float) -> PredictiveValues:
    """Values at the one prevalence of their grid that is nearest to a fraction."""
    place = slice(k := int(np.abs(found.prevalence - fraction).argmin()), k + 1)
    ppv_band, npv_band = (
        Band(band.x[place], band.low[place], band.high[place], band.method) for band in (found.ppv_band, found.npv_band)
    )
    return replace(
        found, prevalence=found.prevalence[place], ppv=found.ppv[place], npv=found.npv[place], ppv_band=ppv_band,
        npv_band=npv_band,
    )  # fmt: skip


def at_one(found: PredictiveValues) -> tuple[Estimate, Estimate]:
    """(ppv, npv) of values that were taken at one prevalence."""
    ppv, npv = (
        Estimate(float(value[0]), float(band.low[0]), float(band.high[0]), found.n, band.method)
        for value, band in ((found.ppv, found.ppv_band), (found.npv, found.npv_band))
    )
    return ppv, npv


def _reading(found: PredictiveValues) -> str:
    ppv, npv = at_one(found)
    return f"PPV {estimate_text(ppv)}, NPV {estimate_text(npv)}"


def describe_predictive_values(scene: Scene, at: Values) -> str:
    """The figure in words."""
    fraction = percent_text(float(at[0][1].prevalence[0]))
    parts = [f"{line.title}: {_reading(found)}" for line, found in at]
    return f"Predictive values for {scene.finding} over prevalence. Where {fraction} have it: {'; '.join(parts)}."


def predictive_values_rows(values: Values) -> list[dict[str, Any]]:
    """The points of the curves, a row each."""
    return [
        {
            "model": line.title, "threshold": found.threshold, "prevalence": found.prevalence[k],
            "ppv": found.ppv[k], "ppv_low": found.ppv_band.low[k], "ppv_high": found.ppv_band.high[k],
            "npv": found.npv[k], "npv_low": found.npv_band.low[k], "npv_high": found.npv_band.high[k],
        }
        for line, found in values
        for k in range(len(found.prevalence))
    ]  # fmt: skip


def meanings(scene: Scene, at: Values) -> list[dict[str, str]]:
    """What the answers mean as counts of a hundred, a row a model, for people who do not read curves."""
    rows = []
    for line, found in at:
        ppv, npv = at_one(found)
        rows.append(
            {
                "Model": line.title,
                "Called from": number_text(found.threshold),
                f"Of 100 predicted positive, with {scene.finding}": _of_hundred(ppv),
                f"Of 100 others, without {scene.finding}": _of_hundred(npv),
            }
        )
    return rows


def _of_hundred(fraction: Estimate) -> str:
    if math.isnan(fraction.value):
        return NOT_DEFINED
    value, low, high = (percent_text(end).removesuffix(" %") for end in (fraction.value, fraction.low, fraction.high))
    return value if math.isnan(fraction.low) else f"{value} ({low} to {high})"
