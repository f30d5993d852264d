"""What is true of each row of a table: one class, a yes or no, or any number of findings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets.columns import (
    could_be_chosen,
    distinct,
    is_binary,
    label_columns,
    plain_number,
    words_in,
    words_of,
)
from core.datasets.dataset import UnusableDataset
from core.datasets.inquiry import Inquiry
from core.datasets.table import Table

#: Between the columns of an answer that names several.
JOINT = " | "
_NOTHING = frozenset({"no finding", "no findings", "none", "nofinding", ""})
_MOST_LABELS = 200
_VAGUE = words_in("label labels class classes target targets diagnosis dx category finding findings y outcome")


@dataclass(frozen=True)
class Labelling:
    """The labels of a table.

    Attributes:
        rows: One tuple a row; empty where nothing is known or, for findings, nothing was found.
        labels: All of them in a stable order.
        multilabel: Whether a row may have several or none.
    """

    rows: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...]
    multilabel: bool


def label_table(table: Table, taken: Sequence[str], inquiry: Inquiry) -> tuple[Labelling, tuple[str, ...]]:
    """Find the label of each row, and the columns it came from.

    Raises:
        UnusableDataset: No column could be one, or the answer is none.
    """
    chosen = _choose(table, taken, inquiry)
    if len(chosen) > 1:
        return _findings(table, chosen, inquiry), chosen
    column = chosen[0]
    if is_binary(table, column):
        return _yes_or_no(table, column, inquiry), chosen
    sign = _separator(table, column)
    if sign:
        return _in_one_cell(table, column, sign, inquiry), chosen
    labels = distinct(table, column)
    if len(labels) > _MOST_LABELS:
        raise UnusableDataset(
            "a label column with few values", f"{column!r} with {len(labels):,}", "choose another column as the label"
        )
    rows = tuple((plain_number(value),) if value else () for value in table.values(column))
    inquiry.understood.append(f"The label is in the column {column!r}: {', '.join(labels[:12])}.")
    return Labelling(rows, tuple(labels), False), chosen


def _choose(table: Table, taken: Sequence[str], inquiry: Inquiry) -> tuple[str, ...]:
    """The label column, or several of zeros and ones."""
    found, by_name = label_columns(table, taken)
    marks = [column for column in found if is_binary(table, column)]
    together = JOINT.join(marks)
    choices = [*found, *([together] if len(marks) > 1 else [])]
    others = [c for c in table.columns if c not in {*taken, *found} and could_be_chosen(table, c)]
    if not found and "label" not in inquiry.options:
        raise UnusableDataset(
            "a column with labels", f"{table.name} with {', '.join(table.columns[:8])}", "name one of them label"
        )
    all_marks = len(marks) == len(found) > 1 and not by_name
    named = next((column for column in found if {"label", "class"} & set(words_of(column))), "")
    guess = together if all_marks else named or (found or list(table.columns))[0]
    certain = all_marks or (len(found) == 1 and (by_name or bool(marks)))
    sentence = "Which column holds the label?"
    answer = inquiry.settle("label", sentence, choices + others, guess, certain, free=True)
    columns = tuple(part.strip() for part in answer.split(JOINT.strip())) if answer not in table.columns else (answer,)
    if unknown := [column for column in columns if column not in table.columns]:
        raise UnusableDataset("a column of the table as the label", repr(unknown[0]), "choose one that it has")
    return columns


def _findings(table: Table, columns: tuple[str, ...], inquiry: Inquiry) -> Labelling:
    """Several columns of zeros and ones; an empty cell is a finding that nobody looked for, and not a no."""
    strange = [c for c in columns if not {plain_number(v) for v in table.values(c)} <= {"0", "1"}]
    if strange:
        raise UnusableDataset(
            "0 or 1 in every cell of the finding columns", f"other values in {strange[0]!r}", "choose other columns"
        )
    marks = [table.values(column) for column in columns]
    rows = tuple(
        tuple(column for column, values in zip(columns, marks, strict=True) if plain_number(values[row]) == "1")
        for row in range(len(table.rows))
    )
    inquiry.understood.append(f"A case may have several findings, one column each: {', '.join(columns)}.")
    return Labelling(rows, columns, True)


def _yes_or_no(table: Table, column: str, inquiry: Inquiry) -> Labelling:
    """Zeros and ones: a heading such as `fractured` says what 1 means, `label` does not."""
    is_vague = set(words_of(column)) <= _VAGUE
    yes = inquiry.settle(
        "positive", f"Which value in the column {column!r} means that it is present?", ("1", "0"), "1", not is_vague
    )
    names = ("negative", "positive") if is_vague else (f"not {column}", column)
    rows = tuple((names[plain_number(value) == yes],) if value else () for value in table.values(column))
    inquiry.understood.append(f"The label is in the column {column!r}: {yes} means {names[1]}.")
    return Labelling(rows, names, False)


def _separator(table: Table, column: str) -> str:
    """The sign between several findings in one cell, `""` where cells hold one."""
    values = distinct(table, column)
    for sign in ("|", ";"):
        joint = [value for value in values if sign in value]
        parts = {part.strip() for value in values for part in value.split(sign)}
        # A sign between findings recurs and makes fewer names than there were cells.
        if joint and len(parts) <= max(len(values), 3):
            return sign
    return ""


def _in_one_cell(table: Table, column: str, sign: str, inquiry: Inquiry) -> Labelling:
    rows = tuple(
        tuple(
            part
            for part in dict.fromkeys(part.strip() for part in value.split(sign))
            if re.sub(r"[_\s]+", " ", part).lower() not in _NOTHING
        )
        for value in table.values(column)
    )
    labels = tuple(sorted({label for row in rows for label in row}))
    inquiry.understood.append(f"A case may have several findings, parted by {sign!r} in the column {column!r}.")
    return Labelling(rows, labels, True)
