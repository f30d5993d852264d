"""Small square images of scans, for galleries."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.scan import Scan, answered_frame, display_frame


def thumbnail(scan: Scan, size: int = 256) -> NDArray[np.uint8]:
    """The middle frame in a square with black borders, with square pixels.

    Args:
        scan: Any scan.
        size: Edge in pixels.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    image = display_frame(scan, answered_frame(scan))
    zoom = size / max(scan.rows * scan.pixel_aspect, scan.columns)
    rows, columns = max(1, round(scan.rows * scan.pixel_aspect * zoom)), max(1, round(scan.columns * zoom))
    shrinking = zoom < 1
    resized = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    colour = resized if resized.ndim == 3 else np.repeat(resized[..., None], 3, axis=2)
    square = np.zeros((size, size, 3), np.uint8)
    top, left = (size - rows) // 2, (size - columns) // 2
    square[top : top + rows, left : left + columns] = colour
    return square
