"""Graphics and regions that an image brings along beside its pixels (DICOM PS3.3 C.9.2), and how they are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class OverlayPlane:
    """One overlay plane of a scan.

    Attributes:
        is_region: Whether it marks a region of interest, else it is graphics.
        shape: (rows, columns) of the scan.
        packed: Frame to its pixels, eight in a byte; frames without any are left out.
    """

    is_region: bool
    shape: tuple[int, int]
    packed: Mapping[int, NDArray[np.uint8]]

    def mask(self, index: int) -> NDArray[np.bool_] | None:
        """(rows, columns) what it marks in one frame, or None."""
        bits = self.packed.get(index)
        if bits is None:
            return None
        return np.unpackbits(bits, count=self.shape[0] * self.shape[1]).reshape(self.shape).astype(bool)


def packed_mask(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A mask (rows, columns) as `OverlayPlane.packed` keeps it."""
    return np.packbits(mask.reshape(-1))


def draw_planes(image: NDArray[np.uint8], planes: Sequence[OverlayPlane], index: int) -> NDArray[np.uint8]:
    """Planes over one frame: white with a dark edge, so that they are seen on bright and on dark ground.

    Args:
        image: (rows, columns) or (rows, columns, 3), as people see it; stays as it is.
        planes: Of its scan.
        index: Frame from 0.
    """
    masks = [mask for plane in planes if (mask := plane.mask(index)) is not None]
    if not masks:
        return image
    marked = np.logical_or.reduce(masks)
    around = cv2.dilate(marked.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    drawn = image.copy()
    drawn[around] = 0
    drawn[marked] = 255
    return drawn
