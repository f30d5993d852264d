"""Where parallel slices lie: their places in space, stacks among them, and how a stack is sheared."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.readers.dicom.image import Image

#: Places nearer than this, in mm, are the same, unless pixels are so small that slices can be: headers carry about six
#: digits.
SAME_PLACE = 0.01
#: Slices of one stack that lie on each other are shifted by less than this times their distance, about 56°.
_STEEPEST = 1.5
#: Stacks that one series may hold beside each other.
_STACKS = 200
#: Shear from which on it is said, in degrees.
_SAID = 0.5


def places_of(images: Sequence[Image]) -> NDArray[np.float64] | None:
    """(images, 3) where the first pixel of each lies in mm: along the common normal, down columns, across rows.

    The normal is that of the mean orientation: where slices round their orientation differently, positions along a
    normal of their own would be out of order (PS3.3 C.7.6.2.1.1).

    Returns:
        None where a position or an orientation is missing.
    """
    corners = [image.corner for image in images]
    axes = [image.orientation for image in images]
    if any(corner is None for corner in corners) or any(pair is None for pair in axes):
        return None
    across, down = _mean_axes(axes)
    frame = np.array([np.cross(across, down), down, across])
    places = np.array(corners, np.float64) @ frame.T
    for number, image in enumerate(images):
        if image.dose_plane is not None:
            places[number, 0] = image.dose_plane
    return np.asarray(places, np.float64)


def _mean_axes(axes: Sequence[NDArray[np.float64] | None]) -> NDArray[np.float64]:
    """(2, 3) unit vectors along a row and down a column, of orientations that are nearly one."""
    mean = np.mean(np.array([pair for pair in axes if pair is not None]), axis=0)
    return np.asarray(mean / np.linalg.norm(mean, axis=1)[:, None], np.float64)


def same_place(images: Sequence[Image]) -> float:
    """Distance in mm below which two slices of these are at one place: smaller where pixels or slices are tiny."""
    first = images[0]
    sizes = (*first.spacing[:2], *(value for value in (first.thickness,) if value))
    return min([SAME_PLACE, *(0.1 * size for size in sizes if size > 0)])


def in_rows(heights: NDArray[np.float64], second: Sequence[float], tolerance: float) -> list[list[int]]:
    """Indices of slices at the same place together, places in order, those of one place by a second number.

    Args:
        heights: (slices,) places along the normal, in mm.
        second: One number a slice, such as a time or an instance number.
        tolerance: Distance in mm up to which two slices are at the same place.
    """
    order = sorted(range(len(heights)), key=lambda n: (heights[n], second[n]))
    rows: list[list[int]] = []
    for n in order:
        if not rows or heights[n] - heights[rows[-1][-1]] > tolerance:
            rows.append([])
        rows[-1].append(n)
    return [sorted(row, key=lambda n: second[n]) for row in rows]


def is_even_below(heights: NDArray[np.float64]) -> bool:
    """Whether (slices,) places in mm that all seem the same are the even steps of a finer stack than expected."""
    gaps = np.diff(np.sort(heights))
    usual = float(np.median(gaps)) if len(gaps) > 1 else 0.0
    return usual > 1e-6 and bool((np.abs(gaps - usual) < 0.2 * usual).all())


def blocks_of(places: NDArray[np.float64], pixel: float, asked: Callable[[], None] = lambda: None) -> list[list[int]]:
    """Indices of the slices of each stack, where one series holds several beside each other.

    Args:
        places: (slices, 3) as `places_of` gives them.
        pixel: Size of a pixel in mm, 0 where unknown.
        asked: Called again and again; may leave by `Cancelled`.

    Returns:
        One list for a plain or evenly sheared stack, and where no two slices lie on each other.
    """
    heights, flat = places[:, 0], places[:, 1:]
    slack = 2 * pixel if pixel > 0 else 1.0
    everything = [list(range(len(places)))]
    slope, off = _line(heights, flat)
    if off <= slack and np.linalg.norm(slope) <= _STEEPEST:
        return everything
    order = np.argsort(heights, kind="stable")
    gaps = np.diff(heights[order])
    usual = float(np.median(gaps[gaps > 1e-6])) if (gaps > 1e-6).any() else 0.0
    stacks: list[list[int]] = []
    tops = np.empty(_STACKS, np.int64)  # the highest slice of each stack so far
    for n in order:
        asked()
        last = tops[: len(stacks)]
        shifts = np.linalg.norm(flat[last] - flat[n], axis=1)
        allowed = slack + _STEEPEST * np.minimum(heights[n] - heights[last], 3 * usual)
        shifts[shifts > allowed] = math.inf
        best = int(shifts.argmin()) if stacks else 0
        if not stacks or shifts[best] == math.inf:
            if len(stacks) == _STACKS:
                return everything
            best = len(stacks)
            stacks.append([])
        stacks[best].append(int(n))
        tops[best] = n
    return stacks if any(len(stack) > 1 for stack in stacks) else everything


def _line(heights: NDArray[np.float64], flat: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Shift in the plane a mm of height, by least squares, and how far the worst slice is off it."""
    up = heights - heights.mean()
    aside = flat - flat.mean(axis=0)
    spread = float((up**2).sum())
    slope = (up @ aside) / spread if spread > 1e-12 else np.zeros(2)
    return slope, float(np.linalg.norm(aside - up[:, None] * slope, axis=1).max())


def shear_degrees(places: NDArray[np.float64]) -> float:
    """Angle in degrees between the line on which slices are stacked and their normal.

    It is that of a tilted gantry, and 0 for a plain stack.

    Args:
        places: (slices, 3) in mm: along the normal, then within the plane.
    """
    slope, _ = _line(places[:, 0], places[:, 1:])
    return math.degrees(math.atan(float(np.linalg.norm(slope))))


def stack_warnings(
    places: NDArray[np.float64] | None, first: Image, gaps: NDArray[np.float64], spacing: float | None
) -> list[str]:
    """What is uneven or aslant about a stack, in sentences.

    Args:
        places: (slices, 3) in their order, None where unknown.
        first: One of its images.
        gaps: Distances between neighbouring places in mm.
        spacing: The usual one.
    """
    said = []
    if places is None:
        tilt = first.file.number("GantryDetectorTilt") or 0.0
        if abs(tilt) >= _SAID:
            said.append(
                f"The gantry was tilted by {tilt:.3g}°, and the slices lack positions: they are taken as a "
                "straight stack."
            )
        return said
    if spacing:
        uneven = int((np.abs(gaps - spacing) > max(0.05 * spacing, min(SAME_PLACE, 0.1 * spacing))).sum())
        if uneven:
            said.append(
                f"The slices are not evenly spaced: {uneven} gap{' differs' if uneven == 1 else 's differ'} from "
                f"{spacing:.3g} mm, the largest is {gaps.max():.3g} mm; slices may be missing."
            )
        angle = shear_degrees(places)
        if angle >= _SAID:
            said.append(
                f"The slices are stacked aslant by {angle:.3g}°, as with a tilted gantry: distances in space take that "
                "into account, the slices are shown as they were taken."
            )
    return said
