"""Parts of a scan on the model's own grid, taken away or kept, for the methods that hide parts and for the checks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.inference.prepare import Geometry

#: Patches along the longer side of what the model sees of the scan.
PATCHES = 8


def patch_layout(geometry: Geometry, patches: int = PATCHES) -> tuple[int, int]:
    """(down, across) patches over the part of the model's grid that holds the scan, as square as can be."""
    top, left, bottom, right = geometry.view
    height, width = bottom - top, right - left
    longer = max(height, width)
    return max(1, round(patches * height / longer)), max(1, round(patches * width / longer))


def patch_heat(grid: NDArray[np.float32], geometry: Geometry, layout: tuple[int, int]) -> NDArray[np.float32]:
    """Mean heat of each patch, (down, across)."""
    rows, columns = geometry.model_size
    full = cv2.resize(grid, (columns, rows), interpolation=cv2.INTER_LINEAR)
    top, left, bottom, right = geometry.view
    inner = np.ascontiguousarray(full[top:bottom, left:right])
    return cv2.resize(inner, (layout[1], layout[0]), interpolation=cv2.INTER_AREA)


def patch_masks(kept: NDArray[np.float32], geometry: Geometry) -> NDArray[np.float32]:
    """(N, down, across) shares kept to (N, rows, columns) on the model's grid, with soft edges; 1 beside the scan.

    Hard edges would be new structure, which the model might answer to.
    """
    top, left, bottom, right = geometry.view
    masks = np.ones((len(kept), *geometry.model_size), np.float32)
    for index, image in enumerate(kept):
        masks[index, top:bottom, left:right] = cv2.resize(
            image, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR
        )
    return masks


def blur(image: NDArray[np.float32], geometry: Geometry) -> NDArray[np.float32]:
    """(rows, columns, channels) with the scan's part so blurred that only its broad shades are left."""
    top, left, bottom, right = geometry.view
    inner = np.ascontiguousarray(image[top:bottom, left:right])
    sigma = max(bottom - top, right - left) / 10
    soft = cv2.GaussianBlur(inner, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    result = image.copy()
    result[top:bottom, left:right] = soft.reshape(inner.shape)
    return result
