"""What a reader did without and with the model, against the model on the same cases, with intervals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.evaluation.comparison.paired_tests import DecisionsDiffer, mcnemar
from core.evaluation.results.curves import RocCurve, roc_curve
from core.evaluation.results.estimates import estimate, estimate_of
from core.evaluation.results.evaluation import Finding
from core.evaluation.results.operating_point import ConfusionAt, confusion_of
from core.evaluation.results.questions import taken
from core.evaluation.statistics.intervals import Estimate
from core.evaluation.statistics.patients import count
from core.evaluation.statistics.proportions import patient_wilson
from core.reader_study.design import Answer, Plan

#: Resamples of intervals that are drawn.
RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class PairedReadings:
    """The cases that a reader read both times. All arrays are (cases,).

    Attributes:
        places: In the plan, ascending.
        truth: Whether the finding is there.
        model: The model's decision.
        without: The reader's decision without the model.
        aided: The reader's decision with it.
        rating: (2, cases) suspicion from 1 to 10, without and with.
        seconds: (2, cases) without, and further ones with.
        patient_index: A number for each patient.
    """

    places: NDArray[np.intp]
    truth: NDArray[np.bool_]
    model: NDArray[np.bool_]
    without: NDArray[np.bool_]
    aided: NDArray[np.bool_]
    rating: NDArray[np.float64]
    seconds: NDArray[np.float64]
    patient_index: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True)
class Decisions:
    """How well decisions were made.

    Attributes:
        counts: The four counts with sensitivity, specificity and accuracy.
        auc: Of how sure the answers were, or of the model's probability.
        kappa: Cohen's, with the model; None for the model itself.
        seconds: Median time a case, NaN for the model.
    """

    counts: ConfusionAt
    auc: Estimate
    kappa: Estimate | None = None
    seconds: float = float("nan")


@dataclass(frozen=True)
class Reliance:
    """What the model's word did, by whether the model and the first answer were right. Wilson's intervals.

    Attributes:
        put_right: Of the cases that only the model had right: share put right with it.
        misled: Of the cases that only the reader had right: share given up for the model's mistake.
        followed_wrong: Of the model's mistakes: share in which the last answer was the model's. Automation bias shows
            as more of them than without the model.
        shared_wrong: Of the model's mistakes: share in which the first answer, not knowing it, was the same.
    """

    put_right: Estimate
    misled: Estimate
    followed_wrong: Estimate
    shared_wrong: Estimate


@dataclass(frozen=True, eq=False)
class ReaderResult:
    """One reader against the model.

    Attributes:
        readings: What it rests on.
        without: Without the model.
        aided: With it.
        model: The model alone.
        roc: Of the model on these cases.
        change: Fraction right with minus without, by McNemar's exact test; `only_first` are changes for better,
            `only_second` for worse.
        reliance: Who followed whom.
    """

    readings: PairedReadings
    without: Decisions
    aided: Decisions
    model: Decisions
    roc: RocCurve
    change: DecisionsDiffer
    reliance: Reliance


def paired(plan: Plan, answers: Iterable[Answer]) -> PairedReadings:
    """The cases that have both answers."""
    said = {(answer.place, answer.aided): answer for answer in answers}
    places = [place for place in range(len(plan.cases)) if {(place, False), (place, True)} <= said.keys()]
    index = np.array(places, np.intp)
    pairs = [[said[place, aided] for place in places] for aided in (False, True)]
    decisions = [np.array([answer.predicted for answer in row], bool) for row in pairs]
    return PairedReadings(
        index, plan.truth[index], plan.predicted[index], decisions[0], decisions[1],
        np.array([[answer.rating for answer in row] for row in pairs], np.float64),
        np.array([[answer.seconds for answer in row] for row in pairs], np.float64),
        np.unique(plan.patient[index], return_inverse=True)[1].astype(np.intp),
    )  # fmt: skip


def reader_result(plan: Plan, answers: Iterable[Answer], resamples: int = RESAMPLES) -> ReaderResult:
    """Everything about one reader; what is not defined, as the sensitivity without a case to find, is NaN."""
    read = paired(plan, answers)
    score = plan.score[read.places]
    model = replace(_finding(plan, read, read.model), score=score, calibrated=score, threshold=plan.threshold)
    findings = [_finding(plan, read, predicted) for predicted in (read.without, read.aided)]
    without, aided = (
        Decisions(
            confusion_of(finding), estimate_of("roc_auc", read.truth, read.rating[k], read.patient_index),
            _kappa(read, finding, resamples), float(np.median(read.seconds[k])) if len(read) else float("nan"),
        )
        for k, finding in enumerate(findings)
    )  # fmt: skip
    before, after = (taken(finding, "accuracy") for finding in findings)
    change = mcnemar(after, before)
    own = Decisions(confusion_of(model), estimate_of("roc_auc", read.truth, score, read.patient_index))
    return ReaderResult(read, without, aided, own, roc_curve(model, resamples), change, reliance(read))


def _finding(plan: Plan, read: PairedReadings, predicted: NDArray[np.bool_]) -> Finding:
    score = predicted.astype(np.float64)
    return Finding(plan.finding, read.truth, score, score, 0.5, read.patient_index, read.places)


def _kappa(read: PairedReadings, finding: Finding, resamples: int) -> Estimate:
    """Agreement with the model's decisions, which take the place of the truth."""
    return estimate(taken(replace(finding, truth=read.model), "kappa_binary"), resamples)


def reliance(read: PairedReadings) -> Reliance:
    """How the model's right and wrong answers were taken."""
    model_wrong = read.model != read.truth
    first_right, last_right = read.without == read.truth, read.aided == read.truth

    def fraction(of: NDArray[np.bool_], counted: NDArray[np.bool_]) -> Estimate:
        return patient_wilson(counted[of], read.patient_index[of], count(read.patient_index))

    return Reliance(
        fraction(~model_wrong & ~first_right, last_right),
        fraction(model_wrong & first_right, ~last_right),
        fraction(model_wrong, read.aided == read.model),
        fraction(model_wrong, read.without == read.model),
    )
