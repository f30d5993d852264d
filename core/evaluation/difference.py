"""A difference between two models with its interval and its p-value, made from a variance or from resamples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.evaluation.delong import Z
from core.evaluation.metrics import METRICS, Metric
from core.evaluation.resamples import gain, merit
from core.evaluation.significance import holm, inversion_p, normal_p

NAN = float("nan")

#: Why there is no interval.
NOT_DEFINED = "Too few cases of one kind to say how sure the difference is."
NO_VARIANCE = "No interval: the scores part the cases so that the test finds no variance."


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


def wald(first: float, second: float, variance: float, n: int, test: str, note: str, metric: str) -> Difference:
    """A difference with a normal interval and p-value from its variance.

    Two answers that are the same in every case have no variance and do not differ: p is 1. A difference with no
    variance at all is one that the method says nothing about.
    """
    value = first - second
    # What is left of a variance of 0 after cancellation is of the order of 1e-17.
    error = float(np.sqrt(max(variance, 0.0))) if not variance < 1e-16 else 0.0
    if np.isnan(value) or np.isnan(error):
        return Difference(value, NAN, NAN, NAN, n, test, joined(note, NOT_DEFINED), metric, first, second, NAN)
    if error == 0.0 and abs(value) > 1e-12:
        return Difference(value, NAN, NAN, NAN, n, test, joined(note, NO_VARIANCE), metric, first, second, NAN)
    p = normal_p(value / error) if error else 1.0
    low, high = max(value - Z * error, -1.0), min(value + Z * error, 1.0)
    return Difference(value, low, high, p, n, test, note, metric, first, second, p)


def joined(note: str, more: str) -> str:
    """Two notes as one."""
    return f"{note} {more}".strip()


def from_resamples(
    metric: Metric, firsts: tuple[float, float], values: NDArray[np.float64], n: int, test: str, note: str
) -> Difference:
    """A difference from resamples.

    Args:
        metric: What was measured.
        firsts: The metric of the two models on the cases themselves.
        values: (2, resamples) the same over resampled patients.
        n: Cases.
        test: How, for people; where p comes from is added.
        note: For people.
    """
    value = float(np.subtract(*merit(metric, np.array(firsts))))
    drawn = np.asarray(np.subtract(*merit(metric, values)))
    defined = drawn[~np.isnan(drawn)]
    test = f"{test} of patients, {len(drawn)} resamples, p by inversion of the percentile interval"
    if np.isnan(value) or len(defined) < 0.9 * len(drawn):
        return Difference(value, NAN, NAN, NAN, n, test, joined(note, NOT_DEFINED), metric.name, *firsts, NAN)
    low, high = (float(end) for end in np.percentile(defined, (2.5, 97.5)))
    p = inversion_p(defined)
    return Difference(value, low, high, p, n, test, note, metric.name, *firsts, p)


def corrected(differences: Sequence[Difference]) -> list[Difference]:
    """Each with its p-value corrected for all of them (Holm)."""
    made = sum(not np.isnan(difference.p) for difference in differences)
    adjusted = holm([difference.p for difference in differences])
    return [
        replace(difference, corrected=p, comparisons=max(made, 1))
        for difference, p in zip(differences, adjusted, strict=True)
    ]
