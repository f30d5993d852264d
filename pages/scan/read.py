"""Read a scan: the image, what a model says of it, and how far to trust both."""

from collections.abc import Sequence

import streamlit as st

from core.models.card import ModelCard
from core.scan import Scan, Step
from ui.preloading import preload_keras_for, warm_up
from ui.reading.open_scan import open_from_address, remember_in_address, show_drop_zone, show_found, show_opening
from ui.session import Reading, reading
from ui.show import errors_shown, show_title


def show_scan(state: Reading, scan: Scan) -> None:
    """The image on the left, the answer on the right, what stands behind them below."""
    # Not needed before a scan is open: the first page is there a second sooner without it.
    from ui.components.viewer import turned_to
    from ui.reading.choose_model import choose_model
    from ui.reading.details import show_details
    from ui.reading.display_settings import show_image
    from ui.reading.panels import PANELS, kind_of

    state.jobs.drop_running("map")  # of the page Explain, where nobody is now; it starts anew there
    frame = turned_to(scan)
    show_found(state)
    with st.container(key="reading"):
        image, panel = st.columns([5, 3], gap="medium")
    card: ModelCard | None = None
    with panel, errors_shown():
        card = choose_model(state, scan)
    provenance: Sequence[Step] = ()
    if card is not None:
        provenance = PANELS[kind_of(card)](state, scan, card, frame, image, panel)
    else:
        with image, errors_shown():
            show_image(state, scan, lambda look: look.view(scan, frame))
    with errors_shown():
        show_details(scan, card, provenance)


state = reading()
show_title("Read a scan")
open_from_address(state)
if not show_opening(state):
    if state.scan is None or state.choosing:
        show_drop_zone(state)
        warm_up()
    else:
        remember_in_address(state)
        show_scan(state, state.scan)
        with errors_shown():
            preload_keras_for(state.scan)
