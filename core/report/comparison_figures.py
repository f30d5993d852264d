"""All figures of a comparison, one dataset after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from core.evaluation.metrics.multiclass import confusion_matrix
from core.evaluation.results.calibration_curve import calibration_curve
from core.evaluation.results.curves import precision_recall_curve, roc_curve, score_distribution
from core.evaluation.results.decision_curve import net_benefit
from core.evaluation.results.evaluation import Evaluation, Finding
from core.evaluation.results.mask_cases import case_values
from core.evaluation.results.operating_point import confusion_of, threshold_sweep
from core.evaluation.results.prevalence import ppv_npv_at
from core.evaluation.results.questions import Answered, ClassAnswers, MaskAnswers, answer
from core.evaluation.results.subgroups import attributes, by_attribute
from core.figures.comparing.calibration import calibration_figure, describe_calibration
from core.figures.comparing.canvas import Scene
from core.figures.comparing.class_confusion import class_confusion_figure, describe_class_confusion
from core.figures.comparing.class_roc import class_roc_figure, describe_class_roc
from core.figures.comparing.confusion import confusion_figure, describe_confusion
from core.figures.comparing.lines import Line
from core.figures.comparing.mask_cases import describe_mask_cases, mask_cases_figure
from core.figures.comparing.net_benefit import describe_net_benefit, net_benefit_figure
from core.figures.comparing.precision_recall import describe_precision_recall, precision_recall_figure
from core.figures.comparing.predictive_values import describe_predictive_values, predictive_values_figure
from core.figures.comparing.roc import describe_roc, roc_figure
from core.figures.comparing.scores import describe_scores, scores_figure
from core.figures.comparing.subgroups import describe_subgroups, subgroups_figure
from core.report.comparison import BAND_RESAMPLES, Comparison

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

T = TypeVar("T")

#: Curves that can still be told apart in one figure.
MOST_MODELS = 6
#: Figures of a dataset, for the progress.
_ABOUT = 8
#: Fraction of cases with the finding at which predictive values are written out.
PREVALENCE = 0.1


@dataclass(frozen=True, eq=False)
class Panel:
    """One figure.

    Attributes:
        name: Short, unique in a report; of files.
        dataset: Key of the dataset.
        figure: With its title.
        alt: What it shows, in words.
    """

    name: str
    dataset: str
    figure: Figure
    alt: str


@dataclass(frozen=True, eq=False)
class _Part:
    """Some models on one dataset."""

    scene: Scene
    members: list[tuple[Line, Evaluation, Answered]]
    question: str
    metric: str

    def each(self, compute: Callable[[Any], T]) -> list[tuple[Line, T]]:
        return [(line, compute(answered)) for line, _, answered in self.members]


def panels(
    comparison: Comparison,
    progress: Callable[[float, str], None] | None = None,
    resamples: int = BAND_RESAMPLES,
) -> Iterator[Panel]:
    """The figures of every dataset of the matrix, of its first six models each.

    Args:
        comparison: What is taken home.
        progress: Called before each figure with a fraction from 0 to 1 and the dataset's title; may raise to stop.
        resamples: Resamples for bands.
    """
    datasets = comparison.table.datasets
    for number, heading in enumerate(datasets):
        if progress is not None:
            progress(number / len(datasets), heading.title)
        part = _part(comparison, heading.key)
        first = part.members[0][2]
        makers = _makers(part, first, resamples)
        for done, (name, figure, alt) in enumerate(chain(makers, _subgroups(part)), 1):
            if progress is not None:
                progress((number + min(done, _ABOUT) / _ABOUT) / len(datasets), heading.title)
            yield Panel(f"{name}--{heading.key}", heading.key, figure, alt)


def _makers(part: _Part, first: Answered, resamples: int) -> Iterator[tuple[str, Figure, str]]:
    """The figures that fit a kind of answers."""
    if isinstance(first, MaskAnswers):
        return _of_masks(part)
    if isinstance(first, ClassAnswers):
        return _of_classes(part, resamples, first.answers == "multilabel")
    return _of_finding(part, resamples)


def _of_masks(part: _Part) -> Iterator[tuple[str, Figure, str]]:
    values = [
        (line, case_values(answered, part.metric))
        for line, _, answered in part.members
        if isinstance(answered, MaskAnswers)
    ]
    yield "mask-cases", mask_cases_figure(part.scene, values), describe_mask_cases(part.scene, values)


def _part(comparison: Comparison, dataset: str) -> _Part:
    table, members = comparison.table, []
    for key, evaluation in list(comparison.of_dataset(dataset).items())[:MOST_MODELS]:
        answered = answer(evaluation, table.question)
        if answered is not None:
            members.append((comparison.lines[key], evaluation, answered))
    heading = next(one for one in table.datasets if one.key == dataset)
    named = table.question if isinstance(members[0][2], Finding) else comparison.title
    return _Part(Scene(named, heading.title, heading.split), members, table.question, table.metric.name)


def _of_finding(part: _Part, resamples: int) -> Iterator[tuple[str, Figure, str]]:
    scene = part.scene
    rocs = part.each(lambda one: roc_curve(one, resamples))
    yield "roc", roc_figure(scene, rocs), describe_roc(scene, rocs)
    recalls = part.each(lambda one: precision_recall_curve(one, resamples))
    yield "precision-recall", precision_recall_figure(scene, recalls), describe_precision_recall(scene, recalls)
    calibrations = part.each(calibration_curve)
    yield "calibration", calibration_figure(scene, calibrations), describe_calibration(scene, calibrations)
    decisions = [
        (line, confusion_of(answered), threshold_sweep(answered, 51))
        for line, _, answered in part.members
        if isinstance(answered, Finding)
    ]
    yield "confusion", confusion_figure(scene, decisions), describe_confusion(scene, decisions)
    scores = part.each(score_distribution)
    yield "scores", scores_figure(scene, scores), describe_scores(scene, scores)
    benefits = part.each(lambda one: net_benefit(one, resamples=resamples))
    yield "net-benefit", net_benefit_figure(scene, benefits), describe_net_benefit(scene, benefits)
    values = part.each(lambda one: ppv_npv_at(one, resamples=resamples))
    at = part.each(lambda one: ppv_npv_at(one, [PREVALENCE], resamples=resamples))
    yield "predictive-values", predictive_values_figure(scene, values, at), describe_predictive_values(scene, at)


def _of_classes(part: _Part, resamples: int, findings: bool) -> Iterator[tuple[str, Figure, str]]:
    answers = [(line, one, answered) for line, one, answered in part.members if isinstance(answered, ClassAnswers)]
    labels = answers[0][2].labels
    curves = [
        (label, [(line, roc_curve(one.finding(own.labels[place]), resamples)) for line, one, own in answers])
        for place, label in enumerate(labels)
    ]
    yield "class-roc", class_roc_figure(part.scene, curves), describe_class_roc(part.scene, curves)
    if not findings:
        counts = [(line, _counted(answered)) for line, _, answered in answers]
        figure = class_confusion_figure(part.scene, labels, counts)
        yield "class-confusion", figure, describe_class_confusion(part.scene, labels, counts)


def _counted(answers: ClassAnswers) -> Any:
    known = ~np.isnan(answers.score).any(axis=1)
    return confusion_matrix(answers.truth[known], answers.score[known])


def _subgroups(part: _Part) -> Iterator[tuple[str, Figure, str]]:
    names = dict.fromkeys(name for _, one, _ in part.members for name in attributes(one))
    for number, name in enumerate(names):
        rows = [
            (line, by_attribute(one, part.question, part.metric, name))
            for line, one, _ in part.members
            if name in attributes(one)
        ]
        yield f"subgroups-{number + 1}", subgroups_figure(part.scene, rows), describe_subgroups(part.scene, rows)
