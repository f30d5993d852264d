"""Curves of one model on one finding, as numbers: every figure is drawn from one of these.

All take a `Finding` and leave out cases without a score. Bands are pointwise 95 % intervals over resampled patients;
intervals of single shares are Wilson's, with patients as trials where they have several cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.grids import even_grid
from core.evaluation.results.estimates import estimate
from core.evaluation.results.evaluation import Finding
from core.evaluation.results.operating_point import ConfusionAt, confusion_of
from core.evaluation.results.questions import Taken, taken
from core.evaluation.statistics.intervals import Estimate
from core.evaluation.statistics.patients import count
from core.evaluation.statistics.resampled_rates import (
    Band,
    ResampledCounts,
    band,
    distinct_thresholds,
    resampled_counts,
    resamples_for,
)

#: Vertices of a curve at most; what is left out cannot be seen.
POINTS = 2000


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Receiver operating characteristic: straight lines between the distinct scores.

    Attributes:
        name: Of the finding.
        false_positive_rate: (points,) 1 − specificity, ascending from 0 to 1.
        sensitivity: (points,).
        threshold: (points,) score from which on the answer is yes there, infinite at the first.
        band: Of the sensitivity, over the false positive rate.
        auc: With DeLong's interval, clustered by patient where patients have several cases.
        operating: At the model's own threshold, None where it has none.
        n: Cases.
        positives: Cases with the finding.
        patients: Patients.
        note: What a reader should know, or `""`.
    """

    name: str
    false_positive_rate: NDArray[np.float64]
    sensitivity: NDArray[np.float64]
    threshold: NDArray[np.float64]
    band: Band
    auc: Estimate
    operating: ConfusionAt | None
    n: int
    positives: int
    patients: int
    note: str


@dataclass(frozen=True, eq=False)
class PrecisionRecallCurve:
    """Precision against recall, in steps.

    A straight line between two points would promise what no threshold gives (Davis and Goadrich 2006, ICML), so a
    figure draws `precision[k]` over the recall from `recall[k − 1]` to `recall[k]` (Plotly's line shape `vh`).

    Attributes:
        name: Of the finding.
        recall: (points,) ascending; the first is 0.
        precision: (points,) of the cases called at that recall; the first is that of the second.
        threshold: (points,) score from which on the answer is yes there, infinite at the first.
        band: Of the precision, over the recall.
        average_precision: Area under the steps, with its interval.
        prevalence: Precision of calling every case.
        operating: At the model's own threshold, None where it has none.
        n: Cases.
        positives: Cases with the finding.
        patients: Patients.
        note: What a reader should know, or `""`.
    """

    name: str
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    threshold: NDArray[np.float64]
    band: Band
    average_precision: Estimate
    prevalence: float
    operating: ConfusionAt | None
    n: int
    positives: int
    patients: int
    note: str


@dataclass(frozen=True, eq=False)
class ScoreDistribution:
    """How the probabilities of the two kinds of cases lie.

    Attributes:
        name: Of the finding.
        edges: (bins + 1,) from 0 to 1.
        with_finding: (bins,) cases; the last bin holds 1.
        without: (bins,) cases.
        threshold: The model's own, None where it has none.
        n: Cases.
        note: What a reader should know, or `""`.
    """

    name: str
    edges: NDArray[np.float64]
    with_finding: NDArray[np.int64]
    without: NDArray[np.int64]
    threshold: float | None
    n: int
    note: str


def roc_curve(finding: Finding, resamples: int = 1000, seed: int = 0) -> RocCurve:
    """The ROC curve of a finding; without points where all cases are of one kind."""
    cases = taken(finding, "roc_auc")
    thresholds, tp, fp = _steps(cases)
    positives, negatives = int(cases.truth.sum()), int((~cases.truth).sum())
    defined = positives > 0 and negatives > 0
    kept = _vertices(tp, fp) if defined else np.empty(0, np.intp)
    return RocCurve(
        finding.name, fp[kept] / max(negatives, 1), tp[kept] / max(positives, 1), thresholds[kept],
        _roc_band(cases, resamples, seed, defined), estimate(cases), _operating(finding), len(cases), positives,
        count(cases.patient_index), cases.note,
    )  # fmt: skip


def _operating(finding: Finding) -> ConfusionAt | None:
    return None if finding.threshold is None else confusion_of(finding)


def _steps(cases: Taken) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """(cuts, hits, alarms) at each distinct score, highest first, before them infinity where nothing is segmented."""
    order = np.argsort(-cases.score, kind="stable")
    ordered, truth = cases.score[order], cases.truth[order]
    last = np.flatnonzero(np.append(np.diff(ordered) != 0, True)) if len(ordered) else np.empty(0, np.intp)
    tp = np.append(0, np.cumsum(truth)[last])
    return np.append(np.inf, ordered[last]), tp, np.append(0, last + 1) - tp


def _vertices(tp: NDArray[np.int64], fp: NDArray[np.int64]) -> NDArray[np.intp]:
    """Points at which the curve turns; evenly spaced ones of them where there are too many to draw."""
    along, up = np.diff(fp), np.diff(tp)
    turns = np.append(True, np.append(along[1:] * up[:-1] != along[:-1] * up[1:], True))
    kept = np.flatnonzero(turns)
    if len(kept) > POINTS:
        kept = kept[np.unique(np.linspace(0, len(kept) - 1, POINTS).round().astype(int))]
    return kept


def _resampled(cases: Taken, resamples: int, seed: int) -> ResampledCounts:
    thresholds = distinct_thresholds(cases.score)
    return resampled_counts(
        cases.truth, cases.score, cases.patient_index, thresholds, resamples_for(len(cases), resamples), seed
    )


def _roc_band(cases: Taken, resamples: int, seed: int, defined: bool) -> Band:
    grid = even_grid(101)
    if not defined:
        return band(grid, np.empty((0, len(grid))), "none", 0)
    drawn = _resampled(cases, resamples, seed)
    values = np.full((len(drawn.tp), len(grid)), np.nan)
    for resample in np.flatnonzero((drawn.positives > 0) & (drawn.negatives > 0)):
        rate = np.append(0.0, drawn.fp[resample] / drawn.negatives[resample])
        values[resample] = np.interp(grid, rate, np.append(0.0, drawn.tp[resample] / drawn.positives[resample]))
    return band(grid, values, drawn.method, drawn.n_patients)


def precision_recall_curve(finding: Finding, resamples: int = 1000, seed: int = 0) -> PrecisionRecallCurve:
    """The precision-recall curve of a finding; without points where no case has it."""
    cases = taken(finding, "average_precision")
    thresholds, tp, fp = _steps(cases)
    positives = int(cases.truth.sum())
    # Where no further case with the finding is called the recall stands still: such points end no step.
    kept = np.flatnonzero(np.append(False, np.diff(tp) > 0))
    if len(kept) > POINTS:
        kept = kept[np.unique(np.linspace(0, len(kept) - 1, POINTS).round().astype(int))]
    precision, start = tp[kept] / np.maximum(tp[kept] + fp[kept], 1), min(len(kept), 1)
    area = estimate(cases, resamples_for(len(cases), resamples))
    return PrecisionRecallCurve(
        finding.name, np.append(np.zeros(start), tp[kept] / max(positives, 1)),
        np.append(precision[:start], precision), np.append(np.full(start, np.inf), thresholds[kept]),
        _precision_band(cases, resamples, seed), area, positives / len(cases) if len(cases) else float("nan"),
        _operating(finding), len(cases), positives, count(cases.patient_index), cases.note,
    )  # fmt: skip


def _precision_band(cases: Taken, resamples: int, seed: int) -> Band:
    """Precision at the highest cut that reaches each recall."""
    grid = even_grid(101)[1:]
    if not cases.truth.any():
        return band(grid, np.empty((0, len(grid))), "none", 0)
    drawn = _resampled(cases, resamples, seed)
    values = np.full((len(drawn.tp), len(grid)), np.nan)
    for resample in np.flatnonzero(drawn.positives > 0):
        tp, predicted = drawn.tp[resample], drawn.tp[resample] + drawn.fp[resample]
        at = np.searchsorted(tp, grid * drawn.positives[resample] - 1e-9)
        values[resample] = tp[at] / predicted[at]
    return band(grid, values, drawn.method, drawn.n_patients)


def score_distribution(finding: Finding, bins: int = 40) -> ScoreDistribution:
    """Histograms of the probability, the cases with the finding and those without apart."""
    cases = taken(finding, "roc_auc")
    edges = even_grid(bins + 1)
    with_finding, without = (np.histogram(cases.score[kind], edges)[0] for kind in (cases.truth, ~cases.truth))
    return ScoreDistribution(finding.name, edges, with_finding, without, finding.threshold, len(cases), cases.note)
