"""What cards say of answers that are masks."""

from __future__ import annotations

from typing import Any

from core.evaluation.metrics.pixel_counts import pixel_log_loss
from core.evaluation.statistics.intervals import Estimate
from core.training.card.tables import interval, number, table
from core.training.checkpoints import State
from core.training.recipe.schema import Recipe
from core.training.tasks.mask_scores import MASK_METRICS, mask_subgroups, stored_counts
from core.training.tasks.results import AT, Choices, Measured, Result

#: Decimals of the numbers in the front matter.
DIGITS = 5

#: The hub's name of the task, and tags of its own.
PIPELINE, TAGS = "image-segmentation", ("segmentation",)


def hub_metrics(recipe: Recipe) -> tuple[str, ...]:  # noqa: ARG001
    """What the front matter names, as the Hugging Face hub lists it."""
    return ("dice", "average_precision")


def entries(result: Result) -> list[dict[str, Any]]:
    """The metrics of a result for the model-index, each of one label."""
    return [_entry(*key.partition(AT)[::2], estimate) for key, estimate in result.estimates.items()]


def _entry(name: str, label: str, estimate: Estimate) -> dict[str, Any]:
    value, low, high = (round(float(each), DIGITS) for each in (estimate.value, estimate.low, estimate.high))
    return {
        "type": name,
        "name": f"{MASK_METRICS[name].title}: {label}",
        "label": label,
        "value": value,
        "low": low,
        "high": high,
        "n": estimate.n,
        "method": estimate.method,
    }


def count_columns(recipe: Recipe) -> dict[str, str]:
    """Columns of the table of counts to the label that is counted, `""` for all."""
    return {"all": "", **{f"with {label}": label for label in recipe.foreground}}


def training_section(recipe: Recipe, measured: Measured, state: State, parameters: int) -> str:  # noqa: ARG001
    """How it was trained."""
    schedule, (rows, columns) = recipe.schedule, recipe.input.size
    side = schedule.patch_size
    what = f"patches of {side} × {side} pixels" if side else "whole images"
    filters = ", ".join(str(count) for count in recipe.architecture.parameters.get("filters", ()))
    return (
        f"U-Net with {parameters:,} weights and {filters} filters from the top level to the bottom; "
        f"{rows} × {columns} pixels. Trained from random weights on {what}, {schedule.batch} a step, "
        f"{100 * schedule.foreground_fraction:.0f} % of them drawn to show a label, each label as often as any other; "
        "loss: cross-entropy of the pixels plus 1 minus Dice. "
        f"{state.epoch} epochs of {schedule.steps_per_epoch} steps, of which epoch {state.best_epoch} was best on the "
        f"validation split ({state.best_score:.3f}, mean over the labels at the best threshold) and was kept; "
        f"{state.seconds / 60:.0f} minutes on one of two shared cores; seed {recipe.seed}. "
        f"{recipe.card.training.strip()}\n"
    )


def results_tables(recipe: Recipe, result: Result) -> str:
    """A table of the metrics of images with the label, and one of those without, a column for each label."""
    parts = []
    for empties in (False, True):
        names = [
            name
            for name, metric in MASK_METRICS.items()
            if metric.empties == empties and _labels(result, [name], recipe)
        ]
        labels = [
            label for label in recipe.foreground if any(f"{name}{AT}{label}" in result.estimates for name in names)
        ]
        if not names:
            continue
        digits = 4 if empties else 3
        rows = [
            [MASK_METRICS[name].title, *[_cell(result.estimates.get(f"{name}{AT}{label}"), digits) for label in labels]]
            for name in names
        ]
        heads = [f"{label} ({_shown(result, label, empties)})" for label in labels]
        parts.append(table(["images without it" if empties else "metric", *heads], rows))
    return "\n".join(parts)


def _labels(result: Result, names: list[str], recipe: Recipe) -> list[str]:
    """The labels that have one of these metrics."""
    found = result.estimates
    return [label for label in recipe.foreground if any(f"{name}{AT}{label}" in found for name in names)]


def _cell(estimate: Estimate | None, digits: int) -> str:
    return "" if estimate is None else interval(estimate, digits)


def _shown(result: Result, label: str, empties: bool) -> str:
    rows = result.table[result.table["label"] == label]
    rows = rows[rows["true_empty"] == empties]
    return f"{len(rows)} images of {rows['patient'].nunique()} patients"


def results_section(recipe: Recipe, measured: Measured) -> str:
    """Metrics of the test split."""
    test = measured.results[-1]
    return (
        f"{recipe.data.title}, test. Masks are taken at the stored thresholds and compared on the image's own "
        "pixels. Intervals are 95 %, by patient (Wilson's for shares, else from 2000 resamples). A "
        "image whose label is missed altogether counts with Dice 0; images without the label are counted apart.\n\n"
        f"{results_tables(recipe, test)}\n{recipe.card.results.strip()}\n"
    )


def choices_section(recipe: Recipe, choices: Choices) -> str:
    """What the validation split chose."""
    said = ", ".join(f"{name} {choices.of(name):.3g}" for name in recipe.foreground)
    return (
        f"A pixel is in the mask from this probability on: {said}. Temperature {choices.temperature:.4g}. "
        f"{choices.source}.\n"
    )


def calibration_section(recipe: Recipe, measured: Measured) -> str:
    """Log loss of pixels before and after calibration."""
    rows = []
    for result in measured.results:
        for label in recipe.foreground:
            counts = stored_counts(result.table[result.table["label"] == label])
            found = (pixel_log_loss(counts, step) for step in (1.0, measured.choices.temperature))
            rows.append([result.split, label, *[number(value, 5) for value in found]])
    said = (
        "Log loss of the pixels of each label against all others, from the stored counts. Nearly all pixels are easy "
        "background, so the number is small and says little about the border of a finding.\n\n"
    )
    return said + table(["split", "label", "before", "after"], rows)


def subgroup_section(recipe: Recipe, measured: Measured) -> str:
    """Results by attribute."""
    rows = [
        [
            row["label"],
            row["group"],
            f"{row['pictures']} of {row['patients']} patients",
            interval(row["dice"]),
            interval(row["empty_called_empty"]),
        ]
        for row in mask_subgroups(measured.results[-1].table, recipe.foreground)
    ]
    if not rows:
        return "No attribute with enough images in a group was recorded.\n"
    return table(["label", "group", "images", "Dice where it is", "empty where it is not"], rows)


def further_sections(recipe: Recipe, measured: Measured) -> dict[str, str]:  # noqa: ARG001
    """None beyond those of every card."""
    return {}
