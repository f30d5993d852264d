"""The models that are here: all in one table, and the card of the one that is chosen."""

import streamlit as st

from ui.models.card import show_chosen
from ui.models.layout import places
from ui.models.listing import chosen_slug, show_filter, show_table
from ui.show import errors_shown, show_error, show_title
from ui.visible import visible_cards

show_title("Models")
cards, faults = visible_cards()
for fault in faults:
    show_error(str(fault))
if not cards:
    st.info("No model is installed: put a folder with a card below models, then reload.")
    st.stop()

chosen = chosen_slug(cards)
with errors_shown():
    lines = show_filter(cards)
    table, beside = places(is_chosen=bool(chosen))
    with table:
        show_table(lines, chosen)
    if chosen:
        with beside, errors_shown():
            show_chosen(cards[chosen])
