"""Pooling, and what a shift of the image does to what comes out.

Maximum and average pooling keep one number a window and then skip pixels. Skipping without blurring first breaks the
sampling theorem, so that a shift by one pixel changes more than the place of things; a small blur before skipping
mends most of it (Zhang 2019, Making Convolutional Networks Shift-Invariant Again, arXiv:1904.11486).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import IncompatibleInput
from core.lessons.sliding import Sliding

Pooling = Literal["none", "max", "average", "blur"]

#: How each is called, in the order in which they are drawn.
TITLES: dict[Pooling, str] = {
    "none": "no pooling",
    "max": "maximum",
    "average": "average",
    "blur": "maximum, then blur",
}

#: Largest shift in pixels, and so what is left free at the sides of a map.
FARTHEST = 8

#: Zhang's Tri-3 filter.
_BLUR = np.array([0.25, 0.5, 0.25])


def pool(image: NDArray[np.floating], kind: Pooling, size: int = 2, stride: int = 2) -> NDArray[np.float64]:
    """Pool a map, staying inside it.

    Args:
        image: (rows, columns).
        kind: `max`, `average`, `blur` (a maximum at every pixel, then a blur by 1 2 1, then every `stride`-th), or
            `none`, which gives the map back.
        size: Edge of the window.
        stride: Pixels from one window to the next.

    Returns:
        (rows out, columns out) float64.

    Raises:
        IncompatibleInput: The window is larger than the map.
    """
    values = np.asarray(image, np.float64)
    if kind == "none":
        return values
    if kind == "blur":
        dense = reduce(np.maximum, _cells(values, size, 1))
        across = dense[:, :-2] * _BLUR[0] + dense[:, 1:-1] * _BLUR[1] + dense[:, 2:] * _BLUR[2]
        across = across[:, ::stride]
        return (across[:-2] * _BLUR[0] + across[1:-1] * _BLUR[1] + across[2:] * _BLUR[2])[::stride]
    cells = _cells(values, size, stride)
    return reduce(np.maximum, cells) if kind == "max" else reduce(np.add, cells) / size**2


def _cells(values: NDArray[np.float64], size: int, stride: int) -> list[NDArray[np.float64]]:
    """For each cell of the window, its pixel at every place; an order of magnitude faster than one window at a time."""
    rows, columns = (Sliding(size, stride).output(length) for length in values.shape)
    return [
        values[top : top + (rows - 1) * stride + 1 : stride, left : left + (columns - 1) * stride + 1 : stride]
        for top in range(size)
        for left in range(size)
    ]


def shifted(feature_map: NDArray[np.floating], pixels: int) -> NDArray[np.float64]:
    """The middle of a map whose content has moved to the right; real content moves in, nothing wraps round.

    Convolution and activation move with the image, so shifting their map is the same as shifting the image.

    Args:
        feature_map: (rows, columns).
        pixels: 0 to `FARTHEST`.

    Returns:
        (rows, columns − 2 × FARTHEST) float64.

    Raises:
        IncompatibleInput: The map is too narrow, or the shift too far.
    """
    columns = feature_map.shape[1]
    if columns < 3 * FARTHEST:
        raise IncompatibleInput(
            f"A map of {columns} columns is too narrow to move over",
            f"choose an image that gives {3 * FARTHEST} of them",
        )
    if not 0 <= pixels <= FARTHEST:
        raise IncompatibleInput(f"a shift from 0 to {FARTHEST} pixels", str(pixels), "move the slider")
    start = FARTHEST - pixels
    return np.asarray(feature_map[:, start : start + columns - 2 * FARTHEST], np.float64)


def change(after: NDArray[np.float64], before: NDArray[np.float64]) -> float:
    """Length of the difference over the length of what was there: 0 the same, 1 as different as if it were gone.

    Both are arrays of one shape.

    Returns:
        NaN where there was nothing before.
    """
    length = float(np.linalg.norm(before))
    return float(np.linalg.norm(after - before)) / length if length else float("nan")


@dataclass(frozen=True)
class Shift:
    """What a shift did to a map.

    Attributes:
        pixels: How far the image moved.
        change: How far the map changed, see `change`.
        left_over: How far it still differs after it was moved back as well as whole cells allow; 0 where pooling
            moves with the image.
        moved: By how many cells it was moved back.
    """

    pixels: int
    change: float
    left_over: float
    moved: int


def shift_effect(
    feature_map: NDArray[np.floating], kind: Pooling, pixels: int, size: int = 2, stride: int = 2
) -> Shift:
    """Pool a map before and after a shift, and compare.

    Args:
        feature_map: (rows, columns), before pooling.
        kind: How to pool.
        pixels: 0 to `FARTHEST`, to the right.
        size: Edge of the pooling window.
        stride: Of the pooling.
    """
    before = pool(shifted(feature_map, 0), kind, size, stride)
    after = pool(shifted(feature_map, pixels), kind, size, stride)
    furthest = pixels if kind == "none" else -(-pixels // stride)
    candidates = [_moved_back(after, before, cells) for cells in range(furthest + 1)]
    best = int(np.nanargmin(candidates)) if not np.isnan(candidates).all() else 0
    return Shift(pixels, change(after, before), candidates[best], best)


def _moved_back(after: NDArray[np.float64], before: NDArray[np.float64], cells: int) -> float:
    """Difference of the parts that both maps hold when `after` is moved left by `cells`."""
    return change(after[:, cells:], before[:, : before.shape[1] - cells])


def shift_curve(feature_map: NDArray[np.floating], kind: Pooling, size: int = 2, stride: int = 2) -> tuple[Shift, ...]:
    """`shift_effect` of a (rows, columns) map for every shift from 0 to `FARTHEST`."""
    return tuple(shift_effect(feature_map, kind, pixels, size, stride) for pixels in range(FARTHEST + 1))
