"""How well an outline fits: overlap and distances between two masks, in mm.

A mask is boolean, (rows, columns) or (slices, rows, columns). Its surface are the voxels with a neighbour across a face
that is outside of it; what is outside the picture counts as such. Undefined is NaN: two empty masks have no overlap to
speak of, and an empty mask has no distance to anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Pairs of points whose distances are held at a time.
PAIRS = 8_000_000


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


def surface_points(mask: NDArray[np.bool_], spacing_mm: Sequence[float]) -> NDArray[np.float64]:
    """(points, axes) centres of the voxels on the surface, in mm."""
    padded = np.pad(mask, 1)
    inside = mask.copy()
    for axis in range(mask.ndim):
        for step in (-1, 1):
            neighbour = np.roll(padded, step, axis)[tuple(slice(1, -1) for _ in range(mask.ndim))]
            inside &= neighbour
    return np.argwhere(mask & ~inside).astype(np.float64) * np.asarray(spacing_mm, np.float64)


def surface_distances(
    truth: ArrayLike, predicted: ArrayLike, spacing_mm: Sequence[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each point of either surface the distance to the nearest one of the other, in mm.

    Args:
        truth: Mask.
        predicted: Mask of the same shape.
        spacing_mm: Between the centres of voxels along each axis of the masks.

    Returns:
        (points,) from the true surface, and (points,) from the predicted one; empty where a mask is empty.

    Raises:
        ValueError: The shapes differ, or the spacing does not fit.
    """
    a, b = _masks(truth, predicted)
    if len(spacing_mm) != a.ndim or not all(step > 0 for step in spacing_mm):
        raise ValueError(f"Expected {a.ndim} spacings above 0. Received {tuple(spacing_mm)}.")
    one, two = surface_points(a, spacing_mm), surface_points(b, spacing_mm)
    if not len(one) or not len(two):
        return np.empty(0), np.empty(0)
    return _nearest(one, two), _nearest(two, one)


def _nearest(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from each point to the nearest other one.

    |a − b|² = |a|² + |b|² − 2 a·b finds which is nearest by one product of matrices; the distance is then taken from
    the coordinates, as the difference of large numbers would not be exact.
    """
    centre = others.mean(axis=0)
    squares = ((others - centre) ** 2).sum(axis=1)
    nearest = np.empty(len(points), np.intp)
    block = max(1, PAIRS // len(others))
    for start in range(0, len(points), block):
        part = points[start : start + block] - centre
        nearest[start : start + block] = (squares - 2.0 * (part @ (others - centre).T)).argmin(axis=1)
    return np.asarray(np.sqrt(((points - others[nearest]) ** 2).sum(axis=1)))


def hausdorff(truth: ArrayLike, predicted: ArrayLike, spacing_mm: Sequence[float], percentile: float = 100.0) -> float:
    """Hausdorff distance between the surfaces in mm: the larger of the two directed ones.

    Args:
        truth: Mask.
        predicted: Mask of the same shape.
        spacing_mm: Between the centres of voxels along each axis of the masks.
        percentile: Of the distances of each direction; 100 for the Hausdorff distance itself, 95 for what single stray
            voxels do not decide.

    Returns:
        NaN where a mask is empty.
    """
    both = surface_distances(truth, predicted, spacing_mm)
    if not len(both[0]):
        return float("nan")
    return max(float(np.percentile(one, percentile)) for one in both)


def hausdorff_95(truth: ArrayLike, predicted: ArrayLike, spacing_mm: Sequence[float]) -> float:
    """The larger of the 95th percentiles of the two directed surface distances, in mm."""
    return hausdorff(truth, predicted, spacing_mm, 95.0)


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
