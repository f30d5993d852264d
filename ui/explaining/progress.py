"""How far the making of maps is, and a way to stop it."""

from __future__ import annotations

import streamlit as st

from ui.background import jobs, show_job
from ui.session import Reading

PAUSED = "explain-paused"


def show_progress(state: Reading, making: str) -> None:
    """A bar while something is made; the page runs again with each thing that is done."""
    job = state.jobs.find("map")
    if not making or job is None:
        return
    job.wait(0.15)  # quick methods are done by then
    show_job(job, "map", label="Stop", on_cancel=_pause)


def is_paused() -> bool:
    """Whether the user stopped the making of maps."""
    return bool(st.session_state.get(PAUSED))


def show_paused() -> None:
    """That nothing more is made, and the way on."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Stopped. What is done stays.", width="content")
        st.button("Go on", key="go-on-maps", on_click=st.session_state.pop, args=(PAUSED, None))


def _pause() -> None:
    st.session_state[PAUSED] = True
    jobs().drop("map")
