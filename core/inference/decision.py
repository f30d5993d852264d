"""The decision of a classifier: its probabilities against the card's thresholds, in words.

Nothing is chosen here: threshold and temperature come from the card, which took them from the validation split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.models.card import ModelCard

#: Difference of calibrated logits below which a probability is near its threshold: odds within a factor of 1.22. About
#: a threshold of 0.5 it is 0.45 to 0.55, about one of 0.05 it is 0.041 to 0.060.
NEAR = 0.2

#: A temperature beyond this says that a model cannot be calibrated, and no longer how far its logits move.
_HOTTEST = 3.0

#: Probabilities and thresholds are kept this far from 0 and 1, where the logit ends.
_END = 1e-6


@dataclass(frozen=True)
class Derived:
    """The answer to a yes-or-no question that follows from the classes.

    Attributes:
        name: What is asked, e.g. `"Referable retinopathy"`.
        probability: Sum of the probabilities of the classes that mean yes.
        threshold: From which on the answer is yes.
    """

    name: str
    probability: float
    threshold: float


@dataclass(frozen=True)
class Decision:
    """What one frame's probabilities come to.

    Attributes:
        label: The chosen label; of several findings the one furthest above, or least below, its threshold.
        class_index: Its place in the card's labels.
        probability: The model's probability of the label at `about`.
        threshold: The stored threshold of the label at `about`, or None where the largest probability decides.
        sentence: The decision in words, e.g. `"Pneumonia is likely"`.
        about: Class index that `probability` and `threshold` belong to: the second label of a binary answer, else
            `class_index`.
        predicted: Class indices that are predicted positive: one, or as many findings as reach their threshold.
        thresholds: Class index to threshold, for every class that has one.
        derived: The yes-or-no question of the card, or None.
    """

    label: str
    class_index: int
    probability: float
    threshold: float | None
    sentence: str
    about: int
    predicted: tuple[int, ...]
    thresholds: Mapping[int, float]
    derived: Derived | None = None


def _reaches(probability: float, threshold: float) -> bool:
    """Both as float32, in which scores are computed and thresholds were found among them."""
    return bool(np.float32(probability) >= np.float32(threshold))


def near_threshold(probability: float, threshold: float, temperature: float = 1.0) -> bool:
    """Whether an answer is so near its threshold that a slightly different exposure could turn it.

    The distance is taken between logits, as the model itself moves when its input does: the same difference of
    probability is little in the middle and much at the ends, so 0.001 is not near 0.0455. It is divided by the card's
    temperature, because an overconfident model moves further for the same evidence. The rule is the same on either
    side, and for a finding and its absence. Pages, reports and tables have their words from here.

    Args:
        probability: Of the label, not calibrated.
        threshold: Of the card, on the same scale.
        temperature: Of the card.

    Example:
        >>> near_threshold(0.47, 0.5), near_threshold(0.001, 0.0455), near_threshold(0.05, 0.0455)
        (True, False, True)
    """
    values = np.clip(np.array([probability, threshold], np.float64), _END, 1.0 - _END)
    logits = np.log(values) - np.log1p(-values)
    return bool(abs(logits[0] - logits[1]) < NEAR * min(temperature, _HOTTEST))


def _likely(name: str, probability: float, threshold: float, temperature: float) -> str:
    """`"Pneumonia is likely"`; near the threshold it says so."""
    word = "likely" if _reaches(probability, threshold) else "unlikely"
    near = ", but near the threshold" if near_threshold(probability, threshold, temperature) else ""
    return f"{name} is {word}{near}"


def decide(card: ModelCard, probabilities: NDArray[np.floating]) -> Decision:
    """One row of probabilities to a decision in words.

    An answer that is near its threshold by `near_threshold` is said to be.
    """
    if card.task == "multilabel":
        return _decide_findings(card, probabilities)
    if card.task == "binary" and card.threshold is not None:
        positive = float(probabilities[1])
        index = int(_reaches(positive, card.threshold))
        sentence = _likely(card.labels[1], positive, card.threshold, card.temperature)
        thresholds = {1: card.threshold}
        return Decision(card.labels[index], index, positive, card.threshold, sentence, 1, (index,), thresholds)
    index = int(np.argmax(probabilities))
    sentence, derived = f"{card.labels[index]} is the most likely answer", _derive(card, probabilities)
    if derived:
        sentence += f". {_likely(derived.name, derived.probability, derived.threshold, card.temperature)}"
    return Decision(
        card.labels[index], index, float(probabilities[index]), None, sentence, index, (index,), {}, derived
    )


def _derive(card: ModelCard, probabilities: NDArray[np.floating]) -> Derived | None:
    if not card.derived:
        return None
    name = card.derived["name"]
    total = sum(float(probabilities[card.labels.index(label)]) for label in card.derived["labels"])
    return Derived(name, total, card.thresholds[name])


def _decide_findings(card: ModelCard, probabilities: NDArray[np.floating]) -> Decision:
    thresholds = {index: card.thresholds[label] for index, label in enumerate(card.labels)}
    predicted = tuple(index for index, threshold in thresholds.items() if _reaches(probabilities[index], threshold))
    near = [
        card.labels[index]
        for index, threshold in thresholds.items()
        if near_threshold(float(probabilities[index]), threshold, card.temperature)
    ]
    sentence = f"Found: {', '.join(card.labels[index] for index in predicted)}"
    if not predicted:
        sentence = f"None of the {len(thresholds)} findings"
    if near:
        sentence += f". Near the threshold: {', '.join(near)}"
    # A hair below a low threshold is nearer than far below a high one, so distances are compared, not probabilities.
    best = max(thresholds, key=lambda index: float(np.nan_to_num(probabilities[index], nan=-1.0)) - thresholds[index])
    return Decision(
        card.labels[best], best, float(probabilities[best]), thresholds[best], sentence, best, predicted, thresholds
    )
