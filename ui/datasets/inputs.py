"""Which column of the dataset's table is which input of a model, and what the values of its masks mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from core.datasets.dataset import Case, Dataset
from core.datasets.labels.mapping import VALUE, UnknownLabel
from core.datasets.tables.inputs import (
    MASK_OF,
    Target,
    columns_in,
    columns_words,
    input_map,
    lacking,
    targets_of,
    values_in,
)
from core.evaluation.runs.studies import sample_values, unsaid_values
from core.models.card import ModelCard
from ui.datasets.shelf import Shelf, key_of
from ui.foreign_text import plain

NONE, OWN, NOT_SAID, LEFT_OUT = "none", "the dataset's own image", "not said yet", "left out"


def first_inputs(dataset: Dataset, card: ModelCard, before: Mapping[str, str]) -> dict[str, str]:
    """What was chosen before, else what headings say; nothing of the former where it fits no longer."""
    try:
        return input_map(card, dataset, before)
    except UnknownLabel:
        return input_map(card, dataset)


def choose_inputs(
    state: Shelf, dataset: Dataset, card: ModelCard, before: Mapping[str, str], cases: Sequence[Case], place: str
) -> dict[str, str] | None:
    """The columns of one model, open to change; None while one is missing, or a value of its masks has no meaning."""
    first = first_inputs(dataset, card, before)
    targets = [target for target in targets_of(card) if not target.name.startswith(MASK_OF) or target.name in
               columns_in(first)]  # fmt: skip
    if len(targets) < 2 and not first:
        return {}  # the dataset's own image is all that the model takes
    missing = lacking(card, dataset, columns_in(first))
    words = plain(columns_words(card, first)) or OWN
    with st.expander(f"Columns of {card.title}: {words}", expanded=bool(missing)):
        st.caption("Which column of the table each input is read from.")
        with st.grid("auto", min_column_width=200, gap="small"):
            images = [spec.name for spec in card.inputs if spec.is_image]
            nothing = {images[0]: OWN} if len(images) == 1 and dataset.has_images else {}
            columns = {
                target.name: _choose(target, dataset, columns_in(first), nothing.get(target.name, NONE), place)
                for target in targets
            }
        found = input_map(card, dataset, first, columns)
        values = _choose_values(state, dataset, card, found, cases, place)
    still = lacking(card, dataset, columns_in(found))
    if still:
        st.info(plain(f"{card.title} waits: say above which column is {' and '.join(still)}."), icon=":material/help:")
        return None
    if values is None:
        st.info(plain(f"{card.title} waits: say above what the values of its masks mean."), icon=":material/help:")
        return None
    return found | values


def _choose(target: Target, dataset: Dataset, chosen: Mapping[str, str], nothing: str, place: str) -> str:
    offered = ["", *(dataset.image_columns if target.is_file else dataset.columns)]
    column = chosen.get(target.name, "")
    return str(
        st.selectbox(
            plain(target.title), offered, index=offered.index(column) if column in offered else 0,
            format_func=lambda name: name or nothing, key=f"column-{place}-{target.name}", persist_state="session",
        )
    )  # fmt: skip


def _choose_values(
    state: Shelf, dataset: Dataset, card: ModelCard, mapping: Mapping[str, str], cases: Sequence[Case], place: str
) -> dict[str, str] | None:
    """What each value of the masks means, asked where they do not tell it themselves; None while one is open."""
    if card.task != "segmentation" or not columns_in(mapping):
        return {}
    key = ("mask values", key_of(dataset), card.slug, tuple(sorted(columns_in(mapping).items())), len(cases))
    seen = state.images.get(key, lambda: sample_values(dataset, card, mapping, cases))
    before = values_in(mapping)
    if not unsaid_values(list(seen), card, {}) and not before:
        return {}
    options, found = ["", *card.labels[1:]], {}
    st.caption("What each value in the masks means.")
    for value in seen:
        answer = st.selectbox(
            f"Value {value}", options, index=options.index(before[value]) if value in before else None,
            format_func=lambda label: label or LEFT_OUT, placeholder=NOT_SAID, key=f"value-{place}-{value}",
            persist_state="session", width=260,
        )  # fmt: skip
        if answer is None:
            return None
        found[f"{VALUE}{value}"] = answer
    return found
