"""Models as a table of which one can be chosen, by pointer or keyboard; narrow places show fewer columns.

The browser gets finished texts (`message`) and sends back which model was chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core.figures.comparing.numbers import interval_text, number_text, percent_text
from core.models.overview import Headline, Overview, size_text

_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "scanlens_models_table",
    html='<div class="around"><div class="wide"><table></table></div></div>',
    css=(_HERE / "models_table.css").read_text(encoding="utf-8"),
    js=(_HERE / "models_table.js").read_text(encoding="utf-8"),
)

#: Key of a column to its heading, in order; the keys are classes of the style sheet, which hides them where it is
#: narrow.
COLUMNS = {
    "model": "Model",
    "inside": "On its own kind of data",
    "outside": "On data from elsewhere",
    "answered": "Answered",
    "task": "Answer",
    "inputs": "Takes",
    "size": "Size",
    "licence": "Licence",
    "origin": "From",
}
NOT_MEASURED = "not measured"


def message(groups: Sequence[tuple[str, Sequence[Overview]]], chosen: str, own: frozenset[str]) -> dict[str, Any]:
    """What is sent to the browser: every text of the table, in the order of the page; see `show_models_table`."""
    shown = [line for _, lines in groups for line in lines]
    columns = {key: title for key, title in COLUMNS.items() if key != "answered" or any(_known(line) for line in shown)}
    return {
        "label": "Models by the part of the body that they read",
        "columns": [{"key": key, "title": title} for key, title in columns.items()],
        "groups": [
            {"title": title, "rows": [_row(line, columns, chosen, own) for line in lines]} for title, lines in groups
        ],
    }


def _known(line: Overview) -> bool:
    return line.answered is not None


def _row(line: Overview, columns: dict[str, str], chosen: str, own: frozenset[str]) -> dict[str, Any]:
    card = line.card
    cells = {
        "model": {"text": card.title, "lines": []},
        "inside": metric_cell(line.inside),
        "outside": metric_cell(line.outside, line.n_outside),
        "answered": {"text": "" if line.answered is None else percent_text(line.answered), "lines": []},
        "task": {"text": line.task, "lines": []},
        "inputs": {"text": line.inputs, "lines": []},
        "size": {"text": size_text(line.size_bytes), "lines": []},
        "licence": {"text": card.license, "lines": ["non-commercial"] if card.non_commercial else []},
        "origin": {"text": "Your own" if card.slug in own else "Shipped", "lines": []},
    }
    return {
        "slug": card.slug,
        "chosen": card.slug == chosen,
        "own": card.slug in own,
        "cells": [{"key": key, **cells[key]} for key in columns],
    }


def metric_cell(found: Sequence[Headline], n_datasets: int = 1) -> dict[str, Any]:
    """A number with its interval; for several labels the smallest and the largest of them."""
    if not found:
        return {"text": "", "lines": [NOT_MEASURED]}
    first = found[0]
    more = [f"largest of {n_datasets} datasets"] if n_datasets > 1 else []
    metric, _, about = first.title.partition(", ")
    where = f"{first.dataset}, {first.n:,} cases" if first.n else first.dataset
    values = sorted(one.value for one in found if not math.isnan(one.value))
    if len(found) > 1 and values:
        text = f"{number_text(values[0])} to {number_text(values[-1])}"
        lines = [f"{len(found)} labels"]
    else:
        text = number_text(first.value)
        lines = [interval_text(first.low, first.high), about]
    return {"text": text, "unit": metric, "lines": [part for part in lines if part] + more, "title": where}


def show_models_table(
    groups: Sequence[tuple[str, Sequence[Overview]]],
    chosen: str,
    own: frozenset[str],
    on_choice: Callable[[str], None],
) -> None:
    """Draw the table.

    Args:
        groups: Heading to the models below it.
        chosen: Slug of the model that is marked, `""` for none.
        own: Slugs of the user's own models.
        on_choice: Called with the slug of a model.
    """

    def take() -> None:
        sent = (st.session_state.get("models-table") or {}).get("chosen")
        if sent:
            on_choice(str(sent))

    _COMPONENT(key="models-table", data=message(groups, chosen, own), on_chosen_change=take)
