"""A whole class against the model: means over readers, with intervals over readers and cases.

Readers and cases are both samples: another class would differ, and so would other cases. Both are drawn with
replacement, independently (the pigeonhole bootstrap of Owen 2007, Annals of Applied Statistics 1:386-411, which errs on
the wide side).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.statistics.intervals import Estimate
from core.evaluation.statistics.resampling import divide
from core.reader_study.design import Plan
from core.reader_study.results import RESAMPLES, PairedReadings, paired
from core.reader_study.store import Reader

#: What shares are of: name to whether cases with the finding, without it, or all count.
MEASURES = ("sensitivity", "specificity", "accuracy")
METHOD = "bootstrap of readers and patients"


@dataclass(frozen=True, eq=False)
class Spread:
    """One measure of a class. Means are over readers, each reader counting the same.

    Attributes:
        without: Mean without the model.
        aided: Mean with it.
        model: The model alone, on all cases.
        gain: With minus without.
        lead: With minus the model.
        readers: (2, readers) each reader's share without and with; NaN where not defined.
    """

    without: Estimate
    aided: Estimate
    model: Estimate
    gain: Estimate
    lead: Estimate
    readers: NDArray[np.float64]


@dataclass(frozen=True)
class CaseFraction:
    """How a case was read.

    Attributes:
        place: In the plan.
        truth: Whether the finding is there.
        model_right: Whether the model has it right.
        readers: Who read it both times.
        without: Of them, right without the model.
        aided: Right with it.
    """

    place: int
    truth: bool
    model_right: bool
    readers: int
    without: int
    aided: int


@dataclass(frozen=True, eq=False)
class ClassResult:
    """A class against the model, from cases that were read both times.

    Attributes:
        readers: With at least one such case.
        measures: By name of `MEASURES`.
        cases: In the order of the plan.
        misled: Of readings in which only the reader was right at first: share given up for the model's mistake.
        put_right: Of readings in which only the model was right: share put right with it.
    """

    readers: int
    measures: dict[str, Spread]
    cases: tuple[CaseFraction, ...]
    misled: Estimate
    put_right: Estimate


@dataclass(frozen=True, eq=False)
class _Grid:
    """(readers, cases) what was read, and whether it was right without and with; owner and kinds of the cases."""

    read: NDArray[np.bool_]
    right: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    model_right: NDArray[np.bool_]
    truth: NDArray[np.bool_]
    patient_index: NDArray[np.intp]


def class_result(plan: Plan, readers: Sequence[Reader], resamples: int = RESAMPLES, seed: int = 0) -> ClassResult:
    """Everything about a class; intervals are NaN with fewer than two readers or patients."""
    found = [read for read in (paired(plan, reader.answers) for reader in readers) if len(read)]
    grid = _grid(plan, found)
    weights = _weights(len(found), int(grid.patient_index.max()) + 1, resamples, seed) if len(found) > 1 else None
    measures = {name: _spread(grid, _of(grid, name), weights) for name in MEASURES}
    tempted = grid.read & grid.right[0] & ~grid.model_right
    helped = grid.read & ~grid.right[0] & grid.model_right
    return ClassResult(
        len(found), measures, _cases(plan, grid),
        _pooled(grid, tempted, ~grid.right[1], weights), _pooled(grid, helped, grid.right[1], weights),
    )  # fmt: skip


def _grid(plan: Plan, found: Sequence[PairedReadings]) -> _Grid:
    shape = (len(found), len(plan.cases))
    read, without, aided = (np.zeros(shape, bool) for _ in range(3))
    for row, one in enumerate(found):
        read[row, one.places] = True
        without[row, one.places] = one.without == one.truth
        aided[row, one.places] = one.aided == one.truth
    patient_index = np.unique(plan.patient, return_inverse=True)[1].astype(np.intp)
    return _Grid(read, (without, aided), plan.predicted == plan.truth, plan.truth, patient_index)


def _of(grid: _Grid, name: str) -> NDArray[np.bool_]:
    if name == "sensitivity":
        return grid.truth
    return ~grid.truth if name == "specificity" else np.ones(len(grid.truth), bool)


Weights = tuple[NDArray[np.float64], NDArray[np.float64]]


def _weights(readers: int, n_patients: int, resamples: int, seed: int) -> Weights | None:
    """(resamples, readers) and (resamples, patients) how often each was drawn."""
    if n_patients < 2:
        return None
    random = np.random.default_rng(seed)
    drawn = (random.multinomial(n, np.full(n, 1.0 / n), resamples).astype(np.float64) for n in (readers, n_patients))
    return next(drawn), next(drawn)


def _spread(grid: _Grid, of: NDArray[np.bool_], weights: Weights | None) -> Spread:
    each = np.stack([_fractions(grid, right, of, np.ones((1, len(of))))[0] for right in grid.right])
    model = divide((grid.model_right & of).sum()[None], of.sum()[None])[0]
    values = [_mean(row[None], np.ones((1, len(row))))[0] for row in each]
    drawn: list[NDArray[np.float64]] = []
    own = np.empty(0)
    if weights is not None:
        cases = weights[1][:, grid.patient_index]
        drawn = [_mean(_fractions(grid, right, of, cases), weights[0]) for right in grid.right]
        own = divide(cases @ (grid.model_right & of), cases @ of)
    n = len(grid.read)

    def ends(value: float, resamples: NDArray[np.float64]) -> Estimate:
        return Estimate(float(value), *_percentiles(resamples), n, METHOD)

    nothing = np.empty(0)
    first, last = drawn or (nothing, nothing)
    return Spread(
        ends(values[0], first), ends(values[1], last), ends(model, own),
        ends(values[1] - values[0], last - first), ends(values[1] - model, last - own if len(own) else nothing), each,
    )  # fmt: skip


def _fractions(
    grid: _Grid, right: NDArray[np.bool_], of: NDArray[np.bool_], cases: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(resamples, readers) fraction right of each reader, cases counting as often as they were drawn."""
    counted = (grid.read & of).T.astype(np.float64)
    return divide(cases @ (counted * right.T), cases @ counted)


def _mean(fractions: NDArray[np.float64], readers: NDArray[np.float64]) -> NDArray[np.float64]:
    """(resamples,) mean over the readers whose share is defined."""
    known = ~np.isnan(fractions)
    return divide((np.nan_to_num(fractions) * readers).sum(axis=1), (known * readers).sum(axis=1))


def _pooled(grid: _Grid, of: NDArray[np.bool_], counted: NDArray[np.bool_], weights: Weights | None) -> Estimate:
    """Share over all readings of all readers together; `n` counts readings."""
    value = divide((of & counted).sum()[None], of.sum()[None])[0]
    drawn = np.empty(0)
    if weights is not None:
        cases = weights[1][:, grid.patient_index]
        parts = [np.einsum("fr,rc,fc->f", weights[0], part.astype(np.float64), cases) for part in (of & counted, of)]
        drawn = divide(*parts)
    return Estimate(float(value), *_percentiles(drawn), int(of.sum()), METHOD)


def _percentiles(drawn: NDArray[np.float64]) -> tuple[float, float]:
    """None where more than a tenth of the draws leave it undefined."""
    known = drawn[~np.isnan(drawn)]
    if not len(drawn) or len(known) < 0.9 * len(drawn):
        return float("nan"), float("nan")
    low, high = np.percentile(known, (2.5, 97.5))
    return float(low), float(high)


def _cases(plan: Plan, grid: _Grid) -> tuple[CaseFraction, ...]:
    counts = [(grid.read & part).sum(axis=0) for part in (np.ones_like(grid.read), *grid.right)]
    return tuple(
        CaseFraction(
            place, bool(plan.truth[place]), bool(grid.model_right[place]), *(int(count[place]) for count in counts)
        )
        for place in range(len(plan.cases))
    )
