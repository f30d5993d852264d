"""How large an outline is: area in mm², volume in ml, and what the file does not say about either."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from core.scan import Scan


def pixel_area_mm2(scan: Scan) -> float | None:
    """Area of one pixel in mm², or None where the file has no spacing."""
    return None if scan.spacing_mm is None else scan.spacing_mm[0] * scan.spacing_mm[1]


def volume_ml(pixels: NDArray[np.integer], scan: Scan) -> float | None:
    """Volume of the masks of all slices in ml: each slice stands for one distance between slices.

    Args:
        pixels: (slices,) pixels in the mask of each slice.
        scan: The whole stack.

    Returns:
        None where the scan is no volume, slices are missing, or a distance is not known.
    """
    area = pixel_area_mm2(scan)
    if scan.axis != "slice" or len(pixels) != scan.frames or area is None or scan.slice_spacing_mm is None:
        return None
    return float(pixels.sum()) * area * scan.slice_spacing_mm / 1000.0


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
        notes.append("The slices are not evenly spaced: the volume takes the usual gap for all and is rough.")
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
    share = 100 * pixels / (scan.rows * scan.columns)
    return f"{pixels:,} pixel{'' if pixels == 1 else 's'}, {number_text(share)} % of the picture"


def range_text(low: int, high: int, scan: Scan) -> str:
    """Two sizes in pixels as `"380 to 455 mm²"`, or as `"1,100 to 1,234 pixels"` where the file has no spacing."""
    area = pixel_area_mm2(scan)
    if area is None:
        return f"{low:,} to {high:,} pixels"
    return f"{number_text(low * area)} to {number_text(high * area)} mm²"
