"""Metrics of binary answers on plain arrays.

Undefined is NaN: a sensitivity without cases of the finding, an AUC of one class. Ties in the score count half, so no
metric depends on the order of the cases. The registry is `core.evaluation.metrics.registry.METRICS`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def usable(y_true: ArrayLike, y_score: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Both as arrays, without the cases whose score is NaN (an image that could not be read has no answer).

    Raises:
        ValueError: The shapes differ or are not one-dimensional.
    """
    truth, score = np.asarray(y_true), np.asarray(y_score, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != score.shape:
        raise ValueError(f"Expected y_true and y_score of one shape (cases,). Received {truth.shape}, {score.shape}.")
    keep = ~np.isnan(score)
    return truth[keep].astype(bool), score[keep]


def confusion(y_true: ArrayLike, y_score: ArrayLike, threshold: float) -> tuple[int, int, int, int]:
    """(true positives, false positives, true negatives, false negatives) with `score >= threshold` as positive."""
    truth, score = usable(y_true, y_score)
    positive = score >= threshold
    tp, fp = int((positive & truth).sum()), int((positive & ~truth).sum())
    return tp, fp, int((~truth).sum()) - fp, int(truth.sum()) - tp


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def midranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) ranks from 1 of (n,) values; equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2.0)[place]


def roc_auc(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Area under the ROC curve as the Mann-Whitney statistic with midranks: P(s⁺ > s⁻) + P(s⁺ = s⁻) / 2.

    Example:
        >>> roc_auc([0, 0, 1, 1], [0.1, 0.5, 0.5, 0.9])
        0.875
    """
    truth, score = usable(y_true, y_score)
    positives = int(truth.sum())
    pairs = positives * (len(truth) - positives)
    rank_sum = float(midranks(score)[truth].sum())
    return _ratio(rank_sum - positives * (positives + 1) / 2.0, pairs)


def average_precision(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Sum of (R_k − R_{k−1}) P_k over the distinct scores, highest first: steps, no interpolation."""
    truth, score = usable(y_true, y_score)
    if not truth.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    tp, last = np.cumsum(truth[order]), np.append(np.diff(score[order]) != 0, True)
    precision = tp[last] / (np.flatnonzero(last) + 1)
    return float((np.diff(tp[last], prepend=0) * precision).sum() / truth.sum())


def sensitivity(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:
    """Fraction of cases with the finding that are predicted positive: TP / (TP + FN)."""
    tp, _, _, fn = confusion(y_true, y_score, threshold)
    return _ratio(tp, tp + fn)


def specificity(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:
    """Fraction of cases without the finding that are predicted negative: TN / (TN + FP)."""
    _, fp, tn, _ = confusion(y_true, y_score, threshold)
    return _ratio(tn, tn + fp)


def ppv(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:
    """Positive predictive value at the prevalence of these cases: TP / (TP + FP)."""
    tp, fp, _, _ = confusion(y_true, y_score, threshold)
    return _ratio(tp, tp + fp)


def npv(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:
    """Negative predictive value at the prevalence of these cases: TN / (TN + FN)."""
    _, _, tn, fn = confusion(y_true, y_score, threshold)
    return _ratio(tn, tn + fn)


def accuracy(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:
    """Fraction of right decisions."""
    tp, fp, tn, fn = confusion(y_true, y_score, threshold)
    return _ratio(tp + tn, tp + fp + tn + fn)


def balanced_accuracy(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:
    """Mean of sensitivity and specificity; NaN where one of them is."""
    return (sensitivity(y_true, y_score, threshold) + specificity(y_true, y_score, threshold)) / 2.0


def f1_score(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:
    """Harmonic mean of sensitivity and PPV, 2 TP / (2 TP + FP + FN); NaN where all three are 0."""
    tp, fp, _, fn = confusion(y_true, y_score, threshold)
    return _ratio(2 * tp, 2 * tp + fp + fn)


def brier_score(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Mean squared error of the probability of the finding (half of Brier's sum over both classes)."""
    truth, score = usable(y_true, y_score)
    return float(np.mean((score - truth) ** 2)) if len(truth) else float("nan")


def log_loss(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Mean negative log-likelihood in nats; probabilities are kept 2.2e-16 away from 0 and 1."""
    truth, score = usable(y_true, y_score)
    return float(case_log_loss(truth, score).mean()) if len(truth) else float("nan")


def case_log_loss(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> NDArray[np.float64]:
    """(cases,) −log of the probability of what was true, of any shape."""
    tiny = np.finfo(np.float64).eps
    bounded = np.clip(score, tiny, 1 - tiny)
    return -np.where(truth, np.log(bounded), np.log1p(-bounded))


def expected_calibration_error(
    y_true: ArrayLike,
    y_score: ArrayLike,
    threshold: float = 0.5,  # noqa: ARG001
    bins: int = 10,
) -> float:
    """Expected calibration error of the positive class, ten bins of equal width.

    Mean over the cases of |observed share − mean probability| of their bin. (Guo et al. 2017, arXiv:1706.04599, use
    the top label instead.) A probability on an edge belongs to the bin above, 1 to the last.
    """
    truth, score = usable(y_true, y_score)
    return _binned_error(score, truth - score, bins)


def expected_calibration_error_top_label(
    y_true: ArrayLike,
    y_score: ArrayLike,
    threshold: float = 0.5,  # noqa: ARG001
    bins: int = 10,
) -> float:
    """Expected calibration error of the likelier of the two answers (Guo et al. 2017, arXiv:1706.04599).

    As `multiclass.expected_calibration_error` has it for both probabilities: bins of equal width from 0 to 1, of which
    those below 0.5 stay empty. At 0.5 the answer is no, the first of equal ones.
    """
    truth, score = usable(y_true, y_score)
    return _binned_error(*top_label(truth, score), bins)


def top_label(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(cases,) probability of the likelier answer, and whether it was right minus that probability."""
    top = np.maximum(score, 1.0 - score)
    return top, np.asarray(((score > 0.5) == truth) - top)


def bin_of(probability: NDArray[np.float64], bins: int = 10) -> NDArray[np.intp]:
    """(cases,) bin of equal width: an edge belongs to the bin above, 1 to the last."""
    return np.clip((probability * bins).astype(np.intp), 0, bins - 1)


def _binned_error(probability: NDArray[np.float64], gap: NDArray[np.float64], bins: int) -> float:
    if not len(gap):
        return float("nan")
    return float(np.abs(np.bincount(bin_of(probability, bins), gap, bins)).sum() / len(gap))
