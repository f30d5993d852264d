"""Draws of patients with replacement, as counts: how often each was drawn.

A metric of the resampled cases is the metric with these counts as weights. What can be summed by patient is summed
once; a product with the counts gives the sums of many resamples together. That is what makes 2,000 resamples cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Resamples a time: few enough for the sums of 10,000 cases to stay in the processor's cache.
BLOCK = 25

#: From (patients, resamples) counts to (resamples,) values.
ResampleFunction = Callable[[NDArray[np.float32]], NDArray[np.float64]]


def patient_counts(n_patients: int, resamples: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """How often each patient is drawn when as many as there are are drawn with replacement.

    Args:
        n_patients: Number of patients.
        resamples: Number of resamples.
        seed: Of the draws.

    Yields:
        (people, up to `BLOCK`) float32, one column a resample.
    """
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, BLOCK):
        block = min(BLOCK, resamples - start)
        drawn = rng.integers(0, n_patients, (n_patients, block), dtype=np.int64)
        drawn *= block
        drawn += np.arange(block)
        yield np.bincount(drawn.reshape(-1), minlength=n_patients * block).reshape(n_patients, block).astype(np.float32)


def divide(part: NDArray[np.floating], whole: NDArray[np.floating]) -> NDArray[np.float64]:
    """Part by whole, of one shape; NaN where the whole is 0, as in a resample without cases of a class."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0, dtype=np.float64)


def mean_of_counts(values: NDArray[np.float64], patient_index: NDArray[np.intp]) -> ResampleFunction:
    """Mean over the cases of a number each case has; values and `patient_index`, numbers of patients, are (cases,)."""
    parts = np.stack([np.bincount(patient_index, values), np.bincount(patient_index)])

    def evaluate(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        return divide(*(parts @ counts))

    return evaluate


def sums_by_patient(
    patient_index: NDArray[np.intp], place: NDArray[np.intp], weight: NDArray[np.float64], width: int
) -> NDArray[np.float64]:
    """(width, people) sums of `weight` by place and patient; times counts, those of resamples."""
    n_patients = int(patient_index.max()) + 1
    summed = np.bincount(place * n_patients + patient_index, weight, n_patients * width)
    return np.asarray(summed.reshape(width, n_patients), np.float64)


def error_of_counts(
    gap: NDArray[np.float64], place: NDArray[np.intp], patient_index: NDArray[np.intp], bins: int
) -> ResampleFunction:
    """Expected calibration error: the sum over the bins of the absolute sum of gaps, by the number of cases.

    `gap` is (cases,) score minus truth, `place` (cases,) the bin of each, `patient_index` (cases,) a number for each
    patient.
    """
    gaps, sizes = sums_by_patient(patient_index, place, gap, bins), np.bincount(patient_index)
    return lambda counts: divide(np.abs(gaps @ counts).sum(0), sizes @ counts)


def repeat_of_counts(
    function: Callable[[NDArray[Any], NDArray[Any]], float],
    truth: NDArray[Any],
    score: NDArray[np.float64],
    patient_index: NDArray[np.intp],
) -> ResampleFunction:
    """Any metric of (cases, …) truth and scores: repeat the cases as often as their patient was drawn. Slow."""

    def evaluate(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        chosen = [np.repeat(np.arange(len(truth)), resample[patient_index].astype(int)) for resample in counts.T]
        return np.array([function(truth[cases], score[cases]) for cases in chosen])

    return evaluate


def auc_of_counts(
    truth: NDArray[np.bool_], score: NDArray[np.float64], patient_index: NDArray[np.intp]
) -> ResampleFunction:
    """AUC = Σ_positives w · (weight of the negatives below + half of those at the same score) / (W⁺ W⁻).

    Truth, scores and `patient_index`, a number for each patient, are (cases,).

    Sorting is done once; a resample costs one cumulative sum over the negatives. Sums below 2**24 are exact in float32.
    """
    order = np.argsort(score[~truth], kind="stable")
    negatives, positives = patient_index[~truth][order], patient_index[truth]
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
        return divide(total, weights.sum(0, dtype=np.float64) * below[-1])

    return evaluate


def precision_of_counts(
    truth: NDArray[np.bool_], score: NDArray[np.float64], patient_index: NDArray[np.intp]
) -> ResampleFunction:
    """Average precision of weighted cases: Σ over the distinct scores of their positives × precision there.

    Truth, scores and `patient_index`, a number for each patient, are (cases,).
    """
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    person, hit = patient_index[order], truth[order]
    # Only where a case with the finding is called does the recall rise.
    rising = np.add.reduceat(hit, np.append(0, ends[:-1] + 1)) > 0
    found = np.cumsum(hit)[ends][rising]

    def evaluate(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        weight = counts[person]
        predicted = np.cumsum(weight, axis=0)[ends[rising]]
        tp = np.cumsum(weight[hit], axis=0)[found - 1]
        precision = np.divide(tp, predicted, out=np.zeros(tp.shape), where=predicted > 0, dtype=np.float64)
        area = (np.diff(tp, axis=0, prepend=0) * precision).sum(0)
        return divide(area, tp[-1]) if len(tp) else np.full(counts.shape[1], np.nan)

    return evaluate
