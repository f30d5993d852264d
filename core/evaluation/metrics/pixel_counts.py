"""Scores of pixels as counts, from which follow Dice at any threshold, average precision and log loss.

An image has too many pixels to store their scores. They are counted in narrow bins of the logit instead, the label's
own pixels and the others apart; counts of several images add up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Borders of the bins in logit units; below the first and above the last there is one bin each.
BORDERS = np.linspace(-8.0, 8.0, 161)

BINS = len(BORDERS) + 1


def logit(probability: ArrayLike) -> NDArray[np.float64]:
    """Logarithm of the odds, finite for 0 and 1."""
    inside = np.clip(np.asarray(probability, np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def count_scores(truth: ArrayLike, probability: ArrayLike) -> NDArray[np.int64]:
    """(2, `BINS`) pixels of a label and other pixels by the bin of their score.

    Args:
        truth: Mask of any shape.
        probability: 0 to 1, of the same shape.
    """
    place = np.searchsorted(BORDERS, logit(probability).ravel(), side="right")
    inside = np.asarray(truth, bool).ravel()
    return np.stack([np.bincount(place[inside], minlength=BINS), np.bincount(place[~inside], minlength=BINS)])


def dice_by_border(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Dice where every pixel from a border on is marked, for each of `BORDERS`; NaN where nothing is true or marked.

    Args:
        counts: (…, 2, `BINS`).

    Returns:
        (…, borders).
    """
    marked = np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1][..., 1:]
    whole = marked.sum(axis=-2) + counts[..., 0, :].sum(axis=-1)[..., None]
    return np.divide(2.0 * marked[..., 0, :], whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def average_precisions(own: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """(…,) area under precision and recall in steps: over the bins, their fraction of the label × precision from there.

    Args:
        own: (…, bins) pixels of the label.
        other: (…, bins) other pixels.
    """
    tp = np.cumsum(own[..., ::-1], axis=-1, dtype=np.float64)
    everything = tp + np.cumsum(other[..., ::-1], axis=-1, dtype=np.float64)
    precision = np.divide(tp, everything, out=np.zeros(tp.shape), where=everything > 0)
    total = tp[..., -1]
    gained = (own[..., ::-1] * precision).sum(axis=-1)
    return np.asarray(np.divide(gained, total, out=np.full(np.shape(total), np.nan), where=total > 0))


def area_of_counts(counts: NDArray[np.integer]) -> float:
    """Average precision of all pixels of some images together, from (images, 2, bins); NaN without the label.

    Pixels of one bin are marked together, so it differs a little from that of the scores themselves: by up to 0.01
    where few pixels are certain.
    """
    both = counts.sum(axis=0)
    return float(average_precisions(both[0], both[1]))


def pixel_log_loss(counts: NDArray[np.integer], temperature: float = 1.0) -> float:
    """Mean log loss of pixels that are each taken at the middle of their bin.

    Args:
        counts: (…, 2, `BINS`).
        temperature: Divides the logits.
    """
    scaled, pooled = _centres() / temperature, counts.reshape(-1, 2, BINS).sum(axis=0)
    lost = pooled[0] @ np.logaddexp(0, -scaled) + pooled[1] @ np.logaddexp(0, scaled)
    return float(lost / max(pooled.sum(), 1))


def _centres() -> NDArray[np.float64]:
    half = (BORDERS[1] - BORDERS[0]) / 2
    return np.concatenate([[BORDERS[0] - half], BORDERS + half])
