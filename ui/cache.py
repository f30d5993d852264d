"""Every `st.cache_*` of the app. Nothing that comes from a patient is kept here: this is shared by all sessions."""

from __future__ import annotations

from pathlib import Path

import cv2
import streamlit as st

from core.card import ModelCard, load_cards
from core.errors import InvalidCard
from core.runtime.keras_process import KerasProcess
from core.runtime.session import Bundle, open_bundle
from core.samples import open_sample, thumbnail

MODELS = Path(__file__).resolve().parent.parent / "models"


@st.cache_resource(show_spinner=False)
def cached_cards() -> tuple[dict[str, ModelCard], list[InvalidCard]]:
    """The cards of the shipped models, and what was wrong with any."""
    return load_cards(MODELS)


@st.cache_resource(show_spinner=False, max_entries=16)
def cached_bundle(slug: str) -> Bundle:
    """One opened model."""
    return open_bundle(cached_cards()[0][slug])


@st.cache_resource(show_spinner=False)
def cached_keras() -> KerasProcess:
    """The one Keras process of this server; it starts when it is first needed."""
    return KerasProcess()


@st.cache_data(show_spinner=False)
def cached_thumbnail(key: str, size: int) -> bytes:
    """A sample's thumbnail as PNG, square on black. Samples are public, so all sessions may share it."""
    picture = thumbnail(open_sample(key), size)
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", picture)[1].tobytes()
