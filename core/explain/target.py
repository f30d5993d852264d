"""What an explanation is asked for: one class, or one class rather than another, as weights of the logits.

Every method explains one number, the score: the logit of a class, its negative where one output unit speaks for two
labels, or the difference of two logits. Each of these is a weighted sum of the logits, so one vector says it all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.models.card import ModelCard


def score_weights(card: ModelCard, units: int, target: int, against: int | None = None) -> NDArray[np.float32]:
    """(units,) weights whose product with the logits is the score to explain.

    Args:
        card: Names the labels and the task.
        units: Number of logits.
        target: Index of the label that the evidence should speak for.
        against: Index of the label it should speak against, for "A rather than B"; None for the label alone.

    Raises:
        UnsupportedModel: There is no such label, or both are the same.

    Example:
        Of three classes, "the third rather than the first" is `[-1, 0, 1]`.
    """
    for index in (target, against):
        if index is not None and not 0 <= index < len(card.labels):
            count = len(card.labels)
            raise UnsupportedModel(
                f"The model has {count} labels, and none is number {index}", "choose a label of the model"
            )
    if target == against:
        raise UnsupportedModel(
            f"{card.labels[target]} cannot be compared with itself", "choose another label to compare with"
        )
    weights = np.zeros(units, np.float32)
    # One unit for two labels: label 1 is the logit, label 0 its negative; "rather than" says the same.
    if card.task in {"binary", "segmentation"} and units == 1 and len(card.labels) == 2:
        weights[0] = 1.0 if target == 1 else -1.0
        return weights
    weights[target] = 1.0
    if against is not None:
        weights[against] = -1.0
    return weights
