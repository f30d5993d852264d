"""Feature maps, kernels and receptive fields as images."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.display import inferno

#: From less than 0 to more: blue, nearly black, orange. Dark in the middle, so that nothing looks like nothing.
_STOPS = np.array([[150, 215, 255], [20, 110, 190], [14, 14, 18], [196, 92, 0], [255, 208, 110]], np.float64)
#: The same for a style sheet, and inferno.
BALANCED_CSS = ", ".join(f"rgb({r:.0f} {g:.0f} {b:.0f})" for r, g, b in _STOPS)
INFERNO_CSS = "#000004, #320a5e, #781c6d, #bc3754, #ed6925, #fbb61a, #fcffa4"
#: Fraction of values that the colours tell apart; the rest gets the brightest, or one lone cell would darken all
#: others.
FRACTION = 99.5


def limits(values: NDArray[np.floating]) -> tuple[float, float]:
    """Colour limits for several maps: from 0, or as far below 0 as above where there is anything below.

    Example:
        >>> limits(np.array([0.0, 2.0])), limits(np.array([-1.0, 3.0]))[0] < 0
        ((0.0, 1.99), True)
    """
    if not values.size:
        return 0.0, 1.0
    top = float(np.percentile(np.abs(values), FRACTION)) or float(np.abs(values).max()) or 1.0
    return (-top, top) if float(values.min()) < -1e-6 * top else (0.0, top)


def map_image(values: NDArray[np.floating], low: float, high: float) -> NDArray[np.uint8]:
    """(rows, columns) to RGB of the same size; inferno from 0, a balanced map where `low` is below 0."""
    fraction = (np.clip(values, low, high) - low) / ((high - low) or 1.0)
    return balanced(fraction) if low < 0 else inferno(fraction)


def balanced(fraction: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(rows, columns) from 0 to 1 to RGB, 0.5 being dark."""
    place = np.clip(fraction, 0, 1) * (len(_STOPS) - 1)
    bands = [np.interp(place, range(len(_STOPS)), _STOPS[:, band]) for band in range(3)]
    return np.rint(np.stack(bands, axis=-1)).astype(np.uint8)


def most_varied(maps: NDArray[np.floating], count: int) -> NDArray[np.intp]:
    """Channels of (channels, rows, columns) whose values differ most from place to place, the most varied first."""
    spread = maps.reshape(len(maps), -1).std(axis=1)
    return np.argsort(-spread, kind="stable")[:count]


def strip(maps: list[NDArray[np.floating] | None], side: int) -> NDArray[np.uint8]:
    """Thumbnails below each other: (len · side, side, 3); black where there is none, each on its own scale."""
    images = []
    for values in maps:
        if values is None:
            images.append(np.zeros((side, side, 3), np.uint8))
            continue
        scale = side / max(values.shape)
        size = (max(1, round(values.shape[1] * scale)), max(1, round(values.shape[0] * scale)))
        shrinks = scale < 1
        small = cv2.resize(
            values.astype(np.float32), size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST
        )
        square = np.zeros((side, side, 3), np.uint8)
        top, left = (side - size[1]) // 2, (side - size[0]) // 2
        square[top : top + size[1], left : left + size[0]] = map_image(small, *limits(small))
        images.append(square)
    return np.concatenate(images) if images else np.zeros((0, side, 3), np.uint8)


def field_image(image: NDArray[np.uint8], paths: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A scan with what a cell can see of it in full light, and what reaches it by many paths tinted.

    Args:
        image: (rows, columns) or (rows, columns, 3).
        paths: (rows, columns) of the same image, 0 where nothing reaches the cell.
    """
    grey = np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image
    top = float(paths.max()) or 1.0
    seen = paths > 1e-9 * top
    tint = np.sqrt(np.clip(paths / top, 0, 1))[..., None] * 0.45
    teal = np.array([64, 224, 208], np.float64)
    lit = grey * (1 - tint) + teal * tint
    return np.where(seen[..., None], lit, grey * 0.4).astype(np.uint8)
