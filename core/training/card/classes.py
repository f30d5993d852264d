"""What cards say of answers that are classes or findings, of single images and of studies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.training.card.heatmaps import heatmap_section
from core.training.card.tables import calibration_table, confusion_tables, label_tables, results_table, subgroup_table
from core.training.checkpoints import State
from core.training.losses import class_weights, label_weights, spreads
from core.training.recipe.schema import Recipe
from core.training.tasks.case_scores import CARD_METRICS, metric_entries
from core.training.tasks.results import Choices, Measured, Result

#: What the front matter names, as the Hugging Face hub lists it.
HUB_METRICS = {
    "binary": ("roc_auc", "sensitivity", "specificity", "accuracy"),
    "multiclass": ("roc_auc_macro", "accuracy_multiclass", "kappa"),
    "ordinal": ("kappa_quadratic", "roc_auc_macro", "accuracy_multiclass"),
    "multilabel": ("roc_auc_labels", "average_precision_labels"),
}

#: The hub's name of the task, and tags of its own.
PIPELINE, TAGS = "image-classification", ()


def hub_metrics(recipe: Recipe) -> tuple[str, ...]:
    """What the front matter names."""
    return HUB_METRICS[recipe.task]


def entries(result: Result) -> list[dict[str, Any]]:
    """The metrics of a result for the model-index."""
    return metric_entries(result.estimates, result.classes)


def count_columns(recipe: Recipe) -> dict[str, str]:
    """Columns of the table of counts to the label that is counted, `""` for all."""
    columns = {label: label for label in recipe.labels}
    if recipe.task == "multilabel":  # whose findings do not add up to all images
        columns = {"all": "", **columns}
    return columns


def _weights_words(recipe: Recipe, targets: Any) -> str:
    if not recipe.schedule.class_weights:
        return "rare ones count as they come, without weights"
    if recipe.task == "multilabel":
        weights = label_weights(targets, recipe.schedule.class_weights)[:, 1]
        said = ", ".join(f"{label} {weight:.2f}" for label, weight in zip(recipe.labels, weights, strict=True))
        return f"for each finding, images with it weighed as much in sum as those without (one with it: {said})"
    weights = class_weights(targets, len(recipe.labels), recipe.schedule.class_weights)
    said = ", ".join(f"{label} {weight:.2f}" for label, weight in zip(recipe.labels, weights, strict=True))
    return f"each case was weighted by its class ({said})"


def _input_words(recipe: Recipe) -> str:
    """What goes in, by size."""
    words = []
    for spec in recipe.inputs:
        if spec.is_image:
            size = f"{spec.size[0]} × {spec.size[1]} pixels"
            size = f"{spec.frames} frames of {size}" if spec.frames > 1 else size
            words.append(f"{spec.title}: {size}" if len(recipe.inputs) > 1 else size)
        else:
            words.append(", ".join(feature.title.lower() for feature in spec.features))
    return "; ".join(words)


def _kept_words(recipe: Recipe, state: State) -> str:
    """Which weights were kept."""
    best = {"auc": "highest AUC", "log_loss": "lowest log loss", "kappa_quadratic": "highest quadratic kappa"}[
        recipe.schedule.monitor
    ]
    if recipe.schedule.checkpoint == "last":
        mean = "a running mean of the weights" if recipe.schedule.ema else "the weights"
        return f"fixed beforehand, after which {mean} was kept: too few cases validate to choose an epoch by"
    return (
        f"of which epoch {state.best_epoch} had the {best} on the validation split ({abs(state.best_score):.4f}) and "
        "was kept"
    )


def training_section(recipe: Recipe, measured: Measured, state: State, parameters: int) -> str:
    """How it was trained."""
    ordered = ""
    if spreads(recipe):
        ordered = (
            "The grades are learned by a softmax with an affine head; their order is in the targets, which give a "
            f"fraction to the grades beside the true one (a Gaussian, {recipe.schedule.ordinal_sigma:g} grades wide). "
        )
    elif recipe.task == "ordinal":
        ordered = (
            "The grades are learned as classes, by a softmax with an affine head; their order is not built in and "
            "counts only where agreement is measured. "
        )
    return (
        f"Architecture `{recipe.architecture.name}` with {parameters:,} weights, "
        f"{_input_words(recipe)}. {state.epoch} epochs, {_kept_words(recipe, state)}; "
        f"{state.seconds / 60:.0f} minutes on two shared cores; seed {recipe.seed}. "
        f"Class imbalance: {_weights_words(recipe, measured.split_targets)}. {ordered}"
        f"{recipe.card.training.strip()}\n"
    )


def results_section(recipe: Recipe, measured: Measured) -> str:
    """Metrics of the test sets."""
    main = CARD_METRICS[recipe.task][0]
    rule = {
        "binary": "Sensitivity, specificity and the like hold at the stored threshold.",
        "multilabel": "Sensitivity and specificity hold at the stored threshold of each finding.",
    }.get(recipe.task, "The decision is the class with the largest probability.")
    parts = [
        f"Intervals are 95 %, {measured.results[0].estimates[main].method}. {rule}\n\n"
        f"{results_table(measured.results)}\n{recipe.card.results.strip()}\n"
    ]
    if recipe.task != "binary":
        parts.append(label_tables(measured.results))
    if recipe.derived:
        members = ", ".join(recipe.derived.labels)
        parts.append(
            f"{recipe.derived.name} means {members}; its probability is the sum of theirs, with a threshold of its "
            "own.\n"
        )
    if recipe.task in {"multiclass", "ordinal"}:
        parts.append(confusion_tables(measured.results))
    return "\n".join(parts)


def choices_section(recipe: Recipe, choices: Choices) -> str:
    """What the validation split chose."""
    if choices.threshold is not None:
        return (
            f"Threshold {choices.threshold:.4g} on the model's probability, temperature {choices.temperature:.4g}. "
            f"{choices.source}.\n"
        )
    words = "No threshold for the classes: the one with the largest probability is the answer. "
    if recipe.task == "multilabel":
        words = ""
    threshold = ", ".join(f"{name} {value:.4g}" for name, value in choices.thresholds.items())
    threshold = f"Thresholds on the model's probability: {threshold}. " if threshold else ""
    return f"{words}{threshold}Temperature {choices.temperature:.4g}. {choices.source}.\n"


def _subgroup_words(recipe: Recipe) -> str:
    if recipe.task == "binary":
        return "A group with cases of one class only is compared with all cases of the other class of its set.\n\n"
    return "What needs every class is not defined in a group that lacks one.\n\n"


def further_sections(recipe: Recipe, measured: Measured) -> dict[str, str]:
    """Title to text of heatmaps against marked regions, one section a set."""
    prose: Mapping[str, str] = recipe.card.heatmaps
    return {
        f"Heatmaps against {entry['title']}": heatmap_section(entry, prose.get(entry["name"], ""))
        for entry in measured.localised
    }


def calibration_section(recipe: Recipe, measured: Measured) -> str:  # noqa: ARG001
    """Metrics of probabilities before and after calibration."""
    return calibration_table(measured.results, measured.choices.temperature)


def subgroup_section(recipe: Recipe, measured: Measured) -> str:
    """Results by attribute."""
    return f"{_subgroup_words(recipe)}{subgroup_table(measured.results, measured.choices)}"
