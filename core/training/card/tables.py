"""The tables of a model card in Markdown, made from results."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.evaluation.metrics.multiclass import confusion_matrix
from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.case_scores import OF_LABEL
from core.evaluation.statistics.intervals import Estimate
from core.training.recipe.sources import Source
from core.training.tasks.case_scores import CALIBRATION_METRICS, SUBGROUP_METRICS, label_metrics, subgroups
from core.training.tasks.results import AT, Choices, Result

#: Splits whose cases took no part in the training that is measured on them.
TESTED = ("test", "cross-validation")

#: Shorter than the titles of `METRICS`, for the heads of wide tables.
SHORT = {"roc_auc": "AUC", "average_precision": "average precision", "ppv": "PPV", "npv": "NPV"}


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


def _n_patients(result: Result) -> str:
    frame = result.table
    text = f"{len(frame)} {result.source.noun} of {frame['patient'].nunique()} patients"
    return f"{text}, {int(frame['y_true'].sum())} positive" if result.classes.task == "binary" else text


def tested(results: Iterable[Result]) -> list[Result]:
    """Those whose numbers are shown as results: validation chose too much."""
    return [result for result in results if result.split in TESTED]


def results_table(results: Iterable[Result]) -> str:
    """Metrics of the whole answer, a column for each test set."""
    shown = tested(results)
    header = ["metric", *[f"{result.source.title} ({_n_patients(result)})" for result in shown]]
    names = [name for name in shown[0].estimates if AT not in name]
    rows = [[METRICS[name].title, *[interval(result.estimates[name]) for result in shown]] for name in names]
    return table(header, rows)


def label_tables(results: Iterable[Result]) -> str:
    """For each test set: every class, finding or derived question against the rest, with counts."""
    parts = []
    for result in tested(results):
        scores = result.classes
        kind = "finding" if scores.task == "multilabel" else "class"
        parts += [f"{result.source.title}, by {kind}:\n", _label_table(result, scores.labels, kind)]
        if scores.derived:
            parts.append(_label_table(result, tuple(scores.derived), "derived question"))
    return "\n".join(parts)


def _label_table(result: Result, labels: Sequence[str], kind: str) -> str:
    names = label_metrics(result.classes, labels[0])
    rows = []
    for label in labels:
        positive = result.classes.of_label(label)[0]
        cells = [interval(result.estimates[f"{OF_LABEL}{name}{AT}{label}"]) for name in names]
        rows.append([label, f"{int(positive.sum())} of {len(positive)}", *cells])
    return table([kind, "present", *[SHORT.get(name, name) for name in names]], rows)


def confusion_tables(results: Iterable[Result]) -> str:
    """For each test set how often each class was called what."""
    parts = []
    for result in tested(results):
        matrix = confusion_matrix(result.classes.y_true, result.classes.y_score())
        rows = [[label, *row] for label, row in zip(result.classes.labels, matrix.tolist(), strict=True)]
        head = ["true class", *[f"predicted {label}" for label in result.classes.labels]]
        parts += [f"{result.source.title}, {result.source.noun}:\n", table(head, rows)]
    return "\n".join(parts)


def calibration_table(results: Iterable[Result], temperature: float) -> str:
    """Metrics of probabilities before and after calibration."""
    rows = []
    for result in results:
        truth = result.classes.y_true
        for name in CALIBRATION_METRICS[result.classes.task]:
            found = (METRICS[name].function(truth, result.classes.y_score(t), 0.5) for t in (1.0, temperature))
            before, after = (number(value) for value in found)
            rows.append((f"{result.source.title}, {result.split}", METRICS[name].title, before, after))
    return table(["set", "metric", "before", "after"], rows)


def subgroup_table(results: Iterable[Result], choices: Choices) -> str:
    """Results by attribute."""
    shown = tested(results)
    task = shown[0].classes.task
    names = SUBGROUP_METRICS[task]
    rows = [
        (
            result.source.title,
            row["group"],
            f"{row['n']} ({row['positives']})" if task == "binary" else row["n"],
            *[interval(row[name]) for name in names],
        )
        for result in shown
        for row in subgroups(result.table, result.classes, choices.threshold, combined(result))
    ]
    if not rows:
        return f"No attribute with enough {shown[0].source.noun} in a group was recorded.\n"
    images = f"{shown[0].source.noun} (positive)" if task == "binary" else shown[0].source.noun
    titles = [SHORT.get(name, name) if task == "binary" else METRICS[name].title for name in names]
    return table(["set", "group", images, *titles], rows)


def combined(result: Result) -> Sequence[Mapping[str, str]]:
    """Subgroups that the recipe asks for by several attributes together."""
    return result.source.combined if isinstance(result.source, Source) else ()


def ood_table(likeness: Mapping[str, Any]) -> str:
    """How other images were told from the model's own."""
    rows = [
        (name, row["n"], number(row["roc_auc"]), f"{100 * row['called_unlike']:.0f} %", wish)
        for key, wish in (("by_set", "yes"), ("alike", "open"))
        for name, row in likeness[key].items()
    ]
    return table(["images", "number", "AUC against own test split", "called unlike", "should be"], rows)
