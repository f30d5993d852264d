"""The way in, step by step: the file, what is in it, what it is for, the checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from core.incoming.contract import Contract, Proposal
from core.incoming.library import same_file
from core.incoming.report import Report
from core.models.card import ModelCard
from ui.foreign_text import plain
from ui.models.adding.bring import show_bringing, show_looking
from ui.models.adding.form import show_form
from ui.models.adding.making import show_making, show_submit
from ui.models.adding.report import show_report
from ui.models.adding.state import NAME, Adding, adding, leave, open_way_in
from ui.serving.visitor import is_at_hand, machine
from ui.show import errors_shown
from ui.visible import is_own_model, is_shipped


def show_add_button(*, is_primary: bool) -> None:
    """The way in; who sits elsewhere has none."""
    if is_at_hand():
        st.button(
            "Add a model", type="primary" if is_primary else "secondary", icon=":material/add:", key="add-model",
            on_click=open_way_in,
        )  # fmt: skip


def is_adding() -> bool:
    """Whether the address leads to the way in."""
    return NAME in st.query_params


def show_adding(cards: Mapping[str, ModelCard]) -> None:
    """Draw the step at which a model is.

    Args:
        cards: That this visitor may see.
    """
    st.button("Back to the models", icon=":material/arrow_back:", key="add-back", on_click=leave)
    if not is_at_hand():
        st.info(f"Models are added by who sits at {machine()}.", icon=":material/lock:")
        return
    state, replaced = adding(), _replaced(cards)
    st.subheader("Add a model" if replaced is None else f"Replace {plain(replaced.title)}", anchor=False)
    if show_looking(state) or show_making(state):
        return
    if state.report is None:
        show_bringing(state)
    else:
        _show_steps(state, state.report, replaced)


def _replaced(cards: Mapping[str, ModelCard]) -> ModelCard | None:
    card = cards.get(st.query_params.get(NAME, ""))
    return card if card is not None and not is_shipped(card) and is_own_model(card.slug) else None


def _show_steps(state: Adding, report: Report, replaced: ModelCard | None) -> None:
    """What is in the file on the left, the form on the right; of a refused file the report alone."""
    known = same_file(report.sha256)
    if known is not None:
        st.info(plain(f"This very file is here already, as {known.title}."), icon=":material/content_copy:")
    with st.container(key="reading"):  # whose style puts one below the other where it is narrow
        left, right = st.columns([5, 6], gap="large")
    with left, errors_shown():
        st.markdown("**What is in the file**")
        show_report(report)
        st.button("Choose another file", icon=":material/upload_file:", key="add-other", on_click=state.start_over)
    proposal = state.proposal
    if proposal is not None:
        with right, errors_shown():
            contract = proposal.contract if report.format == "bundle" else _form(proposal, state)
            show_submit(state, contract, replaced)


def _form(proposal: Proposal, state: Adding) -> Contract:
    key = f"model-form-{state.uploads}"
    if state.said is not None and f"{key}-title" not in st.session_state:  # Streamlit forgets what it does not draw
        proposal = state.proposal = replace(proposal, contract=state.said)
    st.markdown("**What the model is for**")
    if proposal.open:
        st.caption("A star marks what the file does not say.")
    state.said = show_form(proposal, key)
    return state.said
