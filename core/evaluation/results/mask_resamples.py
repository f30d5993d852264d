"""Metrics of masks of many resamples at once: each is a mean over the images where it is defined."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.mask_cases import CASE_VALUES
from core.evaluation.statistics.resampling import ResampleFunction, divide


def mask_resamples(name: str, score: NDArray[np.float64], patient_index: NDArray[np.intp]) -> ResampleFunction:
    """From (patients, resamples) counts to (resamples,) values of a metric.

    Args:
        name: Key of `METRICS` whose `answers` is mask.
        score: (cases, measures).
        patient_index: (cases,) a number for each patient.
    """
    values, n_patients = CASE_VALUES[name](score), int(patient_index.max(initial=-1)) + 1
    known = ~np.isnan(values)
    parts = np.stack(
        [np.bincount(patient_index[known], weight, n_patients) for weight in (values[known], np.ones(known.sum()))]
    )

    def evaluate(counts: NDArray[np.float32]) -> NDArray[np.float64]:
        return divide(*(parts @ counts))

    return evaluate
