"""Temperature and threshold, both chosen on the validation split and never on test."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.metrics.binary import usable
from core.evaluation.metrics.multiclass import case_log_loss, usable_rows


def sigmoid(logits: ArrayLike) -> NDArray[np.float64]:
    """1 / (1 + exp(−z)) without overflow, float64 in the shape of the logits."""
    values = np.asarray(logits, dtype=np.float64)
    return 0.5 * (1.0 + np.tanh(values / 2.0))


def _negative_log_likelihood(truth: NDArray[np.bool_], logits: NDArray[np.float64]) -> float:
    return float(np.mean(np.logaddexp(0.0, np.where(truth, -logits, logits))))


def fit_temperature(y_true: ArrayLike, logits: ArrayLike, low: float = 0.05, high: float = 20.0) -> float:
    """The number that divides the logits so that the log loss is least (Guo et al. 2017, arXiv:1706.04599).

    The log loss is convex in 1 / temperature, so a golden-section search over it finds the one minimum.

    Args:
        y_true: (cases,) whether the finding is there.
        logits: (cases,) before the sigmoid.
        low: Least temperature.
        high: Greatest temperature.

    Returns:
        The temperature; 1.0 where there are cases of one class only and no minimum exists.
    """
    truth, values = usable(y_true, logits)
    if truth.all() or not truth.any():
        return 1.0
    return _least_loss(lambda scale: _negative_log_likelihood(truth, values * scale), low, high)


def _least_loss(loss: Callable[[float], float], low: float, high: float) -> float:
    """The temperature between `low` and `high` at which a loss, convex in 1 / temperature, is least."""
    left, right = 1.0 / high, 1.0 / low
    golden = (np.sqrt(5.0) - 1.0) / 2.0
    while right - left > 1e-6:
        inner, outer = right - golden * (right - left), left + golden * (right - left)
        if loss(inner) < loss(outer):
            right = outer
        else:
            left = inner
    return float(2.0 / (left + right))


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """(cases, classes) logits to probabilities that sum to 1, float64, without overflow."""
    values = np.asarray(logits, dtype=np.float64)
    shifted = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def fit_softmax_temperature(y_true: ArrayLike, logits: ArrayLike, low: float = 0.05, high: float = 20.0) -> float:
    """`fit_temperature` for several classes of which one is right.

    Args:
        y_true: (cases,) class indices.
        logits: (cases, classes) before the softmax.
        low: Least temperature.
        high: Greatest temperature.

    Returns:
        The temperature; 1.0 where there are cases of one class only.
    """
    truth, values = usable_rows(y_true, logits)
    if len(np.unique(truth)) < 2:
        return 1.0
    return _least_loss(lambda scale: float(case_log_loss(truth, softmax(values * scale)).mean()), low, high)


def _rates(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """(cuts, sensitivity, specificity) where cuts are the distinct scores, ascending, used as `score >= cut`."""
    thresholds, first = np.unique(np.sort(score), return_index=True)
    below = np.cumsum(np.append(0, np.bincount(np.searchsorted(thresholds, score), truth, len(thresholds))))[:-1]
    return thresholds, 1.0 - below / truth.sum(), (first - below) / (~truth).sum()


def choose_threshold(y_true: ArrayLike, y_score: ArrayLike, rule: str = "youden", value: float = 0.95) -> float:
    """A decision threshold from validation scores.

    It is put midway between the chosen score and the next lower one, so that rounding of a score does not turn the
    decision of the case it came from.

    Args:
        y_true: (cases,) whether the finding is there.
        y_score: (cases,) probabilities.
        rule: `youden` for the largest sensitivity + specificity − 1 (Youden 1950); `sensitivity` for the highest
            threshold that still reaches `value`.
        value: The sensitivity to reach.

    Raises:
        ValueError: There are cases of one class only, or the rule is unknown.
    """
    truth, score = usable(y_true, y_score)
    if truth.all() or not truth.any():
        raise ValueError("Expected cases with and without the finding. Received one kind only.")
    thresholds, sensitivity, specificity = _rates(truth, score)
    if rule == "youden":
        best = int(np.argmax(sensitivity + specificity))
    elif rule == "sensitivity":
        best = int(np.flatnonzero(sensitivity >= value - 1e-12)[-1])
    else:
        raise ValueError(f"Expected the rule youden or sensitivity. Received {rule!r}.")
    return float((thresholds[best] + thresholds[best - 1]) / 2.0) if best else float(thresholds[0])
