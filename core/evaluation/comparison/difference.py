"""A difference between two models with its interval and its p-value, made from limits or from resamples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.registry import METRICS, Metric
from core.evaluation.results.resamples import gain, merit
from core.evaluation.statistics.intervals import percentiles
from core.evaluation.statistics.limits import Limits, difference_interval
from core.evaluation.statistics.significance import holm, inversion_p

NAN = float("nan")

#: Why there is no interval.
NOT_DEFINED = "Too few cases of one kind to say how sure the difference is."
NO_VARIANCE = "No interval: the difference is the same in every resample, which says nothing of others."


@dataclass(frozen=True)
class Difference:
    """How much two answers differ in a metric, the first minus the second.

    Attributes:
        value: The difference; for a metric with a `target`, of the distances from it.
        low: Lower end of the 95 % interval, not corrected for other comparisons.
        high: Upper end.
        p: Two-sided p-value of "no difference", NaN where there is none.
        n: Cases it rests on; of two different sets of cases both together.
        test: How, for people.
        note: What a reader should know, or `""`.
        metric: Key of `METRICS`.
        first: The metric of the first on these cases.
        second: The metric of the second.
        corrected: p after correction for `comparisons` (Holm); `p` where it stands alone.
        comparisons: How many p-values it was corrected for.
    """

    value: float
    low: float
    high: float
    p: float
    n: int
    test: str
    note: str
    metric: str
    first: float
    second: float
    corrected: float
    comparisons: int = 1

    @property
    def significant(self) -> bool:
        """Whether the corrected p-value is below 0.05."""
        return self.corrected < 0.05

    @property
    def reversed(self) -> Difference:
        """The second minus the first."""
        return replace(
            self, value=-self.value, low=-self.high, high=-self.low, first=self.second, second=self.first
        )  # fmt: skip

    @property
    def better(self) -> int:
        """0 where the first is better, 1 where the second is, whether or not significantly; −1 where they are equal."""
        gained = gain(METRICS[self.metric], self.value)
        return -1 if gained == 0 or np.isnan(gained) else int(gained < 0)


def from_limits(
    first: Limits, second: Limits, correlation: float, freedom: float, n: int, test: str, note: str, metric: str
) -> Difference:
    """A difference of two numbers with limits, whose interval and p-value go together; see `difference_interval`.

    Args:
        first: Of the first.
        second: Of the second.
        correlation: Of the two estimates.
        freedom: Degrees of freedom of t.
        n: Cases.
        test: How, for people.
        note: For people.
        metric: Key of `METRICS`.
    """
    ends = first.value, second.value
    value = ends[0] - ends[1]
    if not (first.known and second.known and freedom > 0):
        return Difference(value, NAN, NAN, NAN, n, test, joined(note, NOT_DEFINED), metric, *ends, NAN)
    low, high, p = difference_interval(first, second, correlation, freedom)
    return Difference(value, low, high, p, n, test, note, metric, *ends, p)


def joined(note: str, more: str) -> str:
    """Two notes as one."""
    return f"{note} {more}".strip()


def from_resamples(
    metric: Metric,
    firsts: tuple[float, float],
    values: NDArray[np.float64],
    n_patients: int,
    n: int,
    test: str,
    note: str,
) -> Difference:
    """A difference from resamples.

    Args:
        metric: What was measured.
        firsts: The metric of the two models on the cases themselves.
        values: (2, resamples) the same over resampled patients.
        n_patients: Patients; of two sets of them those of the smaller one.
        n: Cases.
        test: How, for people; where p comes from is added.
        note: For people.
    """
    value = float(np.subtract(*merit(metric, np.array(firsts))))
    drawn = np.asarray(np.subtract(*merit(metric, values)))
    defined = drawn[~np.isnan(drawn)]
    test = f"{test} of patients, {len(drawn)} resamples, p by inversion of the expanded percentile interval"
    if np.isnan(value) or len(defined) < 0.9 * len(drawn):
        return Difference(value, NAN, NAN, NAN, n, test, joined(note, NOT_DEFINED), metric.name, *firsts, NAN)
    low, high = percentiles(drawn, n_patients)
    if np.isnan(low):
        p = 1.0 if abs(value) <= 1e-12 else NAN
        return Difference(value, NAN, NAN, p, n, test, joined(note, NO_VARIANCE), metric.name, *firsts, p)
    p = inversion_p(defined, n_patients)
    return Difference(value, low, high, p, n, test, note, metric.name, *firsts, p)


def corrected(differences: Sequence[Difference]) -> list[Difference]:
    """Each with its p-value corrected for all of them (Holm)."""
    made = sum(not np.isnan(difference.p) for difference in differences)
    adjusted = holm([difference.p for difference in differences])
    return [
        replace(difference, corrected=p, comparisons=max(made, 1))
        for difference, p in zip(differences, adjusted, strict=True)
    ]
