"""Superpixels: parts of an image that are near each other and alike, as units that can be taken away.

k-means over place and grey or colour, started from a regular grid, as SLIC does (Achanta et al. 2012,
doi:10.1109/TPAMI.2012.120), with OpenCV's k-means.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

#: How much the full grey range counts against the distance of two neighbouring seeds.
COLOUR = 6.0


def superpixels(image: NDArray[np.float32], count: int = 40) -> NDArray[np.int32]:
    """Number of the superpixel of each pixel.

    Args:
        image: (rows, columns, channels) of any range.
        count: About how many; a grid of at least 2 × 2 is used.

    Returns:
        (rows, columns) int32, 0 to the number of superpixels - 1, each of them used.
    """
    rows, columns = image.shape[:2]
    down = max(2, round(np.sqrt(count * rows / columns)))
    across = max(2, round(count / down))
    row, column = np.mgrid[0:rows, 0:columns]
    start = (row * down // rows) * across + column * across // columns
    spread = float(image.max() - image.min()) or 1.0
    places = np.stack([row * down / rows, column * across / columns], axis=-1)
    values = (image - image.min()) / spread * COLOUR / np.sqrt(image.shape[-1])
    data = np.concatenate([places, values], axis=-1).reshape(rows * columns, -1).astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_MAX_ITER, 6, 0.0)
    labels = start.reshape(-1, 1).astype(np.int32)
    _, found, _ = cv2.kmeans(data, down * across, labels, criteria, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    return np.unique(found.reshape(rows, columns), return_inverse=True)[1].reshape(rows, columns).astype(np.int32)
