"""Activation maximisation: the picture that a score likes best, found by walking uphill from noise.

Erhan et al. 2009, Visualizing Higher-Layer Features of a Deep Network; what keeps it from being noise is that of
Mahendran and Vedaldi 2016, arXiv:1512.02017: a penalty on differences of neighbours (total variation, squared), one on
the distance from mid-grey, and jitter. Plain arrays; where the gradient comes from is the caller's business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Climb:
    """How to walk.

    Attributes:
        steps: Number of them.
        rate: Length of a step, as a share of the value range for the mean pixel.
        smooth: Weight of the squared differences of neighbours.
        plain: Weight of the squared distance from mid-grey.
        jitter: Most pixels that the picture is rolled by before a step, and back after it.
        seed: Of the noise it starts from, and of the jitter.
    """

    steps: int = 160
    rate: float = 0.03
    smooth: float = 0.5
    plain: float = 0.05
    jitter: int = 2
    seed: int = 0


def climb(
    gradient: Callable[[Picture], Picture],
    shape: tuple[int, ...],
    value_range: tuple[float, float],
    how: Climb,
    progress: Callable[[float], None],
    cancelled: Callable[[], bool],
) -> Picture:
    """Walk uphill.

    Args:
        gradient: From a picture ([frames,] rows, columns, channels) to the score's gradient there.
        shape: Of the picture.
        value_range: Values of black and white; it never leaves them.
        how: Steps and weights.
        progress: Called with the share done.
        cancelled: Asked before each step.

    Raises:
        Cancelled: `cancelled` said so.
    """
    rng = np.random.default_rng(how.seed)
    low, high = value_range
    reach = high - low
    relative = 0.5 + rng.normal(0.0, 0.05, shape)  # from 0 to 1, so that the weights mean the same for every model
    for step in range(how.steps):
        if cancelled():
            raise Cancelled("the prototype")
        shift = rng.integers(-how.jitter, how.jitter + 1, 2)
        rolled = np.roll(relative, shift, axis=(-3, -2))
        slope = gradient((low + reach * rolled).astype(np.float32)).astype(np.float64)
        slope /= np.abs(slope).mean() + 1e-12  # the score's scale is the model's own; the penalties' is not
        slope += how.smooth * curvature(rolled) / 0.1 - how.plain * (rolled - 0.5) / 0.1
        slowing = 1.0 - 0.9 * step / how.steps
        rolled = np.clip(rolled + how.rate * slowing * np.clip(slope, -4.0, 4.0), 0.0, 1.0)
        relative = np.roll(rolled, -shift, axis=(-3, -2))
        progress((step + 1) / how.steps)
    return (low + reach * relative).astype(np.float32)


def curvature(picture: NDArray[np.floating]) -> NDArray[np.float64]:
    """Downhill direction of half the squared differences of neighbours, over rows and columns; edges have fewer."""
    found = np.zeros(picture.shape, np.float64)
    for axis in (-3, -2):
        steps = np.diff(picture, axis=axis)
        ends = [(0, 0)] * picture.ndim
        ends[axis] = (0, 1)
        found += np.pad(steps, ends)
        ends[axis] = (1, 0)
        found -= np.pad(steps, ends)
    return found
