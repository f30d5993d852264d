"""Outlines as colours, and burnt into an image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from core.colors import OKABE_ITO
from core.inference.masks import Segmentation
from core.segmentation.contours import Outline, rings_of

#: Okabe and Ito's colours in the order in which labels take them: those first that stand out on grey scans and on the
#: orange of a retina alike.
OUTLINE_COLORS = tuple(OKABE_ITO[n] for n in (4, 6, 3, 2, 1, 5))

#: The user's own mask: white and dashed, so that it is told from every label by more than its colour.
REFERENCE_COLOR = "#FFFFFF"

#: Bits behind the point in OpenCV's drawing coordinates.
_SHIFT = 4


def outline_color(label: int) -> str:
    """Colour of the label with this place among those of a model, from 0."""
    return OUTLINE_COLORS[label % len(OUTLINE_COLORS)]


def outlines_of(segmentation: Segmentation, position: int, tolerance: float = 0.25) -> tuple[Outline, ...]:
    """The outlines of one frame; labels that were not found have none.

    Args:
        segmentation: The answer.
        position: Row of the frame in it.
        tolerance: How far lines may be from the mask, in pixels of the scan.
    """
    found = []
    for index, label in enumerate(segmentation.labels):
        if segmentation.pixels[position, index]:
            rings = rings_of(segmentation.mask(position, index), tolerance)
            found.append(Outline(label, outline_color(index), rings))
    return tuple(found)


def paint_outlines(
    image: NDArray[np.uint8], outlines: Sequence[Outline], scan_size: tuple[int, int], fill: float = 0.25
) -> NDArray[np.uint8]:
    """Burn outlines into an image of the scan, each with a dark rim.

    Args:
        image: (rows, columns) or (rows, columns, 3) uint8, of any size.
        outlines: What to draw; references are dashed and never filled.
        scan_size: (rows, columns) of the scan, which the outlines' coordinates are of.
        fill: Opacity of the inside, 0 to 1.

    Returns:
        (rows, columns, 3) RGB uint8.
    """
    painted = np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image.copy()
    zoom = np.array([painted.shape[1] / scan_size[1], painted.shape[0] / scan_size[0]])
    width = max(1, round(max(painted.shape[:2]) / 400))
    for outline in outlines:
        # OpenCV's coordinates are of pixel centres, ours of the image's corner.
        rings = [np.round((ring * zoom - 0.5) * (1 << _SHIFT)).astype(np.int32) for ring in outline.rings]
        color = tuple(int(outline.color[at : at + 2], 16) for at in (1, 3, 5))
        if fill and rings and not outline.is_reference:
            inside = painted.copy()
            cv2.fillPoly(inside, rings, color, cv2.LINE_AA, _SHIFT)
            painted = cv2.addWeighted(inside, fill, painted, 1 - fill, 0)
        pieces = _dashed(rings, 4 * width) if outline.is_reference else rings
        for tone, thickness in (((0, 0, 0), width + 2), (color, width)):
            cv2.polylines(painted, pieces, not outline.is_reference, tone, thickness, cv2.LINE_AA, _SHIFT)
    return painted


def _dashed(rings: Sequence[NDArray[np.int32]], length: int) -> list[NDArray[np.int32]]:
    """Every other stretch of each ring, `length` pixels long."""
    dashes = []
    for ring in rings:
        closed = np.concatenate([ring, ring[:1]]).astype(float)
        way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
        steps = np.arange(0.0, way[-1], 1 << _SHIFT)
        points = np.stack([np.interp(steps, way, closed[:, axis]) for axis in (0, 1)], axis=1).round().astype(np.int32)
        dashes += [points[start : start + length] for start in range(0, len(points), 2 * length)]
    return dashes
