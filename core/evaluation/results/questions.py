"""What evaluations of different models can be asked together, and their answers as the metrics take them.

A question is a finding, to which models of any task may have an answer, or the classes of a group of models with the
same labels, `classes:<label> | <label> …`, or what models mark in an image, `mask:<label>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.mask_cases import CASE_VALUES, MEASURES
from core.evaluation.metrics.registry import METRICS, Answers, Metric
from core.evaluation.results.evaluation import Evaluation, Finding
from core.evaluation.statistics.patients import patient_indices

#: Before the labels in the key of a question about all classes, and between them.
CLASSES, SEPARATOR = "classes:", " | "

#: Before the label in the key of a question about masks.
MASK = "mask:"

#: After `CLASSES` where any number of the labels may be true.
ANY = "any of "


@dataclass(frozen=True)
class Question:
    """Something that can be asked of several evaluations.

    Attributes:
        key: What `matrix` and the others take: the name of a finding, `classes:…` or `mask:…`.
        title: For people.
        answers: Which metrics fit, as in `Metric.answers`.
        models: How many models answer it.
        datasets: On how many datasets at least one does.
        paired: Most models with an answer on one dataset; from 2 on there is something to compare.
        cells: Results that stand beside another one on the same dataset.
    """

    key: str
    title: str
    answers: Answers
    models: int
    datasets: int
    paired: int
    cells: int = 0

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that fit."""
        return tuple(metric for metric in METRICS.values() if metric.answers == self.answers)


@dataclass(frozen=True, eq=False)
class ClassAnswers:
    """The answers to a question about all classes, or all findings, of a model; columns in the order of `labels`.

    Attributes:
        name: Key of the question.
        answers: multiclass or multilabel.
        labels: Of the columns.
        truth: (cases,) class indices, or (cases, labels) bool.
        score: (cases, labels) probabilities as the model gives them.
        calibrated: (cases, labels) probabilities after the temperature.
        patients: (cases,) whom each case shows.
        cases: (cases,) names.
        threshold: None: the decision is the largest probability.
    """

    name: str
    answers: Answers
    labels: tuple[str, ...]
    truth: NDArray[Any]
    score: NDArray[np.float64]
    calibrated: NDArray[np.float64]
    patients: NDArray[Any]
    cases: NDArray[Any]
    threshold: None = None


@dataclass(frozen=True, eq=False)
class MaskAnswers:
    """What a model marked as one label.

    Attributes:
        name: Key of the question.
        label: The label.
        truth: (cases,) true pixels of it.
        score: (cases, measures) as `core.evaluation.metrics.mask_cases.MEASURES`.
        patients: (cases,) whom each case shows.
        cases: (cases,) names.
        threshold: The model's own for the label, by which the masks were made.
    """

    name: str
    label: str
    truth: NDArray[np.int64]
    score: NDArray[np.float64]
    patients: NDArray[Any]
    cases: NDArray[Any]
    threshold: float | None = None

    @property
    def calibrated(self) -> NDArray[np.float64]:
        """As `score`: a mask is cut at a threshold and has no probability of its own."""
        return self.score


Answered = Finding | ClassAnswers | MaskAnswers


@dataclass(frozen=True, eq=False)
class Taken:
    """Truth and scores as one metric takes them, without the cases that have no score.

    Attributes:
        metric: Which.
        truth: (cases,), or (cases, labels) for multilabel.
        score: (cases,) or (cases, labels): calibrated where the metric takes probabilities at their word.
        threshold: For decisions.
        cases: (cases,) names.
        patient_index: (cases,) a number for each patient.
        left_out: Cases without a score.
        note: What a reader should know, or `""`.
    """

    metric: Metric
    truth: NDArray[Any]
    score: NDArray[np.float64]
    threshold: float
    cases: NDArray[Any]
    patient_index: NDArray[np.intp]
    left_out: int
    note: str

    def __len__(self) -> int:
        return len(self.truth)

    def part(self, index: NDArray[Any]) -> Taken:
        """Some of the cases, by (n,) indices or a (cases,) mask; their patients are numbered anew."""
        patient_index = np.unique(self.patient_index[index], return_inverse=True)[1].astype(np.intp)
        return replace(
            self, truth=self.truth[index], score=self.score[index], cases=self.cases[index], patient_index=patient_index
        )

    @property
    def defined(self) -> int:
        """Cases that the metric rests on; of masks those for which its measure is defined."""
        if self.metric.answers != "mask":
            return len(self)
        return int((~np.isnan(CASE_VALUES[self.metric.name](self.score))).sum())

    @property
    def value(self) -> float:
        """The metric computed over all of the cases."""
        return self.metric.function(self.truth, self.score, self.threshold)


def threshold_of(finding: Finding) -> tuple[float, str]:
    """From which score on the answer is yes, and a sentence where the model has no threshold for it."""
    if finding.threshold is not None:
        return finding.threshold, ""
    return 0.5, f"The model has no threshold of its own for {finding.name}: 0.5 was taken."


def taken(answered: Answered, metric: str, patient_index: NDArray[np.intp] | None = None) -> Taken:
    """Answers as a metric takes them.

    Args:
        answered: To a question.
        metric: Key of `METRICS`.
        patient_index: (cases,) a number for each patient where that is known already; finding it takes longest.

    Raises:
        ValueError: The metric is for another kind of answers.
        KeyError: There is no such metric.
    """
    entry = METRICS[metric]
    kind = kind_of(answered)
    if entry.answers != kind:
        raise ValueError(f"Expected a metric of {kind} answers. Received {metric}, which is of {entry.answers} ones.")
    threshold, note = threshold_of(answered) if isinstance(answered, Finding) else (0.5, "")
    score = answered.calibrated if entry.needs == "probability" else answered.score
    keep = has_score(entry, score)
    left_out = int((~keep).sum())
    note = _without_distance(entry, score) if kind == "mask" else note if entry.needs == "decision" else ""
    if left_out:
        note = f"{note} {left_out} {'case has' if left_out == 1 else 'cases have'} no score.".strip()
    n_patients = patient_indices(answered.patients) if patient_index is None else patient_index
    whole = Taken(entry, answered.truth, score, threshold, answered.cases, n_patients, left_out, note)
    return whole.part(keep) if left_out else whole


def kind_of(answered: Answered) -> Answers:
    """Which metrics fit an answer, as in `Metric.answers`."""
    if isinstance(answered, MaskAnswers):
        return "mask"
    return answered.answers if isinstance(answered, ClassAnswers) else "binary"


def has_score(metric: Metric, score: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(cases,) which have a score; a mask always has, though not every measure of it is defined."""
    if metric.answers == "mask":
        return np.ones(len(score), bool)
    return np.asarray(~np.isnan(score).any(axis=tuple(range(1, score.ndim))))


def _without_distance(metric: Metric, score: NDArray[np.float64]) -> str:
    """A sentence on images whose distance is not defined because the model marked nothing, else `""`."""
    if not metric.name.startswith("mask_hausdorff"):
        return ""
    there = ~np.isnan(CASE_VALUES["mask_dice"](score))
    missed = int((score[there][:, MEASURES.index("predicted_pixels")] == 0).sum())
    if not missed:
        return ""
    images = "image has" if missed == 1 else "images have"
    return f"{missed} {images} no distance, as the model marked nothing there."


def class_key(evaluation: Evaluation) -> str:
    """Key of the question about all classes of a model, its labels in their order; `""` for a model without one."""
    if evaluation.scores.task in {"binary", "segmentation"}:
        return ""
    joint = ANY if evaluation.scores.task == "multilabel" else ""
    return CLASSES + joint + SEPARATOR.join(evaluation.scores.labels)


def _same_classes(key: str) -> tuple[str, frozenset[str]]:
    """What two keys about the same classes have in common, whatever the order of their labels."""
    joint = key.startswith(CLASSES + ANY)
    return ANY if joint else "", frozenset(_folded(label) for label in _labels_of(key))


def _labels_of(key: str) -> list[str]:
    return key.removeprefix(CLASSES).removeprefix(ANY).split(SEPARATOR)


def answer(evaluation: Evaluation, key: str) -> Answered | None:
    """An evaluation's answers to a question; None where it has none. Names are compared without regard to case."""
    if key.startswith(CLASSES):
        own = class_key(evaluation)
        return _class_answers(evaluation, key) if own and _same_classes(own) == _same_classes(key) else None
    if key.startswith(MASK):
        return _mask_answers(evaluation, key)
    names = [name for name in evaluation.findings if _folded(name) == _folded(key)]
    return evaluation.finding(names[0]) if names else None


def _class_answers(evaluation: Evaluation, key: str) -> ClassAnswers:
    """Columns in the order of the key, so that models whose labels come in another order can be compared."""
    scores = evaluation.scores
    several = scores.task == "multilabel"
    own = [_folded(label) for label in scores.labels]
    columns = [own.index(_folded(label)) for label in _labels_of(key)]
    truth = np.asarray(scores.y_true)[:, columns].astype(bool) if several else np.argsort(columns)[scores.y_true]
    return ClassAnswers(
        key, "multilabel" if several else "multiclass", tuple(scores.labels[index] for index in columns), truth,
        scores.y_score()[:, columns], scores.y_score(evaluation.temperature)[:, columns], scores.patients,
        evaluation.cases,
    )  # fmt: skip


def _mask_answers(evaluation: Evaluation, key: str) -> MaskAnswers | None:
    scores, wanted = evaluation.scores, _folded(key.removeprefix(MASK))
    found = [place for place, label in enumerate(scores.mask_labels) if _folded(label) == wanted]
    if not found:
        return None
    label, place = scores.mask_labels[found[0]], found[0]
    return MaskAnswers(
        key, label, np.asarray(scores.y_true)[:, place], scores.measures(place), scores.patients, evaluation.cases,
        evaluation.thresholds.get(label, evaluation.threshold),
    )  # fmt: skip


def _folded(name: str) -> str:
    return name.strip().casefold()


def questions(evaluations: Sequence[Evaluation]) -> tuple[Question, ...]:
    """Everything these evaluations can be asked, what most results can be compared on first."""
    found: dict[object, tuple[str, Answers, list[Evaluation]]] = {}
    # An ordinal model comes first: the order of its labels is the one that quadratic weights count by.
    for evaluation in sorted(evaluations, key=lambda evaluation: evaluation.scores.task != "ordinal"):
        for name in evaluation.findings:
            found.setdefault(_folded(name), (name, "binary", []))[2].append(evaluation)
        for name in evaluation.scores.mask_labels:
            found.setdefault((MASK, _folded(name)), (MASK + name, "mask", []))[2].append(evaluation)
        if key := class_key(evaluation):
            answers: Answers = "multilabel" if evaluation.scores.task == "multilabel" else "multiclass"
            found.setdefault(_same_classes(key), (key, answers, []))[2].append(evaluation)
    listed = [_question(*entry) for entry in found.values()]
    return tuple(
        sorted(listed, key=lambda question: (-question.cells, -question.paired, -question.models, -question.datasets))
    )


def _question(key: str, answers: Answers, members: list[Evaluation]) -> Question:
    by_dataset: dict[tuple[str, str], set[str]] = {}
    for member in members:
        by_dataset.setdefault((member.dataset, member.split), set()).add(member.model_sha256 or member.model)
    title = key
    if key.startswith(CLASSES):
        labels = ", ".join(_labels_of(key))
        title = f"Any of {labels}" if answers == "multilabel" else f"Which of {labels}"
    if key.startswith(MASK):
        title = f"Masks of {key.removeprefix(MASK)}"
    models = set().union(*by_dataset.values())
    return Question(
        key, title, answers, len(models), len({dataset for dataset, _ in by_dataset}),
        max(len(group) for group in by_dataset.values()),
        sum(len(group) for group in by_dataset.values() if len(group) > 1),
    )  # fmt: skip
