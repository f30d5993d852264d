"""What a comparison rests on and how it was computed: hashes, versions, splits, seeds, thresholds, methods in words."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from core.evaluation.comparison.matrix import model_key
from core.evaluation.results.evaluation import Evaluation
from core.report.comparison import BAND_RESAMPLES, RESAMPLES, Comparison
from core.version import VERSION

_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "plotly", "onnxruntime")

#: Conventions in which programs differ, by metric; a reader who computes anew must know them.
CONVENTIONS: dict[str, str] = {
    "average_precision": "Average precision is the sum over steps of the curve, without interpolation.",
    "brier": "The Brier score is the mean squared distance between the finding's probability and truth, from 0 to 1.",
    "brier_multiclass": "The Brier score is summed over the classes, from 0 to 2.",
    "ece": "The calibration error (ECE) is that of the positive class, in ten bins of equal width.",
    "ece_top_label": "The calibration error (ECE) is that of the top label, in ten bins of equal width.",
    "ece_top_label_binary": "The calibration error (ECE) is that of the top label, in ten bins of equal width.",
}

LIMITS = (
    "Undefined values are called so and never counted as 0. Thresholds and temperatures come from each model's own "
    "validation data and were not chosen here. For research and teaching only, never for diagnosis."
)


def methods(comparison: Comparison) -> list[str]:
    """How the numbers were computed, a sentence each."""
    table = comparison.table
    intervals = sorted({_without_counts(cell.estimate.method) for cell in table.cells.values()} - {""})
    tests = sorted({_without_counts(pair.difference.test) for pair in table.pairs if pair.difference} - {""})
    better = "higher is better" if table.metric.higher_is_better else "lower is better"
    if table.metric.target is not None:
        better = f"{table.metric.target:g} is right"
    found = [f"Measure: {table.metric.title}, {better}."]
    if intervals:
        found.append(f"95 % intervals: {'; '.join(intervals)}.")
    if tests:
        found.append(
            f"Tests between models: {'; '.join(tests)}, two-sided, paired where the cases are the same; p corrected "
            "by Holm's method over all pairs of a dataset."
        )
    found.append(
        f"Resampling is by patient, {RESAMPLES:,} resamples for numbers, with the column's number as seed, and up to "
        f"{BAND_RESAMPLES:,} for the pointwise bands of figures, with seed 0."
    )
    named = CONVENTIONS.get(table.metric.name)
    return [*found, *([named] if named else []), LIMITS]


def _without_counts(method: str) -> str:
    return re.sub(r",? (on )?[\d,]+ patients", "", method)


def sources(evaluations: Sequence[Evaluation]) -> list[dict[str, Any]]:
    """What each evaluation is: a row with hashes, split, thresholds and where they came from."""
    return [
        {
            "model": one.model_title, "slug": one.model, "model_sha256": one.model_sha256,
            "dataset": one.dataset_title, "dataset_name": one.dataset, "dataset_sha256": one.dataset_digest,
            "split": one.split or "all", "origin": one.kind, "cases": len(one.cases),
            "patients": len(set(map(str, one.scores.patients))), "not_scored": len(one.failed),
            "threshold": one.threshold, "thresholds": dict(one.thresholds), "threshold_from": one.threshold_from,
            "temperature": one.temperature,
        }
        for one in evaluations
    ]  # fmt: skip


def facts(comparison: Comparison) -> dict[str, Any]:
    """Everything that is needed to compute the comparison again, fit for JSON."""
    table = comparison.table
    return {
        "question": table.question,
        "question_title": comparison.title,
        "metric": table.metric.name,
        "resamples": RESAMPLES,
        "seeds": {heading.key: seed for seed, heading in enumerate(_in_order(comparison))},
        "versions": versions(),
        "methods": methods(comparison),
        "models": {model_key(one): one.model_title for one in comparison.used},
        "evaluations": sources(comparison.used),
    }


def _in_order(comparison: Comparison) -> list[Any]:
    """Datasets in the order in which the matrix numbered them, which is that of the evaluations."""
    by_key = {heading.key: heading for heading in comparison.table.datasets}
    order = dict.fromkeys(f"{one.dataset}--{one.split}" for one in comparison.used)
    return [by_key[key] for key in order]


def versions() -> dict[str, str]:
    """Names and versions of what computed and drew a comparison."""
    found = {"scanlens": VERSION, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
