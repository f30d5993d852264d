"""Numbers such as an age as groups, for results by subgroup."""

from __future__ import annotations

import math
from collections.abc import Sequence


def band(text: str, borders: Sequence[float]) -> str:
    """Which group a number is in; the border belongs to the upper one.

    Args:
        text: The number; what is none belongs to no group.
        borders: Rising.

    Returns:
        In words, `""` for no group.

    Example:
        >>> [band(age, [40, 60]) for age in ("39.5", "40", "71", "", "unknown")]
        ['under 40', '40 to under 60', '60 and over', '', '']
    """
    try:
        number = float(text)
    except ValueError:
        return ""
    below = [border for border in borders if border <= number]
    above = [border for border in borders if border > number]
    if math.isnan(number) or not (below or above):
        return ""
    if not below:
        return f"under {above[0]:g}"
    return f"{below[-1]:g} to under {above[0]:g}" if above else f"{below[-1]:g} and over"
