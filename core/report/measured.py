"""How a model did on each dataset it was tested on, in one line each, the bad ones too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from core.models.card import ModelCard

#: What is said first of a classifier, and how people write it.
NAMES = {
    "roc_auc": "ROC AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "average_precision": "average precision",
    "kappa_quadratic": "quadratic kappa",
    "roc_auc_macro": "macro ROC AUC",
    "accuracy_multiclass": "accuracy",
    "kappa": "kappa",
    "roc_auc_labels": "mean ROC AUC of the findings",
    "average_precision_labels": "mean average precision of the findings",
}

#: More numbers a dataset would bury the ones that matter; the JSON has all.
MOST = 3


def measurements(card: ModelCard) -> list[tuple[str, str]]:
    """Dataset and its main metrics with 95 % intervals, in the card's order.

    Splits that took part in choosing the model are left out as soon as there is one that did not.

    Returns:
        E.g. `[("Example, test, n 624", "ROC AUC 0.964 (0.948–0.977), sensitivity 0.974 (0.953–0.988)")]`.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for metric in card.metrics:
        groups.setdefault((str(metric["dataset"]), str(metric["split"])), []).append(metric)
    if any(split == "test" for _, split in groups):
        groups = {key: metrics for key, metrics in groups.items() if key[1] not in {"train", "val", "validation"}}
    return [(_title(*key, metrics), _line(metrics)) for key, metrics in groups.items()]


def _title(dataset: str, split: str, metrics: list[Mapping[str, Any]]) -> str:
    counts = {metric["n"] for metric in metrics if metric.get("n")}
    parts = [dataset or "Unnamed dataset", split, f"n {counts.pop()}" if len(counts) == 1 else ""]
    return ", ".join(part for part in parts if part)


def _line(metrics: list[Mapping[str, Any]]) -> str:
    known = {str(metric.get("type")): metric for metric in metrics}
    chosen = [known[kind] for kind in NAMES if kind in known] or metrics
    return ", ".join(f"{_name(metric)} {_value(metric)}" for metric in chosen[:MOST])


def _name(metric: Mapping[str, Any]) -> str:
    return NAMES.get(str(metric.get("type")), str(metric.get("name") or metric.get("type") or "metric"))


def _value(metric: Mapping[str, Any]) -> str:
    """`"0.964 (0.948–0.977)"`; what is undefined says so."""
    low, high = _digits(metric.get("low")), _digits(metric.get("high"))
    interval = f" ({low}–{high})" if "not defined" not in {low, high} else ""
    return _digits(metric.get("value")) + interval


def _digits(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        return "not defined"
    return f"{value:.3f}" if 0 <= value <= 1 else f"{value:.3g}"
