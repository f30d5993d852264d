"""What cards of models with several inputs say beyond those of images: folds, changed inputs, missing facts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.case_scores import read_scores
from core.training.card.tables import number, table
from core.training.recipe.schema import Recipe
from core.training.tasks.variants import VARIANT_METRICS, MeasuredVariant


def fold_section(recipe: Recipe, pooled: pd.DataFrame) -> str:
    """Which fold the weights are of, and how much the folds differ."""
    assert recipe.cross_validation is not None  # asked for with folds only
    names = VARIANT_METRICS[recipe.task]
    rows = []
    for fold, part in pooled.groupby("fold"):
        scores = read_scores(part, recipe.task, recipe.labels)
        values = [METRICS[name].function(scores.y_true, scores.y_score(), 0.5) for name in names]
        own = " (these weights)" if fold == 1 else ""
        rows.append([f"{fold}{own}", len(part), part["patient"].nunique(), *[number(value) for value in values]])
    count = recipe.cross_validation.folds
    return (
        f"The patients were dealt into {count} folds, each class by itself. {count} networks were trained, each on the "
        f"patients outside one fold, of whom about {100 * recipe.cross_validation.val:.0f} % validate. **The weights "
        "in this bundle are those of fold 1**: its own test fold is the column of few cases above. The pooled column "
        "has every patient once, scored by the network that did not learn from them; it measures the procedure, with "
        "more cases, and not these weights alone; what is calibrated there uses the temperature of fold 1.\n\n"
        f"{table(['fold', recipe.studies.noun, 'patients', *[METRICS[name].title for name in names]], rows)}"
    )


def variant_section(recipe: Recipe, plain: pd.DataFrame, variants: Sequence[MeasuredVariant]) -> str:
    """A table of what was lost by each change."""
    scores, names = read_scores(plain, recipe.task, recipe.labels), VARIANT_METRICS[recipe.task]
    main = [METRICS[name].function(scores.y_true, scores.y_score(), 0.5) for name in names]
    head = ["input", *[part for name in names for part in (METRICS[name].title, "lost against unchanged")]]
    rows: list[list[str]] = [["unchanged", *[part for value in main for part in (number(value), "")]]]
    for each in variants:
        rows.append([each.variant.name, *[part for entry in each.entries for part in _cells(entry)]])
    where = "the pooled folds" if "fold" in plain else "the test split"
    prose = recipe.card.variants.strip()
    return (
        f"Measured on {where}, {len(plain)} {recipe.studies.noun} of {plain['patient'].nunique()} patients; the "
        "network stays as it is and only what goes in is changed. What is lost is paired by case, with 95 % intervals "
        f"over resampled patients.\n\n{table(head, rows)}\n{prose}\n"
    )


def _cells(entry: dict[str, Any]) -> tuple[str, str]:
    lost = f"{entry['lost']:.3f} ({entry['lost_low']:.3f} to {entry['lost_high']:.3f})"
    return number(entry["value"]), lost


def facts_section(recipe: Recipe) -> str:
    """What the model is told about the patient, and what stands for an unknown fact; `""` without a table."""
    features = [feature for spec in recipe.inputs for feature in spec.features]
    if not features:
        return ""
    rows = [
        [feature.title, feature.range_words, number(feature.reference, 2), _chance(recipe, feature.name)]
        for feature in features
    ]
    return (
        "An unknown fact is given to the network as the number in the third column, as it was in training where it was "
        f"left out by chance.\n\n{table(['fact', 'range', 'stands for unknown', 'left out in training'], rows)}"
    )


def _chance(recipe: Recipe, name: str) -> str:
    patient_index = next(spec.name for spec in recipe.inputs for feature in spec.features if feature.name == name)
    chance = 1 - (1 - recipe.missing.get(name, 0.0)) * (1 - recipe.missing.get(patient_index, 0.0))
    return f"{100 * chance:.0f} %"


def variant_contract(variants: Sequence[MeasuredVariant]) -> list[dict[str, Any]]:
    """What variants of the input give, as entries of the card's front matter."""
    return [
        {
            "name": each.variant.name,
            **({"input": each.variant.input, "change": each.variant.change} if each.variant.change else {}),
            **({"leave_out": list(each.variant.leave_out)} if each.variant.leave_out else {}),
            "scores": each.file,
            "metrics": [dict(entry) for entry in each.entries],
        }
        for each in variants
    ]
