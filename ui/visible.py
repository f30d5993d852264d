"""What one visitor may see of what many share.

Whoever sits at the computer sees everything on it. To everybody else belong what comes with the product, what they
made in their own session, and datasets in folders that the operator named, with the results on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.datasets.digest import digest_of_variant
from core.errors import InvalidCard
from core.models.card import ModelCard
from ui import cache
from ui.serving.folders import may_open
from ui.serving.visitor import is_at_hand

if TYPE_CHECKING:
    from core.evaluation.store.datasets import Remembered
    from core.evaluation.store.summary import RunSummary

_OWN_MODELS, _OWN_RUNS = "own models", "own runs"


def visible_cards() -> tuple[dict[str, ModelCard], list[InvalidCard]]:
    """The models that this visitor may choose, and what was wrong with any."""
    cards, faults = cache.cached_cards()
    if is_at_hand():
        return cards, faults
    own = _own(_OWN_MODELS)
    return {slug: card for slug, card in cards.items() if is_shipped(card) or slug in own}, []


def is_shipped(card: ModelCard) -> bool:
    """Whether a model came with the product."""
    return card.folder.parent == cache.MODELS


def is_own_model(slug: str) -> bool:
    """Whether this visitor made a model, or sits at the computer, where all are one's own."""
    return is_at_hand() or slug in _own(_OWN_MODELS)


def own_model(slug: str) -> None:
    """Remember that this session made a model."""
    _own(_OWN_MODELS).add(slug)


def own_run(run: int) -> None:
    """Remember that this session brought a run."""
    _own(_OWN_RUNS).add(run)


def may_delete(runs: Iterable[RunSummary]) -> bool:
    """Whether this visitor may delete runs: what others count on stays."""
    return is_at_hand() or all(run.id in _own(_OWN_RUNS) for run in runs)


def visible_datasets(datasets: Iterable[Remembered]) -> tuple[Remembered, ...]:
    """The added datasets that this visitor may open."""
    return tuple(one for one in datasets if may_open(one.location))


def visible_runs(runs: Sequence[RunSummary], datasets: Iterable[Remembered]) -> tuple[RunSummary, ...]:
    """The stored runs on datasets that this visitor may open, and those of the session itself.

    Args:
        runs: All.
        datasets: All added ones.
    """
    if is_at_hand():
        return tuple(runs)
    own = _own(_OWN_RUNS)
    digests = {one.digest for one in visible_datasets(datasets) if one.digest}
    seen = {run.id for run in runs if any(_is_of(run, digest) for digest in digests)}
    models = visible_cards()[0]
    return tuple(run for run in runs if run.id in own or (run.id in seen and run.model in models))


def _is_of(run: RunSummary, digest: str) -> bool:
    """Whether a run scored a dataset with this hash, or a stressed copy of it."""
    return digest_of_variant(digest, run.dataset.partition("~")[2]) == run.dataset_digest


def _own(what: str) -> set[Any]:
    if what not in st.session_state:
        st.session_state[what] = set()
    found: set[Any] = st.session_state[what]
    return found
