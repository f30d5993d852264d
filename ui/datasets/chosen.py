"""The dataset on the page: which one, what was understood of it, what is still to be asked, and how much it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import streamlit as st

from core.datasets.dataset import Case, Dataset, OpenQuestion
from core.figures.comparing.numbers import count_text
from ui.datasets.adding import open_in_background
from ui.datasets.records import Entry, Records, attempt
from ui.datasets.shelf import Key, Shelf, key_of
from ui.foreign_text import plain
from ui.serving.visitor import is_at_hand
from ui.show import show_caution, show_error

#: Splits in the order in which they are shown; a dataset may have none.
SPLITS = {"train": "Training", "val": "Validation", "test": "Test", "": "No split"}
#: Answers that change which other questions there are.
_DECISIVE = ("layout", "table", "file")
#: Values of an attribute that are listed one by one.
_FEW = 8
#: Labels in the table of counts.
_MOST_LABELS = 200
#: Of a case without a finding where nobody knows of one or more.
NOT_KNOWN = "not known"
#: Rows of that table that are shown without scrolling.
_SHOWN = 16


def choose_dataset(state: Shelf, found: Records) -> None:
    """The list of added datasets, with the ways to add another one and to forget this one."""
    entries = {entry.key: entry for entry in found.entries(state)}
    if state.wanted not in entries and not (state.wanted and state.opening):
        state.wanted = _from_address(list(entries.values())) if entries else None
    shown = list(entries) if state.wanted in entries or not state.wanted else [state.wanted, *entries]
    titles = _told_apart(list(entries.values())) | {key: Path(key[0]).name for key in shown if key not in entries}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state["dataset"] = state.wanted
        st.selectbox(
            "Dataset", shown, format_func=lambda key: titles[key], key="dataset", width=340, on_change=_choose,
            args=(state,),
        )  # fmt: skip
        st.button("Add another", icon=":material/add:", on_click=_add, args=(state,), key="add-another")
        if state.wanted in entries and is_at_hand():  # the list is shared
            st.button(
                "Forget", icon=":material/close:", key="forget-dataset", on_click=_forget,
                args=(state, found, entries[state.wanted]), help="Files and results stay",
            )  # fmt: skip
    if state.trouble:
        show_error(state.trouble)
        if state.dataset is None:
            st.button("Try again", icon=":material/refresh:", on_click=_choose, args=(state,), key="try-again")
    remembered = found.of(state.wanted) if state.wanted else None
    if state.wanted and state.dataset is None and state.opening is None and not state.trouble:
        open_in_background(state, Path(state.wanted[0]), dict(state.wanted[1]), remembered)


def _told_apart(entries: Sequence[Entry]) -> dict[Key, str]:
    """Titles, with the folder's name behind those that are used twice."""
    counts = Counter(entry.title for entry in entries)
    return {
        entry.key: entry.title if counts[entry.title] == 1 else f"{entry.title} ({entry.key[0]})" for entry in entries
    }


def _from_address(entries: Sequence[Entry]) -> Key:
    """The one that a link names, else the newest."""
    named = st.query_params.get("dataset", "")
    return next((one.key for one in entries if one.remembered and one.remembered.name == named), entries[0].key)


def _choose(state: Shelf) -> None:
    state.wanted, state.trouble = st.session_state["dataset"], ""


def _add(state: Shelf) -> None:
    state.adding, state.trouble = True, ""


def _forget(state: Shelf, found: Records, entry: Entry) -> None:
    remembered, store = entry.remembered, found.store
    if not is_at_hand():
        return
    if remembered is not None and store is not None:
        state.trouble = attempt(lambda: store.forget(remembered.id))
    if not state.trouble:
        state.forget(entry.key)


def show_understood(state: Shelf, dataset: Dataset) -> None:
    """What was recognised, beside how much there is."""
    counts, words = st.columns([5, 6], gap="large")
    with words:
        for sentence in (state.changed.get(key_of(dataset), ""), *dataset.warnings):
            if sentence:
                show_caution(plain(sentence))
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in dataset.understood))
        _show_decided(state, dataset)
    with counts:
        rows = count_rows(dataset)
        height: int | Literal["content"] = "content" if len(rows) <= _SHOWN else 36 * _SHOWN
        st.dataframe(rows, hide_index=True, height=height, alt=f"Cases of {dataset.title} by label and split")
        told = [f"{name}: {attribute_words(values)}" for name, values in attribute_columns(dataset.cases).items()]
        if told:
            st.caption(plain("  \n".join(told)))


def show_questions(state: Shelf, dataset: Dataset) -> None:
    """Ask what could not be known, with the likeliest answer chosen."""
    asked = count_text(len(dataset.questions), "question")
    st.markdown(f"**{asked} before models can run on it**")
    with st.form(f"questions-{state.answers}", border=False):
        answers = _ask(dataset.questions, f"question-{state.answers}")
        st.form_submit_button("Use these answers", type="primary", on_click=_answer, args=(state, dataset, answers))


def _show_decided(state: Shelf, dataset: Dataset) -> None:
    """What was recognised may be wrong: every choice can be made otherwise."""
    open_to_change = [question for question in dataset.decided if len(question.choices) > 1]
    if dataset.questions or not open_to_change:
        return
    with st.expander("Understood otherwise"), st.form(f"decided-{state.answers}", border=False):
        answers = _ask(open_to_change, f"decided-{state.answers}")
        st.form_submit_button("Open it this way", on_click=_answer, args=(state, dataset, answers))


def _ask(questions: Sequence[OpenQuestion], key: str) -> Callable[[], dict[str, tuple[str, str]]]:
    """Boxes for the answers; what was chosen, with the guess, can be asked once the form was sent."""
    for question in questions:
        st.selectbox(
            question.sentence,
            question.choices,
            index=question.choices.index(question.guess) if question.guess in question.choices else 0,
            format_func=lambda choice: choice or "none",
            key=f"{key}-{question.option}",
            width=420,
        )
    return lambda: {
        question.option: (st.session_state.get(f"{key}-{question.option}", question.guess), question.guess)
        for question in questions
    }


def _answer(state: Shelf, dataset: Dataset, answers: Callable[[], dict[str, tuple[str, str]]]) -> None:
    options = new_options(dataset.options, answers())
    open_in_background(state, dataset.location, options, instead_of=key_of(dataset))


def new_options(before: Mapping[str, str], answers: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Options to open a dataset with.

    Args:
        before: Those that it was opened with.
        answers: Option to what was chosen, and what was guessed.

    Example:
        >>> new_options({"split": "fold"}, {"table": ("a.csv", "a.csv"), "label": ("grade", "risk")})
        {'split': 'fold', 'table': 'a.csv', 'label': 'grade'}
        >>> new_options({"split": "fold"}, {"table": ("b.csv", "a.csv"), "label": ("grade", "grade")})
        {'table': 'b.csv'}
    """
    for option in _DECISIVE:
        chosen, guess = answers.get(option, ("", ""))
        if chosen != guess:  # of another table the columns have to be asked anew
            return {option: chosen}
    return {**before, **{option: chosen for option, (chosen, _) in answers.items()}}


def count_rows(dataset: Dataset) -> list[dict[str, str | int]]:
    """Cases by label and split, the commonest label first, and their sum."""
    splits = [split for split in SPLITS if any(case.split == split for case in dataset.cases)]
    nothing = "no finding" if dataset.multilabel else "no label"
    counts = Counter((label, case.split) for case in dataset.cases for label in _said(case, nothing))
    rest = [label for label in (nothing, NOT_KNOWN) if any(counts[label, split] for split in splits)]
    labels = [*sorted({*dataset.labels, *(label for label, _ in counts)} - {*rest}), *rest]
    rows = [_row(label, [counts[label, split] for split in splits], splits) for label in labels]
    sums = [sum(case.split == split for case in dataset.cases) for split in splits]
    return [*rows[:_MOST_LABELS], _row("all cases", sums, splits)]


def _said(case: Case, nothing: str) -> tuple[str, ...]:
    """The labels of a case; where it has none, why."""
    return case.labels or ((NOT_KNOWN,) if case.unknown else (nothing,))


def _row(label: str, numbers: Sequence[int], splits: Sequence[str]) -> dict[str, str | int]:
    row: dict[str, str | int] = {"Label": label}
    if len(splits) > 1 or splits != [""]:
        row |= {SPLITS[split]: number for split, number in zip(splits, numbers, strict=True)}
    return row | ({"Cases": sum(numbers)} if len(splits) != 1 or splits == [""] else {})


def attribute_columns(cases: Sequence[Case]) -> dict[str, list[str]]:
    """Attribute to its value in each case, `""` where a case has none."""
    names = sorted({name for case in cases for name in case.attributes})
    return {name: [case.attributes.get(name, "") for case in cases] for name in names}


def attribute_words(values: Sequence[str]) -> str:
    """A column in a few words: a range of numbers, or its values.

    Example:
        >>> attribute_words(["F", "M", "F", ""]), attribute_words([str(age) for age in range(20, 60)])
        ('F (2), M (1), not known (1)', '20 to 59, median 40')
    """
    known = [value for value in values if value]
    rest = [f"not known ({len(values) - len(known):,})"] if len(known) < len(values) else []
    counts = Counter(known).most_common()
    numbers = sorted(float(value) for value in known) if all(map(_is_number, known)) else []
    if len(counts) > _FEW and numbers:
        middle = numbers[len(numbers) // 2]
        return ", ".join([f"{numbers[0]:g} to {numbers[-1]:g}, median {middle:g}", *rest])
    listed = [f"{value} ({count:,})" for value, count in counts[:_FEW]]
    more = [f"{len(counts) - _FEW:,} other values"] if len(counts) > _FEW else []
    return ", ".join([*listed, *more, *rest])


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False
