"""95 % intervals: Wilson for proportions, DeLong for the AUC, and a bootstrap that draws patients.

Several pictures of one patient are not independent: the bootstrap draws patients with replacement (`resampling`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.binary_resamples import binary_resamples
from core.evaluation.delong import Z, auc_covariance, auc_interval
from core.evaluation.metrics import METRICS, confusion, usable
from core.evaluation.resampling import ResampleFunction, patient_counts

__all__ = [
    "PROPORTIONS", "Estimate", "bootstrap", "delong", "patient_counts", "percentile_interval", "proportion", "wilson",
]  # fmt: skip

#: Metrics that are the share of some cases.
PROPORTIONS = ("sensitivity", "specificity", "ppv", "npv", "accuracy")


@dataclass(frozen=True)
class Estimate:
    """A number with its uncertainty.

    Attributes:
        value: The estimate, NaN where undefined.
        low: Lower end of the 95 % interval.
        high: Upper end.
        n: Cases it rests on.
        method: How the interval was made.
    """

    value: float
    low: float
    high: float
    n: int
    method: str


def wilson(successes: float, trials: float) -> Estimate:
    """Score interval of a proportion (Wilson 1927, JASA 22:209-212); NaN for no trials.

    Example:
        >>> estimate = wilson(8, 10)
        >>> round(estimate.low, 3), round(estimate.high, 3)
        (0.49, 0.943)
    """
    if trials == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0, "Wilson")
    share, z2 = successes / trials, Z * Z
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z / (1 + z2 / trials) * float(np.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials)))
    # The ends at 0 and at all successes are exactly 0 and 1; rounding must not leave the value outside.
    return Estimate(
        share, min(max(0.0, centre - half), share), max(min(1.0, centre + half), share), int(trials), "Wilson"
    )


def delong(y_true: ArrayLike, y_score: ArrayLike, patients: ArrayLike | None = None) -> Estimate:
    """AUC with DeLong's variance (DeLong et al. 1988), by midranks (Sun and Xu 2014, IEEE SPL 21:1389-1393).

    The interval is taken on the logit scale, so it stays within 0 and 1. At an AUC of exactly 0 or 1, or with fewer
    than two patients of a class, the variance says nothing and the interval is NaN.

    Args:
        y_true: (cases,) whether the finding is there.
        y_score: (cases,); cases with NaN are left out.
        patients: (cases,) whom each case shows, for the variance of clustered cases (Obuchowski 1997); None for one
            case a patient.
    """
    truth, score = usable(y_true, y_score)
    keep = ~np.isnan(np.asarray(y_score, dtype=np.float64))
    owner = None if patients is None else np.unique(np.asarray(patients)[keep], return_inverse=True)[1]
    aucs, covariance = auc_covariance(truth, score[None], owner)
    several = owner is not None and len(owner) and owner.max() + 1 < len(owner)
    method = "DeLong, clustered by patient" if several else "DeLong"
    return Estimate(float(aucs[0]), *auc_interval(float(aucs[0]), float(covariance[0, 0])), len(truth), method)


def _denominator(
    name: str, truth: NDArray[np.bool_], score: NDArray[np.float64], threshold: float
) -> NDArray[np.bool_]:
    """Which cases a proportion is a share of."""
    called = score >= threshold
    of = {"sensitivity": truth, "specificity": ~truth, "ppv": called, "npv": ~called}
    return of.get(name, np.ones(len(truth), bool))


def bootstrap(
    name: str,
    y_true: ArrayLike,
    y_score: ArrayLike,
    patients: ArrayLike | None = None,
    threshold: float = 0.5,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Percentile interval of a metric over resampled patients.

    Args:
        name: Key of `METRICS`.
        y_true: (cases,) whether the finding is there.
        y_score: (cases,) probabilities; cases with NaN are left out.
        patients: (cases,) whom each case shows; None for one case a patient.
        threshold: For decisions.
        resamples: Resamples.
        seed: Of the draws.

    Returns:
        The estimate; without interval where it or more than a tenth of the resamples is undefined. A proportion of
        exactly 0 or 1 is the same in all of them, which says nothing: it gets Wilson's with one trial a patient.

    Raises:
        KeyError: There is no such metric.
    """
    truth, score = usable(y_true, y_score)
    value, method = METRICS[name].function(truth, score, threshold), f"patient bootstrap, {resamples} resamples"
    if np.isnan(value):
        return Estimate(value, float("nan"), float("nan"), len(truth), method)
    keep = ~np.isnan(np.asarray(y_score, dtype=np.float64))
    names = np.arange(len(truth)) if patients is None else np.asarray(patients)[keep]
    if name in PROPORTIONS and value in {0.0, 1.0}:
        concerned = np.unique(names[_denominator(name, truth, score, threshold)])
        edge = wilson(len(concerned) if value else 0, len(concerned))
        return Estimate(value, edge.low, edge.high, len(truth), f"Wilson on {len(concerned)} patients")
    people, owner = np.unique(names, return_inverse=True)
    evaluate = binary_resamples(name, truth, score, owner, threshold)
    return percentile_interval(value, evaluate, len(people), len(truth), resamples, seed)


def percentile_interval(
    value: float, evaluate: ResampleFunction, people: int, cases: int, resamples: int, seed: int
) -> Estimate:
    """The 2.5th to 97.5th percentile of a metric over resampled patients; none where a tenth of them lack it."""
    method = f"patient bootstrap, {resamples} resamples"
    if people < 2:  # one patient is drawn again and again, which says nothing about others
        return Estimate(value, float("nan"), float("nan"), cases, method)
    results = np.concatenate([evaluate(counts) for counts in patient_counts(people, resamples, seed)])
    defined = results[~np.isnan(results)]
    if len(defined) < 0.9 * resamples:
        return Estimate(value, float("nan"), float("nan"), cases, method)
    low, high = (float(v) for v in np.percentile(defined, (2.5, 97.5)))
    return Estimate(value, low, high, cases, method)


def proportion(name: str, y_true: ArrayLike, y_score: ArrayLike, threshold: float) -> Estimate:
    """Wilson's interval of sensitivity, specificity, ppv, npv or accuracy, as if every case were another patient.

    Raises:
        KeyError: The metric is not one of these.
    """
    hits, alarms, rejected, misses = confusion(y_true, y_score, threshold)
    return wilson(
        *{
            "sensitivity": (hits, hits + misses),
            "specificity": (rejected, rejected + alarms),
            "ppv": (hits, hits + alarms),
            "npv": (rejected, rejected + misses),
            "accuracy": (hits + rejected, hits + alarms + rejected + misses),
        }[name]
    )
