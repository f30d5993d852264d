"""Where the table and the card are: beside each other, below each other where it is narrow."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

#: The card goes below the table where there is no room beside it.
STYLE = """<style>
@media (max-width: 1100px) {
  .st-key-models-page > .stHorizontalBlock, .st-key-models-page > div > .stHorizontalBlock { flex-direction: column; }
  .st-key-models-page > .stHorizontalBlock > .stColumn, .st-key-models-page > div > .stHorizontalBlock > .stColumn {
    width: 100%; flex: 1 1 auto; min-width: 100%;
  }
}
.st-key-models-page .js-plotly-plot :is(.infolayer, .cartesianlayer, .xaxislayer-above, .yaxislayer-above) text {
  fill: currentColor !important;
}
</style>"""


def places(*, is_chosen: bool) -> tuple[DeltaGenerator, DeltaGenerator]:
    """The places of the table and of the card; without a chosen model the table has the whole width."""
    st.html(STYLE)
    with st.container(key="models-page"):
        if not is_chosen:
            return st.container(), st.container()
        table, card = st.columns([6, 5], gap="large")
    return table, card
