"""What a compiled model does on labelled pictures: scores by case, and from them every number of the card."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.card import InputSpec
from core.evaluation.calibration import sigmoid
from core.evaluation.intervals import Estimate, bootstrap
from core.runtime.session import Bundle
from core.training.cases import LabelledCase, prepare_case

#: Metrics of the card, in order; those of probabilities are taken after calibration.
CARD_METRICS = ("roc_auc", "average_precision", "sensitivity", "specificity", "ppv", "npv", "accuracy", "f1")
CALIBRATION_METRICS = ("brier", "log_loss", "ece")

#: Fewest cases for a line of its own in a table of subgroups.
SUBGROUP_MINIMUM = 20

ATTRIBUTE = "attr_"


@dataclass(frozen=True, eq=False)
class Scored:
    """Raw answers.

    Attributes:
        logits: (cases, units) float32.
        features: (cases, D) float32.
    """

    logits: NDArray[np.float32]
    features: NDArray[np.float32]


def score(bundle: Bundle, paths: Sequence[Path], spec: InputSpec, threads: int = 2, block: int = 64) -> Scored:
    """Run the bundle over picture files, the way an uploaded scan goes through it."""
    logits, features = [], []
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(paths), block):
            pictures = pool.map(lambda path: prepare_case(path, spec), paths[start : start + block])
            output = bundle.run({spec.name: np.stack(list(pictures))}, outputs=("logits", "features"))
            if output.features is None:
                raise ValueError("Expected a bundle with features. Received one without a spatial layer.")
            logits.append(output.logits)
            features.append(output.features)
    return Scored(np.concatenate(logits), np.concatenate(features))


def case_table(cases: Sequence[LabelledCase], logits: NDArray[np.float32]) -> pd.DataFrame:
    """One row a case: case, patient, split, y_true, y_score, logit and the attributes under `attr_…`.

    `y_score` is the probability of `labels[1]` as the model gives it, to which the threshold belongs; the calibrated
    one follows from the logit and the card's temperature.
    """
    rows = [{"case": case.name, "patient": case.patient, "split": case.split, "y_true": case.target} for case in cases]
    table = pd.DataFrame(rows)
    table["y_score"] = sigmoid(logits[:, 0])
    table["logit"] = logits[:, 0].astype(np.float64)
    for name in sorted({name for case in cases for name in case.attributes}):
        table[ATTRIBUTE + name] = [case.attributes.get(name, "") for case in cases]
    return table


def estimates(table: pd.DataFrame, threshold: float, temperature: float) -> dict[str, Estimate]:
    """Metrics of the card with 95 % intervals over resampled patients; the calibration metrics after calibration.

    Args:
        table: As `case_table` makes it.
        threshold: On `y_score`.
        temperature: Divides the logits for the calibration metrics.
    """
    truth, patients = table["y_true"].to_numpy(), table["patient"].to_numpy()
    calibrated = sigmoid(table["logit"].to_numpy() / temperature)
    found = {name: bootstrap(name, truth, table["y_score"], patients, threshold) for name in CARD_METRICS}
    return found | {name: bootstrap(name, truth, calibrated, patients) for name in CALIBRATION_METRICS}


def metric_entries(found: dict[str, Estimate]) -> list[dict[str, Any]]:
    """Estimates as metrics of a Hugging Face model-index, rounded to five places."""
    return [
        {
            "type": name,
            "name": name,
            "value": round(estimate.value, 5),
            "low": round(estimate.low, 5),
            "high": round(estimate.high, 5),
            "n": estimate.n,
            "method": estimate.method,
            "probabilities": "calibrated" if name in CALIBRATION_METRICS else "as the model gives them",
        }
        for name, estimate in found.items()
    ]


def subgroups(table: pd.DataFrame, threshold: float) -> list[dict[str, Any]]:
    """Results by attribute: AUC within the group, or against all cases of the other class where a group has only one.

    Returns:
        One row a group with at least `SUBGROUP_MINIMUM` cases: attribute, group, n, positives and the estimates
        `roc_auc`, `sensitivity` and `specificity`, NaN where undefined.
    """
    rows = []
    for column in [name for name in table.columns if name.startswith(ATTRIBUTE)]:
        for group, part in table.groupby(column):
            if len(part) < SUBGROUP_MINIMUM or not str(group):
                continue
            whole = part
            if part["y_true"].nunique() == 1:
                whole = pd.concat([part, table[table["y_true"] != part["y_true"].iloc[0]]])
            row: dict[str, Any] = {"attribute": column.removeprefix(ATTRIBUTE), "group": str(group), "n": len(part)}
            row["positives"] = int(part["y_true"].sum())
            row["roc_auc"] = bootstrap("roc_auc", whole["y_true"], whole["y_score"], whole["patient"])
            for name in ("sensitivity", "specificity"):
                row[name] = bootstrap(name, part["y_true"], part["y_score"], part["patient"], threshold)
            rows.append(row)
    return rows
