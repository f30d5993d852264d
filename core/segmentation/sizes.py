"""How large an outline is: area in mm², volume in ml, and what the file does not say about either."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from core.scan import Scan

#: Slices nearer than this part of the usual distance are at one place.
SHARED_PLACE = 0.05


def pixel_area_mm2(scan: Scan) -> float | None:
    """Area of one pixel in mm², or None where the file has no spacing."""
    return None if scan.spacing_mm is None else scan.spacing_mm[0] * scan.spacing_mm[1]


def volume_ml(pixels: NDArray[np.integer], scan: Scan) -> float | None:
    """Volume of the masks of all slices in ml.

    Each slice stands for one distance between slices. Where their places are known, it stands for half the gaps to its
    neighbours, and slices at a shared place count once, by their mean.

    Args:
        pixels: (slices,) pixels in the mask of each slice.
        scan: The whole stack.

    Returns:
        None where the scan is no volume, slices are missing, or a distance is not known.
    """
    area = pixel_area_mm2(scan)
    if scan.axis != "slice" or len(pixels) != scan.frames or area is None or scan.slice_spacing_mm is None:
        return None
    return float(pixels @ slice_heights_mm(scan)) * area / 1000.0


def slice_heights_mm(scan: Scan) -> NDArray[np.float64]:
    """(slices,) height in mm along the normal that each slice stands for; of a stack whose distances are known."""
    usual = scan.slice_spacing_mm or 0.0
    if scan.slice_origins_mm is None:
        return np.full(scan.frames, usual)
    heights = scan.slice_origins_mm[:, 0]
    order = np.argsort(heights, kind="stable")
    fresh = np.diff(heights[order], prepend=-np.inf) > SHARED_PLACE * usual
    number = np.empty(scan.frames, np.intp)
    number[order] = np.cumsum(fresh) - 1
    gaps = np.diff(heights[order][fresh])
    stands_for = (np.append(usual, gaps) + np.append(gaps, usual)) / 2
    return np.asarray(stands_for[number] / np.bincount(number)[number], np.float64)


def shared_places(scan: Scan) -> int:
    """How many slices lie where another one does."""
    if scan.slice_origins_mm is None or scan.slice_spacing_mm is None:
        return 0
    return int((np.diff(np.sort(scan.slice_origins_mm[:, 0])) <= SHARED_PLACE * scan.slice_spacing_mm).sum())


def size_notes(scan: Scan) -> tuple[str, ...]:
    """What stands between a mask and its size, in sentences; empty where nothing does."""
    notes = []
    if scan.spacing_mm is None:
        notes.append("The file does not say how large a pixel is, so areas are in pixels.")
        if abs(scan.pixel_aspect - 1.0) > 1e-3:
            notes.append(f"A pixel is {scan.pixel_aspect:.3g} times as high as wide.")
    if scan.axis == "slice" and scan.slice_spacing_mm is None:
        notes.append("The file does not say how far apart its slices are, so there is no volume.")
    if scan.axis == "slice" and any("not evenly spaced" in warning for warning in scan.warnings):
        how = "each counts for half the gaps beside it" if scan.slice_origins_mm is not None else "all count alike"
        notes.append(f"The slices are not evenly spaced: {how}, and the volume is rough.")
    if shared := shared_places(scan):
        count = "1 slice lies" if shared == 1 else f"{shared} slices lie"
        notes.append(f"{count} where another one does: for the volume they count once, by their mean.")
    return tuple(notes)


def number_text(value: float) -> str:
    """Three significant digits, with commas and without exponents.

    Example:
        >>> [number_text(v) for v in (0.0, 0.04567, 3.14159, 412.4, 12345.0)]
        ['0', '0.0457', '3.14', '412', '12,300']
    """
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "not defined"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:.{digits}f}".rstrip("0").rstrip(".")


def area_text(pixels: int, scan: Scan) -> str:
    """`"412 mm²"`, or `"1,234 pixels, 2.5 % of the picture"` where the file has no spacing."""
    area = pixel_area_mm2(scan)
    if area is not None:
        return f"{number_text(pixels * area)} mm²"
    fraction = 100 * pixels / (scan.rows * scan.columns)
    return f"{pixels:,} pixel{'' if pixels == 1 else 's'}, {number_text(fraction)} % of the image"


def range_text(low: int, high: int, scan: Scan) -> str:
    """Two sizes in pixels as `"380 to 455 mm²"`, or as `"1,100 to 1,234 pixels"` where the file has no spacing."""
    area = pixel_area_mm2(scan)
    if area is None:
        return f"{low:,} to {high:,} pixels"
    return f"{number_text(low * area)} to {number_text(high * area)} mm²"
