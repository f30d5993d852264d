"""How well heatmaps fall on marked regions: measured by case, beside what chance and the image's centre would give.

A number alone says little: a lesion that fills half of the image is hit every other time by chance, and most lesions
lie near the centre, where a map that knows nothing of the image would point as well. So each measure comes with both.

Heat and truth lie on the same pixels, those of the scan (`Explanation.heatmap`). Heat of 0 or less is no evidence; a
map without any points nowhere, which counts as a miss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import ScanLensError
from core.evaluation.statistics.intervals import Estimate, bootstrap_words, percentile_interval
from core.evaluation.statistics.proportions import patient_wilson
from core.explain.explanation import Explanation

#: How far beside the truth still is a hit, as a fraction of the longer side. Zhang et al. 2018 allow 15 pixels in
#: images that are about 500 pixels long.
TOLERANCE = 0.03

#: Standard deviation of the centred map, as a fraction of each side.
CENTRE_WIDTH = 0.25

#: Measure to its name for people; each is 0 to 1, and more is better.
MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "hit": "Pointing game (hottest pixel on the mark)",
        "energy": "Fraction of the heat on the mark",
        "iou": "Overlap (IoU) at the size of the mark",
    }
)


class InvalidTruth(ScanLensError):
    """A marked region that cannot be compared with a heatmap."""


@dataclass(frozen=True)
class Localisation:
    """The measures of one map against one truth, 0 to 1.

    Attributes:
        hit: Whether the hottest pixel lies on the truth; the fraction of them that does where several are equally hot.
        energy: Fraction of the heat that lies on the truth.
        iou: Intersection over union of the truth with as many of the hottest pixels.
    """

    hit: float
    energy: float
    iou: float


@dataclass(frozen=True)
class LocalisedCase:
    """One map against one truth, with its yardsticks.

    Attributes:
        found: What the map reaches.
        chance: What an even map reaches, which is what random places reach on average.
        centre: What a blob at the image's centre reaches.
        area: Fraction of the pixels that are marked.
        is_empty: Whether the map holds no positive evidence.
    """

    found: Localisation
    chance: Localisation
    centre: Localisation
    area: float
    is_empty: bool


@dataclass(frozen=True)
class MeasureSummary:
    """One measure over a set of cases, as means.

    Attributes:
        found: Of the maps, with its 95 % interval over resampled patients.
        chance: Of even maps.
        centre: Of a blob at the centre.
        over_centre: The maps less the blob, case by case, with its interval: above 0 the maps know more than where
            lesions usually lie.
    """

    found: Estimate
    chance: float
    centre: float
    over_centre: Estimate


def pointing_game(heat: NDArray[np.floating], truth: NDArray[np.bool_], tolerance: float = TOLERANCE) -> float:
    """Whether the hottest pixel lies on the truth (Zhang et al. 2018, IJCV 126, doi:10.1007/s11263-017-1059-x).

    Args:
        heat: (rows, columns).
        truth: (rows, columns) the marked pixels.
        tolerance: How far beside the truth still counts, as a fraction of the longer side.

    Returns:
        1 or 0; where several pixels are equally hot the fraction of them that hits. 0 for a map without evidence.

    Raises:
        InvalidTruth: Nothing is marked, or the shapes differ.

    Example:
        >>> pointing_game(np.array([[0.0, 2.0], [1.0, 0.0]]), np.array([[False, True], [False, False]]), 0.0)
        1.0
    """
    positive = _checked(heat, truth)
    top = positive.max()
    return float(_within_reach(truth, tolerance)[positive == top].mean()) if top > 0 else 0.0


def energy_inside(heat: NDArray[np.floating], truth: NDArray[np.bool_]) -> float:
    """Fraction of the positive heat on the truth: the energy-based pointing game (Wang et al. 2020, arXiv:1910.01279).

    Returns:
        0 to 1; 0 for a map without evidence.

    Raises:
        InvalidTruth: Nothing is marked, or the shapes differ.

    Example:
        >>> energy_inside(np.array([[1.0, 3.0]]), np.array([[False, True]]))
        0.75
    """
    positive = _checked(heat, truth)
    total = positive.sum()
    return float(positive[truth].sum() / total) if total > 0 else 0.0


def iou(heat: NDArray[np.floating], truth: NDArray[np.bool_], above: float | None = None) -> float:
    """Intersection over union of the truth with the hot region (Jaccard 1912).

    Args:
        heat: (rows, columns).
        truth: (rows, columns) the marked pixels.
        above: The hot region is what exceeds this fraction of the map's maximum. Without it, it is as many of the
            hottest pixels as are marked, which tells the map the size of the truth but needs no threshold; among
            equally hot pixels the expectation over a random choice is taken.

    Returns:
        0 to 1; 0 for a map without evidence.

    Raises:
        InvalidTruth: Nothing is marked, or the shapes differ.

    Example:
        >>> iou(np.array([[3.0, 2.0, 1.0, 0.0]]), np.array([[True, False, True, False]]))
        0.3333333333333333
    """
    positive = _checked(heat, truth)
    if positive.max() <= 0:
        return 0.0
    if above is not None:
        hot = positive > above * positive.max()
        return float((hot & truth).sum() / (hot | truth).sum())
    marked = int(truth.sum())
    size = min(marked, int((positive > 0).sum()))
    limit = np.partition(positive.ravel(), positive.size - size)[positive.size - size]
    hotter, equal = positive > limit, positive == limit
    inside = (hotter & truth).sum() + (equal & truth).sum() * (size - hotter.sum()) / equal.sum()
    return float(inside / (marked + size - inside))


def centre_heat(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A Gaussian at the image's centre, `CENTRE_WIDTH` of each side wide: (rows, columns) float32."""
    rows, columns = (np.exp(-0.5 * (((np.arange(n) + 0.5) / n - 0.5) / CENTRE_WIDTH) ** 2) for n in shape)
    return np.outer(rows, columns).astype(np.float32)


def localise(heat: NDArray[np.floating], truth: NDArray[np.bool_], tolerance: float = TOLERANCE) -> LocalisedCase:
    """All measures of one map, with chance and centre beside them.

    Args:
        heat: (rows, columns) on the pixels of the scan.
        truth: (rows, columns) the marked pixels.
        tolerance: Of the pointing game, as a fraction of the longer side.

    Raises:
        InvalidTruth: Nothing is marked, or the shapes differ.
    """
    area = float(truth.mean())
    found, centre = (
        Localisation(pointing_game(each, truth, tolerance), energy_inside(each, truth), iou(each, truth))
        for each in (heat, centre_heat(truth.shape))
    )
    # Of an even map: k marked of n pixels, k chosen at random meet k²/n of them.
    chance = Localisation(float(_within_reach(truth, tolerance).mean()), area, area / (2 - area))
    return LocalisedCase(found, chance, centre, area, bool(np.max(heat, initial=0) <= 0))


def localise_explanation(explanation: Explanation, position: int, truth: NDArray[np.bool_]) -> LocalisedCase:
    """`localise` for the map of `explanation.frames[position]`, drawn on the pixels of the truth.

    Args:
        explanation: Of any method.
        position: Which of its frames.
        truth: (rows, columns) the marked pixels, over the whole scan, at the scan's resolution or any other.
    """
    rows, columns = truth.shape
    return localise(explanation.heatmap(position, (rows, columns)), truth)


def summarise(
    found: ArrayLike, chance: ArrayLike, centre: ArrayLike, patients: ArrayLike, resamples: int = 2000, seed: int = 0
) -> MeasureSummary:
    """Means of one measure over cases, with 95 % intervals from a bootstrap that draws patients.

    Args:
        found: (cases,) of the maps.
        chance: (cases,) of even maps.
        centre: (cases,) of the blob at the centre.
        patients: (cases,) whom each case shows.
        resamples: Resamples.
        seed: Of the draws.
    """
    maps, blob = np.asarray(found, np.float64), np.asarray(centre, np.float64)
    return MeasureSummary(
        found=mean_estimate(maps, patients, resamples, seed),
        chance=float(np.mean(np.asarray(chance, np.float64))) if len(maps) else float("nan"),
        centre=float(blob.mean()) if len(blob) else float("nan"),
        over_centre=mean_estimate(maps - blob, patients, resamples, seed),
    )


def mean_estimate(values: NDArray[np.float64], patients: ArrayLike, resamples: int = 2000, seed: int = 0) -> Estimate:
    """Mean of (cases,) numbers, with its interval over resampled patients; NaN without cases.

    Where each is 0 or 1 the mean is a fraction, with Wilson's interval as every fraction has.
    """
    nan = float("nan")
    if not len(values):
        return Estimate(nan, nan, nan, 0, bootstrap_words(resamples))
    people, owner = np.unique(np.asarray(patients), return_inverse=True)
    mean = float(values.mean())
    if np.all((values == 0) | (values == 1)):
        return patient_wilson(values == 1, owner)
    part, whole = np.bincount(owner, values), np.bincount(owner).astype(np.float64)
    return percentile_interval(
        mean, lambda counts: (part @ counts) / (whole @ counts), len(people), len(values), resamples, seed
    )


def _checked(heat: NDArray[np.floating], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The positive part of the heat."""
    if heat.shape != truth.shape or truth.dtype != np.bool_:
        raise InvalidTruth(
            f"a mask of {' × '.join(map(str, heat.shape))} pixels, the heatmap's",
            f"one of {' × '.join(map(str, truth.shape))} {truth.dtype}",
            "bring both onto the scan's pixels",
        )
    if not truth.any():
        raise InvalidTruth("The mask is empty", "leave the case out")
    return np.maximum(heat, 0).astype(np.float64)


def _within_reach(truth: NDArray[np.bool_], tolerance: float) -> NDArray[np.bool_]:
    """The truth and what lies at most `tolerance` of the longer side beside it."""
    away = cv2.distanceTransform((~truth).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away <= tolerance * max(truth.shape), np.bool_)
