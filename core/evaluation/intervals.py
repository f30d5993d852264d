"""95 % intervals: Wilson for proportions, DeLong for the AUC, and a bootstrap that draws patients.

Several pictures of one patient are not independent. The bootstrap draws patients with replacement, which for n patients
is a count for each; a metric of the resampled cases is then the metric with these counts as weights. Sorting once and
taking weighted sums of many folds together is what makes 2,000 folds cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.metrics import METRICS, confusion, midranks, usable

#: 97.5th percentile of the standard normal distribution.
Z = 1.959963984540054

#: Folds a time: few enough for the sums of 10,000 cases to stay in the processor's cache.
BLOCK = 25

#: Metrics that are the share of some cases.
PROPORTIONS = ("sensitivity", "specificity", "ppv", "npv", "accuracy")

#: From (patients, folds) counts to (folds,) values.
FoldFunction = Callable[[NDArray[np.float32]], NDArray[np.float64]]


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


def wilson(successes: int, trials: int) -> Estimate:
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
    return Estimate(share, min(max(0.0, centre - half), share), max(min(1.0, centre + half), share), trials, "Wilson")


def delong(y_true: ArrayLike, y_score: ArrayLike) -> Estimate:
    """AUC with DeLong's variance (DeLong et al. 1988), by midranks (Sun and Xu 2014, IEEE SPL 21:1389-1393).

    The interval is taken on the logit scale, so it stays within 0 and 1. At an AUC of exactly 0 or 1, or with fewer
    than two cases of a class, the variance says nothing and the interval is NaN.
    """
    truth, score = usable(y_true, y_score)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    nan = float("nan")
    if positives == 0 or negatives == 0:
        return Estimate(nan, nan, nan, len(truth), "DeLong")
    ranks = midranks(score)
    above = (ranks[truth] - midranks(score[truth])) / negatives  # for each positive: share of negatives below it
    below = 1.0 - (ranks[~truth] - midranks(score[~truth])) / positives
    auc = float(above.mean())
    if min(positives, negatives) < 2 or auc in {0.0, 1.0}:
        return Estimate(auc, nan, nan, len(truth), "DeLong")
    error = float(np.sqrt(above.var(ddof=1) / positives + below.var(ddof=1) / negatives))
    centre, half = np.log(auc / (1 - auc)), Z * error / (auc * (1 - auc))
    low, high = (float(1 / (1 + np.exp(-(centre + side * half)))) for side in (-1, 1))
    return Estimate(auc, low, high, len(truth), "DeLong")


def patient_counts(people: int, folds: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """How often each patient is drawn when as many as there are are drawn with replacement.

    Args:
        people: Number of patients.
        folds: Number of resamples.
        seed: Of the draws.

    Yields:
        (people, up to `BLOCK`) float32, one column a fold.
    """
    rng = np.random.default_rng(seed)
    for start in range(0, folds, BLOCK):
        block = min(BLOCK, folds - start)
        drawn = rng.integers(0, people, (people, block), dtype=np.int64)
        drawn *= block
        drawn += np.arange(block)
        yield np.bincount(drawn.reshape(-1), minlength=people * block).reshape(people, block).astype(np.float32)


def auc_of_counts(truth: NDArray[np.bool_], score: NDArray[np.float64], owner: NDArray[np.intp]) -> FoldFunction:
    """AUC = Σ_positives w · (weight of the negatives below + half of those at the same score) / (W⁺ W⁻).

    Sorting is done once; a fold costs one cumulative sum over the negatives. Sums below 2**24 are exact in float32.
    """
    order = np.argsort(score[~truth], kind="stable")
    negatives, positives = owner[~truth][order], owner[truth]
    lower = np.searchsorted(score[~truth][order], score[truth], "left")
    upper = np.searchsorted(score[~truth][order], score[truth], "right")
    tied = bool((lower != upper).any())

    def evaluate(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        below = np.zeros((len(negatives) + 1, counts.shape[1]), np.float32)
        np.cumsum(counts[negatives], axis=0, out=below[1:])
        weights = counts[positives]
        total = np.einsum("cf,cf->f", weights, below[lower])
        if tied:
            total = (total + np.einsum("cf,cf->f", weights, below[upper])) / 2
        return _divide(total, weights.sum(0, dtype=np.float64) * below[-1])

    return evaluate


def _divide(part: NDArray[np.floating], whole: NDArray[np.floating]) -> NDArray[np.float64]:
    """NaN where the whole is 0, as in a fold without cases of a class."""
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0, dtype=np.float64)


def _ratio_of_counts(
    name: str, truth: NDArray[np.bool_], score: NDArray[np.float64], owner: NDArray[np.intp], threshold: float
) -> FoldFunction | None:
    """For metrics that are ratios of sums over cases: sums by patient once, then one product with the counts."""
    called, one = score >= threshold, np.ones(len(truth))
    parts: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {
        "sensitivity": (called & truth, truth),
        "specificity": (~called & ~truth, ~truth),
        "ppv": (called & truth, called),
        "npv": (~called & ~truth, ~called),
        "accuracy": (called == truth, one),
        "f1": (2.0 * (called & truth), 1.0 * called + truth),
        "brier": ((score - truth) ** 2, one),
    }
    if name not in parts:
        return None
    part, whole = (np.bincount(owner, column) for column in parts[name])
    return lambda counts: _divide(part @ counts, whole @ counts)


def _any_of_counts(
    name: str, truth: NDArray[np.bool_], score: NDArray[np.float64], owner: NDArray[np.intp], threshold: float
) -> FoldFunction:
    """For every other metric: repeat the cases as often as their patient was drawn."""

    def evaluate(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        chosen = [np.repeat(np.arange(len(truth)), fold[owner].astype(int)) for fold in counts.T]
        return np.array([METRICS[name].function(truth[cases], score[cases], threshold) for cases in chosen])

    return evaluate


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
    folds: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Percentile interval of a metric over resampled patients.

    Args:
        name: Key of `METRICS`.
        y_true: (cases,) whether the finding is there.
        y_score: (cases,) probabilities; cases with NaN are left out.
        patients: (cases,) whom each case shows; None for one case a patient.
        threshold: For decisions.
        folds: Resamples.
        seed: Of the draws.

    Returns:
        The estimate; without interval where it or more than a tenth of the folds is undefined. A proportion of exactly
        0 or 1 is the same in every fold, which says nothing: it gets Wilson's interval with one trial a patient.

    Raises:
        KeyError: There is no such metric.
    """
    truth, score = usable(y_true, y_score)
    value, method = METRICS[name].function(truth, score, threshold), f"patient bootstrap, {folds} folds"
    if np.isnan(value):
        return Estimate(value, float("nan"), float("nan"), len(truth), method)
    keep = ~np.isnan(np.asarray(y_score, dtype=np.float64))
    names = np.arange(len(truth)) if patients is None else np.asarray(patients)[keep]
    if name in PROPORTIONS and value in {0.0, 1.0}:
        concerned = np.unique(names[_denominator(name, truth, score, threshold)])
        edge = wilson(len(concerned) if value else 0, len(concerned))
        return Estimate(value, edge.low, edge.high, len(truth), f"Wilson on {len(concerned)} patients")
    people, owner = np.unique(names, return_inverse=True)
    if name == "roc_auc":
        evaluate = auc_of_counts(truth, score, owner)
    else:
        ratio = _ratio_of_counts(name, truth, score, owner, threshold)
        evaluate = ratio or _any_of_counts(name, truth, score, owner, threshold)
    return percentile_interval(value, evaluate, len(people), len(truth), folds, seed)


def percentile_interval(
    value: float, evaluate: FoldFunction, people: int, cases: int, folds: int, seed: int
) -> Estimate:
    """The 2.5th to 97.5th percentile of a metric over resampled patients; none where a tenth of the folds lacks it."""
    method = f"patient bootstrap, {folds} folds"
    results = np.concatenate([evaluate(counts) for counts in patient_counts(people, folds, seed)])
    defined = results[~np.isnan(results)]
    if len(defined) < 0.9 * folds:
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
