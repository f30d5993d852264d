"""Metrics of answers with several classes of which one is right, ordered classes included.

`y_true` is (cases,) of class indices, `y_score` (cases, classes) of probabilities. Cases with a NaN in their row are
left out. The decision is the class with the largest probability, the first of equal ones. What needs every class is
NaN where one is missing; a mean over the classes that happen to be there would not be comparable between data sets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.metrics import binary

NAN = float("nan")

#: Bins of equal width of the calibration error.
BINS = 10


def usable_rows(y_true: ArrayLike, y_score: ArrayLike) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Both as arrays without the cases whose scores are NaN; a table of no cases stays one.

    Raises:
        ValueError: The shapes do not fit, or a class index has no column.
    """
    truth, score = np.asarray(y_true), np.asarray(y_score, dtype=np.float64)
    if score.size == 0 and truth.size == 0:
        return np.empty(0, np.intp), score.reshape(0, score.shape[1] if score.ndim == 2 else 2)
    if truth.ndim != 1 or score.ndim != 2 or len(truth) != len(score):
        raise ValueError(
            f"Expected y_true (cases,) and y_score (cases, classes). Received {truth.shape}, {score.shape}."
        )
    keep = ~np.isnan(score).any(axis=1)
    indices = truth[keep].astype(np.intp)
    if len(indices) and not 0 <= indices.min() <= indices.max() < score.shape[1]:
        raise ValueError(f"Expected class indices below {score.shape[1]}. Received {indices.min()} to {indices.max()}.")
    return indices, score[keep]


def confusion_matrix(y_true: ArrayLike, y_score: ArrayLike) -> NDArray[np.int64]:
    """(classes, classes) counts: rows are the true class, columns the decision."""
    truth, score = usable_rows(y_true, y_score)
    classes = score.shape[1]
    return np.bincount(truth * classes + score.argmax(axis=1), minlength=classes**2).reshape(classes, classes)


def _divide(part: NDArray[np.floating], whole: NDArray[np.floating]) -> NDArray[np.float64]:
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def matrix_accuracy(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """Share on the diagonal of (…, classes, classes) counts."""
    return _divide(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum((-2, -1)))


def matrix_balanced_accuracy(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """Mean over the classes of the fraction correct, of (…, classes, classes) counts.

    NaN where a class has no case.
    """
    right = np.diagonal(matrix, axis1=-2, axis2=-1)
    return np.asarray(_divide(right, matrix.sum(-1)).mean(-1))


def matrix_f1(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """Mean over the classes of 2 TP / (2 TP + FP + FN), of (…, classes, classes) counts.

    NaN where a class neither occurs nor is predicted.
    """
    right = np.diagonal(matrix, axis1=-2, axis2=-1)
    return np.asarray(_divide(2 * right, matrix.sum(-1) + matrix.sum(-2)).mean(-1))


def matrix_f1_weighted(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """Mean of the classes' F1 weighted by their cases, of (…, classes, classes) counts.

    A class without cases has no weight.
    """
    right, cases = np.diagonal(matrix, axis1=-2, axis2=-1), matrix.sum(-1)
    return weighted_mean(_divide(2 * right, cases + matrix.sum(-2)), cases, axis=-1)


def matrix_mcc(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """Matthews' correlation of several classes, R_K (Gorodkin 2004), of (…, classes, classes) counts.

    NaN where all cases or decisions are of one class.

    Gorodkin, Computational Biology and Chemistry 28:367-374.
    """
    cells = matrix.astype(np.float64)
    cases, predicted, total = cells.sum(-1), cells.sum(-2), cells.sum((-2, -1))
    right = np.trace(cells, axis1=-2, axis2=-1)
    spread = (total**2 - (predicted**2).sum(-1)) * (total**2 - (cases**2).sum(-1))
    return _divide(right * total - (cases * predicted).sum(-1), np.sqrt(spread))


def weighted_mean(values: NDArray[np.float64], weights: NDArray[Any], axis: int = 0) -> NDArray[np.float64]:
    """Mean over an axis of values, with weights of the same shape; NaN where none has a weight.

    A value that has a weight and is NaN makes the mean NaN.
    """
    parts = np.where(weights > 0, values, 0.0) * weights
    return _divide(parts.sum(axis), np.asarray(weights, np.float64).sum(axis))


def matrix_kappa(matrix: NDArray[Any], quadratic: bool = False) -> NDArray[np.float64]:
    """1 − observed / expected disagreement of (…, classes, classes) counts.

    Weights are those of Cohen 1960, or (i − j)² as in Cohen 1968 for `quadratic`.

    NaN where no disagreement can be expected, because all cases and all decisions are of one class.
    """
    rank = np.arange(matrix.shape[-1])
    gap = rank[:, None] - rank[None, :]
    weight = (gap**2 if quadratic else gap != 0).astype(np.float64)
    chance = matrix.sum(-1)[..., :, None] * matrix.sum(-2)[..., None, :]
    observed, expected = (weight * matrix).sum((-2, -1)), (weight * chance).sum((-2, -1))
    return 1.0 - _divide(observed * matrix.sum((-2, -1)), expected)


def roc_auc_macro(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Unweighted mean of each class's AUC against the rest, as MedMNIST has it; NaN where a class is missing."""
    return _against_rest(binary.roc_auc, y_true, y_score, weighted=False)


def _against_rest(function: Callable[..., float], y_true: ArrayLike, y_score: ArrayLike, weighted: bool) -> float:
    truth, score = usable_rows(y_true, y_score)
    each = np.array([function(truth == k, score[:, k]) for k in range(score.shape[1])])
    if weighted:
        return float(weighted_mean(each, np.bincount(truth, minlength=score.shape[1])))
    return float(each.mean())


def roc_auc_weighted(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Mean of each class's AUC against the rest weighted by its cases; a class without cases has no weight."""
    return _against_rest(binary.roc_auc, y_true, y_score, weighted=True)


def average_precision_macro(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Unweighted mean of each class's average precision (steps) against the rest; NaN where a class is missing."""
    return _against_rest(binary.average_precision, y_true, y_score, weighted=False)


def average_precision_weighted(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Mean of each class's average precision (steps) against the rest weighted by its cases."""
    return _against_rest(binary.average_precision, y_true, y_score, weighted=True)


def f1_weighted(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Mean of the classes' F1 weighted by their cases."""
    return float(matrix_f1_weighted(confusion_matrix(y_true, y_score)))


def mcc(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Matthews' correlation of decision and truth for several classes."""
    return float(matrix_mcc(confusion_matrix(y_true, y_score)))


def accuracy(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Fraction of cases whose largest probability is that of their class."""
    return float(matrix_accuracy(confusion_matrix(y_true, y_score)))


def balanced_accuracy(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Mean sensitivity of the classes; NaN where a class is missing."""
    return float(matrix_balanced_accuracy(confusion_matrix(y_true, y_score)))


def kappa(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Agreement beyond chance, every error counting the same."""
    return float(matrix_kappa(confusion_matrix(y_true, y_score)))


def kappa_quadratic(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Agreement beyond chance, an error counting as the square of how many classes it is off."""
    return float(matrix_kappa(confusion_matrix(y_true, y_score), quadratic=True))


def f1_macro(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Unweighted mean of the classes' F1; NaN where a class neither occurs nor is predicted."""
    return float(matrix_f1(confusion_matrix(y_true, y_score)))


def case_brier(truth: NDArray[np.intp], score: NDArray[np.float64]) -> NDArray[np.float64]:
    """(cases,) sum over the classes of the squared error."""
    return np.asarray(((score - np.eye(score.shape[1])[truth]) ** 2).sum(axis=1))


def case_log_loss(truth: NDArray[np.intp], score: NDArray[np.float64]) -> NDArray[np.float64]:
    """(cases,) −log of the true class's probability, which is kept 2.2e-16 away from 0."""
    right = score[np.arange(len(truth)), truth]
    return -np.log(np.clip(right, np.finfo(np.float64).eps, 1.0))


def top_label_gaps(truth: NDArray[np.intp], score: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """(cases,) the bin of the largest probability, and whether it was right minus that probability."""
    top = score.max(axis=1)
    gap = (score.argmax(axis=1) == truth) - top
    return np.clip((top * BINS).astype(np.intp), 0, BINS - 1), np.asarray(gap, np.float64)


def brier_score(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Brier's own sum over all classes (Brier 1950), 0 to 2: for two classes twice the binary one."""
    truth, score = usable_rows(y_true, y_score)
    return float(case_brier(truth, score).mean()) if len(truth) else NAN


def log_loss(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Mean negative log-likelihood in nats."""
    truth, score = usable_rows(y_true, y_score)
    return float(case_log_loss(truth, score).mean()) if len(truth) else NAN


def expected_calibration_error(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Mean over the cases of |fraction right − mean largest probability| of their bin.

    Ten bins of equal width; a probability on an edge belongs to the bin above, 1 to the last
    (Guo et al. 2017, arXiv:1706.04599).
    """
    truth, score = usable_rows(y_true, y_score)
    if not len(truth):
        return NAN
    place, gap = top_label_gaps(truth, score)
    return float(np.abs(np.bincount(place, gap, BINS)).sum() / len(truth))
