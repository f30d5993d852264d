"""Which network a class trains, and how."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core.lessons.training.settings import (
    NETWORKS,
    OPTIMIZERS,
    STARTS,
    VARIATIONS,
    LiveSettings,
)

RATES = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 1.0)
BATCHES = (8, 16, 32, 64, 128)
NAMES = {"adam": "Adam", "sgd": "Plain descent"}


def choose_network() -> tuple[str, str, tuple[str, ...], float]:
    """Network, start, variations and dropout."""
    network = _key_of(
        NETWORKS, st.selectbox("Network", _titles(NETWORKS), key="train-network", bind="query-params")
    )  # fmt: skip
    start = "random"
    if network != "logistic":
        title = st.selectbox(
            "Transfer learning", list(STARTS.values()), key="train-start", bind="query-params",
            help="The first 32 filters come from the shipped small network, which learnt them on chest radiographs.",
        )  # fmt: skip
        start = next((key for key, words in STARTS.items() if words == title), "random")
    chosen = st.pills(
        "Vary the training images", _titles(VARIATIONS), selection_mode="multi", key="train-vary",
        bind="query-params",
    )  # fmt: skip
    variations = tuple(key for key, (words, _) in VARIATIONS.items() if words in (chosen or []))
    dropout = st.slider("Dropout", 0.0, 0.8, 0.0, 0.1, key="train-dropout", bind="query-params")
    return network, start, variations, float(dropout)


def choose_descent() -> tuple[str, float, int, int, bool]:
    """Optimiser, learning rate, epochs, batch size and whether rare classes weigh more."""
    optimizer = st.segmented_control(
        "Optimiser", list(NAMES.values()), default="Adam", required=True, key="train-optimiser", bind="query-params"
    )
    rate = st.select_slider(
        "Learning rate", [f"{rate:g}" for rate in RATES], "0.001", key="train-rate", bind="query-params"
    )
    epochs = st.slider("Epochs", 1, 40, 10, key="train-epochs", bind="query-params")
    batch = st.select_slider("Images a step", BATCHES, 32, key="train-batch", bind="query-params")
    weigh = st.toggle(
        "Weigh rare classes more", key="train-weigh", bind="query-params",
        help="Each image counts by how rare its class is, so that all classes weigh the same together.",
    )  # fmt: skip
    chosen = next((key for key in OPTIMIZERS if NAMES[key] == optimizer), "adam")
    return chosen, float(rate), int(epochs), int(batch), bool(weigh)


def settings_of(
    network: tuple[str, str, tuple[str, ...], float], descent: tuple[str, float, int, int, bool]
) -> LiveSettings:
    """What is chosen of the network and of the training, in one."""
    key, start, variations, dropout = network
    optimizer, rate, epochs, batch, weigh = descent
    return LiveSettings(key, start, variations, optimizer, rate, epochs, batch, dropout, weigh)


def _titles(entries: Mapping[str, tuple[str, object]]) -> list[str]:
    return [title for title, _ in entries.values()]


def _key_of(entries: dict[str, tuple[str, str]], title: str) -> str:
    return next((key for key, (words, _) in entries.items() if words == title), next(iter(entries)))
