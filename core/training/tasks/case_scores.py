"""What a compiled model does on labelled images: scores by case, and from them every number of the card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.metrics.calibration import sigmoid, softmax
from core.evaluation.results.case_scores import OF_LABEL, CaseScores, read_scores
from core.evaluation.results.estimates import estimate_of
from core.evaluation.statistics.intervals import Estimate
from core.inference.bundle import Bundle
from core.models.card import InputSpec, Task
from core.training.data.images import LabelledCase, prepare_case
from core.training.tasks.results import AT, ATTRIBUTE, Choices

_CLASSES = ("roc_auc_macro", "accuracy_multiclass", "balanced_accuracy_multiclass", "kappa", "f1_macro")
_CLASSES_CALIBRATED = ("brier_multiclass", "log_loss_multiclass", "ece_top_label")

#: Metrics of the card by task, the main one first; those of probabilities are taken after calibration.
CARD_METRICS: Mapping[str, tuple[str, ...]] = {
    "binary": ("roc_auc", "average_precision", "sensitivity", "specificity", "ppv", "npv", "accuracy", "f1"),
    "multiclass": _CLASSES,
    "ordinal": ("kappa_quadratic", *_CLASSES),
    "multilabel": ("roc_auc_labels", "average_precision_labels"),
}
CALIBRATION_METRICS: Mapping[str, tuple[str, ...]] = {
    "binary": ("brier", "log_loss", "ece"),
    "multiclass": _CLASSES_CALIBRATED,
    "ordinal": _CLASSES_CALIBRATED,
    "multilabel": ("brier_labels", "log_loss_labels"),
}
SUBGROUP_METRICS: Mapping[str, tuple[str, ...]] = {
    "binary": ("roc_auc", "sensitivity", "specificity"),
    "multiclass": ("roc_auc_macro", "accuracy_multiclass"),
    "ordinal": ("kappa_quadratic", "accuracy_multiclass"),
    "multilabel": ("roc_auc_labels", "average_precision_labels"),
}

#: Metrics of one class against the others, of one finding, and of a derived question.
CLASS_METRICS = ("roc_auc", "average_precision")
FINDING_METRICS = (*CLASS_METRICS, "sensitivity", "specificity")
DERIVED_METRICS = (*FINDING_METRICS, "ppv", "npv")

#: Fewest cases for a line of its own in a table of subgroups.
SUBGROUP_MINIMUM = 20


@dataclass(frozen=True, eq=False)
class Scored:
    """Raw answers.

    Attributes:
        logits: (cases, units) float32.
        features: (cases, D) float32.
    """

    logits: NDArray[np.float32]
    features: NDArray[np.float32]


def score(
    bundle: Bundle, paths: Sequence[Path], spec: InputSpec, shrink: int = 0, threads: int = 2, block: int = 64
) -> Scored:
    """Run the bundle over image files, the way an uploaded scan goes through it, shrunken first where asked for."""
    logits, features = [], []
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(paths), block):
            images = pool.map(lambda path: prepare_case(path, spec, shrink), paths[start : start + block])
            output = bundle.run({spec.name: np.stack(list(images))}, outputs=("logits", "features"))
            if output.features is None:
                raise ValueError("Expected a bundle with features. Received one without a spatial layer.")
            logits.append(output.logits)
            features.append(output.features)
    return Scored(np.concatenate(logits), np.concatenate(features))


def case_table(cases: Sequence[LabelledCase], logits: NDArray[np.float32], task: Task = "binary") -> pd.DataFrame:
    """One row a case, with the columns that `core.evaluation.results.case_scores` describes.

    `y_score` is the probability as the model gives it, to which thresholds belong; the calibrated one follows from the
    logits and the card's temperature.
    """
    rows = [{"case": case.name, "patient": case.patient, "split": case.split} for case in cases]
    columns = score_columns(np.array([case.target for case in cases]), logits.astype(np.float64), task)
    table = pd.concat([pd.DataFrame(rows), pd.DataFrame(columns)], axis=1)
    for name in sorted({name for case in cases for name in case.attributes}):
        table[ATTRIBUTE + name] = [case.attributes.get(name, "") for case in cases]
    return table


def score_columns(
    targets: NDArray[np.integer], logits: NDArray[np.float64], task: Task
) -> dict[str, NDArray[np.generic]]:
    """Truth, probabilities and logits under the names that `core.evaluation.results.case_scores` describes."""
    if task == "binary":
        return {"y_true": targets, "y_score": sigmoid(logits[:, 0]), "logit": logits[:, 0]}
    scores = sigmoid(logits) if task == "multilabel" else softmax(logits)
    truth = {f"y_true_{k}": column for k, column in enumerate(targets.T)} if targets.ndim == 2 else {"y_true": targets}
    found = {f"y_score_{k}": column for k, column in enumerate(scores.T)}
    return {**truth, **found, **{f"logit_{k}": column for k, column in enumerate(logits.T)}}


def estimates(scores: CaseScores, choices: Choices) -> dict[str, Estimate]:
    """Metrics of the card with 95 % intervals by patient; the calibration metrics after calibration.

    Returns:
        By name of the metric; by `label_<metric>@<label>` for what is about one label, or a derived question.
    """
    return {name: _with_value_inside(estimate) for name, estimate in _estimates(scores, choices).items()}


def _with_value_inside(estimate: Estimate) -> Estimate:
    """Without interval where it leaves out the value: a binned calibration error grows in resamples of few cases."""
    if estimate.low <= estimate.value <= estimate.high:
        return estimate
    return replace(estimate, low=float("nan"), high=float("nan"))


def _estimates(scores: CaseScores, choices: Choices) -> dict[str, Estimate]:
    truth, patients = scores.y_true, scores.patients
    plain, calibrated = scores.y_score(), scores.y_score(choices.temperature)
    if scores.task == "binary":
        threshold = 0.5 if choices.threshold is None else choices.threshold
        found = {name: estimate_of(name, truth, plain, patients, threshold) for name in CARD_METRICS["binary"]}
        return found | {name: estimate_of(name, truth, calibrated, patients) for name in CALIBRATION_METRICS["binary"]}
    found = {name: estimate_of(name, truth, plain, patients) for name in CARD_METRICS[scores.task]}
    found |= {name: estimate_of(name, truth, calibrated, patients) for name in CALIBRATION_METRICS[scores.task]}
    for label in (*scores.labels, *scores.derived):
        positive, score = scores.of_label(label)
        for name in label_metrics(scores, label):
            estimate = estimate_of(name, positive, score, patients, choices.thresholds.get(label, 0.5))
            found[f"{OF_LABEL}{name}{AT}{label}"] = estimate
    return found


def label_metrics(scores: CaseScores, label: str) -> tuple[str, ...]:
    """What is told of one label against the others: decisions only where it has a threshold of its own."""
    if label in scores.derived:
        return DERIVED_METRICS
    return FINDING_METRICS if scores.task == "multilabel" else CLASS_METRICS


def metric_entries(found: Mapping[str, Estimate], scores: CaseScores) -> list[dict[str, Any]]:
    """Estimates as metrics of a Hugging Face model-index, rounded to five places."""
    entries = []
    for key, estimate in found.items():
        name, _, label = key.partition(AT)
        entry = {
            "type": name,
            "name": f"{name}, {label}" if label else name,
            "value": round(estimate.value, 5),
            "low": round(estimate.low, 5),
            "high": round(estimate.high, 5),
            "n": estimate.n,
            "method": estimate.method,
            "probabilities": "calibrated" if name in CALIBRATION_METRICS[scores.task] else "as the model gives them",
        }
        if label:
            entry |= {"label": label, "positives": int(scores.of_label(label)[0].sum())}
        entries.append(entry)
    return entries


def subgroups(
    table: pd.DataFrame,
    scores: CaseScores,
    threshold: float | None,
    combined: Sequence[Mapping[str, str]] = (),
) -> list[dict[str, Any]]:
    """Results by attribute, and by attributes combined.

    Of a binary answer the AUC is that within the group, or against all cases of the other class where a group has only
    one.

    Args:
        table: Stored scores with their attributes.
        scores: The same as arrays.
        threshold: Of a binary answer.
        combined: Attribute to text, for groups that were asked for by name.

    Returns:
        One row a group, with at least `SUBGROUP_MINIMUM` cases where it was not asked for by name: group, n, positives
        (binary only) and an estimate for each of `SUBGROUP_METRICS`, NaN where undefined.
    """
    rows = []
    for column in [name for name in table.columns if name.startswith(ATTRIBUTE)]:
        for text, part in table.groupby(column):
            if len(part) >= SUBGROUP_MINIMUM and str(text):
                name = f"{column.removeprefix(ATTRIBUTE)}: {text}"
                rows.append(_group(table, part, scores, threshold, name))
    for group in combined:
        chosen = np.all([table[ATTRIBUTE + column] == text for column, text in group.items()], axis=0)
        if chosen.any():
            name = ", ".join(f"{column}: {text}" for column, text in group.items())
            rows.append(_group(table, table[chosen], scores, threshold, name))
    return rows


def _group(
    table: pd.DataFrame, part: pd.DataFrame, scores: CaseScores, threshold: float | None, name: str
) -> dict[str, Any]:
    row: dict[str, Any] = {"group": name, "n": len(part)}
    if scores.task == "binary":
        return row | _binary_group(table, part, 0.5 if threshold is None else threshold)
    inside = read_scores(part, scores.task, scores.labels)
    return row | {
        metric: estimate_of(metric, inside.y_true, inside.y_score(), inside.patients)
        for metric in SUBGROUP_METRICS[scores.task]
    }


def _binary_group(table: pd.DataFrame, part: pd.DataFrame, threshold: float) -> dict[str, Any]:
    whole = part
    if part["y_true"].nunique() == 1:
        whole = pd.concat([part, table[table["y_true"] != part["y_true"].iloc[0]]])
    row: dict[str, Any] = {"positives": int(part["y_true"].sum())}
    row["roc_auc"] = estimate_of("roc_auc", whole["y_true"], whole["y_score"], whole["patient"])
    for name in ("sensitivity", "specificity"):
        row[name] = estimate_of(name, part["y_true"], part["y_score"], part["patient"], threshold)
    return row
