"""The patient bootstrap for answers with several classes or several findings.

As in `intervals`, cases of a patient are drawn together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from core.evaluation.class_resamples import class_resamples, label_resamples
from core.evaluation.intervals import Estimate, percentile_interval, wilson
from core.evaluation.metrics import METRICS


def bootstrap_classes(
    name: str,
    y_true: ArrayLike,
    y_score: ArrayLike,
    patients: ArrayLike | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Percentile interval of a metric of several classes or findings over resampled patients.

    Args:
        name: Key of `METRICS` whose `answers` is multiclass or multilabel.
        y_true: (cases,) class indices, or (cases, labels) whether each finding is there.
        y_score: (cases, classes) probabilities; cases with NaN are left out.
        patients: (cases,) whom each case shows; None for one case a patient.
        resamples: Resamples.
        seed: Of the draws.

    Returns:
        The estimate; without interval where it or more than a tenth of the resamples is undefined. An accuracy of
        exactly 0 or 1 gets Wilson's interval with one trial a patient.

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
        return Estimate(value, float("nan"), float("nan"), len(owner), f"patient bootstrap, {resamples} resamples")
    if name == "accuracy_multiclass" and value in {0.0, 1.0}:
        edge = wilson(len(people) if value else 0, len(people))
        return Estimate(value, edge.low, edge.high, len(owner), f"Wilson on {len(people)} patients")
    make = class_resamples if metric.answers == "multiclass" else label_resamples
    return percentile_interval(value, make(name, y_true, y_score, owner), len(people), len(owner), resamples, seed)
