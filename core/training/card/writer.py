"""The model card, written from the recipe's prose and what was measured. No number in it is typed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

from core.bounded import dump_yaml
from core.training.card import classes, masks
from core.training.card.tables import ood_table, table
from core.training.checkpoints import State
from core.training.recipe.schema import SPLITS, Recipe
from core.training.tasks.results import Measured, Result

DISCLAIMER = "For research and teaching only. Not a medical device; not for decisions about patients."


@dataclass(frozen=True, eq=False)
class Facts:
    """What is known of a model without measuring it on cases.

    Attributes:
        state: How training went.
        sha256: File name to hash.
        bytes: File name to size.
        parameters: Weights of the model.
        max_difference: Largest difference of a probability between the Keras and the compiled model.
        affine: Whether Grad-CAM weights are constant.
    """

    state: State
    sha256: Mapping[str, str]
    bytes: Mapping[str, int]
    parameters: int
    max_difference: float
    affine: bool


def _of_task(recipe: Recipe) -> ModuleType:
    """What depends on the kind of answer: both modules have the same functions."""
    return masks if recipe.task == "segmentation" else classes


def _index(recipe: Recipe, results: Iterable[Result]) -> list[dict[str, Any]]:
    parts, entries = _of_task(recipe), []
    for result in results:
        dataset = {
            "type": result.source.name,
            "name": result.source.title,
            "split": result.split,
            "kind": result.kind,
            "scores": result.file,
        }
        task = {"type": parts.PIPELINE, "name": recipe.title}
        entries.append({"task": task, "dataset": dataset, "metrics": parts.entries(result)})
    return [{"name": recipe.slug, "results": entries}]


def front_matter(recipe: Recipe, measured: Measured, facts: Facts) -> dict[str, Any]:
    """The Hugging Face front matter with our `scanlens` key, ready for YAML."""
    card, choices, parts = recipe.card, measured.choices, _of_task(recipe)
    contract: dict[str, Any] = {
        "title": recipe.title,
        "summary": recipe.summary,
        "task": recipe.task,
        "labels": list(recipe.labels),
        "inputs": [dict(entry) for entry in recipe.input_entries],
        "threshold": choices.threshold,
        "threshold_from": choices.source,
        "temperature": choices.temperature,
        "explain_layer": recipe.explain_layer,
        "training_modality": card.training_modality,
        **({"kinds": list(recipe.kinds)} if recipe.kinds else {}),
        "non_commercial": card.non_commercial,
        "out_of_distribution": dict(measured.ood),
        "training": asdict(facts.state),
        "sha256": dict(facts.sha256),
        **measured.contract,
    }
    if choices.thresholds:
        contract["thresholds"] = dict(choices.thresholds)
    if measured.localised:
        contract["localisation"] = [dict(entry) for entry in measured.localised]
    if recipe.derived:
        contract["derived"] = {"name": recipe.derived.name, "labels": list(recipe.derived.labels)}
    names = {"license_name": card.license_name, "license_link": card.license_link}
    return {
        "license": card.license,
        **{key: text for key, text in names.items() if text},
        "library_name": "keras",
        "pipeline_tag": parts.PIPELINE,
        "datasets": list(card.datasets),
        "tags": ["medical", "explainability", *parts.TAGS, *card.tags],
        "metrics": list(parts.hub_metrics(recipe)),
        "model-index": _index(recipe, measured.results),
        "scanlens": contract,
    }


def _counts_section(recipe: Recipe, measured: Measured) -> str:
    columns, rows = _of_task(recipe).count_columns(recipe), []
    for split in SPLITS:
        cells = [measured.counts[split, label] for label in columns.values()]
        rows.append([split, *[f"{cases} of {patients} patients" for cases, patients in cells]])
    return table(["split", *columns], rows)


def _size_section(facts: Facts) -> str:
    files = ", ".join(f"`{name}` {size / 1e6:.2f} MB" for name, size in facts.bytes.items())
    exact = "exact, by constant weights (the head is affine)" if facts.affine else "by gradients in the Keras process"
    hashes = table(["file", "sha256"], [(f"`{name}`", f"`{value}`") for name, value in facts.sha256.items()])
    return (
        f"{files}. Grad-CAM is {exact}. The compiled model's probabilities differ from Keras' by at most "
        f"{facts.max_difference:.1e}.\n\n{hashes}"
    )


def _ood_section(recipe: Recipe, ood: Mapping[str, Any]) -> str:
    prose = recipe.card.ood.strip()
    if not ood:
        return f"Nothing tells them: the model has no images, or none whose features it keeps. {prose}\n"
    return (
        f"{ood['method'].capitalize()}; out of distribution beyond {ood['limit']} "
        f"({100 * ood['called_unlike_on_own_test']:.1f} % of the own test split are). "
        f"{prose}\n\n{ood_table(ood)}"
    )


def body(recipe: Recipe, measured: Measured, facts: Facts) -> str:
    """The card's text in Markdown."""
    card, parts = recipe.card, _of_task(recipe)
    sections = {
        "What it is for": card.for_,
        "What it is not for": card.not_for,
        "Data": f"{card.data.strip()}\n\n{_counts_section(recipe, measured)}",
        "Population": card.population,
        "Training": parts.training_section(recipe, measured, facts.state, facts.parameters),
        "Results": parts.results_section(recipe, measured),
        "Threshold and temperature": parts.choices_section(recipe, measured.choices),
        "Calibration": parts.calibration_section(recipe, measured),
        "Results by subgroup": parts.subgroup_section(recipe, measured),
        **measured.sections,
        **({"Near-duplicates and shortcuts": measured.audit} if measured.audit else {}),
        **parts.further_sections(recipe, measured),
        "Failure modes": card.failure_modes,
        "Out-of-distribution images": _ood_section(recipe, measured.ood),
        "Size": _size_section(facts),
        "How it was made": f"`make models DATA=<data folder> ONLY={recipe.slug}`\n",
        "Licence and credit": card.credit,
    }
    text = [f"# {recipe.title}\n\n{recipe.summary} **{DISCLAIMER}**\n"]
    text += [f"## {title}\n\n{words.strip()}\n" for title, words in sections.items()]
    return "\n".join(text)


def card_text(recipe: Recipe, measured: Measured, facts: Facts) -> str:
    """The whole README.md."""
    matter = dump_yaml(front_matter(recipe, measured, facts))
    return f"---\n{matter}---\n\n{body(recipe, measured, facts)}"
