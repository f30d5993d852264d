"""The model card, written from the recipe's prose and what was measured. No number in it is typed by hand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
import yaml

from core.evaluation.calibration import sigmoid
from core.evaluation.intervals import Estimate
from core.evaluation.metrics import METRICS
from core.training.fit import State, class_weights
from core.training.measure import CALIBRATION_METRICS, metric_entries, subgroups
from core.training.recipe import SPLITS, Recipe, Source

DISCLAIMER = "For research and teaching only. Not a medical device; not for decisions about patients."


@dataclass(frozen=True, eq=False)
class Result:
    """Scores of one split and what they come to.

    Attributes:
        source: Where the pictures are from.
        split: val or test.
        table: One row a case.
        estimates: By name of the metric.
    """

    source: Source
    split: str
    table: pd.DataFrame
    estimates: Mapping[str, Estimate]

    @property
    def file(self) -> str:
        """Path of the scores within the bundle."""
        return f"evaluations/{self.source.name}--{self.split}.parquet"


@dataclass(frozen=True, eq=False)
class Measured:
    """All that the card says in numbers.

    Attributes:
        threshold: On the model's probability of `labels[1]`.
        temperature: Divides the logits.
        threshold_from: How and where both were chosen.
        results: Validation first, then the held-out test split, then other sets.
        counts: (split, label) to (pictures, patients) of the recipe's own data.
        likeness: The card's `out_of_distribution`.
        sha256: File name to hash.
        bytes: File name to size.
        parameters: Weights of the model.
        milliseconds: Median time of one picture through ONNX Runtime.
        max_difference: Largest difference of a probability between the Keras and the compiled model.
        affine: Whether Grad-CAM weights are constant.
        state: How training went.
        split_targets: Class indices of the training split.
    """

    threshold: float
    temperature: float
    threshold_from: str
    results: tuple[Result, ...]
    counts: Mapping[tuple[str, str], tuple[int, int]]
    likeness: Mapping[str, Any]
    sha256: Mapping[str, str]
    bytes: Mapping[str, int]
    parameters: int
    milliseconds: float
    max_difference: float
    affine: bool
    state: State
    split_targets: Any


def _index(recipe: Recipe, results: Iterable[Result]) -> list[dict[str, Any]]:
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
        entries.append({"task": task, "dataset": dataset, "metrics": metric_entries(dict(result.estimates))})
    return [{"name": recipe.slug, "results": entries}]


def front_matter(recipe: Recipe, measured: Measured) -> dict[str, Any]:
    """The Hugging Face front matter with our `scanlens` key, ready for YAML."""
    card = recipe.card
    contract = {
        "title": recipe.title,
        "summary": recipe.summary,
        "task": recipe.task,
        "labels": list(recipe.labels),
        "inputs": [dict(recipe.input_entry)],
        "threshold": measured.threshold,
        "threshold_from": measured.threshold_from,
        "temperature": measured.temperature,
        "explain_layer": recipe.explain_layer,
        "training_modality": card["training_modality"],
        "non_commercial": bool(card.get("non_commercial", False)),
        "out_of_distribution": dict(measured.likeness),
        "training": asdict(measured.state),
        "sha256": dict(measured.sha256),
    }
    return {
        "license": card["license"],
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "datasets": list(card.get("datasets", [])),
        "tags": ["medical", "explainability", *card.get("tags", [])],
        "metrics": ["roc_auc", "sensitivity", "specificity", "accuracy"],
        "model-index": _index(recipe, measured.results),
        "scanlens": contract,
    }


def number(value: float, digits: int = 3) -> str:
    """A number for people; NaN is said in words."""
    return "not defined" if math.isnan(value) else f"{value:.{digits}f}"


def interval(estimate: Estimate, digits: int = 3) -> str:
    """`0.981 (0.972 to 0.989)`, without brackets where there is no interval."""
    if math.isnan(estimate.low):
        return number(estimate.value, digits)
    return f"{estimate.value:.{digits}f} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    head = list(header)
    lines = [head, ["---"] * len(head), *[[str(cell) for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _people(frame: pd.DataFrame) -> str:
    return f"{len(frame)} pictures of {frame['patient'].nunique()} patients, {int(frame['y_true'].sum())} positive"


def _results_section(results: Iterable[Result]) -> str:
    shown = [result for result in results if result.split == "test"]
    header = ["metric", *[f"{result.source.title} ({_people(result.table)})" for result in shown]]
    names = list(shown[0].estimates)
    rows = [[METRICS[name].title, *[interval(result.estimates[name]) for result in shown]] for name in names]
    return table(header, rows)


def _calibration_section(results: Iterable[Result], temperature: float) -> str:
    rows = []
    for result in results:
        truth, logits = result.table["y_true"], result.table["logit"].to_numpy()
        for name in CALIBRATION_METRICS:
            before, after = (METRICS[name].function(truth, sigmoid(logits / t), 0.5) for t in (1.0, temperature))
            cells = (f"{result.source.title}, {result.split}", METRICS[name].title, number(before), number(after))
            rows.append(cells)
    return table(["set", "metric", "before", "after"], rows)


def _subgroup_section(results: Iterable[Result], threshold: float) -> str:
    rows = [
        (
            result.source.title,
            f"{row['attribute']}: {row['group']}",
            f"{row['n']} ({row['positives']})",
            *[interval(row[name]) for name in ("roc_auc", "sensitivity", "specificity")],
        )
        for result in results
        if result.split == "test"
        for row in subgroups(result.table, threshold)
    ]
    return table(["set", "group", "pictures (positive)", "AUC", "sensitivity", "specificity"], rows)


def _likeness_section(likeness: Mapping[str, Any]) -> str:
    rows = [
        (name, row["n"], number(row["roc_auc"]), f"{100 * row['called_unlike']:.0f} %", wish)
        for key, wish in (("by_set", "yes"), ("alike", "open"))
        for name, row in likeness[key].items()
    ]
    return table(["pictures", "number", "AUC against own test split", "called unlike", "should be"], rows)


def _counts_section(recipe: Recipe, measured: Measured) -> str:
    rows = []
    for split in SPLITS:
        cells = [measured.counts[split, label] for label in recipe.labels]
        rows.append([split, *[f"{pictures} of {patients} patients" for pictures, patients in cells]])
    return table(["split", *recipe.labels], rows)


def _training_section(recipe: Recipe, measured: Measured) -> str:
    state = measured.state
    weights = class_weights(measured.split_targets, len(recipe.labels), recipe.schedule.class_weights)
    best = {"auc": "highest AUC", "log_loss": "lowest log loss"}[recipe.schedule.monitor]
    said = ", ".join(f"{label} {weight:.2f}" for label, weight in zip(recipe.labels, weights, strict=True))
    return (
        f"Architecture `{recipe.architecture}` with {measured.parameters:,} weights, "
        f"{recipe.input.size[0]} × {recipe.input.size[1]} pixels. {state.epoch} epochs, of which epoch "
        f"{state.best_epoch} had the {best} on the validation split ({abs(state.best_score):.4f}) and was kept; "
        f"{state.seconds / 60:.0f} minutes on two shared cores; seed {recipe.seed}. "
        f"Class imbalance: each picture was weighted by its class ({said}). {recipe.card['training'].strip()}\n"
    )


def _size_section(measured: Measured) -> str:
    files = ", ".join(f"`{name}` {size / 1e6:.2f} MB" for name, size in measured.bytes.items())
    exact = (
        "exact, by constant weights (the head is affine)" if measured.affine else "by gradients in the Keras process"
    )
    hashes = table(["file", "sha256"], [(f"`{name}`", f"`{value}`") for name, value in measured.sha256.items()])
    return (
        f"{files}. One picture takes {measured.milliseconds:.1f} ms in ONNX Runtime on one core of the machine that "
        f"wrote this card. Grad-CAM is {exact}. The compiled model's probabilities differ from Keras' by at most "
        f"{measured.max_difference:.1e}.\n\n{hashes}"
    )


def body(recipe: Recipe, measured: Measured) -> str:
    """The card's text in Markdown."""
    card = recipe.card
    sections = {
        "What it is for": card["for"],
        "What it is not for": card["not_for"],
        "Data": f"{card['data'].strip()}\n\n{_counts_section(recipe, measured)}",
        "Population": card["population"],
        "Training": _training_section(recipe, measured),
        "Results": (
            f"Intervals are 95 %, {measured.results[0].estimates['roc_auc'].method}. Sensitivity, specificity and the "
            "like hold at the stored threshold.\n\n"
            f"{_results_section(measured.results)}\n{card.get('results', '').strip()}\n"
        ),
        "Threshold and temperature": (
            f"Threshold {measured.threshold:.4g} on the model's probability, temperature {measured.temperature:.4g}. "
            f"{measured.threshold_from}.\n"
        ),
        "Calibration": _calibration_section(measured.results, measured.temperature),
        "Results by subgroup": (
            "A group with cases of one class only is compared with all cases of the other class of its set.\n\n"
            f"{_subgroup_section(measured.results, measured.threshold)}"
        ),
        "Failure modes": card["failure_modes"],
        "Pictures unlike its own": (
            f"{measured.likeness['method'].capitalize()}; called unlike beyond {measured.likeness['limit']} "
            f"({100 * measured.likeness['called_unlike_on_own_test']:.1f} % of the own test split are). "
            f"{card.get('likeness', '').strip()}\n\n{_likeness_section(measured.likeness)}"
        ),
        "Size and speed": _size_section(measured),
        "How it was made": f"`make models DATA=<data folder> ONLY={recipe.slug}`\n",
        "Licence and credit": card["credit"],
    }
    parts = [f"# {recipe.title}\n\n{recipe.summary} **{DISCLAIMER}**\n"]
    parts += [f"## {title}\n\n{text.strip()}\n" for title, text in sections.items()]
    return "\n".join(parts)


def card_text(recipe: Recipe, measured: Measured) -> str:
    """The whole README.md."""
    matter = yaml.safe_dump(front_matter(recipe, measured), sort_keys=False, allow_unicode=True, width=110)
    return f"---\n{matter}---\n\n{body(recipe, measured)}"
