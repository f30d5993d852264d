"""What the lesson on fusion keeps for the next click, and the lines that all its parts draw alike."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.inference.bundle import ONNX_FILE
from core.lessons.inside.switchboard import Switchboard, open_switchboard
from core.models.card import ModelCard
from ui.cache import cached_bundle
from ui.foreign_text import plain
from ui.session import Recent


def kept() -> Recent:
    """This session's results of the lesson; few, because they are made of a patient's scan."""
    if "fusion-memory" not in st.session_state:
        st.session_state["fusion-memory"] = Recent(32)
    return st.session_state["fusion-memory"]


@lru_cache(maxsize=4)
def _switchboard(slug: str, _digest: str) -> Switchboard:
    """The switchboard of a shipped model; nothing of a scan is in it, so all sessions share it."""
    return open_switchboard(cached_bundle(slug))


def switchboard_of(card: ModelCard) -> Switchboard:
    """The model with switches, opened once."""
    return _switchboard(card.slug, str(card.sha256.get(ONNX_FILE, "")))


def shown_label(card: ModelCard) -> int:
    """The class whose probability is followed: the positive one of two, else the one that is chosen."""
    if card.task == "binary":
        return 1
    return card.labels.index(st.selectbox("Follow", card.labels, key=f"fusion-label-{card.slug}", width=320))


def label_logit(card: ModelCard, logits: NDArray[np.floating], target: int) -> float:
    """The logit of a label, from (units,) logits; with one unit for two labels, label 0 is its negative."""
    if len(logits) == 1 and card.task == "binary":
        return float(logits[0]) if target == 1 else -float(logits[0])
    return float(logits[target])


def show_move(card: ModelCard, whole: NDArray[np.floating], now: NDArray[np.floating], target: int) -> None:
    """Probability and logit as they are now, beside those of the whole model.

    Args:
        card: The model's.
        whole: (units,) logits with everything on.
        now: (units,) logits as switched.
        target: Index of the followed label.
    """
    chances = [float(cached_bundle(card.slug).probabilities(np.asarray(one)[None])[0][target]) for one in (whole, now)]
    scores = [label_logit(card, one, target) for one in (whole, now)]
    moved = scores[1] - scores[0]
    with st.container(horizontal=True):
        st.metric(plain(f"Probability of {card.labels[target]}"), f"{chances[1]:.2f}", _delta(chances[1] - chances[0]))
        st.metric("Logit", f"{scores[1]:.2f}", _delta(moved))
    if card.task == "binary" and card.threshold is not None and target == 1:
        sides = [chance >= card.threshold for chance in chances]
        turned = f"crosses the threshold {card.threshold:.2f}" if sides[0] != sides[1] else "stays on its side"
        st.markdown(f"With everything on {chances[0]:.2f}. The decision {turned}.")


def _delta(moved: float) -> str | None:
    """A change for a metric; none where the rounded number is the same."""
    return None if abs(moved) < 0.005 else f"{moved:+.2f}"


def lost_alone(
    card: ModelCard, whole: NDArray[np.floating], alone: Mapping[str, NDArray[np.floating]], target: int
) -> dict[str, float]:
    """Logit units that each part is worth by itself, by its name, from (units,) logits with and without it."""
    score = label_logit(card, whole, target)
    return {name: score - label_logit(card, logits, target) for name, logits in alone.items()}
