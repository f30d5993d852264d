"""Evenly spaced thresholds that are the very decimals people write."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def even_grid(points: int, last: float = 1.0) -> NDArray[np.float64]:
    """(points,) from 0 to `last`, each the double that its decimals stand for.

    A step that is added up misses ten of the hundredths by one unit in the last place: 0.35 becomes
    0.35000000000000003, and a case whose score is 0.35 is no longer predicted positive at 0.35.

    Example:
        >>> 0.35 in even_grid(101), 0.35 in np.linspace(0.0, 1.0, 101)
        (True, False)
    """
    return np.round(np.linspace(0.0, last, points), 12)
