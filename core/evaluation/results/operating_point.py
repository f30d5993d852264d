"""What a model does at one threshold, and how that changes as the threshold moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.grids import even_grid
from core.evaluation.results.evaluation import Finding
from core.evaluation.results.questions import Taken, taken, threshold_of
from core.evaluation.statistics.intervals import Estimate
from core.evaluation.statistics.patients import count
from core.evaluation.statistics.proportions import patient_wilson
from core.evaluation.statistics.resampled_rates import Band


@dataclass(frozen=True)
class ConfusionAt:
    """The four counts at a threshold, and the fractions that people read from them.

    Attributes:
        name: Of the finding.
        threshold: Score from which on the answer is yes.
        true_positives: Cases with the finding that are predicted positive.
        false_positives: Cases without that are predicted positive.
        true_negatives: Cases without that are predicted negative.
        false_negatives: Cases with the finding that are predicted negative.
        sensitivity: With Wilson's interval, as all of these.
        specificity: Fraction of the cases without the finding that are predicted negative.
        ppv: Fraction of the cases predicted positive that have the finding, at the prevalence of these cases.
        npv: Fraction of the others that do not have it.
        accuracy: Fraction of right decisions.
        n: Cases.
        note: What a reader should know, or `""`.
    """

    name: str
    threshold: float
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    sensitivity: Estimate
    specificity: Estimate
    ppv: Estimate
    npv: Estimate
    accuracy: Estimate
    n: int
    note: str


@dataclass(frozen=True, eq=False)
class ThresholdSweep:
    """Sensitivity and specificity as the threshold moves.

    Attributes:
        name: Of the finding.
        thresholds: (points,) ascending from 0 to 1.
        sensitivity: (points,), NaN where no case has the finding.
        specificity: (points,).
        sensitivity_band: Wilson's intervals of each point.
        specificity_band: Wilson's intervals of each point.
        threshold: The model's own, None where it has none.
        n: Cases.
        note: What a reader should know, or `""`.
    """

    name: str
    thresholds: NDArray[np.float64]
    sensitivity: NDArray[np.float64]
    specificity: NDArray[np.float64]
    sensitivity_band: Band
    specificity_band: Band
    threshold: float | None
    n: int
    note: str


def confusion_of(finding: Finding, threshold: float | None = None) -> ConfusionAt:
    """The decisions at a threshold; at the model's own, or 0.5 where it has none, for None."""
    cases = taken(finding, "sensitivity" if threshold is None else "roc_auc")
    threshold = threshold_of(finding)[0] if threshold is None else threshold
    truth, predicted = cases.truth, cases.score >= threshold
    return ConfusionAt(
        finding.name, threshold,
        int((truth & predicted).sum()), int((~truth & predicted).sum()),
        int((~truth & ~predicted).sum()), int((truth & ~predicted).sum()),
        _fraction(predicted, truth, cases), _fraction(~predicted, ~truth, cases),
        _fraction(truth, predicted, cases), _fraction(~truth, ~predicted, cases),
        _fraction(truth == predicted, np.ones(len(truth), bool), cases), len(cases), cases.note,
    )  # fmt: skip


def _fraction(right: NDArray[np.bool_], of: NDArray[np.bool_], cases: Taken) -> Estimate:
    return patient_wilson(right[of], cases.patient_index[of], count(cases.patient_index))


def threshold_sweep(finding: Finding, points: int = 101) -> ThresholdSweep:
    """Sensitivity and specificity at evenly spaced thresholds from 0 to 1."""
    cases = taken(finding, "roc_auc")
    grid, n_patients = even_grid(points), count(cases.patient_index)
    kinds = [(cases.score[kind], cases.patient_index[kind], kind) for kind in (cases.truth, ~cases.truth)]
    found = [
        [patient_wilson((score >= threshold) == cases.truth[kind], patient_index, n_patients) for threshold in grid]
        for score, patient_index, kind in kinds
    ]
    values = [np.array([estimate.value for estimate in row]) for row in found]
    bands = [
        Band(grid, np.array([e.low for e in row]), np.array([e.high for e in row]), row[0].method) for row in found
    ]
    return ThresholdSweep(
        finding.name, grid, values[0], values[1], bands[0], bands[1], finding.threshold, len(cases), cases.note
    )
