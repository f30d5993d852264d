"""The patient bootstrap for answers with several classes or several findings.

As in `intervals`, a fold is a count for each patient. Confusion matrices, bins and sums over cases are made once for
each patient; a product with the counts gives those of many folds together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.intervals import Estimate, FoldFunction, auc_of_counts, percentile_interval, wilson
from core.evaluation.metrics import METRICS
from core.evaluation.multiclass import (
    BINS,
    case_brier,
    case_log_loss,
    matrix_accuracy,
    matrix_balanced_accuracy,
    matrix_f1,
    matrix_kappa,
    top_label_gaps,
    usable_rows,
)
from core.evaluation.multilabel import mean_defined, usable_labels

_FROM_MATRIX: dict[str, Callable[[NDArray[Any]], NDArray[np.float64]]] = {
    "accuracy_multiclass": matrix_accuracy,
    "balanced_accuracy_multiclass": matrix_balanced_accuracy,
    "f1_macro": matrix_f1,
    "kappa": matrix_kappa,
    "kappa_quadratic": partial(matrix_kappa, quadratic=True),
}


def bootstrap_classes(
    name: str,
    y_true: ArrayLike,
    y_score: ArrayLike,
    patients: ArrayLike | None = None,
    folds: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Percentile interval of a metric of several classes or findings over resampled patients.

    Args:
        name: Key of `METRICS` whose `answers` is multiclass or multilabel.
        y_true: (cases,) class indices, or (cases, labels) whether each finding is there.
        y_score: (cases, classes) probabilities; cases with NaN are left out.
        patients: (cases,) whom each case shows; None for one case a patient.
        folds: Resamples.
        seed: Of the draws.

    Returns:
        The estimate; without interval where it or more than a tenth of the folds is undefined. An accuracy of exactly
        0 or 1 gets Wilson's interval with one trial a patient.

    Raises:
        KeyError: There is no such metric of several classes or findings.
    """
    metric = METRICS[name]
    if metric.answers == "binary":
        raise KeyError(name)
    value, raw = metric.function(y_true, y_score, 0.5), np.asarray(y_score, dtype=np.float64)
    keep = ~np.isnan(raw).any(axis=1)
    names = np.arange(len(raw))[keep] if patients is None else np.asarray(patients)[keep]
    people, owner = np.unique(names, return_inverse=True)
    if np.isnan(value):
        return Estimate(value, float("nan"), float("nan"), len(owner), f"patient bootstrap, {folds} folds")
    if name == "accuracy_multiclass" and value in {0.0, 1.0}:
        edge = wilson(len(people) if value else 0, len(people))
        return Estimate(value, edge.low, edge.high, len(owner), f"Wilson on {len(people)} patients")
    make = _of_classes if metric.answers == "multiclass" else _of_labels
    return percentile_interval(value, make(name, y_true, y_score, owner), len(people), len(owner), folds, seed)


def _sums(
    owner: NDArray[np.intp], place: NDArray[np.intp], weight: NDArray[np.float64], width: int
) -> NDArray[np.floating]:
    """(people, width) sums of `weight` by patient and place."""
    people = int(owner.max()) + 1
    summed = np.bincount(owner * width + place, weight, people * width)
    return np.asarray(summed.reshape(people, width), np.float64)


def _mean_of(values: NDArray[np.float64], owner: NDArray[np.intp]) -> FoldFunction:
    """Mean over the cases of a number each case has."""
    parts = np.stack([np.bincount(owner, values), np.bincount(owner)])

    def evaluate(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        total, cases = parts @ counts
        return np.asarray(total / cases, np.float64)

    return evaluate


def _of_classes(name: str, y_true: ArrayLike, y_score: ArrayLike, owner: NDArray[np.intp]) -> FoldFunction:
    truth, score = usable_rows(y_true, y_score)
    classes = score.shape[1]
    if name == "roc_auc_macro":
        parts = [auc_of_counts(truth == k, score[:, k], owner) for k in range(classes)]
        return lambda counts: np.mean([part(counts) for part in parts], axis=0)
    if name == "brier_multiclass":
        return _mean_of(case_brier(truth, score), owner)
    if name == "log_loss_multiclass":
        return _mean_of(case_log_loss(truth, score), owner)
    if name == "ece_top_label":
        place, gap = top_label_gaps(truth, score)
        gaps, sizes = _sums(owner, place, gap, BINS), np.bincount(owner)
        return lambda counts: np.abs(counts.T @ gaps).sum(1) / (counts.T @ sizes)
    cells = _sums(owner, truth * classes + score.argmax(axis=1), np.ones(len(truth)), classes**2)
    return lambda counts: _FROM_MATRIX[name]((counts.T @ cells).reshape(-1, classes, classes))


def _of_labels(name: str, y_true: ArrayLike, y_score: ArrayLike, owner: NDArray[np.intp]) -> FoldFunction:
    truth, score = usable_labels(y_true, y_score)
    if name == "brier_labels":
        return _mean_of(((score - truth) ** 2).mean(axis=1), owner)
    if name == "log_loss_labels":
        tiny = np.finfo(np.float64).eps
        bounded = np.clip(score, tiny, 1 - tiny)
        return _mean_of(-np.where(truth, np.log(bounded), np.log1p(-bounded)).mean(axis=1), owner)
    each = auc_of_counts if name == "roc_auc_labels" else _precision_of_label
    # A finding that is undefined in the whole set stays out of every fold.
    there = [k for k in range(score.shape[1]) if truth[:, k].any() and not truth[:, k].all()]
    parts = [each(truth[:, k], score[:, k], owner) for k in there]
    return lambda counts: mean_defined([part(counts) for part in parts], axis=0)


def _precision_of_label(truth: NDArray[np.bool_], score: NDArray[np.float64], owner: NDArray[np.intp]) -> FoldFunction:
    """Average precision of weighted cases: Σ over the distinct scores of their positives × precision there."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.diff(score[order]) != 0, True)
    positive, person = truth[order][:, None], owner[order]

    def evaluate(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        weight = counts[person].astype(np.float64)
        hits, called = np.cumsum(weight * positive, axis=0)[last], np.cumsum(weight, axis=0)[last]
        precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
        found = (np.diff(hits, axis=0, prepend=0) * precision).sum(0)
        return np.divide(found, hits[-1], out=np.full(len(found), np.nan), where=hits[-1] > 0)

    return evaluate
