"""What is true of each row of a table: one class, a yes or no, or any number of findings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.datasets.dataset import UnusableDataset
from core.datasets.inquiry import Inquiry
from core.datasets.labels.marks import Mark, Marks, find_marks
from core.datasets.labels.missing import is_missing, perhaps_missing
from core.datasets.labels.signs import words_in
from core.datasets.tables.cell_lists import (
    BRACKETS,
    Parting,
    find_parting,
    parts,
    says_nothing,
)
from core.datasets.tables.columns import (
    could_be_chosen,
    distinct,
    label_columns,
    marks_in,
    plain_number,
    words_of,
)
from core.datasets.tables.table import Table

#: Between the columns of an answer that names several.
JOINT = " | "
#: Answers to what a gap or a doubt among findings means.
NOT_KNOWN, ABSENT, PRESENT = "not known", "absent", "present"
_MOST_LABELS = 200
_VAGUE = words_in("label labels class classes target targets diagnosis dx category finding findings y outcome column")
#: Shares between 0 and 1 with more values than this are scores and no labels; a rating has 0, 0.5 and 1.
_MOST_FRACTIONS = 4


@dataclass(frozen=True)
class Labelling:
    """The labels of a table.

    Attributes:
        rows: One tuple a row; empty where nothing is known or, for findings, nothing was found.
        labels: All of them in a stable order.
        multilabel: Whether a row may have several or none.
        unknown: One tuple a row: findings of which nobody knows; `()` as a whole where there are none.
    """

    rows: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...]
    multilabel: bool
    unknown: tuple[tuple[str, ...], ...] = ()


def label_table(table: Table, taken: Sequence[str], inquiry: Inquiry) -> tuple[Labelling, tuple[str, ...]]:
    """Find the label of each row, and the columns it came from.

    Raises:
        UnusableDataset: No column could be one, or the answer is none.
    """
    chosen = _choose(table, taken, inquiry)
    found = _findings(table, chosen, inquiry) if len(chosen) > 1 else _of_column(table, chosen[0], inquiry)
    return found, chosen


def _choose(table: Table, taken: Sequence[str], inquiry: Inquiry) -> tuple[str, ...]:
    """The label column, or several of yes and no."""
    found, by_name = label_columns(table, taken)
    marks = [column for column in found if marks_in(table, column) is not None]
    together = JOINT.join(marks)
    choices = [*found, *([together] if len(marks) > 1 else [])]
    known = {*taken, *found}
    others = [c for c in table.columns if c not in known and could_be_chosen(table, c)]
    if not found and "label" not in inquiry.options:
        raise UnusableDataset(
            f"No column of {table.name} is called a label: it has {', '.join(table.columns[:8])}",
            "name one of them label",
        )
    all_marks = len(marks) == len(found) > 1 and not by_name
    named = next((column for column in found if {"label", "class"} & set(words_of(column))), "")
    guess = together if all_marks else named or (found or list(table.columns))[0]
    certain = all_marks or (len(found) == 1 and (by_name or bool(marks)))
    sentence = "Which column holds the label?"
    answer = inquiry.settle("label", sentence, choices + others, guess, certain, free=True)
    columns = tuple(part.strip() for part in answer.split(JOINT.strip())) if answer not in table.columns else (answer,)
    there = set(table.columns)
    if unknown := [column for column in columns if column not in there]:
        raise UnusableDataset(f"The table has no column {unknown[0]!r}", "choose one that it has as the label")
    return columns


def _findings(table: Table, columns: tuple[str, ...], inquiry: Inquiry) -> Labelling:
    """Several columns of yes and no; an empty cell is a finding that nobody looked for, and not a no."""
    marks: dict[str, Marks] = {}
    for column in columns:
        found = marks_in(table, column)
        if found is None and all(is_missing(value) for value in table.values(column)):
            gaps: list[Mark] = ["blank"] * len(table.rows)
            found = Marks(tuple(gaps), "", "")
        if found is None:
            raise UnusableDataset(
                "yes or no, such as 1 and 0, in every cell of the finding columns",
                f"other values in {column!r}",
                "choose other columns",
            )
        marks[column] = found
    meant = _meant(marks, inquiry)
    rows = tuple(zip(*(found.cells for found in marks.values()), strict=True))
    present = [tuple(c for c, cell in zip(columns, row, strict=True) if meant[cell] == PRESENT) for row in rows]
    unknown = [tuple(c for c, cell in zip(columns, row, strict=True) if meant[cell] == NOT_KNOWN) for row in rows]
    inquiry.understood.append(f"A case may have several findings, one column each: {', '.join(columns)}.")
    return Labelling(tuple(present), columns, True, tuple(unknown) if any(unknown) else ())


def _meant(marks: dict[str, Marks], inquiry: Inquiry) -> dict[str, str]:
    """What yes, no, a gap and a doubt mean; gaps between crosses alone are asked."""
    meant = {"yes": PRESENT, "no": ABSENT, "blank": NOT_KNOWN, "unsure": NOT_KNOWN}
    if any("blank" in found.cells for found in marks.values()):
        crosses = not any(found.no for found in marks.values())
        meant["blank"] = inquiry.settle(
            "blank", "What does an empty cell among the findings mean?", (NOT_KNOWN, ABSENT),
            ABSENT if crosses else NOT_KNOWN, not crosses,
        )  # fmt: skip
    if any("unsure" in found.cells for found in marks.values()):
        meant["unsure"] = inquiry.settle(
            "unsure", "What does an uncertain finding, such as -1, mean?", (NOT_KNOWN, PRESENT, ABSENT), NOT_KNOWN, True
        )
    return meant


def _of_column(table: Table, column: str, inquiry: Inquiry) -> Labelling:
    values = _without_gaps(table.values(column), column, inquiry)
    marks = find_marks(values)
    if marks is not None and (marks.both or marks.crosses):
        return _yes_or_no(values, marks, column, inquiry)
    there = list(dict.fromkeys(value for value in values if value))
    parting = find_parting(there)
    if parting is not None and _several(parting, column, inquiry):
        return _in_one_cell(values, column, parting.sign, inquiry)
    _refuse_scores(there, column)
    labels = [label for label in distinct(table, column) if label in {plain_number(value) for value in there}]
    if len(labels) > _MOST_LABELS:
        raise UnusableDataset(
            f"{column!r} holds {len(labels):,} different values, too many for a label",
            "choose another column as the label",
        )
    rows = tuple((plain_number(value),) if value else () for value in values)
    inquiry.understood.append(f"The label is in the column {column!r}: {', '.join(labels[:12])}.")
    return Labelling(rows, tuple(labels), False)


def _without_gaps(values: Sequence[str], column: str, inquiry: Inquiry) -> list[str]:
    """The cells of the label, `""` where they say that it is not known."""
    gaps = {value for value in set(values) if value and is_missing(value)}
    doubtful = perhaps_missing(dict.fromkeys(values))
    marks = find_marks(values)
    if marks is not None and (marks.both or marks.crosses):  # what is neither yes nor no is then a gap or unsure
        doubtful = []
    if doubtful:
        listed = " and ".join(repr(value) for value in doubtful)
        words = all(value.islower() for value in doubtful)  # Python writes None, and people write none for nothing
        guess, sentence = "a label" if words else NOT_KNOWN, f"What does {listed} in the column {column!r} mean?"
        if inquiry.settle("gap", sentence, (NOT_KNOWN, "a label"), guess, words) == NOT_KNOWN:
            gaps |= set(doubtful)
    if gaps:
        count = sum(value in gaps for value in values)
        listed = ", ".join(repr(value) for value in sorted(gaps))
        inquiry.understood.append(f"{listed} in the column {column!r} counts as not known, {count:,} times.")
    return ["" if value in gaps else value for value in values]


def _refuse_scores(values: Sequence[str], column: str) -> None:
    """Refuse a column of probabilities.

    Raises:
        UnusableDataset: It is one.
    """
    numbers = [value.replace(",", ".") for value in values if re.fullmatch(r"\d*[.,]\d+(e-?\d+)?|[01]", value)]
    fractions = [float(number) for number in numbers if 0 <= float(number) <= 1]
    if len(fractions) == len(values) and sum(fraction % 1 > 0 for fraction in fractions) > _MOST_FRACTIONS:
        raise UnusableDataset(
            "labels as words or whole numbers", f"probabilities such as {values[0]} in {column!r}",
            "choose the column that says what is true",
        )  # fmt: skip


def _yes_or_no(values: Sequence[str], marks: Marks, column: str, inquiry: Inquiry) -> Labelling:
    """Yes and no: a heading such as `fractured` says what 1 means, `label` does not; words such as TRUE do."""
    is_vague = {word for word in words_of(column) if not word.isdigit()} <= _VAGUE
    one, other = plain_number(marks.yes), plain_number(marks.no)
    names = ("negative", "positive") if is_vague else (f"not {column}", column)
    meant: dict[str, tuple[str, ...]] = {"blank": (), "unsure": ()}
    if marks.both:
        yes = inquiry.settle(
            "positive", f"Which value in the column {column!r} means that it is present?", (one, other), one,
            not is_vague or not one.isdigit(),
        )  # fmt: skip
        meant |= {"yes": (names[yes == one],), "no": (names[yes == other],)}
    else:
        yes, meant["yes"] = one, (names[1],)
        sentence = f"What does an empty cell in the column {column!r} mean?"
        if inquiry.settle("blank", sentence, (NOT_KNOWN, ABSENT), ABSENT, False) == ABSENT:
            meant["blank"] = (names[0],)
    inquiry.understood.append(f"The label is in the column {column!r}: {yes} means {names[1]}.")
    unsure = [value for value, cell in zip(values, marks.cells, strict=True) if cell == "unsure"]
    if unsure:
        listed = ", ".join(repr(value) for value in sorted(set(unsure)))
        inquiry.understood.append(f"{listed} in the column {column!r} counts as not known, {len(unsure):,} times.")
    return Labelling(tuple(meant[cell] for cell in marks.cells), names, False)


def _several(parting: Parting, column: str, inquiry: Inquiry) -> bool:
    """Whether cells hold several findings, asked where it may be the name of one."""
    named = "brackets" if parting.sign == BRACKETS else f"{parting.sign.strip() or 'a new line'!r}"
    answer = inquiry.settle(
        "parted", f"What does {named} in the column {column!r} mean?", ("several findings", "one label"),
        "several findings", parting.certain,
    )  # fmt: skip
    return answer == "several findings"


def _in_one_cell(values: Sequence[str], column: str, sign: str, inquiry: Inquiry) -> Labelling:
    """Findings parted in a cell; an empty cell is not known where other cells say that nothing was found."""
    rows = tuple(tuple(parts(value, sign)) for value in values)
    labels = tuple(sorted({label for row in rows for label in row}))
    words = "in brackets" if sign == BRACKETS else f"parted by {sign.strip() or 'new lines'!r}"
    inquiry.understood.append(f"A case may have several findings, {words} in the column {column!r}.")
    found = Labelling(rows, labels, True)
    if "" not in values:
        return found
    explicit = any(value and (says_nothing(value) or not parts(value, sign)) for value in values)
    sentence = f"What does an empty cell in the column {column!r} mean?"
    if inquiry.settle("blank", sentence, (NOT_KNOWN, ABSENT), NOT_KNOWN, explicit) == ABSENT:
        return found
    return replace(found, unknown=tuple(() if value else labels for value in values))
