"""On which cases two models disagree, and what these cases have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.comparison.ranking import common
from core.evaluation.results.attribute_groups import attribute_groups
from core.evaluation.results.questions import Answered, ClassAnswers, taken
from core.evaluation.statistics.intervals import Estimate
from core.evaluation.statistics.proportions import patient_wilson


@dataclass(frozen=True, eq=False)
class Disagreements:
    """Two models on the cases that both have scored.

    Attributes:
        cases: (cases,) names.
        patient_index: (cases,) a number for each patient.
        truth: (cases,) bool, or class indices.
        first: (cases,) calibrated probability that the first model gives the finding, or the true class.
        second: (cases,) the same of the second.
        first_answer: (cases,) decision of the first, as `truth`.
        second_answer: (cases,) the same of the second.
        order: Indices of the cases with different decisions, those with the widest gap of probabilities first.
        both_right: Cases.
        both_wrong: Cases; for several classes with whatever answers.
        only_first: Cases that the first alone got right.
        only_second: Cases that the second alone got right.
        agreement: Fraction of the same decisions, with Wilson's interval.
        note: What a reader should know, or `""`.
    """

    cases: NDArray[Any]
    patient_index: NDArray[np.intp]
    truth: NDArray[Any]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    first_answer: NDArray[Any]
    second_answer: NDArray[Any]
    order: NDArray[np.intp]
    both_right: int
    both_wrong: int
    only_first: int
    only_second: int
    agreement: Estimate
    note: str

    @property
    def differ(self) -> NDArray[np.bool_]:
        """(cases,) whether the decisions differ."""
        return np.asarray(self.first_answer != self.second_answer)


@dataclass(frozen=True)
class DisagreementRow:
    """A group of cases.

    Attributes:
        name: Value of the attribute.
        differ: Fraction of different decisions, with Wilson's interval.
        only_first: Cases that the first alone got right.
        only_second: Cases that the second alone got right.
    """

    name: str
    differ: Estimate
    only_first: int
    only_second: int


def disagreements(a: Answered, b: Answered) -> Disagreements:
    """Where two models decide differently.

    Args:
        a: Answers of the first, of one finding or of several classes of which one is right.
        b: Answers of the second to the same question.

    Raises:
        ScanLensError: The truth differs on a common case.
        ValueError: The answers are of several findings at once: ask for one of them.
    """
    several = isinstance(a, ClassAnswers)
    decision, probability = ("accuracy_multiclass", "brier_multiclass") if several else ("accuracy", "brier")
    one, two, note = common(taken(a, decision), taken(b, decision))
    sure = common(taken(a, probability), taken(b, probability))[:2]
    truth = one.truth
    if several:
        answers = [cases.score.argmax(axis=1) for cases in (one, two)]
        chances = [cases.score[np.arange(len(truth)), truth] for cases in sure]
    else:
        answers = [cases.score >= cases.threshold for cases in (one, two)]
        chances = [cases.score for cases in sure]
    right = [given == truth for given in answers]
    differ = answers[0] != answers[1]
    gap = np.abs(chances[0] - chances[1])
    order = np.flatnonzero(differ)
    return Disagreements(
        one.cases, one.patient_index, truth, chances[0], chances[1], answers[0], answers[1],
        order[np.argsort(-gap[order], kind="stable")], int((right[0] & right[1]).sum()),
        int((~right[0] & ~right[1]).sum()), int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum()),
        patient_wilson(~differ, one.patient_index), note,
    )  # fmt: skip


def disagreement_by(
    found: Disagreements, attribute: str, cases: NDArray[Any], values: NDArray[Any]
) -> tuple[DisagreementRow, ...]:
    """How often two models disagree in each group of an attribute, most often first.

    Args:
        found: From `disagreements`.
        attribute: Name of the column.
        cases: (any,) names, as in an `Evaluation`.
        values: (any,) texts of the attribute for them, `""` where not known.
    """
    known = dict(zip(cases.tolist(), np.asarray(values).tolist(), strict=True))
    groups = attribute_groups(attribute, np.array([known.get(name, "") for name in found.cases.tolist()], object))
    right = found.first_answer == found.truth, found.second_answer == found.truth
    rows = []
    for number, name in enumerate(groups.names):
        chosen = groups.index == number
        alone = [int((chosen & right[k] & ~right[1 - k]).sum()) for k in (0, 1)]
        rows.append(DisagreementRow(name, patient_wilson(found.differ[chosen], found.patient_index[chosen]), *alone))
    return tuple(sorted(rows, key=lambda row: -row.differ.value))
