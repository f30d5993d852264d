"""Every `st.cache_*` of the app. Nothing that comes from a patient is kept here: this is shared by all sessions."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import streamlit as st

from core.errors import InvalidCard, ScanLensError
from core.inference.bundle import Bundle, open_bundle
from core.keras_process.client import KerasProcess
from core.models.card import ModelCard, load_cards
from core.models.own import own_models_folder
from core.samples import open_sample, thumbnail
from ui.faults import log_fault
from ui.session import Recent

if TYPE_CHECKING:
    from core.evaluation.results.evaluation import Evaluation
    from core.evaluation.store.evaluations import Store

MODELS = Path(__file__).resolve().parent.parent / "models"


@st.cache_resource(show_spinner=False)
def cached_cards() -> tuple[dict[str, ModelCard], list[InvalidCard]]:
    """The cards of the shipped models and of the user's own, and what was wrong with any.

    Who adds or removes one of the user's own clears this cache. Of two with the same name the shipped one holds.
    """
    shipped, faults = load_cards(MODELS)
    own, own_faults = load_cards(own_models_folder())
    cards = sorted({**own, **shipped}.values(), key=lambda card: card.title)
    return {card.slug: card for card in cards}, faults + own_faults


@st.cache_resource(show_spinner=False, max_entries=48)
def cached_bundle(slug: str) -> Bundle:
    """One opened model."""
    return open_bundle(cached_cards()[0][slug])


def usable_bundle(slug: str) -> Bundle | None:
    """One opened model, or None where it is broken: for work on many models, which one broken one must not end.

    What is wrong with it is said where the user chooses it.
    """
    try:
        return cached_bundle(slug)
    except ScanLensError:
        return None
    except Exception as error:  # a folder that anyone may have put there
        log_fault(f"Opening {slug}", error)
        return None


@cache
def cached_keras() -> KerasProcess:
    """The one Keras process of this server; it starts when it is first needed.

    Not in Streamlit's cache: any visitor can clear that, and would leave this process behind and start another.
    """
    return KerasProcess()


@st.cache_data(show_spinner=False)
def cached_thumbnail(key: str, size: int) -> bytes:
    """A sample's thumbnail as PNG, square on black. Samples are public, so all sessions may share it."""
    image = thumbnail(open_sample(key), size)
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", image)[1].tobytes()


@st.cache_resource(show_spinner=False)
def cached_shipped() -> tuple[list[Evaluation], list[InvalidCard]]:
    """The results that lie beside the shipped models, and what was wrong with any.

    Their datasets are public, so all sessions may share them.
    """
    from core.evaluation.runs.shipped import shipped_of  # the reading page need not wait for pandas

    found = [shipped_of(card) for card in cached_cards()[0].values()]
    return [entry for entries, _ in found for entry in entries], [fault for _, faults in found for fault in faults]


@st.cache_resource(show_spinner=False)
def cached_numbers() -> Recent:
    """Results computed from shipped evaluations only, under the content that they were computed from."""
    return Recent(512)


@st.cache_resource(show_spinner=False, ttl=30)
def cached_store(url: str) -> tuple[Store | None, str]:
    """The opened database of results, or one sentence why there is none; a failure is not tried again for a while."""
    from core.errors import ScanLensError
    from core.evaluation.store.evaluations import Store

    try:
        return Store(url, patience=2.0), ""
    except ScanLensError as fault:
        return None, str(fault)
