"""How well an outline model's similarity check tells its own kind of picture from others: measured, for the card."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.inference.bundle import Bundle
from core.inference.ood import LIMIT, Reference, distances
from core.training.augment import augment
from core.training.data.images import load_cases, prepare_case
from core.training.data.masked_images import MaskedCase, prepare_picture
from core.training.likeness import likeness_row
from core.training.recipe.schema import Source
from core.training.recipe.segmentation import OutlineRecipe

#: Pictures of another set that are looked at, evenly spaced through its table.
SAMPLE = 10

#: Fewest distances that the limit is read from; a smaller split is filled up with variations of its pictures.
DISTANCES = 50


def features_of(bundle: Bundle, recipe: OutlineRecipe, pictures: Iterable[NDArray[np.floating]]) -> NDArray[np.float32]:
    """(pictures, D) features, one picture at a time, since the answers of a U-Net are as large as its input."""
    found = []
    for picture in pictures:
        output = bundle.run({recipe.input.name: picture[None].astype(np.float32)}, outputs=("features",))
        assert output.features is not None  # a U-Net has a spatial layer
        found.append(output.features[0])
    return np.stack(found)


def variations(split_size: int) -> int:
    """How many variations of each picture of a split take part beside it."""
    return max(0, -(-DISTANCES // split_size) - 1)


def with_variations(
    bundle: Bundle, recipe: OutlineRecipe, cases: Sequence[MaskedCase], count: int
) -> NDArray[np.float32]:
    """(cases · (1 + count), D) features of pictures and of so many variations of each, drawn as in training."""
    pictures = []
    for place, case in enumerate(cases):
        picture = prepare_picture(case, recipe).batch[recipe.input.name][0]
        pictures.append(picture)
        for turn in range(count):
            rng = np.random.default_rng((recipe.seed, place, turn))
            pictures.append(augment(picture, recipe.augmentation, rng, recipe.input.value_range))
    return features_of(bundle, recipe, pictures)


def _others(
    bundle: Bundle, recipe: OutlineRecipe, reference: Reference, sources: Sequence[Source], data: Path
) -> dict[str, NDArray[np.float64]]:
    found = {}
    for source in sources:
        cases = load_cases(source, recipe.labels, data)
        chosen = np.unique(np.linspace(0, len(cases) - 1, min(SAMPLE, len(cases))).astype(int))
        pictures = (prepare_case(cases[index].path, recipe.input) for index in chosen)
        found[source.title or source.name] = distances(reference, features_of(bundle, recipe, pictures))
    return found


def measure_outline_likeness(
    bundle: Bundle, recipe: OutlineRecipe, reference: Reference, own: NDArray[np.float32], data: Path, extra: int
) -> dict[str, Any]:
    """The card's `out_of_distribution`, with the keys that `likeness.measure_likeness` gives.

    Args:
        bundle: The compiled model.
        recipe: Names the other sets.
        reference: Made from train and validation.
        own: (cases, D) features of the test split.
        data: The data folder.
        extra: Variations of each validation picture that the limit was read from.
    """
    mine = distances(reference, own)
    far = _others(bundle, recipe, reference, recipe.others, data)
    near = _others(bundle, recipe, reference, recipe.alike, data)
    pooled = np.concatenate(list(far.values()) or [np.empty(0)])
    limit = f"the {LIMIT:g}th percentile of the validation split"
    return {
        "method": "Mahalanobis distance of the pooled features, low rank, from the training split",
        "limit": f"{limit} with {extra} variations of each picture" if extra else limit,
        "roc_auc": likeness_row(reference, mine, pooled)["roc_auc"],
        "called_unlike_on_own_test": likeness_row(reference, mine, mine)["called_unlike"],
        "by_set": {name: likeness_row(reference, mine, values) for name, values in far.items()},
        "alike": {name: likeness_row(reference, mine, values) for name, values in near.items()},
    }
