"""What is chosen on the validation split: temperature, threshold, thresholds. Nothing here ever sees a test split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.evaluation.metrics.calibration import choose_threshold, fit_softmax_temperature, fit_temperature
from core.evaluation.results.case_scores import CaseScores
from core.training.recipe.schema import Recipe
from core.training.tasks.results import Choices

#: Decimals kept of thresholds and of the temperature.
THRESHOLD_DIGITS, TEMPERATURE_DIGITS = 6, 4


def derived_question(recipe: Recipe) -> Mapping[str, Any]:
    """Name of the recipe's derived question to the labels that mean yes; empty without one."""
    return {recipe.derived.name: recipe.derived.labels} if recipe.derived else {}


def _rule(recipe: Recipe) -> str:
    return {
        "youden": "largest sensitivity + specificity − 1 (Youden)",
        "sensitivity": f"highest threshold with a sensitivity of at least {recipe.threshold.value:g}",
    }[recipe.threshold_rule]


def _threshold(recipe: Recipe, truth: Any, score: Any) -> float | None:
    """None where the split has cases of one kind only."""
    if truth.all() or not truth.any():
        return None
    return round(choose_threshold(truth, score, recipe.threshold_rule, recipe.threshold.value), THRESHOLD_DIGITS)


def _temperature(scores: CaseScores) -> float:
    fit = fit_temperature if scores.task in {"binary", "multilabel"} else fit_softmax_temperature
    one_for_all = scores.task == "multilabel"  # findings are pooled
    truth, logits = (scores.y_true.ravel(), scores.logits.ravel()) if one_for_all else (scores.y_true, scores.logits)
    return round(fit(truth, logits), TEMPERATURE_DIGITS)


def choose(recipe: Recipe, scores: CaseScores) -> Choices:
    """Thresholds by the recipe's rule and the temperature of least log loss.

    Args:
        recipe: Names the rule.
        scores: Of the validation split.
    """
    where = (
        f"from the validation split, {len(scores.y_true)} {recipe.data.noun} of {len(set(scores.patients))} patients"
    )
    temperature = _temperature(scores)
    if scores.task == "binary":
        threshold = choose_threshold(
            scores.y_true, scores.y_score(), recipe.threshold_rule, recipe.threshold.value
        )  # one kind only is an error here
        source = f"Both {where}: {_rule(recipe)}; least log loss"
        return Choices(round(threshold, THRESHOLD_DIGITS), {}, temperature, source)
    names = list(scores.labels) if scores.task == "multilabel" else list(derived_question(recipe))
    found = {name: _threshold(recipe, *scores.of_label(name)) for name in names}
    blind = [name for name, threshold in found.items() if threshold is None]
    parts = [f"Temperature {where}: least log loss"]
    if names:
        parts = [f"Thresholds and temperature {where}: {_rule(recipe)}; least log loss"]
    if blind:
        parts.append(f"0.5 for {', '.join(blind)}, of which the split has cases of one kind only")
    thresholds = {name: 0.5 if threshold is None else threshold for name, threshold in found.items()}
    return Choices(None, thresholds, temperature, ". ".join(parts))
