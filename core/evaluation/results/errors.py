"""The mistakes of a model, those that it was surest of first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.recalibration import logit
from core.evaluation.results.questions import (
    Answered,
    ClassAnswers,
    MaskAnswers,
    Taken,
    taken,
    threshold_of,
)

#: What went wrong.
MistakeKind = Literal["missed", "false alarm", "wrong class"]


@dataclass(frozen=True)
class Mistake:
    """A wrong decision.

    Attributes:
        case: Its name.
        kind: A finding that is there and was not called, one that is not there and was, or another class.
        truth: Label of what is true; of a finding its name, or `""` where it is not there.
        answer: Label of what the model said; of a finding its name, or `""` where it says there is none.
        probability: Calibrated probability that the model gives its own answer.
        certainty: How far the score is on the wrong side, in logit units: from the threshold, or of the answer above
            the true class.
    """

    case: str
    kind: MistakeKind
    truth: str
    answer: str
    probability: float
    certainty: float


def mistakes(answered: Answered, most: int = 50, kind: MistakeKind | None = None) -> tuple[Mistake, ...]:
    """The surest wrong decisions, at the threshold of the model or by the largest probability.

    Args:
        answered: Of one finding or of several classes of which one is right.
        most: How many at most.
        kind: Only these; all of them for None.

    Raises:
        ValueError: The answers are of several findings at once: ask for one of them.
    """
    if isinstance(answered, MaskAnswers):
        raise ValueError(f"Expected answers that are right or wrong. Received masks of {answered.label}.")
    if isinstance(answered, ClassAnswers):
        return _wrong_classes(answered, most)
    cases, sure = taken(answered, "accuracy"), taken(answered, "brier")
    threshold = threshold_of(answered)[0]
    predicted = cases.score >= threshold
    wrong = predicted != cases.truth
    if kind is not None:
        wrong &= predicted == (kind == "false alarm")
    distance = np.abs(logit(cases.score) - logit(threshold))
    return tuple(
        Mistake(
            str(cases.cases[index]),
            "false alarm" if predicted[index] else "missed",
            "" if predicted[index] else answered.name,
            answered.name if predicted[index] else "",
            float(sure.score[index] if predicted[index] else 1.0 - sure.score[index]),
            float(distance[index]),
        )
        for index in _most_confident(wrong, distance, most)
    )


def _most_confident(wrong: NDArray[np.bool_], distance: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    index = np.flatnonzero(wrong)
    return index[np.argsort(-distance[index], kind="stable")][:most]


def _wrong_classes(answers: ClassAnswers, most: int) -> tuple[Mistake, ...]:
    cases, sure = taken(answers, "accuracy_multiclass"), taken(answers, "brier_multiclass")
    given, rows = cases.score.argmax(axis=1), np.arange(len(cases))
    gap = _log_of(cases, rows, given) - _log_of(cases, rows, cases.truth)
    return tuple(
        Mistake(
            str(cases.cases[index]),
            "wrong class",
            answers.labels[cases.truth[index]],
            answers.labels[given[index]],
            float(sure.score[index, given[index]]),
            float(gap[index]),
        )
        for index in _most_confident(given != cases.truth, gap, most)
    )


def _log_of(cases: Taken, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(cases.score[rows, columns], np.finfo(np.float64).tiny)))
