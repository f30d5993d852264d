"""Which patients train, validate and test: by folds that a recipe asks for, or by the loader's split."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.training.data.studies import StudyCases
from core.training.recipe.schema import SPLITS, Folds, InvalidRecipe, Recipe


def _classes_of_patients(cases: StudyCases) -> dict[str, int]:
    """Each patient to the rarest class among their cases, so that every fold gets some of it."""
    counts = np.bincount(cases.class_index)
    found: dict[str, int] = {}
    for patient, target in zip(cases.patients.tolist(), cases.class_index.tolist(), strict=True):
        if patient not in found or counts[target] < counts[found[patient]]:
            found[patient] = target
    return found


def deal(patients: dict[str, int], stacks: int, seed: int) -> dict[str, int]:
    """Each patient to one of so many stacks, class by class, so that all stacks are alike.

    Args:
        patients: Patient to class.
        stacks: How many.
        seed: Of the order within a class.
    """
    rng, found, place = np.random.default_rng(seed), {}, 0
    for target in sorted(set(patients.values())):
        names = sorted(name for name, own in patients.items() if own == target)
        for index in rng.permutation(len(names)):  # dealt on where the last class stopped
            found[names[index]] = place % stacks
            place += 1
    return found


def _validating(patients: dict[str, int], fraction: float, seed: int) -> set[str]:
    """About that fraction of the patients, of each class as many as there are of it, but one at least."""
    rng, chosen = np.random.default_rng(seed), set()
    for target in sorted(set(patients.values())):
        names = sorted(name for name, own in patients.items() if own == target)
        count = max(1, round(fraction * len(names)))
        chosen |= {names[index] for index in rng.permutation(len(names))[:count]}
    return chosen


def splits(recipe: Recipe, cases: StudyCases) -> list[NDArray[np.str_]]:
    """For each training (cases,) of train, val and test. One by the loader's split, or one a fold.

    Raises:
        InvalidRecipe: A patient is in two splits, or a split lacks one of the classes.
    """
    found = [cases.split] if recipe.cross_validation is None else _by_folds(recipe.cross_validation, cases)
    for split in found:
        _check(recipe, cases, split)
    return found


def _by_folds(folds: Folds, cases: StudyCases) -> list[NDArray[np.str_]]:
    patients = _classes_of_patients(cases)
    stack = deal(patients, folds.folds, folds.seed)
    found = []
    for fold in range(folds.folds):
        rest = {name: target for name, target in patients.items() if stack[name] != fold}
        val = _validating(rest, folds.val, folds.seed + fold)
        homes = {name: "test" if stack[name] == fold else "val" if name in val else "train" for name in patients}
        found.append(np.array([homes[patient] for patient in cases.patients.tolist()]))
    return found


def _check(recipe: Recipe, cases: StudyCases, split: NDArray[np.str_]) -> None:
    homes: dict[str, str] = {}
    for patient, own in zip(cases.patients.tolist(), split.tolist(), strict=True):
        if homes.setdefault(patient, own) != own:
            raise InvalidRecipe(f"{patient} is in two splits, {homes[patient]} and {own}", "give each patient one")
    for name in SPLITS:
        there = set(cases.class_index[split == name].tolist())
        if there != set(range(len(recipe.labels))):
            raise InvalidRecipe(f"Not every label occurs in {name}", "check the loader or the folds")
