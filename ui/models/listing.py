"""The table of all models by the part of the body that they read, and which of them is chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from core.models.card import ModelCard
from core.models.overview import OTHER, REGIONS, WITHOUT_IMAGES, Overview, overview
from ui.components.models_table import show_models_table
from ui.visible import is_shipped

#: Headings in the order of the page.
ORDER = (*REGIONS, OTHER, WITHOUT_IMAGES)
EVERY, SHIPPED, OWN = "All", "Shipped", "Your own"


def chosen_slug(cards: Mapping[str, ModelCard]) -> str:
    """The model that the address names, `""` where it names none that is here."""
    slug = st.query_params.get("model", "")
    return slug if slug in cards else ""


def choose(slug: str) -> None:
    """Put a model into the address, where it is read from; `""` takes it out."""
    if slug:
        st.query_params["model"] = slug
    elif "model" in st.query_params:
        del st.query_params["model"]


def show_filter(cards: Mapping[str, ModelCard]) -> list[Overview]:
    """The controls above the table, and the models that they leave."""
    lines = [overview(card) for card in cards.values()]
    own = own_slugs(cards.values())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input("Find", placeholder="chest, MRI, segmentation …", key="models-find", width=320)
        kind = EVERY
        if own:
            options = [EVERY, SHIPPED, OWN]
            kind = st.segmented_control("Show", options, default=EVERY, required=True, key="models-kind") or EVERY
    return [line for line in matching(lines, text) if kind == EVERY or (line.card.slug in own) == (kind == OWN)]


def own_slugs(cards: Iterable[ModelCard]) -> frozenset[str]:
    """Those that did not come with the product."""
    return frozenset(card.slug for card in cards if not is_shipped(card))


def show_table(lines: Sequence[Overview], chosen: str) -> None:
    """The table; choosing the chosen model again closes its card."""
    if not lines:
        st.info("No model matches what you typed: try another word, or empty the field.")
        return
    own = own_slugs(line.card for line in lines)
    show_models_table(grouped(lines), chosen, own, lambda slug: choose("" if slug == chosen else slug))


def matching(lines: Iterable[Overview], text: str) -> list[Overview]:
    """The models of which the table or the card's contract says every word of a text, whatever its case."""
    words = text.casefold().replace(",", " ").split()
    return [line for line in lines if all(word in _said_of(line) for word in words)]


def _said_of(line: Overview) -> str:
    card = line.card
    parts = [card.title, card.summary, line.task, line.inputs, line.region, card.license, card.training_modality]
    parts += [*card.labels, *(kind for spec in card.inputs for kind in (*spec.modality, *spec.body_part))]
    return " ".join(parts).casefold()


def grouped(lines: Iterable[Overview]) -> list[tuple[str, list[Overview]]]:
    """The models under their headings; within one, what reads the same kind of image stands together."""
    found: dict[str, list[Overview]] = {region: [] for region in ORDER}
    for line in lines:
        found[line.region].append(line)
    return [
        (region, sorted(members, key=lambda line: (line.card.training_modality, line.card.title)))
        for region, members in found.items()
        if members
    ]
