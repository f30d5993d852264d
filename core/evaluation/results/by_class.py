"""A metric of each class against the rest, or of each finding of a model that gives several."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.estimates import estimate
from core.evaluation.results.evaluation import Finding
from core.evaluation.results.questions import ClassAnswers, taken
from core.evaluation.statistics.intervals import Estimate


@dataclass(frozen=True)
class ClassRow:
    """One class.

    Attributes:
        label: Its name.
        positives: Cases that are of it.
        estimate: The metric with its interval.
    """

    label: str
    positives: int
    estimate: Estimate


def by_class(answers: ClassAnswers, metric: str, resamples: int = 2000, seed: int = 0) -> tuple[ClassRow, ...]:
    """A metric of binary answers for every label, in the order of the labels.

    Args:
        answers: Of all classes.
        metric: Key of `METRICS` whose `answers` is binary. A decision for a class is the largest probability, for a
            finding of several a probability of 0.5 or more.
        resamples: Resamples, where the interval is a bootstrap's.
        seed: Of the draws.

    Raises:
        ValueError: The metric is not of binary answers.
    """
    rows = []
    for index, label in enumerate(answers.labels):
        cases = taken(against_rest(answers, index, METRICS[metric].needs == "decision"), metric)
        rows.append(ClassRow(label, int(cases.truth.sum()), estimate(cases, resamples, seed)))
    return tuple(rows)


def against_rest(answers: ClassAnswers, index: int, decided: bool = False) -> Finding:
    """One label as a yes-or-no question.

    Args:
        answers: Of all classes.
        index: Of the label.
        decided: Give 1 where its probability is the largest and 0 elsewhere instead of probabilities.
    """
    several = answers.answers == "multilabel"
    truth = np.asarray(answers.truth[:, index], bool) if several else answers.truth == index
    score = answers.score[:, index]
    if decided and not several:
        chosen = (answers.score.argmax(axis=1) == index).astype(np.float64)
        score = np.where(np.isnan(answers.score).any(axis=1), np.nan, chosen)
    return Finding(
        answers.labels[index], truth, score, answers.calibrated[:, index], 0.5, answers.patients, answers.cases
    )
