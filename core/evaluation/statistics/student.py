"""Student's t, for variances that few patients give: its quantiles, and p-values from it."""

from __future__ import annotations

from functools import lru_cache

#: One-sided level of a 95 % interval.
LEVEL = 0.975


@lru_cache(maxsize=4096)
def critical(freedom: float, level: float = LEVEL) -> float:
    """Quantile of t with so many degrees of freedom, which need not be whole; NaN where there are none.

    Example:
        >>> round(critical(9.0), 4)
        2.2622
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, level)) if freedom > 0 else float("nan")


def t_p(statistic: float, freedom: float) -> float:
    """Two-sided p-value; NaN where there are no degrees of freedom.

    Example:
        >>> round(t_p(2.2621571628, 9.0), 6)
        0.05
    """
    from scipy.special import stdtr

    return float(2.0 * stdtr(freedom, -abs(statistic))) if freedom > 0 else float("nan")


def expanded_level(n_patients: int, level: float = LEVEL) -> float:
    """Fraction of resamples beyond either end of an interval, so that it is as wide as t with people − 1 wants it.

    Percentiles of a bootstrap are as narrow as a normal interval with the variance divided by n instead of n − 1; the
    level Φ(−√(n / (n − 1)) t) makes up for both (Hesterberg 2015, The American Statistician 69:371-386, section 5.3).

    Example:
        >>> [round(expanded_level(n_patients), 4) for n_patients in (10, 40, 1000)]
        [0.0086, 0.0203, 0.0248]
    """
    from scipy.special import ndtr

    return (
        float(ndtr(-critical(n_patients - 1.0, level) * (n_patients / (n_patients - 1.0)) ** 0.5))
        if n_patients > 1
        else 0.0
    )
