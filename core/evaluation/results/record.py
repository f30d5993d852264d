"""An evaluation as facts in JSON and columns, the form in which it is stored and handed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.metrics.mask_cases import MEASURES
from core.evaluation.results.case_scores import CaseScores
from core.evaluation.results.evaluation import Evaluation, Kind
from core.models.card import Task

_TEXTS = (
    "model", "model_title", "model_sha256", "dataset", "dataset_title", "dataset_digest", "split", "kind",
    "threshold_from",
)  # fmt: skip


def facts_of(evaluation: Evaluation) -> dict[str, Any]:
    """All of an evaluation but its cases, fit for JSON."""
    scores = evaluation.scores
    return {
        **{name: getattr(evaluation, name) for name in _TEXTS},
        "task": scores.task,
        "labels": list(scores.labels),
        "derived": {name: list(labels) for name, labels in scores.derived.items()},
        "threshold": evaluation.threshold,
        "thresholds": dict(evaluation.thresholds),
        "temperature": evaluation.temperature,
    }


def evaluation_from(
    facts: Mapping[str, Any],
    cases: Sequence[str],
    patients: Sequence[str],
    y_true: ArrayLike,
    logits: ArrayLike,
    attributes: Mapping[str, Sequence[str]],
    failed: Mapping[str, str],
) -> Evaluation:
    """The way back from `facts_of`.

    Args:
        facts: As `facts_of` gives them; what else they hold is not looked at.
        cases: Names of the N cases.
        patients: Whom each shows; the case stands for itself where the text is empty.
        y_true: (N,) class indices, or (N, labels) of 0 and 1.
        logits: (N,) or (N, units); of a model that segments (N, labels × measures).
        attributes: Name to N texts.
        failed: Case to the sentence that says why.

    Raises:
        KeyError: A fact is missing.
        TypeError: One is of another kind.
        ValueError: One is out of bounds, or columns do not fit together.
    """
    scores = _scores(facts, cases, patients, y_true, logits)
    if facts["kind"] not in get_args(Kind) or any(len(column) != len(cases) for column in attributes.values()):
        raise ValueError("an unknown kind, or attributes of another length")
    order = np.argsort(np.array(cases, str), kind="stable")
    ordered = CaseScores(
        scores.task, scores.labels, scores.y_true[order], scores.logits[order], scores.patients[order], scores.derived
    )
    threshold = facts["threshold"]
    return Evaluation(
        **{name: str(facts[name]) for name in _TEXTS if name != "kind"},
        kind=facts["kind"],
        scores=ordered,
        cases=_texts(cases)[order],
        attributes={name: _texts(column)[order] for name, column in attributes.items()},
        threshold=None if threshold is None else float(threshold),
        thresholds={name: float(value) for name, value in facts["thresholds"].items()},
        temperature=float(facts["temperature"]),
        failed=dict(failed),
    )


def _scores(
    facts: Mapping[str, Any], cases: Sequence[str], patients: Sequence[str], y_true: ArrayLike, logits: ArrayLike
) -> CaseScores:
    task, labels = facts["task"], tuple(str(label) for label in facts["labels"])
    truth, values = np.asarray(y_true), np.asarray(logits, np.float64)
    if task not in get_args(Task):
        raise ValueError(f"the task {task!r}")
    if task == "segmentation":
        return _masks(labels, cases, patients, values)
    if task == "binary" and values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    wanted = (len(cases),) if task == "binary" else (len(cases), len(labels))
    wanted_truth = wanted if task == "multilabel" else (len(cases),)
    if values.shape != wanted or truth.shape != wanted_truth or len(patients) != len(cases):
        raise ValueError("columns that do not fit together")
    if len(cases) and (truth.min() < 0 or truth.max() >= (2 if task == "multilabel" else len(labels))):
        raise ValueError("a truth that is none of the labels")
    if len(set(cases)) != len(cases):
        raise ValueError("a case twice")
    n_patients = _n_patients(cases, patients)
    derived = {str(name): tuple(members) for name, members in facts["derived"].items()}
    if not all(set(members) <= set(labels) for members in derived.values()):
        raise ValueError("a derived question about unknown labels")
    return CaseScores(task, labels, truth.astype(np.int64), values, _texts(n_patients), derived)


def _masks(
    labels: tuple[str, ...], cases: Sequence[str], patients: Sequence[str], values: NDArray[np.float64]
) -> CaseScores:
    """What is true of a case is in its measures; the truth that was stored beside them is not looked at."""
    count = len(labels) - 1
    if count < 1 or values.shape != (len(cases), count * len(MEASURES)) or len(patients) != len(cases):
        raise ValueError("columns that do not fit together")
    if len(set(cases)) != len(cases):
        raise ValueError("a case twice")
    rows = values.reshape(len(cases), count, len(MEASURES))
    areas = rows[..., :4]
    pixels, true, predicted, both = np.moveaxis(areas, -1, 0)
    if not np.isfinite(areas).all() or (areas < 0).any() or (np.maximum(true, predicted) > pixels).any():
        raise ValueError("areas that are none")
    if (both > np.minimum(true, predicted)).any() or (rows[..., 4:] < 0).any() or np.isinf(rows).any():
        raise ValueError("measures out of bounds")
    return CaseScores("segmentation", labels, true.astype(np.int64), values, _texts(_n_patients(cases, patients)))


def _n_patients(cases: Sequence[str], patients: Sequence[str]) -> list[str]:
    """Whom each case shows; the case stands for itself where that is not known."""
    return [patient or case for case, patient in zip(cases, patients, strict=True)]


def _texts(values: Sequence[str]) -> NDArray[Any]:
    """(N,) of Python texts; never a fixed width, whose longest would set the size of all."""
    column = np.empty(len(values), object)
    column[:] = list(values)
    return column
