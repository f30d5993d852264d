"""Scores of pixels as counts, and what the validation split chooses from them: thresholds and temperature.

A picture has too many pixels to store their scores. They are counted in narrow bins of the logit instead, the label's
own pixels and the others apart: from these counts follow Dice at every border of a bin, the area under the curve of
precision and recall, the log loss, and all of it for several pictures together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.training.recipe.schema import ThresholdRule
from core.training.tasks.results import Choices

#: Borders of the bins in logit units; below the first and above the last there is one bin each.
BORDERS = np.linspace(-8.0, 8.0, 161)

BINS = len(BORDERS) + 1

#: Decimals kept of thresholds and of the temperature.
THRESHOLD_DIGITS, TEMPERATURE_DIGITS = 6, 4


def logit(probability: ArrayLike) -> NDArray[np.float64]:
    """Logarithm of the odds, finite for 0 and 1."""
    inside = np.clip(np.asarray(probability, np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def count_scores(truth: NDArray[np.bool_], probability: NDArray[np.floating]) -> NDArray[np.int64]:
    """(2, `BINS`) pixels of a label and other pixels by the bin of their score.

    Args:
        truth: Mask of any shape.
        probability: Of the same shape.
    """
    place = np.searchsorted(BORDERS, logit(probability).ravel(), side="right")
    inside = truth.ravel()
    return np.stack([np.bincount(place[inside], minlength=BINS), np.bincount(place[~inside], minlength=BINS)])


def dice_by_border(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Dice where every pixel from a border on is called, for each of `BORDERS`; NaN where nothing is true or called.

    Args:
        counts: (…, 2, `BINS`).

    Returns:
        (…, borders).
    """
    called = np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1][..., 1:]
    whole = called.sum(axis=-2) + counts[..., 0, :].sum(axis=-1)[..., None]
    return np.divide(2.0 * called[..., 0, :], whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def pooled_dice(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """(borders,) Dice of all pixels of all pictures together, from (pictures, 2, `BINS`)."""
    return dice_by_border(counts.sum(axis=0))


def mean_dice(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """(borders,) mean Dice of the pictures; one without the label counts 1 if nothing is called and 0 otherwise."""
    return np.nan_to_num(dice_by_border(counts), nan=1.0).mean(axis=0)


RULES = {"pooled_dice": pooled_dice, "mean_dice": mean_dice}

RULE_WORDS = {
    "pooled_dice": "largest Dice of all pixels together",
    "mean_dice": "largest mean Dice, a picture without the label counting 1 if nothing is called and 0 otherwise",
}


def best_threshold(counts: NDArray[np.integer], rule: ThresholdRule) -> float:
    """Probability from which on a pixel is called; the middle one where several are equally good.

    Args:
        counts: (pictures, 2, `BINS`) of the validation split.
        rule: What is to be largest.
    """
    found = np.nan_to_num(RULES[rule](counts), nan=-1.0)
    best = np.flatnonzero(found >= found.max() - 1e-12)
    return round(float(1 / (1 + np.exp(-BORDERS[best[len(best) // 2]]))), THRESHOLD_DIGITS)


def _centres() -> NDArray[np.float64]:
    half = (BORDERS[1] - BORDERS[0]) / 2
    return np.concatenate([[BORDERS[0] - half], BORDERS + half])


def log_loss(counts: NDArray[np.integer], temperature: float = 1.0) -> float:
    """Mean log loss of pixels that are each taken at the middle of their bin.

    Args:
        counts: (…, 2, `BINS`).
        temperature: Divides the logits.
    """
    scaled, pooled = _centres() / temperature, counts.reshape(-1, 2, BINS).sum(axis=0)
    lost = pooled[0] @ np.logaddexp(0, -scaled) + pooled[1] @ np.logaddexp(0, scaled)
    return float(lost / max(pooled.sum(), 1))


def best_temperature(counts: NDArray[np.integer]) -> float:
    """The temperature between 0.2 and 5 of least log loss."""
    steps = np.exp(np.linspace(np.log(0.2), np.log(5.0), 401))
    return round(float(min(steps, key=lambda step: log_loss(counts, float(step)))), TEMPERATURE_DIGITS)


def choose_masks(counts: NDArray[np.integer], labels: Sequence[str], rule: ThresholdRule, patients: int) -> Choices:
    """Thresholds and the temperature.

    Args:
        counts: (images, labels, 2, `BINS`) of the validation split.
        labels: All but the background.
        rule: What the thresholds are chosen by.
        patients: How many the split has, for the words.
    """
    thresholds = {label: best_threshold(counts[:, index], rule) for index, label in enumerate(labels)}
    source = (
        f"Both from the validation split, {len(counts)} pictures of {patients} patients: {RULE_WORDS[rule]}; "
        "least log loss of its pixels"
    )
    if len(labels) == 1:
        return Choices(thresholds[labels[0]], {}, best_temperature(counts), source)
    return Choices(None, thresholds, best_temperature(counts), source)
