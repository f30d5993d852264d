"""Counts of cases by score in many resamples of the patients, from which bands of curves are made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.statistics.intervals import bootstrap_words
from core.evaluation.statistics.resampling import patient_counts
from core.evaluation.statistics.student import expanded_level


@dataclass(frozen=True, eq=False)
class Band:
    """A pointwise 95 % interval along a curve.

    Attributes:
        x: (points,) where.
        low: (points,) lower ends, NaN where more than a tenth of the resamples have no value.
        high: (points,) upper ends.
        method: How it was made.
    """

    x: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    method: str


@dataclass(frozen=True, eq=False)
class ResampledCounts:
    """What is at or above each of some scores, in each resample.

    Attributes:
        thresholds: (cuts,) scores, highest first.
        tp: (resamples, cuts) cases with the finding whose score is at or above the cut.
        fp: (resamples, cuts) cases without.
        positives: (resamples,) cases with the finding.
        negatives: (resamples,) cases without.
        n_patients: Patients that were drawn from.
    """

    thresholds: NDArray[np.float64]
    tp: NDArray[np.float64]
    fp: NDArray[np.float64]
    positives: NDArray[np.float64]
    negatives: NDArray[np.float64]
    n_patients: int

    @property
    def method(self) -> str:
        """How a band made from it was made."""
        return bootstrap_words(len(self.tp))


def resamples_for(cases: int, resamples: int = 1000) -> int:
    """As many resamples as asked for, fewer for very many cases, where the band is narrow and a resample costs more."""
    return max(100, min(resamples, int(1e8 / max(cases, 1))))


def resampled_counts(
    truth: NDArray[np.bool_],
    score: NDArray[np.float64],
    patient_index: NDArray[np.intp],
    thresholds: NDArray[np.float64],
    resamples: int = 1000,
    seed: int = 0,
) -> ResampledCounts:
    """Draw patients with replacement and count.

    Args:
        truth: (cases,) whether the finding is there.
        score: (cases,) without NaN.
        patient_index: (cases,) a number from 0 for each patient.
        thresholds: (cuts,) scores, highest first.
        resamples: Resamples.
        seed: Of the draws.
    """
    # Place 0 is at or above the highest cut, the last place below the lowest.
    place = len(thresholds) - np.searchsorted(thresholds[::-1], score, "right")
    width = len(thresholds) + 1
    n_patients = int(patient_index.max()) + 1 if len(patient_index) else 0
    # One patient is drawn again and again: that says nothing about others.
    tables = [np.full((resamples, width), np.nan) for _ in range(2)]
    groups = [(table, place[kind], patient_index[kind]) for table, kind in zip(tables, (truth, ~truth), strict=True)]
    start = 0
    for counts in patient_counts(n_patients, resamples, seed) if n_patients > 1 else ():
        for resample, drawn in enumerate(np.ascontiguousarray(counts.T), start):
            for table, places, patient_indices in groups:
                table[resample] = np.bincount(places, drawn[patient_indices], width)
        start += counts.shape[1]
    tp, fp = (np.cumsum(table, axis=1) for table in tables)
    return ResampledCounts(thresholds, tp[:, :-1], fp[:, :-1], tp[:, -1], fp[:, -1], n_patients)


def distinct_thresholds(score: NDArray[np.float64], most: int = 500) -> NDArray[np.float64]:
    """The distinct values of (cases,) scores, highest first; evenly spaced by rank where there are more than `most`."""
    thresholds = np.unique(score)[::-1]
    if len(thresholds) <= most:
        return thresholds
    return thresholds[np.unique(np.linspace(0, len(thresholds) - 1, most).round().astype(int))]


def band(x: NDArray[np.float64], values: NDArray[np.float64], method: str, n_patients: int) -> Band:
    """Pointwise expanded percentiles of (resamples, points) values; see `student.expanded_level`."""
    low, high = np.full(len(x), np.nan), np.full(len(x), np.nan)
    enough = (~np.isnan(values)).mean(axis=0) >= 0.9 if len(values) else np.zeros(len(x), bool)
    if enough.any():
        beyond = 100.0 * expanded_level(n_patients)
        low[enough], high[enough] = np.nanpercentile(values[:, enough], (beyond, 100.0 - beyond), axis=0)
    return Band(x, low, high, method)
