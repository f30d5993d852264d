"""From a mask to lines around it, for the viewer and for images.

Coordinates are (x, y) in pixels of the scan from its upper left corner, so that the centre of pixel (row 0, column 0)
is at (0.5, 0.5) and a mask of the whole scan is drawn along its edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Outline:
    """One closed shape of several rings; a point is inside where an odd number of rings is around it.

    Attributes:
        label: What it is.
        color: `#rrggbb`.
        rings: Each (points, 2) float32.
        is_reference: Whether it comes from the user's own mask rather than from the model.
    """

    label: str
    color: str
    rings: tuple[Ring, ...]
    is_reference: bool = False


def rings_of(mask: NDArray[np.bool_], tolerance: float = 0.25) -> tuple[Ring, ...]:
    """Lines around the pieces of a mask and around their holes.

    The line runs a quarter of a pixel inside the pixels' edges: masks are traced at twice their size, because a line
    through the centres of pixels would draw every piece a pixel too small.

    Args:
        mask: (rows, columns) bool.
        tolerance: How far the line may be from that, in pixels of the scan, for fewer points.
    """
    if not mask.any():
        return ()
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    part = mask[top : rows[-1] + 1, left : columns[-1] + 1].astype(np.uint8)
    doubled = np.repeat(np.repeat(part, 2, axis=0), 2, axis=1)
    found, _ = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    rings = [cv2.approxPolyDP(ring, 2 * tolerance, True).reshape(-1, 2) for ring in found]
    return tuple(((ring + 0.5) / 2 + (left, top)).astype(np.float32) for ring in rings if len(ring) > 2)
