"""Colours of maps that a lesson computes: grey where all is positive, blue and orange around black where not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Least, zero and most of a signed map. Both ends are equally far from black, and told apart by the colour-blind.
NEGATIVE, ZERO, POSITIVE = (86, 180, 233), (0, 0, 0), (230, 159, 0)

#: Fraction of the values that a scale spans; a few extreme pixels would make all others dark.
SPANNED = 99.5


@dataclass(frozen=True)
class Scale:
    """What the ends of the colours mean.

    Attributes:
        low: Value of the first colour.
        high: Value of the last.
        signed: Blue over black to orange; else black to white.
        clipped: Whether there are values beyond the ends.
    """

    low: float
    high: float
    signed: bool
    clipped: bool = False

    @property
    def css(self) -> str:
        """The scale as a CSS gradient from left to right."""
        ends = (NEGATIVE, ZERO, POSITIVE) if self.signed else (ZERO, (255, 255, 255))
        return f"linear-gradient(to right, {', '.join(f'rgb{color}' for color in ends)})"


def scale_of(*maps: NDArray[np.floating]) -> Scale:
    """One scale for maps of any shape: balanced around 0 where any value is negative, else from 0.

    A positive map that varies little around a large value, as a large bias makes it, begins at its own least value.
    """
    values = np.concatenate([found.ravel() for found in maps])
    sizes = np.abs(values)
    most = float(sizes.max()) if values.size else 0.0
    # Where all but a few pixels are 0, those few are what there is to see.
    high = (float(np.percentile(sizes, SPANNED)) if most else 1.0) or most
    least = float(values.min()) if values.size else 0.0
    if least < 0:
        return Scale(-high, high, True, most > 1.005 * high)
    low = least if high / 2 < least < high else 0.0
    return Scale(low, high, False, most > 1.005 * high)


def colored(values: NDArray[np.floating], scale: Scale) -> NDArray[np.uint8]:
    """(rows, columns) to (rows, columns, 3) uint8 RGB; values beyond the scale take its ends."""
    if not scale.signed:
        fraction = np.clip((values - scale.low) / (scale.high - scale.low), 0.0, 1.0)
        return np.repeat((fraction * 255 + 0.5).astype(np.uint8)[..., None], 3, axis=-1)
    fraction = np.clip(values / scale.high, -1.0, 1.0)[..., None]
    strength = np.where(fraction < 0, -fraction * np.array(NEGATIVE), fraction * np.array(POSITIVE))
    return (strength + 0.5).astype(np.uint8)
