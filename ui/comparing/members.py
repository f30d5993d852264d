"""The models that are looked at closely, with their look and their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from core.evaluation.comparison.matrix import Matrix, dataset_key, model_key
from core.evaluation.results.evaluation import Evaluation, Finding
from core.evaluation.results.questions import (
    CLASSES,
    MASK,
    Answered,
    answer,
    questions,
)
from core.evaluation.statistics.intervals import Estimate
from core.figures.comparing.canvas import Scene
from core.figures.comparing.lines import Line, line_numbers, line_of
from ui.comparing.choice import Choice
from ui.comparing.memory import remembered
from ui.comparing.results import Results
from ui.comparing.selection import Selection

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Member:
    """One model on the chosen dataset."""

    key: str
    line: Line
    evaluation: Evaluation
    answered: Answered

    @property
    def finding(self) -> Finding:
        """The answers to a yes-or-no question, which is all that a figure of thresholds is shown for."""
        assert isinstance(self.answered, Finding)  # `figures_for` offers no other
        return self.answered


@dataclass(frozen=True, eq=False)
class View:
    """What the figures below the matrix show.

    Attributes:
        scene: For titles.
        question: Key of the question.
        metric: Key of the measure.
        members: The chosen models, in the order of the matrix.
        estimates: Key of a model to its value in the matrix.
        found: Where they come from.
    """

    scene: Scene
    question: str
    metric: str
    members: tuple[Member, ...]
    estimates: Mapping[str, Estimate]
    found: Results

    @property
    def resamples(self) -> int:
        """Resamples for bands: fewer for each of many models, whose bands nobody tells apart to the last pixel."""
        return min(1000, 4000 // len(self.members))

    def numbers(self, what: str, compute: Callable[[Member], T]) -> list[tuple[Line, T]]:
        """A result of each model with its look, computed once.

        Args:
            what: Names the result and its options.
            compute: Computes it.
        """
        return [(member.line, self.number(what, member, compute)) for member in self.members]

    def number(self, what: str, member: Member, compute: Callable[[Member], T]) -> T:
        """The result of one model, computed once."""
        evaluations = [member.evaluation]
        shared = self.found.are_shared(evaluations)
        return remembered((what, self.question), evaluations, lambda: compute(member), shared)


def model_lines(evaluations: Sequence[Evaluation]) -> dict[str, Line]:
    """Key of each model to its look: the same on every page state, whatever is chosen."""
    titles = {model_key(evaluation): evaluation.model_title for evaluation in evaluations}
    groups = {
        question.key: [model_key(entry) for entry in evaluations if answer_exists(entry, question.key)]
        for question in questions(evaluations)
    }
    numbers = line_numbers(groups)
    names = list(titles.values())
    return {
        key: line_of(title if names.count(title) == 1 else f"{title} ({key[-12:][:6]})", numbers.get(key, 0))
        for key, title in titles.items()
    }


def answer_exists(evaluation: Evaluation, question: str) -> bool:
    """Whether an evaluation has an answer to a question."""
    if question.startswith((CLASSES, MASK)):
        return answer(evaluation, question) is not None
    return question.strip().casefold() in {name.strip().casefold() for name in evaluation.findings}


def view_of(found: Results, choice: Choice, table: Matrix, lines: Mapping[str, Line], selection: Selection) -> View:
    """Collect the chosen models; of several evaluations of one model on one dataset the last counts, as in a matrix."""
    latest = {model_key(entry): entry for entry in choice.evaluations if dataset_key(entry) == selection.dataset}
    members = []
    for key in selection.models:
        answered = answer(latest[key], choice.question.key)
        if answered is not None:
            members.append(Member(key, lines[key], latest[key], answered))
    first, question = members[0].evaluation, choice.question
    name = question.key if question.answers == "binary" else question.title
    scene = Scene(name, first.dataset_title, first.split)
    estimates = {member.key: table.cells[member.key, selection.dataset].estimate for member in members}
    return View(scene, question.key, choice.metric.name, tuple(members), estimates, found)
