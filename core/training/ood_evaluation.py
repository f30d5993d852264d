"""How well the similarity check tells a model's own kind of images from others: its reference, and the card's numbers.

The reference is the training split's; the limit is read from cases that took no part in it. A validation split of fewer
than `ENOUGH` cases says too little, so others help: training cases that are measured by turns, or variations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.registry import roc_auc
from core.inference.ood import LIMIT, Reference, distances, fit_reference, unlike
from core.training.data.images import LabelledCase, load_cases
from core.training.recipe.schema import Recipe
from core.training.recipe.sources import Source

#: Validation cases from which on they alone say what is far.
ENOUGH = 50

#: Times the median distance from which on one of few cases is taken for one of another kind.
FAR = 3.0

#: Parts of the training cases of which each is measured against the others.
PARTS = 10

#: Images of another set that are looked at, evenly spaced through its table: by single images, by studies, and by
#: networks whose answers are as large as their input.
SAMPLE = {"images": 300, "studies": 100, "masks": 10}

#: (cases, D) features of the cases of another set.
FeaturesOf = Callable[[Sequence[LabelledCase]], NDArray[np.float32]]

Distances = NDArray[np.float64]


def crossed_reference(train: NDArray[np.floating], val: NDArray[np.floating]) -> Reference:
    """The reference, with distances of cases that took no part in it.

    With few validation cases, training cases are measured as well, each tenth against a reference of the others. Cases
    that are `FAR` times as far as the median are then left out: among few, one crop that misses the organ would set the
    limit.

    Args:
        train: (cases, D) features.
        val: (cases, D) features.
    """
    reference = fit_reference(train, val)
    if len(val) >= ENOUGH:
        return reference
    parts = np.arange(len(train)) % PARTS
    crossed = [fit_reference(train[parts != part], train[parts == part]).distances for part in range(PARTS)]
    found = np.sort(np.concatenate([reference.distances, *crossed])).astype(np.float32)
    return replace(reference, distances=found[found <= FAR * np.median(found)])


def variations_wanted(val_cases: int) -> int:
    """How many variations of each validation case make up for few of them."""
    return max(0, -(-ENOUGH // val_cases) - 1)


def limit_words(crossed: bool = False, variations: int = 0) -> str:
    """What the limit was read from, for the card."""
    words = f"the {LIMIT:g}th percentile of the validation split"
    if crossed:
        return (
            f"{words} and of training cases, each tenth of them measured against the others, without those beyond "
            f"{FAR:g} times the median"
        )
    return f"{words} with {variations} variations of each image" if variations else words


def ood_row(reference: Reference, own: Distances, other: Distances) -> dict[str, Any]:
    """How well distances tell other images from the own ones, for the card; out of distribution as the product does."""
    truth = np.repeat([0, 1], [len(own), len(other)])
    area = roc_auc(truth, np.concatenate([own, other]))
    predicted = float(unlike(reference, other).mean()) if len(other) else float("nan")
    return {"roc_auc": round(area, 4), "called_unlike": round(predicted, 4), "n": len(other)}


def evaluate_ood(
    recipe: Recipe, reference: Reference, own: NDArray[np.float32], features_of: FeaturesOf, data: Path, limit: str
) -> dict[str, Any]:
    """The card's `out_of_distribution`.

    Args:
        recipe: Names the other sets.
        reference: Of the model.
        own: (cases, D) features of the test split, which took no part in the reference.
        features_of: What the model makes of the images of another set.
        data: The data folder.
        limit: What the limit was read from, see `limit_words`.

    Returns:
        `method`, `limit`, the pooled `roc_auc` of all far sets against the test split, how many of that one are called
        unlike, and a row for each far set `by_set` and for each near one `alike`.
    """
    mine, sample = distances(reference, own), SAMPLE[recipe.layout]

    def rows(sources: Iterable[Source]) -> dict[str, Distances]:
        found = {}
        for source in sources:
            cases = load_cases(source, recipe.labels, data)
            chosen = np.unique(np.linspace(0, len(cases) - 1, min(sample, len(cases))).astype(int))
            features = features_of([cases[index] for index in chosen])
            found[source.title or source.name] = distances(reference, features)
        return found

    far, near = rows(recipe.out_of_distribution.far), rows(recipe.out_of_distribution.near)
    pooled = np.concatenate(list(far.values()) or [np.empty(0)])
    return {
        "method": "Mahalanobis distance of the pooled features, low rank, from the training split",
        "limit": limit,
        "roc_auc": ood_row(reference, mine, pooled)["roc_auc"],
        "called_unlike_on_own_test": ood_row(reference, mine, mine)["called_unlike"],
        "by_set": {name: ood_row(reference, mine, values) for name, values in far.items()},
        "alike": {name: ood_row(reference, mine, values) for name, values in near.items()},
    }
