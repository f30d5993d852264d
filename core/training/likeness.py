"""How well the similarity check tells the model's own kind of picture from others: measured, for the card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.registry import roc_auc
from core.inference.bundle import Bundle
from core.inference.ood import (
    LIMIT,
    Reference,
    distances,
    unlike,
)
from core.training.data.images import load_cases
from core.training.recipe.schema import Recipe, Source
from core.training.tasks.case_scores import score

#: Pictures of another set that are looked at, evenly spaced through its table.
SAMPLE = 300


def _features(bundle: Bundle, recipe: Recipe, source: Source, data: Path) -> NDArray[np.float32]:
    cases = load_cases(source, recipe.labels, data)
    chosen = np.unique(np.linspace(0, len(cases) - 1, min(SAMPLE, len(cases))).astype(int))
    return score(bundle, [cases[index].path for index in chosen], recipe.input).features


def likeness_row(reference: Reference, own: NDArray[np.float64], other: NDArray[np.float64]) -> dict[str, Any]:
    """How well distances tell other pictures from the own ones, for the card; called unlike as the product does."""
    truth = np.repeat([0, 1], [len(own), len(other)])
    area = roc_auc(truth, np.concatenate([own, other]))
    called = float(unlike(reference, other).mean()) if len(other) else float("nan")
    return {"roc_auc": round(area, 4), "called_unlike": round(called, 4), "n": len(other)}


def measure_likeness(
    bundle: Bundle, recipe: Recipe, reference: Reference, own: NDArray[np.float32], data: Path
) -> dict[str, Any]:
    """The card's `out_of_distribution`.

    Args:
        bundle: The compiled model.
        recipe: Names the other sets.
        reference: Made from train and validation.
        own: (cases, D) features of the test split, which took no part in the reference.
        data: The data folder.

    Returns:
        `method`, the pooled `roc_auc` of all sets to refuse against the test split, its `called_unlike`, and a row for
        each set `by_set` and for sets to let pass `alike`.
    """
    mine = distances(reference, own)
    far = {source.title or source.name: _distances(bundle, recipe, reference, source, data) for source in recipe.others}
    near = {source.title or source.name: _distances(bundle, recipe, reference, source, data) for source in recipe.alike}
    pooled: Sequence[NDArray[np.float64]] = list(far.values()) or [np.empty(0)]
    return {
        "method": "Mahalanobis distance of the pooled features, low rank, from the training split",
        "limit": f"the {LIMIT:g}th percentile of the validation split",
        "roc_auc": likeness_row(reference, mine, np.concatenate(pooled))["roc_auc"],
        "called_unlike_on_own_test": likeness_row(reference, mine, mine)["called_unlike"],
        "by_set": {name: likeness_row(reference, mine, values) for name, values in far.items()},
        "alike": {name: likeness_row(reference, mine, values) for name, values in near.items()},
    }


def _distances(bundle: Bundle, recipe: Recipe, reference: Reference, source: Source, data: Path) -> NDArray[np.float64]:
    return distances(reference, _features(bundle, recipe, source, data))
