"""The card of an outline model, written from the recipe's prose and what was measured. No number is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.bounded import dump_yaml
from core.evaluation.statistics.intervals import Estimate
from core.training.card.tables import interval, likeness_table, number, table
from core.training.card.writer import DISCLAIMER
from core.training.fit import State
from core.training.recipe.schema import SPLITS
from core.training.recipe.segmentation import OutlineRecipe
from core.training.tasks.mask_choices import OutlineChoices, log_loss
from core.training.tasks.mask_scores import OUTLINE_METRICS, OutlineResult, outline_subgroups, stored_counts

#: Decimals of the numbers in the front matter.
DIGITS = 5


@dataclass(frozen=True, eq=False)
class MeasuredOutline:
    """All that the card says in numbers.

    Attributes:
        choices: Thresholds and temperature.
        results: Validation first, then the held-out test split.
        counts: (split, label) to (pictures, patients) that show it; the label `""` for all.
        likeness: The card's `out_of_distribution`.
        sha256: File name to hash.
        bytes: File name to size.
        parameters: Weights of the model.
        max_difference: Largest difference of a probability between the Keras and the compiled model.
        state: How training went.
    """

    choices: OutlineChoices
    results: tuple[OutlineResult, ...]
    counts: Mapping[tuple[str, str], tuple[int, int]]
    likeness: Mapping[str, Any]
    sha256: Mapping[str, str]
    bytes: Mapping[str, int]
    parameters: int
    max_difference: float
    state: State


def metric_entry(name: str, label: str, estimate: Estimate) -> dict[str, Any]:
    """One metric of one label as it stands in the model-index."""
    value, low, high = (round(float(each), DIGITS) for each in (estimate.value, estimate.low, estimate.high))
    return {
        "type": name,
        "name": f"{OUTLINE_METRICS[name].title}: {label}",
        "label": label,
        "value": value,
        "low": low,
        "high": high,
        "n": estimate.n,
        "method": estimate.method,
    }


def _index(recipe: OutlineRecipe, measured: MeasuredOutline) -> list[dict[str, Any]]:
    entries = []
    for result in measured.results:
        dataset = {
            "type": recipe.data.name,
            "name": recipe.data.title,
            "split": result.split,
            "kind": "internal",
            "scores": result.file,
        }
        task = {"type": "image-segmentation", "name": recipe.title}
        metrics = [metric_entry(name, label, found) for (name, label), found in result.estimates.items()]
        entries.append({"task": task, "dataset": dataset, "metrics": metrics})
    return [{"name": recipe.slug, "results": entries}]


def front_matter(recipe: OutlineRecipe, measured: MeasuredOutline) -> dict[str, Any]:
    """The Hugging Face front matter with our `scanlens` key, ready for YAML."""
    card, choices = recipe.card, measured.choices
    contract: dict[str, Any] = {
        "title": recipe.title,
        "summary": recipe.summary,
        "task": "segmentation",
        "labels": list(recipe.labels),
        "inputs": [dict(recipe.input_entry)],
        "threshold": choices.thresholds[recipe.labels[1]] if recipe.units == 1 else None,
        "threshold_from": choices.source,
        "temperature": choices.temperature,
        "explain_layer": recipe.explain_layer,
        "training_modality": card["training_modality"],
        "non_commercial": bool(card.get("non_commercial", False)),
        "out_of_distribution": dict(measured.likeness),
        "recipe_sha256": recipe.sha256,
        "training": asdict(measured.state),
        "sha256": dict(measured.sha256),
    }
    if recipe.units > 1:
        contract["thresholds"] = dict(choices.thresholds)
    return {
        "license": card["license"],
        "library_name": "keras",
        "pipeline_tag": "image-segmentation",
        "datasets": list(card.get("datasets", [])),
        "tags": ["medical", "explainability", "segmentation", *card.get("tags", [])],
        "metrics": ["dice", "average_precision"],
        "model-index": _index(recipe, measured),
        "scanlens": contract,
    }


def _counts_table(recipe: OutlineRecipe, measured: MeasuredOutline) -> str:
    columns = {"all": "", **{f"with {label}": label for label in recipe.foreground}}
    rows = []
    for split in SPLITS:
        cells = [measured.counts[split, label] for label in columns.values()]
        rows.append([split, *[f"{pictures} of {patients} patients" for pictures, patients in cells]])
    return table(["split", *columns], rows)


def _training_section(recipe: OutlineRecipe, measured: MeasuredOutline) -> str:
    state, schedule, (rows, columns) = measured.state, recipe.schedule, recipe.input.size
    what = f"cut-outs of {schedule.cut} × {schedule.cut} pixels" if schedule.cut else "whole pictures"
    filters = ", ".join(str(count) for count in recipe.parameters.get("filters", ()))
    return (
        f"U-Net with {measured.parameters:,} weights and {filters} filters from the top level to the bottom; "
        f"{rows} × {columns} pixels. Trained from random weights on {what}, {schedule.batch} a step, "
        f"{100 * schedule.on_label:.0f} % of them drawn to show a label, each label as often as any other; "
        "loss: cross-entropy of the pixels plus 1 minus Dice. "
        f"{state.epoch} rounds of {schedule.steps} steps, of which round {state.best_epoch} was best on the "
        f"validation split ({state.best_score:.3f}, mean over the labels at the best threshold) and was kept; "
        f"{state.seconds / 60:.0f} minutes on one of two shared cores; seed {recipe.seed}. "
        f"{recipe.card['training'].strip()}\n"
    )


def results_tables(recipe: OutlineRecipe, result: OutlineResult) -> str:
    """A table of the metrics of pictures with the label, and one of those without, a column for each label."""
    parts = []
    for empties in (False, True):
        names = [
            name
            for name, metric in OUTLINE_METRICS.items()
            if metric.empties == empties and any((name, label) in result.estimates for label in recipe.foreground)
        ]
        labels = [label for label in recipe.foreground if any((name, label) in result.estimates for name in names)]
        if not names:
            continue
        digits = 4 if empties else 3
        rows = [
            [OUTLINE_METRICS[name].title, *[_cell(result.estimates.get((name, label)), digits) for label in labels]]
            for name in names
        ]
        heads = [f"{label} ({_shown(result, label, empties)})" for label in labels]
        parts.append(table(["pictures without it" if empties else "metric", *heads], rows))
    return "\n".join(parts)


def _cell(estimate: Estimate | None, digits: int) -> str:
    return "" if estimate is None else interval(estimate, digits)


def _shown(result: OutlineResult, label: str, empties: bool) -> str:
    rows = result.table[result.table["label"] == label]
    rows = rows[rows["true_empty"] == empties]
    return f"{len(rows)} pictures of {rows['patient'].nunique()} patients"


def _results_section(recipe: OutlineRecipe, measured: MeasuredOutline) -> str:
    test = measured.results[-1]
    return (
        f"{recipe.data.title}, test. Masks are taken at the stored thresholds and compared on the picture's own "
        "pixels. Intervals are 95 %, by patient (Wilson's for shares, else from 2000 resamples). A "
        "picture whose label is missed altogether counts with Dice 0; pictures without the label are counted apart.\n\n"
        f"{results_tables(recipe, test)}\n{recipe.card.get('results', '').strip()}\n"
    )


def _choices_section(choices: OutlineChoices) -> str:
    cut = ", ".join(f"{name} {value:.3g}" for name, value in choices.thresholds.items())
    return (
        f"A pixel is called from this probability on: {cut}. Temperature {choices.temperature:.4g}. {choices.source}.\n"
    )


def _calibration_section(recipe: OutlineRecipe, measured: MeasuredOutline) -> str:
    rows = []
    for result in measured.results:
        for label in recipe.foreground:
            counts = stored_counts(result.table[result.table["label"] == label])
            found = (log_loss(counts, step) for step in (1.0, measured.choices.temperature))
            rows.append([result.split, label, *[number(value, 5) for value in found]])
    said = (
        "Log loss of the pixels of each label against all others, from the stored counts. Nearly all pixels are easy "
        "background, so the number is small and says little about the border of a finding.\n\n"
    )
    return said + table(["split", "label", "before", "after"], rows)


def _subgroup_section(recipe: OutlineRecipe, measured: MeasuredOutline) -> str:
    rows = [
        [
            row["label"],
            row["group"],
            f"{row['pictures']} of {row['patients']} patients",
            interval(row["dice"]),
            interval(row["empty_called_empty"]),
        ]
        for row in outline_subgroups(measured.results[-1].table, recipe.foreground)
    ]
    if not rows:
        return "No attribute with enough pictures in a group was recorded.\n"
    return table(["label", "group", "pictures", "Dice where it is", "called empty where it is not"], rows)


def _size_section(measured: MeasuredOutline) -> str:
    files = ", ".join(f"`{name}` {size / 1e6:.2f} MB" for name, size in measured.bytes.items())
    hashes = table(["file", "sha256"], [(f"`{name}`", f"`{value}`") for name, value in measured.sha256.items()])
    return (
        f"{files}. Heatmaps need gradients in the Keras process. The compiled model's probabilities differ from "
        f"Keras' by at most {measured.max_difference:.1e}.\n\n{hashes}"
    )


def body(recipe: OutlineRecipe, measured: MeasuredOutline) -> str:
    """The card's text in Markdown."""
    card, likeness = recipe.card, measured.likeness
    sections = {
        "What it is for": card["for"],
        "What it is not for": card["not_for"],
        "Data": f"{card['data'].strip()}\n\n{_counts_table(recipe, measured)}",
        "Population": card["population"],
        "Training": _training_section(recipe, measured),
        "Results": _results_section(recipe, measured),
        "Threshold and temperature": _choices_section(measured.choices),
        "Calibration": _calibration_section(recipe, measured),
        "Results by subgroup": _subgroup_section(recipe, measured),
        "Failure modes": card["failure_modes"],
        "Pictures unlike its own": (
            f"{likeness['method'].capitalize()}; called unlike beyond {likeness['limit']} "
            f"({100 * likeness['called_unlike_on_own_test']:.1f} % of the own test split are). "
            f"{card.get('likeness', '').strip()}\n\n{likeness_table(likeness)}"
        ),
        "Size": _size_section(measured),
        "How it was made": f"`make models DATA=<data folder> ONLY={recipe.slug}`\n",
        "Licence and credit": card["credit"],
    }
    parts = [f"# {recipe.title}\n\n{recipe.summary} **{DISCLAIMER}**\n"]
    parts += [f"## {title}\n\n{text.strip()}\n" for title, text in sections.items()]
    return "\n".join(parts)


def card_text(recipe: OutlineRecipe, measured: MeasuredOutline) -> str:
    """The whole README.md."""
    matter = dump_yaml(front_matter(recipe, measured))
    return f"---\n{matter}---\n\n{body(recipe, measured)}"
