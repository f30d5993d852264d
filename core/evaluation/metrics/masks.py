"""How well an outline fits: overlap and distances between two masks, in mm.

A mask is boolean, (rows, columns) or (slices, rows, columns). Its surface are the voxels with a neighbour across a face
that is outside of it; what is outside the image counts as such. Undefined is NaN: two empty masks have no overlap to
speak of, and an empty mask has no distance to anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _masks(truth: ArrayLike, predicted: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    a, b = np.asarray(truth).astype(bool), np.asarray(predicted).astype(bool)
    if a.shape != b.shape or a.ndim not in {2, 3}:
        raise ValueError(f"Expected two masks of one shape with 2 or 3 axes. Received {a.shape} and {b.shape}.")
    return a, b


def dice(truth: ArrayLike, predicted: ArrayLike) -> float:
    """Twice the common part by the sum of both (Dice 1945); NaN where both are empty.

    Example:
        >>> dice([[1, 1, 0]], [[0, 1, 1]])
        0.5
    """
    a, b = _masks(truth, predicted)
    total = int(a.sum()) + int(b.sum())
    return 2.0 * int((a & b).sum()) / total if total else float("nan")


def jaccard(truth: ArrayLike, predicted: ArrayLike) -> float:
    """The common part by what either covers; NaN where both are empty."""
    a, b = _masks(truth, predicted)
    total = int((a | b).sum())
    return int((a & b).sum()) / total if total else float("nan")


def surface_points(
    mask: NDArray[np.bool_], spacing_mm: Sequence[float], slice_origins_mm: ArrayLike | None = None
) -> NDArray[np.float64]:
    """(points, axes) centres of the voxels on the surface, in mm.

    Args:
        mask: (rows, columns) or (slices, rows, columns).
        spacing_mm: Between the centres of voxels along each axis of the mask.
        slice_origins_mm: (slices, 3) where the first voxel of each slice lies, along the normal of the slices, down
            their columns and across their rows, for slices that are not stacked straight up or evenly; the first
            spacing is not used then. None for a straight and even stack.
    """
    box = _around(mask)
    inner = mask[box]
    inside = inner.copy()
    for axis in range(mask.ndim):
        along, kept = np.moveaxis(inside, axis, 0), np.moveaxis(inner, axis, 0)
        along[1:] &= kept[:-1]
        along[:-1] &= kept[1:]
        along[:1] = along[-1:] = False
    places = np.argwhere(inner & ~inside) + [side.start for side in box]
    if slice_origins_mm is None:
        return places * np.asarray(spacing_mm, np.float64)
    origins = np.asarray(slice_origins_mm, np.float64)
    if mask.ndim != 3 or origins.shape != (len(mask), 3):
        raise ValueError(f"Expected an origin of 3 numbers for each slice of {mask.shape}. Received {origins.shape}.")
    return np.asarray(origins[places[:, 0]] + places * np.array([0.0, *spacing_mm[1:]]))


def _around(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    """The box around a mask, so that empty space costs nothing; empty where the mask is."""
    box = []
    for axis in range(mask.ndim):
        where = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        box.append(slice(int(where[0]), int(where[-1]) + 1) if len(where) else slice(0, 0))
    return tuple(box)


def surface_distances(
    truth: ArrayLike, predicted: ArrayLike, spacing_mm: Sequence[float], slice_origins_mm: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each point of either surface the distance to the nearest one of the other, in mm.

    Args:
        truth: Mask.
        predicted: Mask of the same shape.
        spacing_mm: Between the centres of voxels along each axis of the masks.
        slice_origins_mm: (slices, 3) where each slice starts; see `surface_points`.

    Returns:
        (points,) from the true surface, and (points,) from the predicted one; empty where a mask is empty.

    Raises:
        ValueError: The shapes differ, or the spacing does not fit.
    """
    a, b = _masks(truth, predicted)
    if len(spacing_mm) != a.ndim or not all(step > 0 for step in spacing_mm):
        raise ValueError(f"Expected {a.ndim} spacings above 0. Received {tuple(spacing_mm)}.")
    one, two = (surface_points(mask, spacing_mm, slice_origins_mm) for mask in (a, b))
    if not len(one) or not len(two):
        return np.empty(0), np.empty(0)
    return _nearest(one, two), _nearest(two, one)


def _nearest(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from each point to the nearest other one, by a k-d tree (Bentley 1975, CACM 18:509-517)."""
    from scipy.spatial import cKDTree

    # Halving cells in their middle takes half the time of cutting at the median where the surfaces lie far apart.
    tree = cKDTree(others, balanced_tree=False, compact_nodes=False)
    return np.asarray(tree.query(points)[0], np.float64)


def hausdorff(
    truth: ArrayLike,
    predicted: ArrayLike,
    spacing_mm: Sequence[float],
    slice_origins_mm: ArrayLike | None = None,
    percentile: float = 100.0,
) -> float:
    """Hausdorff distance between the surfaces in mm: the larger of the two directed ones.

    Args:
        truth: Mask.
        predicted: Mask of the same shape.
        spacing_mm: Between the centres of voxels along each axis of the masks.
        slice_origins_mm: (slices, 3) where each slice starts; see `surface_points`.
        percentile: Of the distances of each direction; 100 for the Hausdorff distance itself, 95 for what single stray
            voxels do not decide.

    Returns:
        NaN where a mask is empty.
    """
    both = surface_distances(truth, predicted, spacing_mm, slice_origins_mm)
    if not len(both[0]):
        return float("nan")
    return max(float(np.percentile(one, percentile)) for one in both)


def hausdorff_95(
    truth: ArrayLike, predicted: ArrayLike, spacing_mm: Sequence[float], slice_origins_mm: ArrayLike | None = None
) -> float:
    """The larger of the 95th percentiles of the two directed surface distances, in mm; see `hausdorff`."""
    return hausdorff(truth, predicted, spacing_mm, slice_origins_mm, 95.0)


def mean_surface_distance(truth: ArrayLike, predicted: ArrayLike, spacing_mm: Sequence[float]) -> float:
    """Mean over the points of both surfaces of the distance to the other, in mm."""
    both = np.concatenate(surface_distances(truth, predicted, spacing_mm))
    return float(both.mean()) if len(both) else float("nan")


@dataclass(frozen=True)
class SegmentationMetric:
    """One entry of `SEGMENTATION_METRICS`.

    Attributes:
        name: As stored.
        title: For people, with the convention.
        function: `(truth, predicted, spacing_mm) -> float`, NaN where undefined.
        higher_is_better: Which way is better.
        unit: `""` or mm.
    """

    name: str
    title: str
    function: Callable[[ArrayLike, ArrayLike, Sequence[float]], float]
    higher_is_better: bool
    unit: str = ""


#: Every metric of two masks by its name.
SEGMENTATION_METRICS: dict[str, SegmentationMetric] = {
    metric.name: metric
    for metric in (
        SegmentationMetric("dice", "Dice", lambda a, b, _: dice(a, b), True),
        SegmentationMetric("jaccard", "Jaccard (intersection over union)", lambda a, b, _: jaccard(a, b), True),
        SegmentationMetric("hausdorff", "Hausdorff distance of the surfaces", hausdorff, False, "mm"),
        SegmentationMetric(
            "hausdorff_95", "Hausdorff distance of the surfaces, 95th percentile", hausdorff_95, False, "mm"
        ),
        SegmentationMetric(
            "mean_surface_distance", "Mean distance of the surfaces", mean_surface_distance, False, "mm"
        ),
    )
}
