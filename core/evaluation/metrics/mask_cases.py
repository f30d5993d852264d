"""Metrics of a model that segments, from what is stored of each image and label: areas, overlap, distance.

A row of `MEASURES` is made once, where the masks are at hand (`measure_masks`); every number on a page is made of rows.
Means are over the images where a measure is defined: an image without the label has no Dice, and one where either mask
is empty has no distance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.metrics.masks import hausdorff_95
from core.evaluation.metrics.pixel_counts import area_of_counts, count_scores

#: What is stored of one label of one image; NaN where it is undefined. Areas are in pixels of the scan.
MEASURES = (
    "pixels", "true_pixels", "predicted_pixels", "intersection", "average_precision", "hausdorff_95_pixels",
    "hausdorff_95_mm",
)  # fmt: skip

_PLACE = {name: place for place, name in enumerate(MEASURES)}


def pixel_average_precision(truth: ArrayLike, probability: ArrayLike) -> float:
    """Area under precision and recall of the pixels of one image, in steps; NaN without a pixel of the label.

    Pixels are counted in bins of a tenth of a logit, of which all in one are marked together, so that it differs by up
    to 0.01 from the same with a step a pixel.

    Args:
        truth: Mask of any shape.
        probability: 0 to 1, of the same shape.

    Example:
        >>> pixel_average_precision([[1, 1, 0, 0]], [[0.9, 0.8, 0.3, 0.1]])
        1.0
    """
    return area_of_counts(count_scores(truth, probability)[None])


def measure_masks(
    truth: NDArray[np.bool_],
    mask: NDArray[np.bool_],
    probability: NDArray[np.floating],
    steps: Sequence[float],
    in_mm: bool,
    origins_mm: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """(len(`MEASURES`),) of one label of one image or volume.

    Args:
        truth: (rows, columns) or (slices, rows, columns).
        mask: What the model marks, of the same shape.
        probability: What it is marked by, of the same shape.
        steps: Distance between neighbours along each axis, in mm where it is known, else in pixels; empty where it is
            not known along every axis, as of a film: there is no distance then.
        in_mm: Whether the steps are in mm.
        origins_mm: (slices, 3) where slices lie that are not stacked straight and evenly.
    """
    pixels = mm = float("nan")
    if steps:
        if truth.ndim == 2 or not in_mm:
            pixels = hausdorff_95(truth, mask, (1.0,) * truth.ndim)
        if in_mm:
            mm = hausdorff_95(truth, mask, steps, origins_mm)
    sizes = (truth.size, int(truth.sum()), int(mask.sum()), int((truth & mask).sum()))
    return np.array([*sizes, pixel_average_precision(truth, probability), pixels, mm], np.float64)


def dice_of(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """(cases,) Dice of (cases, measures); NaN where the label is not in the image."""
    true, predicted, both = (rows[:, _PLACE[name]] for name in ("true_pixels", "predicted_pixels", "intersection"))
    return np.divide(2 * both, true + predicted, out=np.full(len(rows), np.nan), where=true > 0)


def _with_label(name: str) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    def values(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(rows[:, _PLACE["true_pixels"]] > 0, rows[:, _PLACE[name]], np.nan)

    return values


def left_empty(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """(cases,) 1 where nothing is marked in an image without the label, 0 where something is; NaN with the label."""
    nothing = (rows[:, _PLACE["predicted_pixels"]] == 0).astype(np.float64)
    return np.where(rows[:, _PLACE["true_pixels"]] == 0, nothing, np.nan)


#: Name of a metric in `METRICS` to the value of each case, of which it is the mean.
CASE_VALUES: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "mask_dice": dice_of,
    "mask_hausdorff_95_mm": _with_label("hausdorff_95_mm"),
    "mask_hausdorff_95_pixels": _with_label("hausdorff_95_pixels"),
    "mask_average_precision": _with_label("average_precision"),
    "mask_left_empty": left_empty,
}


def mean_of(name: str) -> Callable[[ArrayLike, ArrayLike, float], float]:
    """The metric `(y_true, y_score, threshold) -> float` that is the mean of `CASE_VALUES[name]`.

    Its `y_score` is (cases, measures); `y_true`, the true pixels, is in there too.
    """

    def metric(_truth: ArrayLike, y_score: ArrayLike, _threshold: float) -> float:
        values = CASE_VALUES[name](np.asarray(y_score, np.float64))
        known = values[~np.isnan(values)]
        return float(known.mean()) if len(known) else float("nan")

    return metric
