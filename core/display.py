"""Heatmaps as colours, and colours on a scan.

Inferno rises evenly in brightness, so more evidence always looks brighter, also in grey print and to the colour-blind.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

#: Below this fraction of the scale the colour fades out, so that the anatomy stays visible where there is no evidence.
FADE_BELOW = 0.35


def inferno(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(rows, columns) in [0, 1] to (rows, columns, 3) RGB."""
    levels = (np.clip(values, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)


def heat_rgba(heatmap: NDArray[np.floating], scale: float) -> NDArray[np.uint8]:
    """A heatmap as a layer to lay over an image.

    Args:
        heatmap: (rows, columns), absolute values.
        scale: The value at the bright end of the colours; 0 gives an invisible layer.

    Returns:
        (rows, columns, 4) RGBA, more transparent towards 0.
    """
    fraction = np.clip(heatmap / scale, 0.0, 1.0) if scale > 0 else np.zeros(heatmap.shape)
    alpha = np.clip(fraction / FADE_BELOW, 0.0, 1.0) * 255 + 0.5
    return np.dstack([inferno(fraction), alpha.astype(np.uint8)])


def blend(image: NDArray[np.uint8], layer: NDArray[np.uint8], opacity: float) -> NDArray[np.uint8]:
    """Lay a layer over an image.

    Args:
        image: (rows, columns) or (rows, columns, 3) uint8.
        layer: (rows, columns, 4) RGBA.
        opacity: 0 shows the image alone, 1 the layer at its full alpha.

    Returns:
        (rows, columns, 3) RGB uint8.
    """
    below = np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image
    fraction = layer[..., 3:].astype(np.float32) / 255.0 * opacity
    return (below * (1 - fraction) + layer[..., :3] * fraction + 0.5).astype(np.uint8)


def square_size(rows: int, columns: int, pixel_aspect: float) -> tuple[int, int]:
    """The size at which pixels become square and none is lost: the coarser direction is drawn out.

    Args:
        rows: Height in pixels.
        columns: Width in pixels.
        pixel_aspect: Height of a pixel over its width.

    Returns:
        (rows, columns).

    Example:
        >>> square_size(100, 200, 2.0), square_size(100, 200, 0.5)
        ((200, 200), (100, 400))
    """
    if pixel_aspect >= 1.0:
        return round(rows * pixel_aspect), columns
    return rows, round(columns / pixel_aspect)


def resample(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """An image at (rows, columns); by area where it shrinks, bilinear where it grows, untouched where it fits."""
    if image.shape[:2] == size:
        return image
    shrinks = size[0] <= image.shape[0] and size[1] <= image.shape[1]
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
