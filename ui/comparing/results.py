"""Which results there are: those that come with the models, and the finished runs of this computer's database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from core.errors import ScanLensError
from core.evaluation.results.evaluation import Evaluation
from core.evaluation.store.database import default_url
from ui.cache import cached_shipped, cached_store
from ui.serving.visitor import is_at_hand
from ui.session import Recent
from ui.visible import visible_cards, visible_runs

#: Runs whose scores a session keeps.
RUNS = 128


@dataclass(frozen=True, eq=False)
class Results:
    """What can be compared.

    Attributes:
        evaluations: All of them, those of the database last.
        faults: Why some are not there, a sentence each.
        shipped: ids of the evaluations that come with the product.
    """

    evaluations: tuple[Evaluation, ...]
    faults: tuple[str, ...] = ()
    shipped: frozenset[int] = frozenset()

    def are_shared(self, evaluations: Sequence[Evaluation]) -> bool:
        """Whether all of these come with the product, so that sessions may share what is computed from them."""
        return all(id(evaluation) in self.shipped for evaluation in evaluations)


def results() -> Results:
    """Everything there is now; a database that does not work takes away nothing but its own results."""
    shipped, broken = cached_shipped()
    if not is_at_hand():  # results lie beside a visitor's own models too
        models = visible_cards()[0]
        shipped, broken = [entry for entry in shipped if entry.model in models], []
    stored, faults = _stored()
    return Results((*shipped, *stored), (*map(str, broken), *faults), frozenset(map(id, shipped)))


def _stored() -> tuple[list[Evaluation], tuple[str, ...]]:
    url = default_url()
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return [], ()  # looking at results should not make a database
    store, fault = cached_store(url)
    if store is None:
        return [], (fault,)
    found: list[Evaluation] = []
    faults: list[str] = []
    try:
        seen = visible_runs(store.evaluations(), store.datasets())
        runs = [run for run in reversed(seen) if run.state == "done"]
    except ScanLensError as problem:
        return [], (str(problem),)
    for run in runs:
        try:
            found.append(_loaded().get((url, run.id, run.finished), partial(store.load, run.id)))
        except ScanLensError as problem:
            faults.append(str(problem))
    return found, tuple(dict.fromkeys(faults))


def _loaded() -> Recent:
    if "stored evaluations" not in st.session_state:
        st.session_state["stored evaluations"] = Recent(RUNS)
    return st.session_state["stored evaluations"]
