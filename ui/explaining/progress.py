"""How far the making of maps is, and a way to stop it."""

from __future__ import annotations

import streamlit as st

from ui.session import Reading

PAUSED = "explain-paused"


def show_progress(state: Reading, making: str) -> None:
    """A bar while something is made; the page runs again with each thing that is done."""
    if not making or state.mapping is None:
        return
    job = state.mapping[1]
    job.wait(0.15)  # quick methods are done by then

    @st.fragment(run_every=0.5)
    def draw() -> None:
        if job.wait(0.0):
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(job.share, text=f"{making}, {100 * job.share:.0f} %")
            st.button("Stop", key="stop-maps", on_click=_pause, args=(state,))

    draw()


def is_paused() -> bool:
    """Whether the user stopped the making of maps."""
    return bool(st.session_state.get(PAUSED))


def show_paused() -> None:
    """That nothing more is made, and the way on."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Stopped. What is done stays.", width="content")
        st.button("Go on", key="go-on-maps", on_click=st.session_state.pop, args=(PAUSED, None))


def _pause(state: Reading) -> None:
    st.session_state[PAUSED] = True
    state.forget_mapping()
