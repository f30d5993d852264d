"""A metric with the interval that suits it: DeLong's for the AUC, Wilson's for shares, else the patient bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.delong import auc_covariance, auc_interval
from core.evaluation.intervals import Estimate
from core.evaluation.patients import clustered
from core.evaluation.proportions import patient_wilson
from core.evaluation.questions import Taken
from core.evaluation.resamples import resampled_values

NAN = float("nan")

#: Metrics that are a share of some cases.
SHARES = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "accuracy_multiclass")


@dataclass(frozen=True, eq=False)
class Measured:
    """An estimate with what differences from independent ones are made of.

    Attributes:
        estimate: The metric with its interval.
        variance: Of an AUC, else NaN.
        values: (resamples,) the metric over resampled patients; empty for an AUC.
    """

    estimate: Estimate
    variance: float
    values: NDArray[np.float64]


def estimate(cases: Taken, resamples: int = 2000, seed: int = 0) -> Estimate:
    """A metric with its 95 % interval; patients are the units wherever one has several cases.

    Args:
        cases: Truth and scores.
        resamples: Resamples, where the interval is a bootstrap's.
        seed: Of the draws.

    Returns:
        The estimate, without interval where it or more than a tenth of the resamples is undefined.
    """
    if cases.metric.name in SHARES:
        return share(cases)
    return measure(cases, resamples, seed).estimate


def measure(cases: Taken, resamples: int = 2000, seed: int = 0) -> Measured:
    """`estimate` with its variance or resamples."""
    if cases.metric.name == "roc_auc":
        return measure_aucs(cases, cases.score[None])[0][0]
    return measure_resamples(cases, resampled_values([cases], resamples, seed)[0])


def measure_aucs(cases: Taken, scores: NDArray[np.float64]) -> tuple[list[Measured], NDArray[np.float64]]:
    """AUCs of (models, cases) scores with DeLong's intervals, and their covariance."""
    aucs, covariance = auc_covariance(cases.truth, scores, cases.owner)
    method = "DeLong, clustered by patient" if clustered(cases.owner) else "DeLong"
    found = []
    for auc, variance in zip(aucs.tolist(), np.diagonal(covariance).tolist(), strict=True):
        interval = auc_interval(auc, variance)
        found.append(Measured(Estimate(auc, *interval, len(cases), method), variance, np.empty(0)))
    return found, covariance


def measure_resamples(cases: Taken, values: NDArray[np.float64]) -> Measured:
    """A metric with its (resamples,) values over resampled patients, and Wilson's or the percentile interval."""
    found = share(cases) if cases.metric.name in SHARES else _percentiles(cases, values)
    return Measured(found, NAN, values)


def share(cases: Taken) -> Estimate:
    """Wilson's interval of a metric of `SHARES`; `n` is the cases that it is a share of."""
    return patient_wilson(*right_of(cases))


def right_of(cases: Taken) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """For a metric of `SHARES`: whether each case that it is a share of counts, and its patient."""
    if cases.metric.answers == "multiclass":
        return np.asarray(cases.score.argmax(axis=1) == cases.truth), cases.owner
    truth, called = np.asarray(cases.truth, bool), cases.score >= cases.threshold
    of = {"sensitivity": truth, "specificity": ~truth, "ppv": called, "npv": ~called}
    among = of.get(cases.metric.name, np.ones(len(cases), bool))
    return (truth == called)[among], cases.owner[among]


def _percentiles(cases: Taken, values: NDArray[np.float64]) -> Estimate:
    value, defined = cases.value, values[~np.isnan(values)]
    method = f"patient bootstrap, {len(values)} resamples"
    if np.isnan(value) or len(defined) < 0.9 * len(values):
        return Estimate(value, NAN, NAN, len(cases), method)
    low, high = (float(end) for end in np.percentile(defined, (2.5, 97.5)))
    return Estimate(value, low, high, len(cases), method)
