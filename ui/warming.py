"""Work done while the user looks for a scan, so that the first answer comes sooner."""

from __future__ import annotations

import importlib
import threading

import streamlit as st

#: In this order: Plotly must not meet a pandas that is only half imported.
MODULES = ("pandas", "plotly.subplots", "onnxruntime", "ui.answer", "ui.viewer")


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Thread:
    """Import in the background, once a server, what the first answer needs."""
    thread = threading.Thread(target=_import, name="warm-up", daemon=True)
    thread.start()
    return thread


def _import() -> None:
    for name in MODULES:
        importlib.import_module(name)
