"""The model card, written from the recipe's prose and what was measured. No number in it is typed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from core.bounded import dump_yaml
from core.training.card.heatmaps import heatmap_section
from core.training.card.localisation import Localised
from core.training.card.tables import (
    calibration_table,
    confusion_tables,
    label_tables,
    likeness_table,
    results_table,
    subgroup_table,
    table,
)
from core.training.fit import State
from core.training.losses import class_weights, label_weights
from core.training.recipe.schema import SPLITS, Recipe
from core.training.recipe.study import StudyRecipe
from core.training.tasks.case_scores import CARD_METRICS, Result, metric_entries
from core.training.tasks.choices import Choices

AnyRecipe = Recipe | StudyRecipe

#: What the front matter names, as the Hugging Face hub lists it.
HUB_METRICS = {
    "binary": ("roc_auc", "sensitivity", "specificity", "accuracy"),
    "multiclass": ("roc_auc_macro", "accuracy_multiclass", "kappa"),
    "ordinal": ("kappa_quadratic", "roc_auc_macro", "accuracy_multiclass"),
    "multilabel": ("roc_auc_labels", "average_precision_labels"),
}

DISCLAIMER = "For research and teaching only. Not a medical device; not for decisions about patients."


@dataclass(frozen=True, eq=False)
class Measured:
    """All that the card says in numbers.

    Attributes:
        choices: Thresholds and temperature.
        results: Validation first, then the held-out test split, then other sets.
        counts: (split, label) to (pictures, patients) of the recipe's own data; the label `""` for all.
        likeness: The card's `out_of_distribution`.
        sha256: File name to hash.
        bytes: File name to size.
        parameters: Weights of the model.
        max_difference: Largest difference of a probability between the Keras and the compiled model.
        affine: Whether Grad-CAM weights are constant.
        state: How training went.
        split_targets: (cases,) class indices, or (cases, labels) of 0 and 1, of the training split.
        localised: Heatmaps against marked regions.
        audit: The section on look-alikes and shortcuts, `""` for none.
        sections: Title to text of further sections, after the subgroups.
        contract: Further keys of the card's contract.
    """

    choices: Choices
    results: tuple[Result, ...]
    counts: Mapping[tuple[str, str], tuple[int, int]]
    likeness: Mapping[str, Any]
    sha256: Mapping[str, str]
    bytes: Mapping[str, int]
    parameters: int
    max_difference: float
    affine: bool
    state: State
    split_targets: Any
    localised: tuple[Localised, ...] = ()
    audit: str = ""
    sections: Mapping[str, str] = field(default_factory=dict)
    contract: Mapping[str, Any] = field(default_factory=dict)


def _index(recipe: AnyRecipe, results: Iterable[Result]) -> list[dict[str, Any]]:
    entries = []
    for result in results:
        dataset = {
            "type": result.source.name,
            "name": result.source.title,
            "split": result.split,
            "kind": result.source.kind,
            "scores": result.file,
        }
        task = {"type": "image-classification", "name": recipe.title}
        entries.append({"task": task, "dataset": dataset, "metrics": metric_entries(result.estimates, result.scores)})
    return [{"name": recipe.slug, "results": entries}]


def front_matter(recipe: AnyRecipe, measured: Measured) -> dict[str, Any]:
    """The Hugging Face front matter with our `scanlens` key, ready for YAML."""
    card = recipe.card
    contract = {
        "title": recipe.title,
        "summary": recipe.summary,
        "task": recipe.task,
        "labels": list(recipe.labels),
        "inputs": [dict(entry) for entry in recipe.input_entries],
        "threshold": measured.choices.threshold,
        "threshold_from": measured.choices.source,
        "temperature": measured.choices.temperature,
        "explain_layer": recipe.explain_layer,
        "training_modality": card["training_modality"],
        "non_commercial": bool(card.get("non_commercial", False)),
        "out_of_distribution": dict(measured.likeness),
        "training": asdict(measured.state),
        "sha256": dict(measured.sha256),
        **measured.contract,
    }
    if measured.choices.thresholds:
        contract["thresholds"] = dict(measured.choices.thresholds)
    if measured.localised:
        contract["localisation"] = [each.entry() for each in measured.localised]
    if recipe.derived:
        contract["derived"] = {"name": recipe.derived["name"], "labels": list(recipe.derived["labels"])}
    return {
        "license": card["license"],
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "datasets": list(card.get("datasets", [])),
        "tags": ["medical", "explainability", *card.get("tags", [])],
        "metrics": list(HUB_METRICS[recipe.task]),
        "model-index": _index(recipe, measured.results),
        "scanlens": contract,
    }


def _counts_section(recipe: AnyRecipe, measured: Measured) -> str:
    rows = []
    columns = {label: label for label in recipe.labels}
    if recipe.task == "multilabel":  # whose findings do not add up to all pictures
        columns = {"all": "", **columns}
    for split in SPLITS:
        cells = [measured.counts[split, label] for label in columns.values()]
        rows.append([split, *[f"{cases} of {patients} patients" for cases, patients in cells]])
    return table(["split", *columns], rows)


def _weights_words(recipe: AnyRecipe, targets: Any) -> str:
    if not recipe.schedule.class_weights:
        return "rare ones count as they come, without weights"
    if recipe.task == "multilabel":
        weights = label_weights(targets, recipe.schedule.class_weights)[:, 1]
        said = ", ".join(f"{label} {weight:.2f}" for label, weight in zip(recipe.labels, weights, strict=True))
        return f"for each finding, pictures with it weighed as much in sum as those without (one with it: {said})"
    weights = class_weights(targets, len(recipe.labels), recipe.schedule.class_weights)
    said = ", ".join(f"{label} {weight:.2f}" for label, weight in zip(recipe.labels, weights, strict=True))
    return f"each case was weighted by its class ({said})"


def _input_words(recipe: AnyRecipe) -> str:
    """What goes in, by size."""
    words = []
    for spec in recipe.inputs:
        if spec.is_picture:
            size = f"{spec.size[0]} × {spec.size[1]} pixels"
            size = f"{spec.frames} frames of {size}" if spec.frames > 1 else size
            words.append(f"{spec.title}: {size}" if len(recipe.inputs) > 1 else size)
        else:
            words.append(", ".join(feature.title.lower() for feature in spec.features))
    return "; ".join(words)


def _kept_words(recipe: AnyRecipe, state: State) -> str:
    """Which weights were kept."""
    best = {"auc": "highest AUC", "log_loss": "lowest log loss", "kappa_quadratic": "highest quadratic kappa"}[
        recipe.schedule.monitor
    ]
    if isinstance(recipe, StudyRecipe) and recipe.keep == "last":
        mean = "a running mean of the weights" if recipe.average else "the weights"
        return f"fixed beforehand, after which {mean} was kept: too few cases validate to choose an epoch by"
    return (
        f"of which epoch {state.best_epoch} had the {best} on the validation split ({abs(state.best_score):.4f}) and "
        "was kept"
    )


def _training_section(recipe: AnyRecipe, measured: Measured) -> str:
    state = measured.state
    ordered = ""
    if recipe.task == "ordinal" and recipe.schedule.neighbours:
        ordered = (
            "The grades are learned by a softmax with an affine head; their order is in the targets, which give a "
            f"share to the grades beside the true one (a Gaussian, {recipe.schedule.neighbours:g} grades wide). "
        )
    elif recipe.task == "ordinal":
        ordered = (
            "The grades are learned as classes, by a softmax with an affine head; their order is not built in and "
            "counts only where agreement is measured. "
        )
    return (
        f"Architecture `{recipe.architecture}` with {measured.parameters:,} weights, "
        f"{_input_words(recipe)}. {state.epoch} epochs, {_kept_words(recipe, state)}; "
        f"{state.seconds / 60:.0f} minutes on two shared cores; seed {recipe.seed}. "
        f"Class imbalance: {_weights_words(recipe, measured.split_targets)}. {ordered}"
        f"{recipe.card['training'].strip()}\n"
    )


def _results_section(recipe: AnyRecipe, measured: Measured) -> str:
    main = CARD_METRICS[recipe.task][0]
    rule = {
        "binary": "Sensitivity, specificity and the like hold at the stored threshold.",
        "multilabel": "Sensitivity and specificity hold at the stored threshold of each finding.",
    }.get(recipe.task, "The decision is the class with the largest probability.")
    parts = [
        f"Intervals are 95 %, {measured.results[0].estimates[main].method}. {rule}\n\n"
        f"{results_table(measured.results)}\n{recipe.card.get('results', '').strip()}\n"
    ]
    if recipe.task != "binary":
        parts.append(label_tables(measured.results))
    if recipe.derived:
        members = ", ".join(recipe.derived["labels"])
        parts.append(
            f"{recipe.derived['name']} means {members}; its probability is the sum of theirs, with a threshold of its "
            "own.\n"
        )
    if recipe.task in {"multiclass", "ordinal"}:
        parts.append(confusion_tables(measured.results))
    return "\n".join(parts)


def _choices_section(recipe: AnyRecipe, choices: Choices) -> str:
    if choices.threshold is not None:
        return (
            f"Threshold {choices.threshold:.4g} on the model's probability, temperature {choices.temperature:.4g}. "
            f"{choices.source}.\n"
        )
    words = "No threshold for the classes: the one with the largest probability is the answer. "
    if recipe.task == "multilabel":
        words = ""
    cut = ", ".join(f"{name} {value:.4g}" for name, value in choices.thresholds.items())
    cut = f"Thresholds on the model's probability: {cut}. " if cut else ""
    return f"{words}{cut}Temperature {choices.temperature:.4g}. {choices.source}.\n"


def _size_section(measured: Measured) -> str:
    files = ", ".join(f"`{name}` {size / 1e6:.2f} MB" for name, size in measured.bytes.items())
    exact = (
        "exact, by constant weights (the head is affine)" if measured.affine else "by gradients in the Keras process"
    )
    hashes = table(["file", "sha256"], [(f"`{name}`", f"`{value}`") for name, value in measured.sha256.items()])
    return (
        f"{files}. Grad-CAM is {exact}. The compiled model's probabilities differ from Keras' by at most "
        f"{measured.max_difference:.1e}.\n\n{hashes}"
    )


def _subgroup_words(recipe: AnyRecipe) -> str:
    if recipe.task == "binary":
        return "A group with cases of one class only is compared with all cases of the other class of its set.\n\n"
    return "What needs every class is not defined in a group that lacks one.\n\n"


def _heatmap_sections(recipe: AnyRecipe, measured: Measured) -> dict[str, str]:
    prose = recipe.card.get("heatmaps", {})
    return {
        f"Heatmaps against {each.truth.title}": heatmap_section(each.entry(), prose.get(each.truth.name, ""))
        for each in measured.localised
    }


def _likeness_section(recipe: AnyRecipe, likeness: Mapping[str, Any]) -> str:
    prose = recipe.card.get("likeness", "").strip()
    if not likeness:
        return f"Nothing tells them: the model has no pictures, or none whose features it keeps. {prose}\n"
    return (
        f"{likeness['method'].capitalize()}; called unlike beyond {likeness['limit']} "
        f"({100 * likeness['called_unlike_on_own_test']:.1f} % of the own test split are). "
        f"{prose}\n\n{likeness_table(likeness)}"
    )


def body(recipe: AnyRecipe, measured: Measured) -> str:
    """The card's text in Markdown."""
    card = recipe.card
    sections = {
        "What it is for": card["for"],
        "What it is not for": card["not_for"],
        "Data": f"{card['data'].strip()}\n\n{_counts_section(recipe, measured)}",
        "Population": card["population"],
        "Training": _training_section(recipe, measured),
        "Results": _results_section(recipe, measured),
        "Threshold and temperature": _choices_section(recipe, measured.choices),
        "Calibration": calibration_table(measured.results, measured.choices.temperature),
        "Results by subgroup": f"{_subgroup_words(recipe)}{subgroup_table(measured.results, measured.choices)}",
        **measured.sections,
        **({"Look-alikes and shortcuts": measured.audit} if measured.audit else {}),
        **_heatmap_sections(recipe, measured),
        "Failure modes": card["failure_modes"],
        "Pictures unlike its own": _likeness_section(recipe, measured.likeness),
        "Size": _size_section(measured),
        "How it was made": f"`make models DATA=<data folder> ONLY={recipe.slug}`\n",
        "Licence and credit": card["credit"],
    }
    parts = [f"# {recipe.title}\n\n{recipe.summary} **{DISCLAIMER}**\n"]
    parts += [f"## {title}\n\n{text.strip()}\n" for title, text in sections.items()]
    return "\n".join(parts)


def card_text(recipe: AnyRecipe, measured: Measured) -> str:
    """The whole README.md."""
    matter = dump_yaml(front_matter(recipe, measured))
    return f"---\n{matter}---\n\n{body(recipe, measured)}"
