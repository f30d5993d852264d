"""The models that are here: all in one table, the card of the one that is chosen, and the way in for one's own."""

import streamlit as st

from ui.models.adding.page import is_adding, show_add_button, show_adding
from ui.models.card import show_chosen
from ui.models.layout import places
from ui.models.listing import chosen_slug, show_filter, show_table
from ui.show import errors_shown, show_error, show_title
from ui.visible import visible_cards

show_title("Models")
cards, faults = visible_cards()
for fault in faults:
    show_error(str(fault))
if is_adding():
    with errors_shown():
        show_adding(cards)
    st.stop()

chosen = chosen_slug(cards)
if not cards:
    st.info("No model is installed: put a folder with a card below models, then reload.")
    show_add_button(is_primary=True)
    st.stop()
with errors_shown():
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        lines = show_filter(cards)
        show_add_button(is_primary=not chosen)
    table, beside = places(is_chosen=bool(chosen))
    with table:
        show_table(lines, chosen)
    if chosen:
        with beside, errors_shown():
            show_chosen(cards[chosen])
