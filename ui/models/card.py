"""A model's card beside the table: the short of it, its figures, its contract, and its own text in folds."""

from __future__ import annotations

import streamlit as st

from core.models.card import ModelCard
from core.models.card_text import contract_facts, sections
from core.models.overview import input_words, measured, size_of, size_text, task_words
from ui.foreign_text import card_markdown, plain
from ui.models.adding.making import show_added
from ui.models.figures import show_figures
from ui.models.listing import choose
from ui.models.own import show_own
from ui.models.try_out import show_ways_to_try
from ui.models.words import measured_table
from ui.reading.details import measured_rows
from ui.show import errors_shown
from ui.tables import markdown_table
from ui.visible import is_shipped


def show_chosen(card: ModelCard) -> None:
    """Draw the card of the chosen model."""
    show_added(card)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(plain(card.title), anchor=False)
        st.button("Close", icon=":material/close:", key="card-close", on_click=choose, args=("",), type="tertiary")
    st.markdown(plain(card.summary))
    with errors_shown():
        show_ways_to_try(card)
    with errors_shown():
        _show_short(card)
    with errors_shown():
        show_figures(card)
    with errors_shown():
        show_own(card)
    _show_folds(card)


def _show_short(card: ModelCard) -> None:
    """Where it was tested and with what result; what it takes and answers."""
    shown = [result for result in measured(card) if result.split != "val"]
    if shown:
        st.html(measured_table(shown))
    else:
        st.info("Nothing was measured yet: add a dataset, run the model on it and compare.", icon=":material/balance:")
    origin = "Came with ScanLens" if is_shipped(card) else "Your own"
    size = size_text(size_of(card))
    facts = [task_words(card), input_words(card.inputs), f"for {card.training_modality}", size, _licence(card), origin]
    st.caption(plain(" · ".join(fact for fact in facts if fact)))


def _licence(card: ModelCard) -> str:
    return f"Licence of the weights: {card.license}{', not for commercial use' if card.non_commercial else ''}"


def _show_folds(card: ModelCard) -> None:
    """Everything else, folded: a card of many pages is looked up and not read."""
    rows = measured_rows(card)
    if rows:
        with st.expander("All datasets and measures", type="compact"):
            st.markdown(markdown_table(rows))
            at_threshold = card.task in {"binary", "multilabel", "segmentation"}
            rule = "at the model's own threshold" if at_threshold else "by the largest probability"
            st.caption(f"Decisions {rule}. In brackets 95 % intervals.")
    with st.expander("Contract: what it takes, how it decides", type="compact"):
        st.markdown(markdown_table([{"What": name, "As": value} for name, value in contract_facts(card)]))
    for title, text in sections(card.text):
        with st.expander(plain(title), type="compact"):
            st.markdown(card_markdown(text))
