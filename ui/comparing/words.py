"""The finding in words: what differs, by how much, how sure, and what a reader must know."""

from __future__ import annotations

import re

import streamlit as st

from core.evaluation.comparison.matrix import Drop, Matrix, PairOfCells
from core.evaluation.comparison.text import sentence
from core.figures.comparing.numbers import estimate_text, interval_text, number_text
from core.formatting import p_text
from ui import foreign_text
from ui.comparing.members import View
from ui.comparing.selection import Selection
from ui.components.matrix import cases_text, is_worse

#: Sentences shown at once.
SHOWN = 4


def show_words(table: Matrix, selection: Selection, view: View) -> None:
    """Differences between the chosen models, their fall on other data, and where thresholds come from."""
    titles = {member.key: member.line.title for member in view.members}
    pairs = [
        pair for pair in table.pairs if pair.dataset == selection.dataset and {pair.first, pair.second} <= set(titles)
    ]
    if pairs:
        st.markdown("**Which is better here, and how sure is that**")
        _list([pair_words(pair, titles) for pair in sorted(pairs, key=_rank)])
    else:
        st.markdown("**What was measured**")
        _list([_alone(table, selection)])
    _show_drops(table, selection, titles)
    _show_notes(table, selection, view)


def _show_drops(table: Matrix, selection: Selection, titles: dict[str, str]) -> None:
    """From and to the chosen dataset, one paragraph for each other dataset."""
    datasets = {column.key: column.title for column in table.datasets}
    drops = [
        drop
        for drop in table.drops
        if drop.model in titles and selection.dataset in {drop.internal, drop.other} and drop.kind == "external"
    ]
    for home, other in dict.fromkeys((drop.internal, drop.other) for drop in drops):
        away = "on external data" if selection.dataset == home else "against its own data"
        name = datasets[other if selection.dataset == home else home]
        st.markdown(f"**{away.capitalize()}**, {plain(name)}")
        of_pair = [drop for drop in drops if (drop.internal, drop.other) == (home, other)]
        st.markdown("  \n".join(drop_words(drop, titles) for drop in of_pair))


def _list(sentences: list[str]) -> None:
    for text in sentences[:SHOWN]:
        st.markdown(text)
    if rest := sentences[SHOWN:]:
        with st.expander(f"{len(rest)} more"):
            for text in rest:
                st.markdown(text)


def _rank(pair: PairOfCells) -> float:
    return pair.difference.corrected if pair.difference and pair.difference.corrected >= 0 else 2.0


def pair_words(pair: PairOfCells, titles: dict[str, str]) -> str:
    """One comparison as a sentence behind a mark that says at a glance how it came out."""
    names = titles[pair.first], titles[pair.second]
    if pair.difference is None:
        return plain(f"○ {names[0]} and {names[1]} cannot be compared. {pair.problem}")
    mark = "▲" if pair.difference.significant else "≈"
    return f"{mark} {plain(sentence(pair.difference, names, 'this dataset'))}"


def plain(text: str) -> str:
    """Foreign text as text; a p-value is not torn apart at a line's end."""
    return foreign_text.plain(re.sub(r"p ([=<>]) ", "p\u00a0\\1\u00a0", text))


def _alone(table: Matrix, selection: Selection) -> str:
    titles = {heading.key: heading.title for heading in (*table.models, *table.datasets)}
    cell = table.cells[selection.models[0], selection.dataset]
    return plain(
        f"{table.metric.title.partition(' (')[0]}: {estimate_text(cell.estimate)} for {titles[cell.model]}, on "
        f"{cases_text(table, cell)}."
    )


def drop_words(drop: Drop, titles: dict[str, str]) -> str:
    """How one model's value changes from its own data to other data."""
    change, worse = drop.difference.reversed, is_worse(drop)
    mark, word = ("▼", "worse") if worse else ("▲", "better") if change.significant else ("≈", "no clear change")
    sign = "+" if change.value > 0 else ""
    interval = interval_text(change.low, change.high) or "no interval"
    return plain(
        f"{mark} {titles[drop.model]}: {word}, {sign}{number_text(change.value)} ({interval}), {p_text(change.p)}"
    )


def _show_notes(table: Matrix, selection: Selection, view: View) -> None:
    notes = dict.fromkeys(table.cells[key, selection.dataset].note for key in selection.models)
    needs = table.metric.needs
    lines = [note for note in notes if note]
    if table.metric.answers == "multiclass" and needs == "decision":
        lines.append("The class with the largest probability is the answer.")
    elif needs == "decision":
        lines += list(
            dict.fromkeys(
                f"{member.line.title}: {member.evaluation.threshold_from}."
                for member in view.members
                if member.evaluation.threshold_from
            )
        )
    tests = {
        re.sub(r",? (on )?\d+ patients", "", pair.difference.test)
        for pair in table.pairs
        if pair.difference and pair.dataset == selection.dataset
    }
    if tests:
        lines.insert(0, f"Test: {', '.join(sorted(tests))}; p corrected by Holm's method over the dataset's pairs.")
    if lines:
        st.caption(plain(" ".join(lines)))
