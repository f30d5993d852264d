"""Predictive values at other prevalences than that of the cases: what a test means in another waiting room."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.metrics.grids import even_grid
from core.evaluation.results.evaluation import Finding
from core.evaluation.results.operating_point import confusion_of
from core.evaluation.results.questions import taken
from core.evaluation.statistics.intervals import Estimate
from core.evaluation.statistics.resampled_rates import (
    Band,
    band,
    resampled_counts,
    resamples_for,
)


@dataclass(frozen=True, eq=False)
class PredictiveValues:
    """Positive and negative predictive value over prevalence, by Bayes' rule.

    Attributes:
        name: Of the finding.
        threshold: At which sensitivity and specificity were taken.
        prevalence: (points,) from 0 to 1.
        ppv: (points,) NaN where not defined.
        npv: (points,).
        ppv_band: From resampled sensitivity and specificity.
        npv_band: From resampled sensitivity and specificity.
        sensitivity: With its interval.
        specificity: With its interval.
        observed: Prevalence of the cases themselves.
        n: Cases.
        note: What a reader should know, or `""`.
    """

    name: str
    threshold: float
    prevalence: NDArray[np.float64]
    ppv: NDArray[np.float64]
    npv: NDArray[np.float64]
    ppv_band: Band
    npv_band: Band
    sensitivity: Estimate
    specificity: Estimate
    observed: float
    n: int
    note: str


def predictive_values(
    sensitivity: ArrayLike, specificity: ArrayLike, prevalence: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(ppv, npv) by Bayes' rule, NaN where no case would be called, or none left.

    Example:
        >>> ppv, npv = predictive_values(0.992, 0.658, [0.62, 0.10, 0.01])
        >>> ppv.round(2).tolist()
        [0.83, 0.24, 0.03]
    """
    true_rate, tn, fraction = np.broadcast_arrays(
        np.asarray(sensitivity, np.float64), np.asarray(specificity, np.float64), np.asarray(prevalence, np.float64)
    )
    tp, fp = true_rate * fraction, (1.0 - tn) * (1.0 - fraction)
    fn, right = (1.0 - true_rate) * fraction, tn * (1.0 - fraction)
    return _divide(tp, tp + fp), _divide(right, right + fn)


def _divide(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def ppv_npv_at(
    finding: Finding,
    prevalence: ArrayLike | None = None,
    threshold: float | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> PredictiveValues:
    """Predictive values of a finding's decisions over prevalence.

    A sensitivity or specificity of exactly 0 or 1 is so in every resample, which says nothing: there the band reaches
    to Wilson's interval of it instead.

    Args:
        finding: The answers.
        prevalence: (points,) between 0 and 1; 101 evenly spaced ones for None.
        threshold: Of the decisions; the model's own, or 0.5 where it has none, for None.
        resamples: Resamples of the patients for the bands.
        seed: Of the draws.
    """
    at, cases = confusion_of(finding, threshold), taken(finding, "roc_auc")
    grid = even_grid(101) if prevalence is None else np.atleast_1d(np.asarray(prevalence, np.float64))
    drawn = resampled_counts(
        cases.truth,
        cases.score,
        cases.patient_index,
        np.array([at.threshold]),
        resamples_for(len(cases), resamples),
        seed,
    )
    rates = [
        _divide(drawn.tp[:, 0], drawn.positives),
        1.0 - _divide(drawn.fp[:, 0], drawn.negatives),
    ]
    shown = [at.sensitivity, at.specificity]
    rates = [_spread(rate, estimate, seed + k) for k, (rate, estimate) in enumerate(zip(rates, shown, strict=True))]
    values = predictive_values(rates[0][:, None], rates[1][:, None], grid)
    ppv, npv = predictive_values(at.sensitivity.value, at.specificity.value, grid)
    return PredictiveValues(
        finding.name, at.threshold, grid, ppv, npv, _around(band(grid, values[0], drawn.method, drawn.n_patients), ppv),
        _around(band(grid, values[1], drawn.method, drawn.n_patients), npv), at.sensitivity, at.specificity,
        float(cases.truth.mean()) if len(cases) else float("nan"), len(cases), at.note,
    )  # fmt: skip


def _spread(rates: NDArray[np.float64], estimate: Estimate, seed: int) -> NDArray[np.float64]:
    """Resampled rates; where all are exactly 0 or 1, draws evenly spread over the interval of the estimate."""
    if estimate.value not in {0.0, 1.0}:
        return rates
    return np.random.default_rng(seed).uniform(estimate.low, estimate.high, len(rates))


def _around(found: Band, values: NDArray[np.float64]) -> Band:
    """The band, reaching to the values themselves: percentiles of a spread that ends at them stop just short."""
    return replace(found, low=np.minimum(found.low, values), high=np.maximum(found.high, values))
