"""Metrics of answers with several classes or several findings of many resamples at once.

Confusion matrices, bins and sums over cases are made once for each patient; a product with the counts gives those of
many resamples together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.metrics.binary import case_log_loss as label_log_loss
from core.evaluation.metrics.multiclass import (
    BINS,
    case_brier,
    case_log_loss,
    matrix_accuracy,
    matrix_balanced_accuracy,
    matrix_f1,
    matrix_f1_weighted,
    matrix_kappa,
    matrix_mcc,
    top_label_gaps,
    usable_rows,
    weighted_mean,
)
from core.evaluation.metrics.multilabel import mean_defined, usable_labels
from core.evaluation.metrics.registry import METRICS
from core.evaluation.statistics.resampling import (
    ResampleFunction,
    auc_of_counts,
    error_of_counts,
    mean_of_counts,
    precision_of_counts,
    repeat_of_counts,
    sums_by_patient,
)

_FROM_MATRIX: dict[str, Callable[[NDArray[Any]], NDArray[np.float64]]] = {
    "accuracy_multiclass": matrix_accuracy,
    "balanced_accuracy_multiclass": matrix_balanced_accuracy,
    "f1_macro": matrix_f1,
    "f1_weighted": matrix_f1_weighted,
    "kappa": matrix_kappa,
    "kappa_quadratic": partial(matrix_kappa, quadratic=True),
    "mcc_multiclass": matrix_mcc,
}

#: Metrics of each class against the rest, and whether their mean is weighted by the cases of the class.
_AGAINST_REST = {
    "roc_auc_macro": (auc_of_counts, False),
    "roc_auc_weighted": (auc_of_counts, True),
    "average_precision_macro": (precision_of_counts, False),
    "average_precision_weighted": (precision_of_counts, True),
}

#: Metrics of each finding, and whether their mean is weighted by the cases that have it.
_OF_FINDINGS = {
    "roc_auc_labels": (auc_of_counts, False),
    "roc_auc_labels_weighted": (auc_of_counts, True),
    "average_precision_labels": (precision_of_counts, False),
    "average_precision_labels_weighted": (precision_of_counts, True),
}


def class_resamples(
    name: str, y_true: ArrayLike, y_score: ArrayLike, patient_index: NDArray[np.intp]
) -> ResampleFunction:
    """From how often each patient was drawn to a metric whose `answers` is multiclass.

    `y_true` is (cases,) class indices, `y_score` (cases, classes) probabilities, `patient_index` (cases,) a number
    for each patient.
    """
    truth, score = usable_rows(y_true, y_score)
    classes = score.shape[1]
    if name in _AGAINST_REST:
        each, weighted = _AGAINST_REST[name]
        parts = [each(truth == k, score[:, k], patient_index) for k in range(classes)]
        sizes = sums_by_patient(patient_index, truth, np.ones(len(truth)), classes)
        if weighted:
            return lambda counts: weighted_mean(np.stack([part(counts) for part in parts]), sizes @ counts)
        return lambda counts: np.mean([part(counts) for part in parts], axis=0)
    if name == "brier_multiclass":
        return mean_of_counts(case_brier(truth, score), patient_index)
    if name == "log_loss_multiclass":
        return mean_of_counts(case_log_loss(truth, score), patient_index)
    if name == "ece_top_label":
        place, gap = top_label_gaps(truth, score)
        return error_of_counts(gap, place, patient_index, BINS)
    if name not in _FROM_MATRIX:
        return repeat_of_counts(lambda y, s: METRICS[name].function(y, s, 0.5), truth, score, patient_index)
    cells = sums_by_patient(patient_index, truth * classes + score.argmax(axis=1), np.ones(len(truth)), classes**2)
    return lambda counts: _FROM_MATRIX[name]((cells @ counts).T.reshape(-1, classes, classes))


def label_resamples(
    name: str, y_true: ArrayLike, y_score: ArrayLike, patient_index: NDArray[np.intp]
) -> ResampleFunction:
    """From how often each patient was drawn to a metric whose `answers` is multilabel.

    `y_true` and `y_score` are (cases, labels), `patient_index` is (cases,) a number for each patient.
    """
    truth, score = usable_labels(y_true, y_score)
    if name == "brier_labels":
        return mean_of_counts(((score - truth) ** 2).mean(axis=1), patient_index)
    if name == "log_loss_labels":
        return mean_of_counts(label_log_loss(truth, score).mean(axis=1), patient_index)
    if name not in _OF_FINDINGS:
        return repeat_of_counts(lambda y, s: METRICS[name].function(y, s, 0.5), truth, score, patient_index)
    each, weighted = _OF_FINDINGS[name]
    # A finding that is undefined in the whole set stays out of every resample.
    ranked = each is auc_of_counts
    there = [k for k in range(score.shape[1]) if truth[:, k].any() and not (ranked and truth[:, k].all())]
    parts = [each(truth[:, k], score[:, k], patient_index) for k in there]
    sizes = (
        np.stack([np.bincount(patient_index, truth[:, k]) for k in there])
        if there
        else np.empty((0, int(patient_index.max()) + 1))
    )

    def evaluate(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        values = np.stack([part(counts) for part in parts]) if parts else np.empty((0, counts.shape[1]))
        if weighted:
            return weighted_mean(values, np.where(np.isnan(values), 0, sizes @ counts))
        return mean_defined(values, axis=0)

    return evaluate
