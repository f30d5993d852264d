"""Scores of studies by case, and what changed inputs do to them, paired by patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.comparison.ranking import paired
from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.case_scores import CaseScores, read_scores
from core.evaluation.results.estimates import cases_of
from core.evaluation.statistics.intervals import Estimate
from core.training.data.bands import band
from core.training.data.studies import StudyCases
from core.training.recipe.schema import Recipe, Variant
from core.training.tasks.case_scores import score_columns
from core.training.tasks.results import ATTRIBUTE

#: What changed inputs are measured by, the main metric first.
VARIANT_METRICS: Mapping[str, tuple[str, ...]] = {
    "binary": ("roc_auc", "average_precision"),
    "multiclass": ("accuracy_multiclass", "roc_auc_macro"),
    "ordinal": ("kappa_quadratic", "accuracy_multiclass"),
}

#: Split under which pooled folds are stored.
POOLED = "cross-validation"


@dataclass(frozen=True, eq=False)
class MeasuredVariant:
    """Scores with changed inputs against those with unchanged ones.

    Attributes:
        variant: What was changed.
        file: Path of the scores within the bundle.
        table: One row a case.
        entries: For each metric its estimate and the paired difference, ready for the card.
    """

    variant: Variant
    file: str
    table: pd.DataFrame
    entries: tuple[dict[str, Any], ...]


def study_table(
    recipe: Recipe, cases: StudyCases, split: NDArray[np.str_], logits: NDArray[np.floating]
) -> pd.DataFrame:
    """One row a case, with the columns that `core.evaluation.results.case_scores` describes.

    Args:
        recipe: Names the task and the bands of attributes.
        cases: The cases.
        split: (cases,) what the column `split` says.
        logits: (cases, units).
    """
    rows = {"case": cases.case_ids, "patient": cases.patients, "split": split}
    scores = score_columns(cases.class_index, np.asarray(logits, np.float64), recipe.task)
    table = pd.DataFrame({**rows, **scores})
    for name in cases.attributes.columns:
        texts = ["" if pd.isna(value) else str(value) for value in cases.attributes[name]]
        borders = recipe.studies.bands.get(str(name))
        table[f"{ATTRIBUTE}{name}"] = [band(text, borders) for text in texts] if borders else texts
    return table


def paired_difference(name: str, one: CaseScores, two: CaseScores) -> Estimate:
    """How much the first is above the second in a metric, on the same cases, as the compare page has it.

    Args:
        name: Key of `METRICS`.
        one: Scores.
        two: Scores of the same cases in the same order.
    """
    first, second = (cases_of(name, each.y_true, each.y_score(), each.patients) for each in (one, two))
    found = paired(first, replace(second, patient_index=first.patient_index))
    return Estimate(found.value, found.low, found.high, found.n, found.test)


def measure_variant(
    recipe: Recipe, variant: Variant, file: str, plain: pd.DataFrame, table: pd.DataFrame
) -> MeasuredVariant:
    """What a change of the inputs does to the main metrics.

    Args:
        recipe: Names the task.
        variant: What was changed.
        file: Where the scores are stored within the bundle.
        plain: Scores with unchanged inputs.
        table: Scores with changed inputs, the same cases in the same order.
    """
    one, two = (read_scores(each, recipe.task, recipe.labels) for each in (plain, table))
    entries = []
    for name in VARIANT_METRICS[recipe.task]:
        gain = paired_difference(name, one, two)
        value = METRICS[name].function(two.y_true, two.y_score(), 0.5)
        entries.append(
            {
                "type": name,
                "value": round(value, 5),
                "lost": round(gain.value, 5),
                "lost_low": round(gain.low, 5),
                "lost_high": round(gain.high, 5),
                "n": gain.n,
                "method": gain.method,
            }
        )
    return MeasuredVariant(variant, file, table, tuple(entries))
