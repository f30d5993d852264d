"""What can be done with one's own model: rename, export, replace, delete."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.errors import ScanLensError
from core.models.card import ModelCard
from core.models.own import MOST_TITLE, delete_model, export_model, is_own, rename_model
from ui.cache import cached_bundle, cached_cards, cached_shipped
from ui.downloads import show_download
from ui.foreign_text import plain
from ui.models.adding.state import open_way_in
from ui.models.listing import choose
from ui.show import show_error
from ui.visible import is_own_model

_TROUBLE = "own-model-trouble"


def show_own(card: ModelCard) -> None:
    """A fold with everything that is done with a model of the user's own; nothing for another."""
    if not is_own(card) or not is_own_model(card.slug):
        return
    with st.expander("Rename, export, replace or delete this model", icon=":material/settings:"):
        trouble = st.session_state.pop(_TROUBLE, "")
        if trouble:
            show_error(trouble)
        key = f"own-title-{card.slug}"
        with st.form(f"own-{card.slug}", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input("Name", card.title, max_chars=MOST_TITLE, key=key, width="stretch")
            st.form_submit_button("Rename", on_click=_rename, args=(card, key))
        with st.container(horizontal=True, vertical_alignment="center"):
            show_download(
                "Export", partial(export_model, card), f"{card.slug}.zip", "application/zip", key="own-export",
                help="A zip with its card, which another ScanLens takes",
            )  # fmt: skip
            st.button(
                "Replace by a new version", icon=":material/sync:", key="own-replace", on_click=open_way_in,
                args=(card.slug,),
            )  # fmt: skip
            with st.popover("Delete", icon=":material/delete:"):
                st.markdown(plain(f"Delete {card.title}, its card and its scores? This cannot be undone."))
                st.button("Delete for good", key=f"own-delete-{card.slug}", on_click=_delete, args=(card,))


def forget_opened_models() -> None:
    """Read cards, models and scores anew: one was added, changed or deleted."""
    for cache in (cached_cards, cached_bundle, cached_shipped):
        cache.clear()


def _rename(card: ModelCard, key: str) -> None:
    if not is_own_model(card.slug):
        return
    try:
        rename_model(card, str(st.session_state.get(key, "")))
    except ScanLensError as problem:
        st.session_state[_TROUBLE] = str(problem)
    forget_opened_models()


def _delete(card: ModelCard) -> None:
    if not is_own_model(card.slug):
        return
    try:
        delete_model(card)
    except ScanLensError as problem:
        st.session_state[_TROUBLE] = str(problem)
    else:
        choose("")
    forget_opened_models()
