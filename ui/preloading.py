"""Work done while the user looks for a scan, so that the first answer comes sooner."""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING

import streamlit as st

from core.models.compatibility import compatibility
from core.scan import Scan
from ui.cache import cached_cards, cached_keras, usable_bundle
from ui.charts import show_chart

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: In this order; what needs pandas is not among them, as the first answer does not.
MODULES = ("plotly.subplots", "core.onnx_runtime", "ui.components.viewer", "ui.reading.panels")

#: Seconds between the first answer and the start of Keras.
KERAS_AFTER = 4.0


def warm_up() -> None:
    """Have the server import, and the browser load, what the first answer needs."""
    _server()
    with st.container(
        key="warm"
    ):  # hidden by `ui.show.STYLE`; the browser loads the code of a chart for it all the same
        show_chart(_nothing, "warm-chart", "An empty chart")


def _nothing() -> Figure:
    from plotly.graph_objects import Figure

    return Figure()


@st.cache_resource(show_spinner=False)
def _server() -> threading.Thread:
    thread = threading.Thread(target=_import, name="warm-up", daemon=True)
    thread.start()
    return thread


def _import() -> None:
    for name in MODULES:
        importlib.import_module(name)


def preload_keras_for(scan: Scan) -> None:
    """Start Keras in the background if a model that fits this scan needs it for its heatmaps."""
    cards, _ = cached_cards()
    # What outlines has no heatmap on this page.
    asked = {slug: card for slug, card in cards.items() if card.task != "segmentation"}
    fitting = tuple(slug for slug, card in asked.items() if compatibility(card, scan).fits)
    if _any_needs_keras(fitting):
        _keras_soon()


@st.cache_resource(show_spinner=False)
def _keras_soon() -> threading.Timer:
    """Once a server, and some seconds late: the browser is busy drawing the first answer and needs the processor."""
    timer = threading.Timer(KERAS_AFTER, cached_keras().warm)
    timer.daemon = True
    timer.start()
    return timer


@st.cache_data(show_spinner=False)
def _any_needs_keras(slugs: tuple[str, ...]) -> bool:
    bundles = (usable_bundle(slug) for slug in slugs)
    return any(bundle is not None and bundle.cam_weights is None for bundle in bundles)
