"""The numbers of the matrix: computed in the background where they take long, and explained."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import streamlit as st

from core.evaluation.comparison.matrix import (
    Cell,
    Heading,
    Matrix,
    dataset_key,
    matrix,
    model_key,
)
from core.evaluation.results.evaluation import Evaluation, Finding
from core.evaluation.results.questions import answer, taken
from core.evaluation.statistics.intervals import Estimate
from core.evaluation.statistics.patients import count
from ui.background import Job, Progress, Stopper, Work, jobs, show_job, stopping
from ui.comparing.choice import Choice
from ui.comparing.members import answer_exists
from ui.comparing.memory import fingerprint, keep, recalled, remembered
from ui.comparing.results import Results
from ui.components.matrix import BEST, NOT_TOLD, bar_scale
from ui.show import show_error

#: Seconds to wait for intervals before the values are shown without them.
PATIENCE = 0.35

#: Slot of the job that computes them.
UNDER_WAY = "intervals"


def compared(found: Results, choice: Choice) -> tuple[Matrix, Job[Matrix] | None]:
    """The matrix of the chosen question and measure, and what is still computing it.

    Values are there at once. Intervals and tests of most measures are as well; where they take longer, a matrix without
    them comes with the work that makes them, to be shown until it is done.
    """
    concerned = concerned_by(choice)
    asked, shared = ("matrix", choice.question.key, choice.metric.name), found.are_shared(concerned)
    table = recalled(asked, concerned, shared)
    if table is not None:
        return table, None
    key, work = (asked, tuple(map(fingerprint, concerned))), _computing(concerned, choice)
    job = jobs().start(UNDER_WAY, key, "Intervals and tests", work)
    if not job.wait(PATIENCE) or job.error is not None:
        quick = remembered((*asked, "values"), concerned, lambda: _values(concerned, choice), shared)
        return quick, job
    jobs().take(UNDER_WAY)
    return keep(asked, concerned, job.hand_over(), shared), None


def concerned_by(choice: Choice) -> list[Evaluation]:
    """The evaluations that answer the question, in the order of the rows."""
    found = [entry for entry in choice.evaluations if answer_exists(entry, choice.question.key)]
    return sorted(found, key=lambda entry: (entry.model_title, model_key(entry)))


def show_computing(job: Job[Matrix]) -> None:
    """Progress of the intervals; where they were stopped or failed, the way to start them again."""
    if not job.wait(0.0):
        show_job(job, UNDER_WAY)
        return
    if job.error is None:  # it came to its end while the page was drawn
        st.rerun()
    if job.trouble:
        show_error(job.trouble)
    st.button("Compute intervals and tests", on_click=jobs().drop, args=(UNDER_WAY,))


def _computing(concerned: Sequence[Evaluation], choice: Choice) -> Work[Matrix]:
    question, metric = choice.question.key, choice.metric.name

    def work(progress: Progress, cancelled: Stopper) -> Matrix:
        step = stopping(progress, cancelled, "the intervals")
        return matrix(
            concerned,
            question,
            metric,
            progress=lambda fraction, words: step(fraction, f"Intervals and tests: {words}"),
        )

    return work


def _values(concerned: Sequence[Evaluation], choice: Choice) -> Matrix:
    """The matrix without intervals, marks and tests: what can be shown while these are computed."""
    cells: dict[tuple[str, str], Cell] = {}
    for entry in concerned:
        answered = answer(entry, choice.question.key)
        assert answered is not None
        cases = taken(answered, choice.metric.name)
        model, dataset = model_key(entry), dataset_key(entry)
        estimate = Estimate(cases.value, math.nan, math.nan, len(cases), "")
        cells[model, dataset] = Cell(
            model, dataset, entry.kind, estimate, count(cases.patient_index), 0, False, False, None, cases.note
        )
    models = {model_key(entry): Heading(model_key(entry), entry.model_title, entry.model) for entry in concerned}
    datasets = {
        dataset_key(entry): Heading(dataset_key(entry), entry.dataset_title, entry.dataset, entry.split)
        for entry in concerned
    }
    return Matrix(choice.question.key, choice.metric, tuple(models.values()), tuple(datasets.values()), cells, (), ())


def dataset_sizes(found: Results, choice: Choice) -> dict[str, tuple[int, int]]:
    """Key of each dataset to its cases, and those with the finding; of the model that scored most."""
    concerned = concerned_by(choice)
    asked = ("sizes", choice.question.key)
    return remembered(asked, concerned, lambda: _sizes(concerned, choice.question.key), found.are_shared(concerned))


def _sizes(concerned: Sequence[Evaluation], question: str) -> dict[str, tuple[int, int]]:
    sizes: dict[str, tuple[int, int]] = {}
    for evaluation in concerned:
        answered = answer(evaluation, question)
        if answered is not None:
            positives = int(answered.truth.sum()) if isinstance(answered, Finding) else 0
            key = dataset_key(evaluation)
            sizes[key] = max(sizes.get(key, (0, 0)), (len(evaluation.cases), positives))
    return sizes


def about_matrix(table: Matrix) -> None:
    """How to read it, in two lines."""
    low, high = bar_scale(cell.estimate for cell in table.cells.values())
    better = "Higher is better" if table.metric.higher_is_better else "Lower is better"
    if table.metric.target is not None:
        better = f"{table.metric.target:g} is right"
    # How many patients each rests on is in the cells.
    methods = sorted({re.sub(r",? (on )?\d+ patients", "", cell.estimate.method) for cell in table.cells.values()})
    marks, choosing = "", " Choose a cell for its figures."
    if any(cell.from_best is not None for cell in table.cells.values()):
        marks = (
            f" {BEST} of its dataset; {NOT_TOLD}: no significant difference from it (Holm over the dataset's pairs)."
        )
        choosing = (
            " Choose a cell for its figures, a second one of the same dataset to compare the two, a dataset's name for "
            "all its models."
        )
    if not any(methods):
        st.caption(f"{better}. Values without their 95 % intervals and tests, which take longer.")
        return
    st.caption(
        f"{better}. Small numbers and bars are 95 % intervals ({_listed(methods)}); the bars run from {_end(low)} to "
        f"{_end(high)}.{marks}{choosing}"
    )


def _end(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
