"""What the validation split chooses for masks from counts of its pixels: thresholds and the temperature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.pixel_counts import BORDERS, dice_by_border, pixel_log_loss
from core.training.recipe.schema import ThresholdRule
from core.training.tasks.results import Choices

#: Decimals kept of thresholds and of the temperature.
THRESHOLD_DIGITS, TEMPERATURE_DIGITS = 6, 4


def pooled_dice(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """(borders,) Dice of all pixels of all images together, from (images, 2, `BINS`)."""
    return dice_by_border(counts.sum(axis=0))


def mean_dice(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """(borders,) mean Dice of the images; one without the label counts 1 if nothing is segmented, else 0."""
    return np.nan_to_num(dice_by_border(counts), nan=1.0).mean(axis=0)


RULES = {"pooled_dice": pooled_dice, "mean_dice": mean_dice}

RULE_WORDS = {
    "pooled_dice": "largest Dice of all pixels together",
    "mean_dice": "largest mean Dice, an image without the label counting 1 if nothing is segmented, else 0",
}


def best_threshold(counts: NDArray[np.integer], rule: ThresholdRule) -> float:
    """Probability from which on a pixel is positive; the middle one where several are equally good.

    Args:
        counts: (images, 2, `BINS`) of the validation split.
        rule: What is to be largest.
    """
    found = np.nan_to_num(RULES[rule](counts), nan=-1.0)
    best = np.flatnonzero(found >= found.max() - 1e-12)
    return round(float(1 / (1 + np.exp(-BORDERS[best[len(best) // 2]]))), THRESHOLD_DIGITS)


def best_temperature(counts: NDArray[np.integer]) -> float:
    """The temperature between 0.2 and 5 of least log loss."""
    steps = np.exp(np.linspace(np.log(0.2), np.log(5.0), 401))
    return round(float(min(steps, key=lambda step: pixel_log_loss(counts, float(step)))), TEMPERATURE_DIGITS)


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
        f"Both from the validation split, {len(counts)} images of {patients} patients: {RULE_WORDS[rule]}; "
        "least log loss of its pixels"
    )
    if len(labels) == 1:
        return Choices(thresholds[labels[0]], {}, best_temperature(counts), source)
    return Choices(None, thresholds, best_temperature(counts), source)
