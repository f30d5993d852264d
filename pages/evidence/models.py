"""The models that are here, with their cards."""

import streamlit as st

from ui.reading.details import show_card
from ui.show import errors_shown, show_error, show_title
from ui.visible import visible_cards

show_title("Models")
cards, faults = visible_cards()
for fault in faults:
    show_error(str(fault))
if not cards:
    st.info("No model is installed: put a folder with a card below models, then reload.")
    st.stop()

slugs = list(cards)
wanted = st.query_params.get("model", slugs[0])
slug = st.selectbox(
    "Model",
    slugs,
    index=slugs.index(wanted) if wanted in cards else 0,
    format_func=lambda name: cards[name].title,
    width=420,
)
st.query_params["model"] = slug
with errors_shown():
    show_card(cards[slug])
