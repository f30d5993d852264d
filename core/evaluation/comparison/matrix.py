"""Models × datasets for one question and one metric: which is best where, and what is lost on data from elsewhere.

AUCs have DeLong's intervals and tests, which cost next to nothing; every other metric a bootstrap of patients that all
models of a dataset share, so that their differences are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from core.evaluation.comparison.dataset_column import compare_column
from core.evaluation.comparison.difference import Difference, joined
from core.evaluation.comparison.ranking import compare, few_cases, independent
from core.evaluation.metrics.registry import METRICS, Metric
from core.evaluation.results.estimates import Measured
from core.evaluation.results.evaluation import Evaluation, Kind
from core.evaluation.results.questions import (
    Answered,
    Taken,
    answer,
    taken,
)
from core.evaluation.results.resamples import gain, merit
from core.evaluation.statistics.intervals import Estimate
from core.evaluation.statistics.patients import count, same_cases

NAN = float("nan")


@dataclass(frozen=True)
class Heading:
    """A row or column.

    Attributes:
        key: Of a model its hash or slug, of a dataset `<name>--<split>`.
        title: For people.
        name: Slug of the model, short name of the dataset.
        split: Of the dataset, `""` for a model.
    """

    key: str
    title: str
    name: str
    split: str = ""


@dataclass(frozen=True)
class Cell:
    """One model on one dataset.

    Attributes:
        model: Key of the row.
        dataset: Key of the column.
        kind: Where the images come from as this model sees it.
        estimate: The metric with its 95 % interval, on all cases that the model has scored.
        patients: Patients among them.
        positives: Cases with the finding; 0 of a question about all classes.
        best: Whether it is the best of its column; several are where they are equal.
        not_different: Whether it is not the best, but no difference from the best was shown.
        from_best: The best minus this one on their common cases, p corrected for all pairs of the column; None for the
            best itself and where it could not be taken.
        note: What a reader should know, or `""`.
    """

    model: str
    dataset: str
    kind: Kind
    estimate: Estimate
    patients: int
    positives: int
    best: bool
    not_different: bool
    from_best: Difference | None
    note: str


@dataclass(frozen=True)
class PairOfCells:
    """Two models on one dataset.

    Attributes:
        first: Key of the first model.
        second: Key of the second.
        dataset: Key of the dataset.
        difference: The first minus the second, p corrected for all pairs of the dataset; None where it could not be
            taken.
        problem: Why not, or `""`.
    """

    first: str
    second: str
    dataset: str
    difference: Difference | None
    problem: str = ""


@dataclass(frozen=True)
class Drop:
    """What a model loses from the data it comes from to other data.

    Attributes:
        model: Key of the model.
        internal: Key of the dataset it comes from; for a stressed copy, of what that was made of.
        other: Key of the other dataset.
        kind: external or stress.
        paired: Whether it was taken case by case, as for stressed copies.
        difference: The first minus the other; more than 0 is a loss where more is better.
    """

    model: str
    internal: str
    other: str
    kind: Kind
    paired: bool
    difference: Difference


@dataclass(frozen=True, eq=False)
class Matrix:
    """Everything on one question and one metric.

    Attributes:
        question: Key of the question.
        metric: Entry of `METRICS`.
        models: Rows, in the order they came.
        datasets: Columns: those that models were trained on first, then those from elsewhere, then stressed copies.
        cells: (model, dataset) keys to cells; pairs without an answer are absent.
        pairs: Every pair of models on every dataset.
        drops: For each model from each internal to each other dataset of the same kind of split.
    """

    question: str
    metric: Metric
    models: tuple[Heading, ...]
    datasets: tuple[Heading, ...]
    cells: Mapping[tuple[str, str], Cell]
    pairs: tuple[PairOfCells, ...]
    drops: tuple[Drop, ...]


@dataclass(frozen=True, eq=False)
class _Entry:
    evaluation: Evaluation
    answered: Answered
    cases: Taken

    @property
    def model(self) -> str:
        return model_key(self.evaluation)

    @property
    def dataset(self) -> str:
        return dataset_key(self.evaluation)


def model_key(evaluation: Evaluation) -> str:
    """What tells models apart: their slug, and the start of their hash, as a slug may be used twice."""
    return f"{evaluation.model}@{evaluation.model_sha256[:12]}"


def dataset_key(evaluation: Evaluation) -> str:
    """What tells datasets apart: `<name>--<split>`."""
    return f"{evaluation.dataset}--{evaluation.split}"


def matrix(
    evaluations: Sequence[Evaluation],
    question: str,
    metric: str = "roc_auc",
    resamples: int = 2000,
    progress: Callable[[float, str], None] | None = None,
) -> Matrix:
    """Compare all models on all datasets.

    Args:
        evaluations: Of one model on one dataset and split the last counts; those without an answer are left out.
        question: Name of a finding, or `classes:…`, as `questions` lists them.
        metric: Key of `METRICS` that fits the question.
        resamples: Resamples of the patients for metrics other than the AUC.
        progress: Called before each dataset with the fraction that is done and the dataset's title; it may raise to
            stop.

    Raises:
        ValueError: The metric is for another kind of question.
        KeyError: There is no such metric.
    """
    entries = list(_entries(evaluations, question, metric))
    columns: dict[str, list[_Entry]] = {}
    for entry in entries:
        columns.setdefault(entry.dataset, []).append(entry)
    cells: dict[tuple[str, str], Cell] = {}
    pairs: list[PairOfCells] = []
    measured: dict[tuple[str, str], Measured] = {}
    for seed, column in enumerate(columns.values()):
        if progress is not None:
            progress(seed / len(columns), column[0].evaluation.dataset_title)
        # Another seed for each dataset: their resamples are compared as independent ones.
        found, differences = compare_column([entry.cases for entry in column], resamples, seed)
        measured |= {(entry.model, entry.dataset): part for entry, part in zip(column, found, strict=True)}
        tested = [
            PairOfCells(one.model, two.model, one.dataset, *tried)
            for (one, two), tried in zip(combinations(column, 2), differences, strict=True)
        ]
        pairs += tested
        cells |= {(cell.model, cell.dataset): cell for cell in _marked(column, found, tested)}
    rows = {
        entry.model: Heading(entry.model, entry.evaluation.model_title, entry.evaluation.model) for entry in entries
    }
    return Matrix(
        question, METRICS[metric], tuple(rows.values()), _headings(columns), cells, tuple(pairs),
        tuple(_drops(entries, measured, resamples)),
    )  # fmt: skip


def _entries(evaluations: Sequence[Evaluation], question: str, metric: str) -> list[_Entry]:
    found: dict[tuple[str, str], _Entry] = {}
    for evaluation in evaluations:
        answered = answer(evaluation, question)
        if answered is not None:
            entry = _Entry(evaluation, answered, taken(answered, metric))
            found[entry.model, entry.dataset] = entry
    return list(found.values())


def _headings(columns: Mapping[str, Sequence[_Entry]]) -> tuple[Heading, ...]:
    rank = {"internal": 0, "unknown": 1, "external": 1, "stress": 2}
    order = sorted(columns.items(), key=lambda item: min(rank[entry.evaluation.kind] for entry in item[1]))
    return tuple(
        Heading(key, found[0].evaluation.dataset_title, found[0].evaluation.dataset, found[0].evaluation.split)
        for key, found in order
    )


def _marked(column: Sequence[_Entry], measured: Sequence[Measured], pairs: Sequence[PairOfCells]) -> list[Cell]:
    """The cells of one dataset, the best marked."""
    metric = column[0].cases.metric
    worth = [
        gain(metric, float(value)) for value in merit(metric, np.array([part.estimate.value for part in measured]))
    ]
    top = max((value for value in worth if not np.isnan(value)), default=NAN)
    # Two cells that are equal to the last digit shown of a double are both the best.
    best = [bool(abs(value - top) <= 1e-12) for value in worth]
    leader = column[best.index(True)].model if any(best) else ""
    of_leader = [pair for pair in pairs if leader in {pair.first, pair.second}]
    against = {pair.second if pair.first == leader else pair.first: _from(pair, leader) for pair in of_leader}
    return [
        _cell(entry, part.estimate, is_best, None if is_best else against.get(entry.model))
        for entry, part, is_best in zip(column, measured, best, strict=True)
    ]


def _from(pair: PairOfCells, leader: str) -> Difference | None:
    """The leader minus the other; None where they could not be compared."""
    if pair.difference is None:
        return None
    return pair.difference if pair.first == leader else pair.difference.reversed


def _cell(entry: _Entry, estimate: Estimate, best: bool, from_best: Difference | None) -> Cell:
    cases = entry.cases
    positives = int(cases.truth.sum()) if cases.metric.answers == "binary" else 0
    return Cell(
        entry.model, entry.dataset, entry.evaluation.kind, estimate, count(cases.patient_index), positives, best,
        from_best is not None and not from_best.significant and not np.isnan(from_best.corrected), from_best,
        joined(cases.note, few_cases(cases)),
    )  # fmt: skip


def _drops(entries: Sequence[_Entry], measured: Mapping[tuple[str, str], Measured], resamples: int) -> Iterator[Drop]:
    """From each dataset that a model comes from to each other one; validation is not set against test.

    A stressed copy is set against what it was made of, case by case, where that is known.
    """
    for other in entries:
        kind = other.evaluation.kind
        if kind not in {"external", "stress"}:
            continue
        homes = [entry for entry in entries if _may_be_home(entry, other)]
        copied = [entry for entry in homes if kind == "stress" and _is_copy(entry.evaluation, other.evaluation)]
        for home in copied or [entry for entry in homes if entry.evaluation.kind == "internal"]:
            parts = [measured[entry.model, entry.dataset] for entry in (home, other)]
            difference = (
                compare(home.answered, other.answered, metric=home.cases.metric.name, resamples=resamples)
                if copied
                else independent(home.cases, other.cases, parts[0], parts[1])
            )
            yield Drop(home.model, home.dataset, other.dataset, kind, bool(copied), difference)


def _may_be_home(home: _Entry, other: _Entry) -> bool:
    splits = {home.evaluation.split, other.evaluation.split} - {""}
    return home.model == other.model and home.evaluation.kind != "stress" and len(splits) < 2


def _is_copy(home: Evaluation, other: Evaluation) -> bool:
    """Whether a stressed dataset was made of another: by its name, and nearly all of its cases with their truth."""
    if not other.dataset.startswith((f"{home.dataset}~", f"{home.dataset}-")):
        return False
    here, there = same_cases(home.cases, other.cases)
    same = np.array_equal(np.asarray(home.scores.y_true)[here], np.asarray(other.scores.y_true)[there])
    return same and len(there) >= 0.9 * len(other.cases)
