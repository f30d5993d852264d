"""Metrics of answers with several findings, each there or not: means over the findings.

`y_true` and `y_score` are (cases, labels). Cases with a NaN in their row are left out. An AUC or average precision is
the unweighted mean of those findings for which it is defined: with few cases some finding is often absent altogether,
and a card shows each finding with its count beside the mean.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.metrics import binary
from core.evaluation.metrics.multiclass import weighted_mean


def usable_labels(y_true: ArrayLike, y_score: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Both as (cases, labels) without the cases whose scores are NaN.

    Raises:
        ValueError: The shapes differ or are not two-dimensional.
    """
    truth, score = np.asarray(y_true), np.asarray(y_score, dtype=np.float64)
    if score.size == 0 and truth.size == 0:
        return np.empty((0, 1), bool), np.empty((0, 1))
    if truth.ndim != 2 or truth.shape != score.shape:
        raise ValueError(
            f"Expected y_true and y_score of one shape (cases, labels). Received {truth.shape}, {score.shape}."
        )
    keep = ~np.isnan(score).any(axis=1)
    return truth[keep].astype(bool), score[keep]


def mean_defined(values: ArrayLike, axis: int | None = None) -> NDArray[np.float64]:
    """Mean over an axis, or over all for None, of what is not NaN; NaN where nothing is."""
    found = np.asarray(values, np.float64)
    defined = ~np.isnan(found)
    count = defined.sum(axis=axis)
    total = np.where(defined, found, 0.0).sum(axis=axis)
    return np.divide(total, count, out=np.full(np.shape(count), np.nan), where=count > 0)


def _each(function: Callable[..., float], y_true: ArrayLike, y_score: ArrayLike) -> float:
    truth, score = usable_labels(y_true, y_score)
    return float(mean_defined([function(truth[:, k], score[:, k]) for k in range(score.shape[1])]))


def roc_auc(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Unweighted mean of the findings' AUCs, over those with cases of both kinds."""
    return _each(binary.roc_auc, y_true, y_score)


def average_precision(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Unweighted mean of the findings' average precisions (steps), over those that occur."""
    return _each(binary.average_precision, y_true, y_score)


def _weighted(function: Callable[..., float], y_true: ArrayLike, y_score: ArrayLike) -> float:
    truth, score = usable_labels(y_true, y_score)
    values = np.array([function(truth[:, k], score[:, k]) for k in range(score.shape[1])])
    return float(weighted_mean(values, np.where(np.isnan(values), 0, truth.sum(axis=0))))


def roc_auc_weighted(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Mean of the findings' AUCs weighted by the cases that have them, over those with cases of both kinds."""
    return _weighted(binary.roc_auc, y_true, y_score)


def average_precision_weighted(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Mean of the findings' average precisions (steps) weighted by the cases that have them."""
    return _weighted(binary.average_precision, y_true, y_score)


def brier_score(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Mean squared error of the probabilities over cases and findings."""
    return _each(binary.brier_score, y_true, y_score)


def log_loss(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Mean negative log-likelihood in nats over cases and findings."""
    return _each(binary.log_loss, y_true, y_score)
