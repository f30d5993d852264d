"""The similarity check of models with several inputs: its reference, and how well it refuses other pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.inference.bundle import Bundle
from core.inference.ood import (
    LIMIT,
    Reference,
    distances,
    fit_reference,
)
from core.training.data.images import load_cases, prepare_case
from core.training.data.study_batches import Batch
from core.training.likeness import likeness_row
from core.training.recipe.schema import Source
from core.training.recipe.study import StudyRecipe

#: Validation cases from which on they alone say what is far; with fewer, training cases help.
ENOUGH = 50

#: Pictures of another set that are looked at.
SAMPLE = 100

#: Times the median distance from which on one of few cases is taken for one of another kind.
FAR = 3.0

#: Parts of the training cases of which each is measured against the others.
PARTS = 10


def reference_of(train: NDArray[np.floating], val: NDArray[np.floating]) -> Reference:
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


def _limit_words(val_cases: int) -> str:
    words = f"the {LIMIT:g}th percentile of the validation split"
    if val_cases >= ENOUGH:
        return words
    return (
        f"{words} and of training cases, each tenth of them measured against the others, without those beyond {FAR:g} "
        "times the median"
    )


def _others(recipe: StudyRecipe, source: Source, data: Path) -> Batch:
    """Pictures of another set in the place of every picture, standing still in sequences; facts as if unknown."""
    cases = load_cases(source, recipe.labels, data)
    chosen = [cases[index] for index in np.unique(np.linspace(0, len(cases) - 1, min(SAMPLE, len(cases))).astype(int))]
    batch = {}
    for spec in recipe.inputs:
        if not spec.is_picture:
            facts = np.array([feature.reference for feature in spec.features], np.float32)
            batch[spec.name] = np.repeat(facts[None], len(chosen), axis=0)
            continue
        pictures = np.stack([prepare_case(case.path, spec) for case in chosen])
        frames = (len(chosen), *spec.shape)
        batch[spec.name] = np.broadcast_to(pictures[:, None], frames) if spec.frames > 1 else pictures
    return {name: np.ascontiguousarray(array, np.float32) for name, array in batch.items()}


def measure_study_likeness(
    bundle: Bundle, recipe: StudyRecipe, reference: Reference, own: NDArray[np.float32], val_cases: int, data: Path
) -> dict[str, Any]:
    """The card's `out_of_distribution`, as `likeness.measure_likeness` has it for pictures.

    Args:
        bundle: The compiled model.
        recipe: Names the other sets.
        reference: Of the bundle.
        own: (cases, D) features of the test split.
        val_cases: Cases in the validation split.
        data: The data folder.
    """
    mine, far = distances(reference, own), {}
    for source in recipe.others:
        features = bundle.run(_others(recipe, source, data), outputs=("logits", "features")).features
        assert features is not None  # asked for with features only
        far[source.title or source.name] = distances(reference, features)
    pooled = np.concatenate(list(far.values()) or [np.empty(0)])
    return {
        "method": "Mahalanobis distance of the pooled features, low rank, from the training split",
        "limit": _limit_words(val_cases),
        "roc_auc": likeness_row(reference, mine, pooled)["roc_auc"],
        "called_unlike_on_own_test": likeness_row(reference, mine, mine)["called_unlike"],
        "by_set": {name: likeness_row(reference, mine, values) for name, values in far.items()},
        "alike": {},
    }
