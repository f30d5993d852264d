"""A metric with the interval that suits it: for the AUC from DeLong's variance, Wilson's for shares, else a bootstrap.

This is the one place where an interval is chosen: pages, cards, exports and the command line all come here.
`benchmarks/coverage.py` measures how often the intervals hold the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.metrics.mask_cases import CASE_VALUES
from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.questions import Taken, has_score
from core.evaluation.results.resamples import resampled_values
from core.evaluation.statistics.auc_limits import auc_limits
from core.evaluation.statistics.delong import AucParts, auc_parts
from core.evaluation.statistics.intervals import Estimate, resampled_estimate
from core.evaluation.statistics.limits import Limits
from core.evaluation.statistics.patients import clustered, count, patient_indices
from core.evaluation.statistics.proportions import fraction_influence, fraction_limits, patient_wilson

NAN = float("nan")

#: Metrics of masks that are a fraction of some images: resamples of few all agree where Wilson's interval does not.
MASK_FRACTIONS = ("mask_left_empty",)

#: Metrics that are a fraction of some cases.
FRACTIONS = ("sensitivity", "specificity", "ppv", "npv", "accuracy", "accuracy_multiclass")


@dataclass(frozen=True, eq=False)
class Measured:
    """An estimate with what differences are made of.

    Attributes:
        estimate: The metric with its interval.
        limits: Of an AUC or a fraction at any level, else None.
        influence: (patients,) what each adds to an AUC or a fraction or takes from it, else empty.
        variance: Of an AUC, else NaN.
        values: (resamples,) a metric of another kind over resampled patients, else empty.
    """

    estimate: Estimate
    limits: Limits | None
    influence: NDArray[np.float64]
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
    return measure(cases, resamples, seed).estimate


def estimate_of(
    metric: str,
    y_true: ArrayLike,
    y_score: ArrayLike,
    patients: ArrayLike | None = None,
    threshold: float = 0.5,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """`estimate` from plain arrays.

    Args:
        metric: Key of `METRICS`.
        y_true: (cases,) whether the finding is there, or class indices; (cases, labels) for several findings.
        y_score: (cases,) or (cases, labels) probabilities; cases with NaN are left out.
        patients: (cases,) whom each case shows; None for one case a patient.
        threshold: For decisions.
        resamples: Resamples, where the interval is a bootstrap's.
        seed: Of the draws.

    Raises:
        KeyError: There is no such metric.
        ValueError: The answers are of another kind than the metric's.

    Example:
        >>> found = estimate_of("sensitivity", [1, 1, 1, 1, 0], [0.9, 0.8, 0.7, 0.2, 0.1])
        >>> f"{found.value} ({found.low:.2f} to {found.high:.2f})"
        '0.75 (0.30 to 0.95)'
    """
    return estimate(cases_of(metric, y_true, y_score, patients, threshold), resamples, seed)


def cases_of(
    metric: str, y_true: ArrayLike, y_score: ArrayLike, patients: ArrayLike | None = None, threshold: float = 0.5
) -> Taken:
    """Plain arrays as a metric takes them; see `estimate_of`."""
    entry, score, truth = METRICS[metric], np.asarray(y_score, np.float64), np.asarray(y_true)
    axes = {"binary": (1, 1), "multiclass": (1, 2), "multilabel": (2, 2), "mask": (1, 2)}[entry.answers]
    if (truth.ndim, score.ndim) != axes or len(truth) != len(score):
        raise ValueError(f"Expected {entry.answers} answers for {metric}. Received {truth.shape} and {score.shape}.")
    truth = truth.astype(np.intp if entry.answers in {"multiclass", "mask"} else bool)
    keep = has_score(entry, score)
    patient_index = np.arange(len(score)) if patients is None else patient_indices(np.asarray(patients))
    whole = Taken(entry, truth, score, threshold, np.arange(len(score)), patient_index, int((~keep).sum()), "")
    return whole if keep.all() else whole.part(keep)


def measure(cases: Taken, resamples: int = 2000, seed: int = 0) -> Measured:
    """`estimate` with its limits or resamples."""
    if cases.metric.name == "roc_auc":
        return measure_aucs(cases, cases.score[None])[0]
    if cases.metric.name in FRACTIONS:
        return measure_fraction(cases)
    return measure_resamples(cases, resampled_values([cases], resamples, seed)[0])


def measure_aucs(cases: Taken, scores: NDArray[np.float64]) -> list[Measured]:
    """AUCs of (models, cases) scores."""
    parts = auc_parts(cases.truth, scores, cases.patient_index)
    return [_auc(cases, parts, model) for model in range(len(scores))]


def _auc(cases: Taken, parts: AucParts, model: int) -> Measured:
    limits = auc_limits(parts, model)
    method = "DeLong, clustered by patient" if clustered(cases.patient_index) else "DeLong"
    found = Estimate(limits.value, *limits.interval(), len(cases), f"{method}, score interval")
    return Measured(found, limits, parts.influence[model], float(parts.covariance[model, model]), np.empty(0))


def measure_fraction(cases: Taken) -> Measured:
    """A metric of `FRACTIONS` with Wilson's interval; `n` is the cases that it is a fraction of."""
    right, patient_index = right_of(cases)
    n_patients, width = count(cases.patient_index), int(cases.patient_index.max(initial=-1)) + 1
    influence = fraction_influence(right, patient_index, width)
    found, limits = patient_wilson(right, patient_index, n_patients), fraction_limits(right, patient_index, n_patients)
    return Measured(found, limits, influence, NAN, np.empty(0))


def measure_resamples(cases: Taken, values: NDArray[np.float64]) -> Measured:
    """A metric with its (resamples,) values over resampled patients, and their percentiles."""
    n_patients = count(cases.patient_index)
    if cases.metric.name in MASK_FRACTIONS:
        right = CASE_VALUES[cases.metric.name](cases.score)
        known = ~np.isnan(right)
        found = patient_wilson(right[known] == 1, cases.patient_index[known], n_patients)
    else:
        found = resampled_estimate(cases.value, values, n_patients, cases.defined)
    return Measured(found, None, np.empty(0), NAN, values)


def right_of(cases: Taken) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """(n,) bool, whether each case that a metric of `FRACTIONS` counts is right, and (n,) its patient's number."""
    if cases.metric.answers == "multiclass":
        return np.asarray(cases.score.argmax(axis=1) == cases.truth), cases.patient_index
    truth, predicted = np.asarray(cases.truth, bool), cases.score >= cases.threshold
    of = {"sensitivity": truth, "specificity": ~truth, "ppv": predicted, "npv": ~predicted}
    among = of.get(cases.metric.name, np.ones(len(cases), bool))
    return (truth == predicted)[among], cases.patient_index[among]
