"""Whether probabilities come true, as numbers to draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.grids import even_grid
from core.evaluation.results.evaluation import Finding
from core.evaluation.results.questions import Taken, taken
from core.evaluation.statistics.intervals import Estimate
from core.evaluation.statistics.proportions import patient_wilson


@dataclass(frozen=True)
class CalibrationBin:
    """Cases with about the same probability.

    Attributes:
        low: Lower edge, which belongs to the bin.
        high: Upper edge, which belongs to the next; of the last bin to itself.
        mean: Mean probability of its cases, NaN where it is empty.
        observed: Fraction of its cases that have the finding, with Wilson's interval.
        n: Cases.
    """

    low: float
    high: float
    mean: float
    observed: Estimate
    n: int


@dataclass(frozen=True, eq=False)
class CalibrationCurve:
    """Observed share against probability.

    Attributes:
        name: Of the finding.
        calibrated: Whether the probabilities are those after the temperature.
        bins: Ten of equal width, empty ones included; they are what `error` is computed from.
        smooth_x: (points,) mean probability in bins of equally many cases.
        smooth_y: (points,) observed share there; a line through them follows the data where the cases are.
        error: Expected calibration error of the positive class.
        slope: Calibration slope, 1 is right, NaN where not defined.
        intercept: Calibration intercept with the slope fixed at 1, 0 is right.
        n: Cases.
        note: What a reader should know, or `""`.
    """

    name: str
    calibrated: bool
    bins: tuple[CalibrationBin, ...]
    smooth_x: NDArray[np.float64]
    smooth_y: NDArray[np.float64]
    error: float
    slope: float
    intercept: float
    n: int
    note: str


def calibration_curve(finding: Finding, calibrated: bool = True, bins: int = 10) -> CalibrationCurve:
    """Bins of equal width, a smooth curve and the summary numbers.

    Args:
        finding: The answers.
        calibrated: Take the probabilities after the temperature, else as the model gives them.
        bins: Of equal width.
    """
    from core.evaluation.metrics.binary import expected_calibration_error
    from core.evaluation.metrics.recalibration import calibration_intercept, calibration_slope

    cases = taken(finding, "brier" if calibrated else "roc_auc")
    place = np.clip((cases.score * bins).astype(int), 0, bins - 1)
    edges = even_grid(bins + 1)
    rows = tuple(
        _bin(cases.part(place == index), float(edges[index]), float(edges[index + 1])) for index in range(bins)
    )
    x, y = _smooth(cases)
    return CalibrationCurve(
        finding.name, calibrated, rows, x, y, expected_calibration_error(cases.truth, cases.score, bins=bins),
        calibration_slope(cases.truth, cases.score), calibration_intercept(cases.truth, cases.score), len(cases),
        cases.note,
    )  # fmt: skip


def _bin(cases: Taken, low: float, high: float) -> CalibrationBin:
    mean = float(cases.score.mean()) if len(cases) else float("nan")
    return CalibrationBin(low, high, mean, patient_wilson(cases.truth, cases.patient_index), len(cases))


def _smooth(cases: Taken, least: int = 20, most: int = 25) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means in up to `most` bins of about equally many cases, at least `least`; equal scores stay together."""
    if not len(cases):
        return np.empty(0), np.empty(0)
    order = np.argsort(cases.score, kind="stable")
    score, truth = cases.score[order], cases.truth[order]
    count = int(np.clip(len(score) // least, 1, most))
    starts = np.searchsorted(score, score[np.arange(count) * len(score) // count], "left")
    starts = np.unique(starts)
    sizes = np.diff(np.append(starts, len(score)))
    return np.add.reduceat(score, starts) / sizes, np.add.reduceat(truth.astype(np.float64), starts) / sizes
