"""Decision curves: what a model is worth at each weighing of missed cases against needless calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.grids import even_grid
from core.evaluation.results.evaluation import Finding
from core.evaluation.results.questions import taken
from core.evaluation.statistics.resampled_rates import (
    Band,
    band,
    resampled_counts,
    resamples_for,
)


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit in true positives a case (Vickers and Elkin 2006, Medical Decision Making 26:565-574).

    Attributes:
        name: Of the finding.
        thresholds: (points,) probability from which on one would act, which weighs errors by t / (1 − t).
        net_benefit: (points,) TP / n − FP / n · t / (1 − t), acting on calibrated probabilities.
        treat_all: (points,) of acting on every case; acting on none is 0 everywhere.
        band: Of the model's net benefit.
        treat_all_band: Of acting on every case.
        prevalence: Fraction of the cases with the finding.
        n: Cases.
        note: What a reader should know, or `""`.
    """

    name: str
    thresholds: NDArray[np.float64]
    net_benefit: NDArray[np.float64]
    treat_all: NDArray[np.float64]
    band: Band
    treat_all_band: Band
    prevalence: float
    n: int
    note: str


def net_benefit(
    finding: Finding, highest: float = 0.99, points: int = 99, resamples: int = 1000, seed: int = 0
) -> DecisionCurve:
    """The decision curve of a finding.

    Args:
        finding: The answers.
        highest: Threshold at which the curve ends, below 1.
        points: Evenly spaced thresholds above 0 up to it.
        resamples: Resamples of the patients for the bands.
        seed: Of the draws.
    """
    cases = taken(finding, "brier")
    grid = even_grid(points + 1, highest)[1:]
    odds, n = grid / (1.0 - grid), max(len(cases), 1)
    tp, fp = (_at_or_above(cases.score[kind], grid) for kind in (cases.truth, ~cases.truth))
    positives, negatives = int(cases.truth.sum()), int((~cases.truth).sum())
    missing = np.nan if not len(cases) else 0.0
    drawn = resampled_counts(
        cases.truth, cases.score, cases.patient_index, grid[::-1], resamples_for(len(cases), resamples), seed
    )
    total = np.maximum(drawn.positives + drawn.negatives, 1)[:, None]
    benefits = (drawn.tp[:, ::-1] - drawn.fp[:, ::-1] * odds) / total + missing
    all_benefits = (drawn.positives[:, None] - drawn.negatives[:, None] * odds) / total + missing
    return DecisionCurve(
        finding.name, grid, (tp - fp * odds) / n + missing, (positives - negatives * odds) / n + missing,
        band(grid, benefits, drawn.method, drawn.n_patients),
        band(grid, all_benefits, drawn.method, drawn.n_patients), positives / n + missing,
        len(cases), cases.note,
    )  # fmt: skip


def _at_or_above(score: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.intp]:
    return len(score) - np.searchsorted(np.sort(score), grid, "left")
