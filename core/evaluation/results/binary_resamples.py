"""Metrics of binary answers of many resamples at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.agreement import table_kappa, table_mcc
from core.evaluation.metrics.binary import bin_of, case_log_loss, top_label
from core.evaluation.metrics.partial_auc import partial_auc_of_counts
from core.evaluation.metrics.recalibration import (
    fit,
    intercepts,
    logit,
    slopes,
)
from core.evaluation.metrics.registry import METRICS
from core.evaluation.statistics.resampling import (
    ResampleFunction,
    auc_of_counts,
    divide,
    error_of_counts,
    mean_of_counts,
    precision_of_counts,
    repeat_of_counts,
)

#: Bins of equal width of the calibration errors.
BINS = 10

Table = Callable[[Any, Any, Any, Any], NDArray[np.float64]]


def _balanced(tp: Any, fp: Any, tn: Any, fn: Any) -> NDArray[np.float64]:
    return (divide(tp, tp + fn) + divide(tn, tn + fp)) / 2.0


#: Metrics that follow from true and false positives, true and false negatives.
_FROM_TABLE: dict[str, Table] = {
    "sensitivity": lambda tp, fp, tn, fn: divide(tp, tp + fn),  # noqa: ARG005
    "specificity": lambda tp, fp, tn, fn: divide(tn, tn + fp),  # noqa: ARG005
    "ppv": lambda tp, fp, tn, fn: divide(tp, tp + fp),  # noqa: ARG005
    "npv": lambda tp, fp, tn, fn: divide(tn, tn + fn),  # noqa: ARG005
    "accuracy": lambda tp, fp, tn, fn: divide(tp + tn, tp + fp + tn + fn),
    "f1": lambda tp, fp, tn, fn: divide(2 * tp, 2 * tp + fp + fn),  # noqa: ARG005
    "balanced_accuracy": _balanced,
    "mcc": table_mcc,
    "kappa_binary": table_kappa,
}


def binary_resamples(
    name: str, truth: NDArray[np.bool_], score: NDArray[np.float64], patient_index: NDArray[np.intp], threshold: float
) -> ResampleFunction:
    """From how often each patient was drawn to the metric of the drawn cases.

    Args:
        name: Key of `METRICS` whose `answers` is binary.
        truth: (cases,) whether the finding is there.
        score: (cases,) without NaN.
        patient_index: (cases,) a number from 0 for each patient.
        threshold: For decisions.
    """
    if name in _FROM_TABLE:
        return _of_table(_FROM_TABLE[name], truth, score >= threshold, patient_index)
    make: dict[str, Callable[[], ResampleFunction]] = {
        "roc_auc": lambda: auc_of_counts(truth, score, patient_index),
        "average_precision": lambda: precision_of_counts(truth, score, patient_index),
        "brier": lambda: mean_of_counts((score - truth) ** 2, patient_index),
        "log_loss": lambda: mean_of_counts(case_log_loss(truth, score), patient_index),
        "ece": lambda: error_of_counts(truth - score, bin_of(score, BINS), patient_index, BINS),
        "ece_top_label_binary": lambda: _top_label(truth, score, patient_index),
        "partial_auc": lambda: partial_auc_of_counts(truth, score, patient_index),
        "partial_auc_raw": lambda: partial_auc_of_counts(truth, score, patient_index, standardised=False),
        "calibration_slope": lambda: _slope_resamples(truth, score, patient_index),
        "calibration_intercept": lambda: _intercept_resamples(truth, score, patient_index),
    }
    if name in make:
        return make[name]()
    return repeat_of_counts(lambda y, s: METRICS[name].function(y, s, threshold), truth, score, patient_index)


def _of_table(
    table: Table, truth: NDArray[np.bool_], predicted: NDArray[np.bool_], patient_index: NDArray[np.intp]
) -> ResampleFunction:
    kinds = (predicted & truth, predicted & ~truth, ~predicted & ~truth, ~predicted & truth)
    parts = np.stack([np.bincount(patient_index, kind) for kind in kinds])
    return lambda counts: table(*(parts @ counts))


def _top_label(
    truth: NDArray[np.bool_], score: NDArray[np.float64], patient_index: NDArray[np.intp]
) -> ResampleFunction:
    top, gap = top_label(truth, score)
    return error_of_counts(gap, bin_of(top, BINS), patient_index, BINS)


def _slope_resamples(
    truth: NDArray[np.bool_], score: NDArray[np.float64], patient_index: NDArray[np.intp]
) -> ResampleFunction:
    """Each resample is fitted from what fits all cases, which is close."""
    logits, whole = logit(score), np.ones((len(truth), 1))
    if np.isnan(slopes(truth, logits, whole)).any():
        return lambda counts: slopes(truth, logits, counts[patient_index])
    intercept, slope = (float(part[0]) for part in fit(truth, logits, whole))
    return lambda counts: slopes(truth, logits, counts[patient_index], (intercept, slope))


def _intercept_resamples(
    truth: NDArray[np.bool_], score: NDArray[np.float64], patient_index: NDArray[np.intp]
) -> ResampleFunction:
    logits = logit(score)
    whole = float(intercepts(truth, logits, np.ones((len(truth), 1)))[0])
    return lambda counts: intercepts(truth, logits, counts[patient_index], 0.0 if np.isnan(whole) else whole)
