"""How readers choose the type of pixels."""

from __future__ import annotations

import numpy as np

#: The largest whole number up to which 32-bit floats hold all.
LARGEST_EXACT = 2**24


def smallest_dtype(low: float, high: float) -> np.dtype[np.generic]:
    """The smallest of uint8, int16, uint16 and float32 that holds whole numbers from low to high.

    Example:
        >>> smallest_dtype(-1024, 3071).name
        'int16'
    """
    for name in ("uint8", "int16", "uint16"):
        info = np.iinfo(name)
        if info.min <= low and high <= info.max:
            return np.dtype(name)
    return np.dtype(np.float32)
