"""Limits of one number at any level, and from two of them those of their difference.

Zou and Donner 2008 (Statistics in Medicine 27:1693-1702) recover from the limits of each of two numbers how far it may
be off in either direction, and put these together as variances are put together. What is known of one number near the
end of its scale, where a variance says nothing, is so known of the difference. For two proportions of the same people
this is method 10 of Newcombe 1998 (Statistics in Medicine 17:2635-2650).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from core.evaluation.statistics.delong import Z
from core.evaluation.statistics.student import critical, t_p

#: Beyond so many standard errors nothing is looked for: p is then below what is ever written.
FARTHEST = 1e3


@dataclass(frozen=True, eq=False)
class Limits:
    """A number with its limits at any level.

    Attributes:
        value: The number, NaN where it is undefined.
        freedom: Degrees of freedom of t, 0 where there are too few patients to say how sure the number is.
        end: From a side, 0 for the lower and 1 for the upper one, and a critical value (1.96 and so on) to that limit.
    """

    value: float
    freedom: float
    end: Callable[[int, float], float]

    @property
    def known(self) -> bool:
        """Whether there are limits."""
        return self.freedom > 0 and not math.isnan(self.value)

    def interval(self, at: float = Z) -> tuple[float, float]:
        """The interval at a critical value, that of 95 % without; NaN where there is none."""
        return (self.end(0, at), self.end(1, at)) if self.known else (math.nan, math.nan)


def difference_end(first: Limits, second: Limits, correlation: float, side: int, at: float) -> float:
    """Lower or upper limit of the first minus the second.

    Args:
        first: One number.
        second: The other.
        correlation: Of the two estimates, 0 for different patients.
        side: 0 for the lower one, 1 for the upper one.
        at: Critical value.
    """
    one, two = first.end(side, at) - first.value, second.end(1 - side, at) - second.value
    reach = math.sqrt(max(one * one + two * two + 2.0 * correlation * one * two, 0.0))
    return first.value - second.value + (reach if side else -reach)


def difference_interval(
    first: Limits, second: Limits, correlation: float, freedom: float
) -> tuple[float, float, float]:
    """(low, high, p): the 95 % interval of the first minus the second, and its p-value of "no difference".

    p is below 0.05 just where the interval leaves out 0: it is the level at which an end of the interval meets 0.

    Args:
        first: One number, with limits.
        second: The other, with limits.
        correlation: Of the two estimates.
        freedom: Degrees of freedom of t for both.
    """
    low, high = (difference_end(first, second, correlation, side, critical(freedom)) for side in (0, 1))
    value = first.value - second.value
    if abs(value) <= 1e-12:
        return low, high, 1.0
    sign, side = math.copysign(1.0, value), int(value < 0)

    def inside(at: float) -> float:
        """Above 0 as long as the interval leaves out 0."""
        return sign * difference_end(first, second, correlation, side, at)

    far = 2.0
    while far < FARTHEST and inside(far) > 0.0:
        far *= 2.0
    return low, high, t_p(root(inside, 0.0, far), freedom)


def root(function: Callable[[float], float], left: float, right: float) -> float:
    """Where a function falls from above 0 at the left to 0 or below at the right (Ridders 1979, IEEE TCAS 26:979)."""
    high, low = function(left), function(right)
    if low >= 0.0 or high <= 0.0:
        return right if low >= 0.0 else left
    found = left
    for _ in range(100):
        middle = 0.5 * (left + right)
        at = function(middle)
        before, found = found, middle + (middle - left) * at / math.sqrt(at * at - high * low)
        here = function(found)
        if here == 0.0 or abs(found - before) < 1e-11 * (1.0 + abs(found)):
            break
        for place, value in sorted(((middle, at), (found, here))):
            if value > 0.0:
                left, high = place, value
        for place, value in sorted(((middle, at), (found, here)), reverse=True):
            if value <= 0.0:
                right, low = place, value
    return found


def capped(correlation: float, n_patients: int) -> float:
    """A correlation of two estimates, kept below 1: few patients cannot show that two numbers always err together."""
    return min(max(correlation, -1.0), 1.0 - 1.0 / max(n_patients, 1))
