"""The decision of a classifier: its probabilities against the card's thresholds, in words.

Nothing is chosen here: threshold and temperature come from the card, which took them from the validation split.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.formatting import beside_threshold, in_sentence, joined, probability_text
from core.inference.conformal import prediction_set, undecided_findings
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
        sentence: The headline, e.g. `"Pneumonia is likely"` or `"Pneumonia or normal: this model cannot tell"`.
        about: Class index that `probability` and `threshold` belong to: the second label of a binary answer, else
            `class_index`.
        predicted: Class indices that are predicted positive: one, or as many findings as reach their threshold.
        thresholds: Class index to threshold, for every class that has one.
        derived: The yes-or-no question of the card, or None.
        calibrated: The calibrated probability of the label at `about`.
        calibrated_thresholds: Class index to the threshold on the scale of calibrated probabilities.
        detail: A second sentence: where the answer lies against its threshold if the headline does not say so, or that
            it is less sure than those of nearly all validation cases; `""` for none.
        possible: Class indices of the prediction set, see `core.inference.conformal`; None where the card has no
            quantiles, or findings are answered one by one.
        undecided: Findings of which neither their presence nor their absence is ruled out.
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
    calibrated: float = float("nan")
    calibrated_thresholds: Mapping[int, float] = field(default_factory=dict)
    detail: str = ""
    possible: tuple[int, ...] | None = None
    undecided: tuple[int, ...] = ()


def calibrated_threshold(threshold: float, temperature: float) -> float:
    """A threshold on the model's probability, on the scale of calibrated ones.

    A temperature divides logits and keeps their order, so the same cases reach it on either scale.

    Example:
        >>> round(calibrated_threshold(0.22, 1.3412), 2), calibrated_threshold(0.5, 3.0)
        (0.28, 0.5)
    """
    inside = min(max(threshold, _END), 1.0 - _END)
    return 1.0 / (1.0 + math.exp(-(math.log(inside) - math.log1p(-inside)) / temperature))


def calibrate(card: ModelCard, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """One row (classes,) of probabilities at the card's temperature, computed from the probabilities themselves."""
    values = np.clip(np.asarray(probabilities, np.float64), _END**2, None)
    if card.task == "multilabel":
        return np.array([calibrated_threshold(float(value), card.temperature) for value in values])
    powers = np.exp((np.log(values) - np.log(values).max()) / card.temperature)
    return np.asarray(powers / powers.sum())


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
    """`"Treat is likely"`; near the threshold it says so."""
    word = "likely" if _reaches(probability, threshold) else "unlikely"
    near = ", but near the threshold" if near_threshold(probability, threshold, temperature) else ""
    return f"{name} is {word}{near}"


def decide(
    card: ModelCard, probabilities: NDArray[np.floating], calibrated: NDArray[np.floating] | None = None
) -> Decision:
    """One row of probabilities to a decision in words.

    Where a prediction set holds several labels the headline says that the model cannot tell them apart. Else it says
    how likely the answer is; a threshold that is reached by what is less probable than not, or that is near by
    `near_threshold` or within its own uncertainty, is named.

    Args:
        card: Of the model.
        probabilities: (classes,) as the model gives them, which thresholds are for.
        calibrated: (classes,) at the card's temperature; None to compute them.
    """
    even = calibrate(card, probabilities) if calibrated is None else np.asarray(calibrated, np.float64)
    if card.task == "multilabel":
        return _decide_findings(card, probabilities, even)
    possible = prediction_set(card, even)
    if card.task == "binary" and card.threshold is not None:
        return _decide_binary(card, float(probabilities[1]), float(even[1]), possible)
    index = int(np.argmax(probabilities))
    sentence = _set_words(card.labels, index, possible, even) or f"{card.labels[index]} is the most likely answer"
    derived = _derive(card, probabilities)
    if derived:
        sentence += f". {_likely(derived.name, derived.probability, derived.threshold, card.temperature)}"
    return Decision(
        label=card.labels[index],
        class_index=index,
        probability=float(probabilities[index]),
        threshold=None,
        sentence=sentence,
        about=index,
        predicted=(index,),
        thresholds={},
        derived=derived,
        calibrated=float(even[index]),
        detail=_unsure(possible),
        possible=possible,
    )


def _decide_binary(card: ModelCard, positive: float, even: float, possible: tuple[int, ...] | None) -> Decision:
    assert card.threshold is not None
    index = int(_reaches(positive, card.threshold))
    limit = calibrated_threshold(card.threshold, card.temperature)
    relation = _relation(card, positive, even, limit)
    told = _set_words(card.labels, int(even >= 0.5), possible, np.array([1.0 - even, even]))
    return Decision(
        label=card.labels[index],
        class_index=index,
        probability=positive,
        threshold=card.threshold,
        sentence=told or relation,
        about=1,
        predicted=(index,),
        thresholds={1: card.threshold},
        calibrated=even,
        calibrated_thresholds={1: limit},
        detail=relation if told else _unsure(possible),
        possible=possible,
    )


def _relation(card: ModelCard, positive: float, even: float, limit: float) -> str:
    """A binary answer against its threshold: likely, unlikely, on the other side than one half, or near."""
    assert card.threshold is not None
    name, other, above = card.labels[1], in_sentence(card.labels[0]), _reaches(positive, card.threshold)
    written = beside_threshold(even, limit)[1]
    side, ends = "above" if above else "below", card.threshold_range
    if near_threshold(positive, card.threshold, card.temperature):
        return f"{name}: {side} the alarm threshold ({written}), but so near that it could turn"
    if ends is not None and ends[0] <= positive <= ends[1]:
        low, high = (probability_text(calibrated_threshold(end, card.temperature)) for end in ends)
        return f"{name}: {side} the alarm threshold ({written}), but within its uncertainty ({low} to {high})"
    if above and even < 0.5:
        return f"{name}: above the alarm threshold ({written}), though {other} is more probable"
    if not above and even >= 0.5:
        return f"{name}: below the alarm threshold ({written}), though more probable than {other}"
    return f"{name} is {'likely' if above else 'unlikely'}"


def _set_words(labels: Sequence[str], best: int, possible: tuple[int, ...] | None, even: NDArray[np.floating]) -> str:
    """What a prediction set says, `""` where it holds the most probable label alone, nothing, or there is none."""
    if not possible or possible == (best,):
        return ""
    named = sorted({best, *possible}, key=lambda index: -float(even[index]))
    if len(named) == len(labels) > 3:
        return f"Any of the {len(labels)} answers: this model cannot tell"
    words = [labels[named[0]], *(in_sentence(labels[index]) for index in named[1:])]
    return f"{joined(words, 'or')}: this model cannot tell"


def _unsure(possible: tuple[int, ...] | None) -> str:
    """What an empty prediction set says, `""` for any other."""
    return "Unusually unsure: nine of ten validation cases of each answer were surer" if possible == () else ""


def _derive(card: ModelCard, probabilities: NDArray[np.floating]) -> Derived | None:
    if not card.derived:
        return None
    name = card.derived["name"]
    total = sum(float(probabilities[card.labels.index(label)]) for label in card.derived["labels"])
    return Derived(name, total, card.thresholds[name])


def _decide_findings(card: ModelCard, probabilities: NDArray[np.floating], even: NDArray[np.floating]) -> Decision:
    thresholds = {index: card.thresholds[label] for index, label in enumerate(card.labels)}
    predicted = tuple(index for index, threshold in thresholds.items() if _reaches(probabilities[index], threshold))
    undecided = undecided_findings(card, even)
    near = [
        card.labels[index]
        for index, threshold in thresholds.items()
        if near_threshold(float(probabilities[index]), threshold, card.temperature) and index not in undecided
    ]
    found = [card.labels[index] for index in predicted if index not in undecided]
    sentence = f"Found: {', '.join(found)}" if found else f"None of the {len(thresholds)} findings"
    if undecided and not found:
        sentence = "Nothing found for sure"
    if near:
        sentence += f". Near the threshold: {', '.join(near)}"
    if undecided:
        sentence += f". The model cannot tell: {', '.join(card.labels[index] for index in undecided)}"
    # A hair below a low threshold is nearer than far below a high one, so distances are compared, not probabilities.
    best = max(thresholds, key=lambda index: float(np.nan_to_num(probabilities[index], nan=-1.0)) - thresholds[index])
    return Decision(
        label=card.labels[best],
        class_index=best,
        probability=float(probabilities[best]),
        threshold=thresholds[best],
        sentence=sentence,
        about=best,
        predicted=predicted,
        thresholds=thresholds,
        calibrated=float(even[best]),
        calibrated_thresholds={
            index: calibrated_threshold(threshold, card.temperature) for index, threshold in thresholds.items()
        },
        undecided=undecided,
    )
