"""From test statistics to p-values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.evaluation.statistics.student import t_p


def normal_p(z: float) -> float:
    """Two-sided p-value of a standard normal statistic; NaN for NaN.

    Example:
        >>> round(normal_p(1.959963984540054), 6)
        0.05
    """
    return math.erfc(abs(z) / math.sqrt(2.0))


def chi_squared_p(statistic: float, freedom: int) -> float:
    """P(X ≥ statistic) of a chi-squared X with whole degrees of freedom, by the recurrence from 1 or 2 upwards.

    Example:
        >>> round(chi_squared_p(5.991464547, 2), 6)
        0.05
    """
    if math.isnan(statistic) or freedom < 1:
        return float("nan")
    half = max(statistic, 0.0) / 2.0
    tail, degrees = (math.erfc(math.sqrt(half)), 1) if freedom % 2 else (math.exp(-half), 2)
    while degrees < freedom:
        if half:
            tail += math.exp(degrees / 2 * math.log(half) - half - math.lgamma(degrees / 2 + 1))
        degrees += 2
    return min(tail, 1.0)


def mcnemar_p(only_a: int, only_b: int, mid: bool = False) -> float:
    """McNemar's test on the cases that one of two models alone got right: exact, or with the mid-p correction.

    Exact is the two-sided binomial test of `only_a` of `only_a + only_b` at one half. Mid-p takes away half the
    probability of what was observed, which keeps the level and loses less power (Fagerland, Lydersen and Laake 2013,
    BMC Medical Research Methodology 13:91).

    Returns:
        The p-value; 1.0 where the models never differ.
    """
    total, least = only_a + only_b, min(only_a, only_b)
    if total == 0:
        return 1.0
    logs = [math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1) for k in range(least + 1)]
    terms = [math.exp(value - total * math.log(2.0)) for value in logs]
    if not mid:
        return min(1.0, 2.0 * math.fsum(terms))
    return 1.0 - terms[-1] / 2.0 if only_a == only_b else 2.0 * math.fsum(terms) - terms[-1]


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979, Scandinavian Journal of Statistics 6:65-70), in their order.

    A NaN is no test that was made: it stays NaN and does not count.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, np.float64)
    corrected = np.full(len(values), np.nan)
    made = np.flatnonzero(~np.isnan(values))
    order = made[np.argsort(values[made], kind="stable")]
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(len(order), 0, -1)), 1.0)
    return [float(value) for value in corrected]


def inversion_p(resamples: NDArray[np.float64], n_patients: int) -> float:
    """Two-sided p-value of "no difference" from bootstrapped differences, by inversion of their percentile interval.

    The smaller fraction of resamples on one side of 0, with one added to numerator and denominator so that it is never
    0 (Davison and Hinkley 1997, section 4.4), is the level whose interval ends at 0. As intervals are expanded for few
    patients (`student.expanded_level`), so is this level, and p is below 0.05 just where the interval leaves out 0.

    Args:
        resamples: Differences; those that are NaN are left out.
        n_patients: Patients that were drawn from.
    """
    from scipy.special import ndtri

    defined = resamples[~np.isnan(resamples)]
    if not len(defined) or n_patients < 2:
        return float("nan")
    least = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    fraction = (least + 1) / (len(defined) + 1)
    if fraction >= 0.5:
        return 1.0
    return t_p(float(ndtri(fraction)) * ((n_patients - 1.0) / n_patients) ** 0.5, n_patients - 1.0)
