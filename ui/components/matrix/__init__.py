"""Models × datasets as a table whose cells can be chosen, by pointer or keyboard.

The browser gets finished texts (`message`) and sends back which cell or column was chosen; what follows from that is
decided in `ui.comparing.selection`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core.evaluation.comparison.matrix import (
    Cell,
    Drop,
    Heading,
    Matrix,
)
from core.evaluation.statistics.intervals import Estimate
from core.figures.comparing.lines import Line
from core.figures.comparing.numbers import (
    NOT_DEFINED,
    count_text,
    estimate_text,
    interval_text,
    number_text,
    percent_text,
)
from ui.comparing.selection import Selection

_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "scanlens_matrix",
    html=(_HERE / "matrix.html").read_text(encoding="utf-8"),
    css=(_HERE / "matrix.css").read_text(encoding="utf-8"),
    js=(_HERE / "matrix.js").read_text(encoding="utf-8"),
)

#: Where images come from as a model sees it, above columns and in cells of mixed columns.
KINDS = {
    "internal": "internal",
    "external": "external",
    "stress": "stressed copy",
    "unknown": "origin not known",
    "mixed": "internal for some",
}

#: Plotly's words for dashes in CSS.
_DASHES = {"solid": "solid", "dash": "dashed", "dot": "dotted", "dashdot": "double"}

BEST, NOT_TOLD = "◆ best", "○ not told apart"


def message(
    table: Matrix,
    lines: Mapping[str, Line],
    selection: Selection,
    sizes: Mapping[str, tuple[int, int]],
    pending: bool = False,
) -> dict[str, Any]:
    """What is sent to the browser: every text of the table, in the order of the page; see `show_matrix`."""
    scale = bar_scale(cell.estimate for cell in table.cells.values())
    kinds = {column.key: column_kind(table, column.key) for column in table.datasets}
    columns = sorted(table.datasets, key=lambda column: _rank(kinds[column.key]))
    changes = {model.key: largest_change(table, model.key) for model in table.models}
    expected = pending and {"internal", "external"} <= {cell.kind for cell in table.cells.values()}
    return {
        "label": f"{table.metric.title}: models in rows, datasets in columns",
        "groups": _groups([kinds[column.key] for column in columns]),
        "columns": [_column(table, column, *sizes[column.key]) for column in columns],
        "rows": [
            {
                "key": model.key,
                "title": model.title,
                "color": lines[model.key].color,
                "dash": _DASHES[lines[model.key].dash],
                "cells": [
                    _cell(table, model, column, scale, selection, kinds[column.key] == "mixed", pending)
                    for column in columns
                ],
                "change": _change(table, changes[model.key], expected),
            }
            for model in table.models
        ],
        "change": "Internal to external, largest change" if any(changes.values()) or expected else "",
    }


def _rank(kind: str) -> int:
    return ["internal", "mixed", "unknown", "external", "stress"].index(kind)


def column_kind(table: Matrix, dataset: str) -> str:
    """Where a dataset comes from as its models see it, `mixed` where they differ."""
    kinds = {cell.kind for (_, column), cell in table.cells.items() if column == dataset}
    return kinds.pop() if len(kinds) == 1 else "mixed"


def _groups(kinds: Sequence[str]) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = []
    for kind in kinds:
        title = KINDS[kind].capitalize()
        if groups and groups[-1]["title"] == title:
            groups[-1]["columns"] += 1
        else:
            groups.append({"title": title, "columns": 1})
    return groups


def _column(table: Matrix, column: Heading, cases: int, positives: int) -> dict[str, Any]:
    lines = [count_text(cases, "case")]
    if table.metric.answers == "binary" and cases:
        lines.append(f"{percent_text(positives / cases)} with {table.question}")
    split = {"val": " (validation)", "train": " (training)"}.get(column.split, "")
    return {
        "key": column.key,
        "title": column.title + split,
        "lines": lines,
        "label": f"All models on {column.title}{split}",
        "chosen": False,
    }


def _cell(
    table: Matrix,
    model: Heading,
    column: Heading,
    scale: tuple[float, float],
    selection: Selection,
    mixed: bool,
    pending: bool,
) -> dict[str, Any]:
    cell = table.cells.get((model.key, column.key))
    where = f"{model.title} on {column.title}"
    if cell is None:
        return {"value": False, "text": "not measured", "label": f"{where}: not measured"}
    mark = mark_of(table, cell)
    lines = [interval_text(cell.estimate.low, cell.estimate.high) or ("interval …" if pending else "no interval")]
    if mixed:
        lines.append(KINDS[cell.kind])
    return {
        "value": True,
        "text": number_text(cell.estimate.value),
        "mark": mark,
        "best": mark == BEST,
        "chosen": column.key == selection.dataset and model.key in selection.models,
        "bar": _bar(cell.estimate, scale),
        "lines": lines,
        "label": ", ".join(
            part
            for part in (
                f"{where}: {estimate_text(cell.estimate)}",
                {BEST: "best on this dataset", NOT_TOLD: "no significant difference from the best"}.get(mark, ""),
                f"{KINDS[cell.kind]} data",
                cases_text(table, cell),
                cell.note,
            )
            if part
        ),
    }


def cases_text(table: Matrix, cell: Cell) -> str:
    """What a value rests on; for a fraction of some of the cases, these, and how many patients there are in all."""
    cases = count_text(cell.estimate.n, "case")
    if table.metric.needs == "decision":
        return f"{cases} ({count_text(cell.patients, 'patient')} in the dataset)"
    return f"{cases} of {count_text(cell.patients, 'patient')}"


def mark_of(table: Matrix, cell: Cell) -> str:
    """Whether a cell is the best of its dataset or cannot be told from it; `""` where it stands alone."""
    rivals = sum(dataset == cell.dataset for _, dataset in table.cells)
    if rivals < 2:
        return ""
    return BEST if cell.best else NOT_TOLD if cell.not_different else ""


def bar_scale(estimates: Iterable[Estimate]) -> tuple[float, float]:
    """Ends of the small bars in the cells, in steps of 0.05: one scale for all of them."""
    ends = [end for found in estimates for end in (found.low, found.value, found.high) if not math.isnan(end)]
    if not ends:
        return 0.0, 1.0
    low, high = math.floor(min(ends) * 20) / 20, math.ceil(max(ends) * 20) / 20
    return (low, high) if high > low else (low, low + 0.05)


def _bar(estimate: Estimate, scale: tuple[float, float]) -> dict[str, float] | None:
    if math.isnan(estimate.value):
        return None
    low, high = scale
    ends = (estimate.low, estimate.value, estimate.high)
    fractions = [(end - low) / (high - low) if not math.isnan(end) else None for end in ends]
    middle = fractions[1] or 0.0
    return {
        "low": middle if fractions[0] is None else fractions[0],
        "value": middle,
        "high": middle if fractions[2] is None else fractions[2],
    }


def largest_change(table: Matrix, model: str) -> Drop | None:
    """Where a model loses most, or wins least, from its own data to data from elsewhere."""
    drops = [
        drop
        for drop in table.drops
        if drop.model == model and drop.kind == "external" and not math.isnan(drop.difference.value)
    ]
    sign = 1.0 if table.metric.higher_is_better and table.metric.target is None else -1.0
    return max(drops, key=lambda drop: sign * drop.difference.value, default=None)


def is_worse(drop: Drop) -> bool:
    """Whether the model is significantly worse there than at home."""
    return drop.difference.significant and drop.difference.better == 0


def _change(table: Matrix, drop: Drop | None, expected: bool) -> dict[str, Any]:
    if drop is None and expected:
        return {"text": "…", "lines": [], "label": "Being computed", "worse": False}
    if drop is None:
        return {"text": "", "lines": ["not measured"], "label": "Not measured on data from elsewhere", "worse": False}
    titles = {column.key: column.title for column in table.datasets}
    change = drop.difference.reversed
    word = "worse" if is_worse(drop) else "better" if change.significant else "no clear change"
    value = number_text(change.value)
    sign = "+" if change.value > 0 else ""
    interval = interval_text(change.low, change.high)
    return {
        "text": f"{sign}{value}" if value != NOT_DEFINED else value,
        "lines": [line for line in (interval, word) if line],
        "label": f"From {titles[drop.internal]} to {titles[drop.other]}: {sign}{value} ({interval}), {word}",
        "worse": is_worse(drop),
    }


def show_matrix(
    table: Matrix,
    lines: Mapping[str, Line],
    selection: Selection,
    sizes: Mapping[str, tuple[int, int]],
    on_choice: Callable[[str, str | None], None],
    pending: bool = False,
) -> None:
    """Draw the table.

    Args:
        table: What is shown.
        lines: Key of a model to its look.
        selection: What is marked as chosen.
        sizes: Key of a dataset to its cases, and to those with the finding.
        on_choice: Called with the keys of a dataset and a model, or None for all of its models.
        pending: Whether intervals are still being computed.
    """

    def chosen() -> None:
        sent = (st.session_state.get("matrix") or {}).get("chosen")
        if sent:
            on_choice(str(sent["dataset"]), None if sent["model"] is None else str(sent["model"]))

    _COMPONENT(key="matrix", data=message(table, lines, selection, sizes, pending), on_chosen_change=chosen)
