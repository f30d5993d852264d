"""Columns that stand below each other where there is no room beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

STYLE = """<style>
@media (max-width: 1150px) {
  [class*="st-key-lesson-wide"] > .stHorizontalBlock, [class*="st-key-lesson-wide"] > div > .stHorizontalBlock {
    flex-direction: column; }
  [class*="st-key-lesson-wide"] > .stHorizontalBlock > .stColumn,
  [class*="st-key-lesson-wide"] > div > .stHorizontalBlock > .stColumn {
    width: 100%; flex: 1 1 auto; min-width: 100%; }
}
</style>"""


def wide_columns(key: str, widths: Sequence[float]) -> list[DeltaGenerator]:
    """Columns of these relative widths.

    Args:
        key: Unique on the page.
        widths: One a column.
    """
    st.html(STYLE)
    with st.container(key=f"lesson-wide-{key}"):
        return st.columns(list(widths), gap="large" if len(widths) == 2 else "medium")
