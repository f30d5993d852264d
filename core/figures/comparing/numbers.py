"""Numbers of comparisons as people read them: two or three digits that count, the interval beside the value."""

from __future__ import annotations

import math

from core.evaluation.statistics.intervals import Estimate

NOT_DEFINED = "not defined"


def number_text(value: float) -> str:
    """A metric's value: three decimals up to 1, fewer above, a true minus sign.

    Example:
        >>> [number_text(v) for v in (0.98512, 1.0, -0.0312, 1.234, 12.34, 1234.5)]
        ['0.985', '1.000', '−0.031', '1.23', '12.3', '1234']
        >>> number_text(float("nan")), number_text(-0.00001)
        ('not defined', '0.000')
    """
    if math.isnan(value):
        return NOT_DEFINED
    size = abs(value)
    decimals = 3 if size <= 1 else 2 if size < 10 else 1 if size < 100 else 0
    text = f"{value:.{decimals}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")


def interval_text(low: float, high: float) -> str:
    """Both ends of an interval, `""` where it has none.

    Example:
        >>> interval_text(0.9761, 0.9912), interval_text(float("nan"), 1.0)
        ('0.976 to 0.991', '')
    """
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"{number_text(low)} to {number_text(high)}"


def estimate_text(estimate: Estimate) -> str:
    """A value with its interval in brackets.

    Example:
        >>> estimate_text(Estimate(0.985, 0.976, 0.991, 533, "DeLong"))
        '0.985 (0.976 to 0.991)'
        >>> estimate_text(Estimate(float("nan"), float("nan"), float("nan"), 0, "DeLong"))
        'not defined'
    """
    interval = interval_text(estimate.low, estimate.high)
    return f"{number_text(estimate.value)} ({interval})" if interval else number_text(estimate.value)


def percent_text(fraction: float) -> str:
    """A fraction as a percentage of two digits, never rounded to none or all.

    Example:
        >>> [percent_text(v) for v in (0.0, 0.004, 0.031, 0.244, 0.999, 1.0)]
        ['0 %', '0.4 %', '3.1 %', '24 %', '99.9 %', '100 %']
        >>> percent_text(0.99999), percent_text(float("nan"))
        ('>99.9 %', 'not defined')
    """
    if math.isnan(fraction):
        return NOT_DEFINED
    percent = fraction * 100
    if fraction not in {0.0, 1.0} and (percent < 0.1 or percent > 99.9 + 1e-9):
        return "<0.1 %" if percent < 1 else ">99.9 %"
    return f"{percent:.1f} %" if 0 < percent < 9.95 or 99 < percent < 100 else f"{percent:.0f} %"


def count_text(count: int, one: str, several: str = "") -> str:
    """A number with its noun.

    Example:
        >>> count_text(1, "case"), count_text(12345, "case"), count_text(2, "study", "studies")
        ('1 case', '12,345 cases', '2 studies')
    """
    return f"{count:,} {one if count == 1 else several or one + 's'}"
