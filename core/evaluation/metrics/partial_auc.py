"""Area under the part of the ROC curve at high specificity, where a test that is used on many is read.

The range of the registered metrics is a specificity from 0.9 to 1. The raw area is between 0 and 0.1; McClish's
standardised one (McClish 1989, Medical Decision Making 9:190-195) is 0.5 for chance and 1 for no errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.metrics.binary import usable
from core.evaluation.statistics.resampling import ResampleFunction

#: Highest false positive rate of the registered metrics.
HIGHEST = 0.1


def partial_auc(
    y_true: ArrayLike,
    y_score: ArrayLike,
    threshold: float = 0.5,  # noqa: ARG001
    highest: float = HIGHEST,
    standardised: bool = True,
) -> float:
    """Area under the ROC curve up to a false positive rate.

    Args:
        y_true: (cases,) whether the finding is there.
        y_score: (cases,); cases with NaN are left out.
        threshold: Plays no part.
        highest: False positive rate at which the area ends, above 0 and up to 1.
        standardised: McClish's scale instead of the raw area.

    Returns:
        NaN where all cases are of one kind.
    """
    truth, score = usable(y_true, y_score)
    return float(partial_auc_of_weights(truth, score, np.ones((len(truth), 1)), highest, standardised)[0])


def partial_auc_raw(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:
    """The raw area up to a false positive rate of 0.1, at most 0.1."""
    return partial_auc(y_true, y_score, threshold, standardised=False)


def partial_auc_of_counts(
    truth: NDArray[np.bool_], score: NDArray[np.float64], patient_index: NDArray[np.intp], standardised: bool = True
) -> ResampleFunction:
    """The registered partial areas of many resamples, from (cases,) truth, scores and patients.

    Only the highest scores are looked at where they are enough.
    """
    order = np.argsort(-score, kind="stable")
    far = int(np.searchsorted(np.cumsum(~truth[order]), 2.0 * HIGHEST * (~truth).sum(), "right"))
    threshold = score[order[min(far, len(order) - 1)]]
    high = score >= threshold
    of_kind = np.stack([np.bincount(patient_index, truth), np.bincount(patient_index, ~truth)])

    def evaluate(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        totals = of_kind @ counts
        some = partial_auc_of_weights(
            truth[high], score[high], counts[patient_index[high]], HIGHEST, standardised, totals
        )
        reached = (~truth[high] @ counts[patient_index[high]]) >= HIGHEST * totals[1]
        if reached.all():
            return some
        return partial_auc_of_weights(truth, score, counts[patient_index], HIGHEST, standardised)

    return evaluate


def partial_auc_of_weights(
    truth: NDArray[np.bool_],
    score: NDArray[np.float64],
    weights: NDArray[np.floating],
    highest: float = HIGHEST,
    standardised: bool = True,
    totals: NDArray[np.floating] | None = None,
) -> NDArray[np.float64]:
    """(resamples,) areas for (cases, resamples) weights of the cases.

    `totals` is (2, resamples) of the weights of the cases with the finding and without, where those given are only the
    cases with the highest scores.
    """
    if not len(truth):
        return np.full(weights.shape[1], np.nan)
    if totals is None:
        totals = np.stack([truth @ weights, ~truth @ weights])
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    ordered, positive = np.asarray(weights[order], np.float64), truth[order]
    predicted = np.cumsum(ordered, axis=0)[last]
    tp = np.concatenate([np.zeros((1, weights.shape[1])), np.cumsum(ordered[positive], axis=0)])
    tp = tp[np.cumsum(positive)[last]]
    area = _area(_rates(predicted - tp, totals[1]), _rates(tp, totals[0]), highest)
    if not standardised:
        return area
    least = highest * highest / 2.0
    return 0.5 * (1.0 + (area - least) / (highest - least))


def _rates(sums: NDArray[np.float64], total: NDArray[np.floating]) -> NDArray[np.float64]:
    """(cuts + 1, resamples) fraction of one kind called at each distinct score, NaN without cases of this kind."""
    rates = np.divide(sums, total, out=np.full(sums.shape, np.nan), where=total > 0)
    return np.concatenate([np.where(total > 0, 0.0, np.nan)[None], rates])


def _area(x: NDArray[np.float64], y: NDArray[np.float64], highest: float) -> NDArray[Any]:
    """Trapezoids up to x = `highest`, the last one cut on its straight line."""
    width, rise = np.diff(x, axis=0), np.diff(y, axis=0)
    used = np.clip(highest - x[:-1], 0.0, width)
    fraction = np.divide(used, width, out=np.zeros_like(width), where=width > 0)
    return np.asarray((used * (y[:-1] + rise * fraction / 2.0)).sum(axis=0))
