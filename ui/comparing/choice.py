"""The question of the compare page: what is asked, by which measure, of which part of the datasets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from core.evaluation.comparison.matrix import Matrix
from core.evaluation.metrics.registry import METRICS, Metric
from core.evaluation.results.evaluation import Evaluation
from core.evaluation.results.questions import Question, questions
from core.figures.comparing.numbers import count_text
from ui.comparing.address import follow_address, write_address

#: How people sort metrics, by what they need.
GROUPS = {"score": "Ranking", "decision": "Decisions", "probability": "Probabilities", "mask": "Masks"}

#: Splits in the order in which they are offered. A dataset without splits is offered with the test sets.
SPLITS = {"test": "Test", "val": "Validation", "train": "Training"}


@dataclass(frozen=True, eq=False)
class Choice:
    """What is compared.

    Attributes:
        question: What is asked.
        metric: By which measure.
        split: Key of `SPLITS`.
        evaluations: Those of this split; they answer this and other questions.
    """

    question: Question
    metric: Metric
    split: str
    evaluations: tuple[Evaluation, ...]


def choose(evaluations: Sequence[Evaluation]) -> Choice:
    """The controls above the matrix; the address keeps what they say.

    Args:
        evaluations: All there are, at least one.
    """
    follow_address()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        place_question, place_metric = st.container(width=380), st.container(width=380)
        split = _choose_split(evaluations)
        of_split = tuple(evaluation for evaluation in evaluations if in_split(evaluation, split))
        of_split = _with_stress(of_split)
        offered = {question.key: question for question in questions(of_split)}
    with place_question:
        key = _select("Question", "question", list(offered), lambda name: _named(offered[name]))
    question = offered[key]
    with place_metric:
        metrics = {metric.name: metric for metric in question.metrics}
        ordered = sorted(metrics, key=lambda name: list(GROUPS).index(metrics[name].needs))
        name = _select("Measure", "metric", ordered, lambda name: _measure(metrics[name]), question.answers)
    write_address(question=key, metric=name, split=split)
    return Choice(question, METRICS[name], split, of_split)


def in_split(evaluation: Evaluation, split: str) -> bool:
    """Whether an evaluation is shown with a split; one without splits is with the test sets."""
    return (evaluation.split or "test") == split


def _named(question: Question) -> str:
    return f"{question.title} · {count_text(question.models, 'model')}"


def _measure(metric: Metric) -> str:
    return f"{GROUPS[metric.needs]} · {metric.title}"


def _select(label: str, name: str, options: list[str], words: Callable[[str], str], kind: str = "") -> str:
    """A list that starts with what the address says, and forgets a choice that is no longer offered."""
    key = f"compare-{name}{kind and '-'}{kind}"
    wanted = st.session_state.get(key, st.query_params.get(name))
    st.session_state[key] = wanted if wanted in options else options[0]
    return st.selectbox(label, options, format_func=words, key=key)


def _choose_split(evaluations: Sequence[Evaluation]) -> str:
    """Test unless asked otherwise; no control where there is nothing else."""
    offered = [split for split in SPLITS if any(in_split(evaluation, split) for evaluation in evaluations)]
    wanted = st.session_state.get("compare-split", st.query_params.get("split"))
    st.session_state["compare-split"] = wanted if wanted in offered else offered[0]
    if len(offered) < 2:
        return offered[0]
    words = SPLITS.__getitem__
    chosen = st.segmented_control("Split", offered, format_func=words, required=True, key="compare-split")
    return chosen or offered[0]


def _with_stress(evaluations: tuple[Evaluation, ...]) -> tuple[Evaluation, ...]:
    """Stressed copies can be many columns: they are shown when asked for."""
    others = tuple(evaluation for evaluation in evaluations if evaluation.kind != "stress")
    if len(others) == len(evaluations) or not others:
        return evaluations
    st.session_state.setdefault("compare-stress", "stress" in st.query_params)
    shown = st.toggle("Stressed copies", key="compare-stress")
    write_address(stress="1" if shown else "")
    return evaluations if shown else others


def sentence(choice: Choice, table: Matrix) -> str:
    """The question being answered, e.g. `"AUC of 3 models on 4 test sets: Pneumonia"`."""
    words = {"test": "test set", "val": "validation set", "train": "training set"}[choice.split]
    about = choice.question.title
    if choice.question.answers != "binary":
        about = about[0].lower() + about[1:]
    return (
        f"{choice.metric.title.partition(' (')[0]} of {count_text(len(table.models), 'model')} on "
        f"{count_text(len(table.datasets), words)}: {about}"
    )
