"""What was computed for the compare page, kept by what it was computed from.

Numbers of the evaluations that come with the product are shared by all sessions. Everything of a user's own datasets
stays in the session that asked for it, in memory, and is gone with it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import streamlit as st

from core.evaluation.results.evaluation import Evaluation
from ui.cache import cached_numbers
from ui.session import Recent

T = TypeVar("T")

#: Results of this session alone.
KEPT = 256

#: Sessions are threads, and share what is shared.
_LOCK = threading.Lock()

_FINGERPRINTS: WeakKeyDictionary[Evaluation, str] = WeakKeyDictionary()


def fingerprint(evaluation: Evaluation) -> str:
    """sha256 of everything in an evaluation that a result can depend on; taken once for each object."""
    if evaluation not in _FINGERPRINTS:
        _FINGERPRINTS[evaluation] = _digest(evaluation)
    return _FINGERPRINTS[evaluation]


def _digest(evaluation: Evaluation) -> str:
    scores, taken = evaluation.scores, hashlib.sha256()
    facts = (
        evaluation.model, evaluation.model_title, evaluation.model_sha256, evaluation.dataset, evaluation.dataset_title,
        evaluation.dataset_digest, evaluation.split, evaluation.kind, scores.task, scores.labels,
        sorted((name, tuple(labels)) for name, labels in scores.derived.items()),
        evaluation.threshold, sorted(evaluation.thresholds.items()), evaluation.threshold_from, evaluation.temperature,
        sorted(evaluation.failed.items()), np.shape(scores.y_true), np.shape(scores.logits),
    )  # fmt: skip
    taken.update(repr(facts).encode("utf-8", "surrogatepass"))
    taken.update(np.ascontiguousarray(scores.logits, np.float64).tobytes())
    taken.update(np.ascontiguousarray(scores.y_true, np.int64).tobytes())
    for column in (
        evaluation.cases,
        scores.patients,
        *(evaluation.attributes[k] for k in sorted(evaluation.attributes)),
    ):
        taken.update("\0".join(map(str, column)).encode("utf-8", "surrogatepass"))
    return taken.hexdigest()


def remembered(what: Hashable, evaluations: Iterable[Evaluation], make: Callable[[], T], shared: bool) -> T:
    """A result that was computed before from the same evaluations, or is now.

    Args:
        what: Names the result and its options; no names of cases.
        evaluations: Everything it is computed from.
        make: Computes it.
        shared: Whether all of them come with the product, so that other sessions may see the result too.
    """
    evaluations = list(evaluations)
    found = recalled(what, evaluations, shared)
    return found if found is not None else keep(what, evaluations, make(), shared)


def recalled(what: Hashable, evaluations: Iterable[Evaluation], shared: bool) -> Any:
    """A result that was computed before, or None; see `remembered`."""
    key, store = _key(what, evaluations), _store(shared)
    with _LOCK:
        return store.get(key, lambda: None) if key in store else None


def keep(what: Hashable, evaluations: Iterable[Evaluation], value: T, shared: bool) -> T:
    """Remember a result; see `remembered`."""
    key, store = _key(what, evaluations), _store(shared)
    with _LOCK:
        store.put(key, value)
    return value


def _key(what: Hashable, evaluations: Iterable[Evaluation]) -> Hashable:
    return what, tuple(fingerprint(evaluation) for evaluation in evaluations)


def _store(shared: bool) -> Recent:
    if shared:
        return cached_numbers()
    if "comparing" not in st.session_state:
        st.session_state["comparing"] = Recent(KEPT)
    return st.session_state["comparing"]
