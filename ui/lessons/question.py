"""A question with immediate feedback."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st


def show_question(key: str, question: str, options: Sequence[str], right: int, why: str, hint: str = "") -> bool:
    """Ask, and say at once whether the answer is right and why.

    Args:
        key: Of the widget, unique in the app.
        question: One sentence.
        options: Two to five answers.
        right: Index of the right one.
        why: The reason, shown with the right answer, and with a wrong one where there is no hint.
        hint: What to try, shown with a wrong answer so that the right one can still be found.

    Returns:
        Whether the right answer is chosen.
    """
    with st.container(border=True):
        st.markdown(f"**{question}**")
        chosen = st.radio(question, options, index=None, key=key, label_visibility="collapsed")
        if chosen is None:
            return False
        if chosen == options[right]:
            st.markdown(f":green[:material/check_circle:] **Right.** {why}")
            return True
        st.markdown(f":orange[:material/cancel:] **Not quite.** {hint or why}")
        return False
