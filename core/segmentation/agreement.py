"""How well the model's outline fits the user's own mask: overlap, and distances of the two lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.masks import dice, surface_distances
from core.inference.masks import Segmentation
from core.readers.mask import Reference
from core.scan import Scan


@dataclass(frozen=True)
class Agreement:
    """One label of the model against the mask.

    Attributes:
        label: What was outlined.
        dice: Twice the common part by the sum of both, 0 to 1; NaN where both are empty.
        hausdorff: Largest distance from a point of one line to the other line; NaN where one is empty.
        hausdorff_95: Largest distance between the outlines without the farthest 5 % of their points.
        unit: `"mm"`, or `"pixels"` where the file has no spacing.
        frames: How many frames were compared as one.
    """

    label: str
    dice: float
    hausdorff: float
    hausdorff_95: float
    unit: str
    frames: int


def steps_of(scan: Scan, volume: bool) -> tuple[tuple[float, ...], str]:
    """Distances between neighbours along each axis of a mask, and their unit; of a volume only where all are known."""
    plane = scan.spacing_mm or (scan.pixel_aspect, 1.0)
    unit = "pixels" if scan.spacing_mm is None else "mm"
    return ((scan.slice_spacing_mm or 0.0, *plane) if volume else plane), unit


def origins_of(scan: Scan) -> NDArray[np.float64] | None:
    """(slices, 3) where the slices lie in mm, for distances in space; None for a straight and even stack."""
    origins = scan.slice_origins_mm
    if origins is None or scan.slice_spacing_mm is None:
        return None
    straight = np.zeros_like(origins)
    straight[:, 0] = np.arange(len(origins)) * scan.slice_spacing_mm
    return None if np.allclose(origins, straight, atol=0.01 * scan.slice_spacing_mm) else origins


def matched_masks(reference: Reference, labels: int, chosen: int) -> dict[int, NDArray[np.bool_]]:
    """Label of the model, from 0, to the (frames, rows, columns) part of the mask that means it.

    Args:
        reference: The mask.
        labels: How many labels the model outlines.
        chosen: Which of them the mask means where its values do not say.
    """
    if labels > 1 and reference.fits_labels(labels):
        return {label: reference.of(label + 1) for label in range(labels)}
    return {chosen: reference.of()}


def frame_agreement(
    segmentation: Segmentation, position: int, truth: NDArray[np.bool_], label: int, scan: Scan
) -> Agreement:
    """One frame against the mask of the same frame (rows, columns)."""
    steps, unit = steps_of(scan, volume=False)
    mask = segmentation.mask(position, label)
    farthest, most = _distances(truth, mask, steps)
    return Agreement(segmentation.labels[label], dice(truth, mask), farthest, most, unit, 1)


def volume_agreement(segmentation: Segmentation, truth: NDArray[np.bool_], label: int, scan: Scan) -> Agreement:
    """All frames against the mask of all frames (frames, rows, columns).

    Distances are taken in three dimensions, where the slices truly lie, and only of volumes whose spacing is known.
    """
    masks = segmentation.volume(label)
    steps, unit = steps_of(scan, volume=True)
    farthest = most = float("nan")
    if scan.axis == "slice" and steps[0] > 0 and unit == "mm":
        farthest, most = _distances(truth, masks, steps, origins_of(scan))
    return Agreement(segmentation.labels[label], dice(truth, masks), farthest, most, unit, len(masks))


def _distances(
    truth: NDArray[np.bool_],
    mask: NDArray[np.bool_],
    steps: tuple[float, ...],
    origins: NDArray[np.float64] | None = None,
) -> tuple[float, float]:
    """Hausdorff distance and its 95th percentile; NaN where a mask is empty."""
    both = surface_distances(truth, mask, steps, origins)
    if not len(both[0]):
        return float("nan"), float("nan")
    return max(float(one.max()) for one in both), max(float(np.percentile(one, 95)) for one in both)
