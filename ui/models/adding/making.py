"""The last step: the model is compiled apart and tried, with progress and a way to stop; then it is at home."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import InvalidCard
from core.incoming.add import add
from core.incoming.contract import Contract
from core.incoming.report import Report
from core.models.card import ModelCard, load_card
from ui.background import Progress, Stopper, jobs, show_under_way
from ui.foreign_text import plain
from ui.models.adding.state import Adding, leave
from ui.models.own import forget_opened_models
from ui.serving.visitor import is_at_hand
from ui.show import show_error
from ui.visible import own_model

SLOT = "model-adding"
WHAT_IS_CHECKED = (
    "The model is compiled in a process that can reach nothing else, compared with Keras' own answers, and refused "
    "where its answer does not change with the image."
)


def show_submit(state: Adding, contract: Contract, replaced: ModelCard | None) -> None:
    """The button that starts the checks, and what the last try came to."""
    words = "Check and add" if replaced is None else "Check and replace"
    # Not in a callback: that would be given what the form said before the click, and miss the last field.
    if st.button(words, type="primary", icon=":material/check:", key="model-add"):
        _submit(state, contract, replaced)
    if state.trouble:
        show_error(state.trouble)
    st.caption(WHAT_IS_CHECKED)


def _submit(state: Adding, contract: Contract, replaced: ModelCard | None) -> None:
    state.trouble = ""
    if state.path is None or state.report is None or not is_at_hand():
        return
    try:
        contract.check()
    except InvalidCard as problem:
        state.trouble = str(problem)
        return
    start(state.path, state.report, contract, replaced)
    st.rerun()


def start(path: Path, report: Report, contract: Contract, replaced: ModelCard | None) -> None:
    """Start to add a model; what was under way is stopped."""

    def work(progress: Progress, cancelled: Stopper) -> ModelCard:
        return load_card(add(path, contract, progress, cancelled, report=report, replacing=replaced))

    jobs().drop(SLOT)
    jobs().start(SLOT, report.sha256, f"Adding {contract.title}", work, is_long=True)


def show_making(state: Adding) -> bool:
    """Draw what is under way, and take what is done; whether the page should wait."""
    if show_under_way(SLOT):
        st.caption("The other pages can be used meanwhile.")
        return True
    job = jobs().take(SLOT)
    if job is None:
        return False
    if job.error is None:
        card: ModelCard = job.hand_over()
        forget_opened_models()
        own_model(card.slug)
        leave(card.slug)
        st.session_state["model-added"] = card.slug
        st.rerun()
    state.trouble = job.trouble or "It was stopped, and nothing was added: check it again whenever you like."
    return False


def show_added(card: ModelCard) -> None:
    """Above the card of the model that was just added."""
    if st.session_state.get("model-added") == card.slug:
        st.success(plain(f"{card.title} is here: Read, Explain, Compare and Datasets offer it now."))
    else:
        st.session_state.pop("model-added", None)
