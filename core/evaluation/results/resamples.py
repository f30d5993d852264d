"""Any metric of many resamples at once: one draw of patients serves several models, so their differences are paired."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.registry import Metric
from core.evaluation.results.binary_resamples import binary_resamples
from core.evaluation.results.class_resamples import class_resamples, label_resamples
from core.evaluation.results.mask_resamples import mask_resamples
from core.evaluation.results.questions import Taken
from core.evaluation.statistics.resampling import ResampleFunction, patient_counts


def resample_function(cases: Taken) -> ResampleFunction:
    """From how often each patient was drawn to the metric of the drawn cases."""
    name, answers = cases.metric.name, cases.metric.answers
    if answers == "binary":
        return binary_resamples(name, cases.truth, cases.score, cases.patient_index, cases.threshold)
    if answers == "mask":
        return mask_resamples(name, cases.score, cases.patient_index)
    make = class_resamples if answers == "multiclass" else label_resamples
    return make(name, cases.truth, cases.score, cases.patient_index)


def resampled_values(models: Sequence[Taken], resamples: int = 2000, seed: int = 0) -> NDArray[np.float64]:
    """(models, resamples) values of a metric over the same resamples of the patients, who are the same for every model.

    NaN where there are fewer than two patients.
    """
    n_patients = int(models[0].patient_index.max(initial=-1)) + 1
    # One patient is drawn again and again: that says nothing about others.
    if n_patients < 2:
        return np.full((len(models), resamples), np.nan)
    functions = [resample_function(cases) for cases in models]
    blocks = [[function(counts) for function in functions] for counts in patient_counts(n_patients, resamples, seed)]
    return np.concatenate([np.stack(block) for block in blocks], axis=1)


def merit(metric: Metric, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is compared of a metric, in the shape of its values.

    It is the values themselves, or how far they are from the right one where neither way is better.
    """
    return values if metric.target is None else np.abs(values - metric.target)


def gain(metric: Metric, value: float) -> float:
    """A difference of merits with the sign by which more is better."""
    return value if metric.target is None and metric.higher_is_better else -value
