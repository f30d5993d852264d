"""Labelled studies: cases with several inputs each, as one data set's own loader brings them.

A loader is a function `load(folder, options) -> StudyCases` in a module of its own; `LOADERS` names it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.models.card import InputSpec
from core.training.data.images import prepare_case
from core.training.recipe.schema import InvalidRecipe, Recipe

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class StudyCases:
    """Cases with their inputs, classes and splits.

    Attributes:
        case_ids: (cases,) unique names.
        patients: (cases,) whom each case shows; a patient's cases are all in one split and one fold.
        arrays: Input name to (cases, …) as the model eats it. Images (cases, rows, columns, channels) and sequences
            (cases, frames, rows, columns, channels) are uint8, which stand for the input's value range, or float32
            within it; tables (cases, features) are float32 with NaN for what is not known. An image that a case lacks
            is one of NaN (float32).
        class_index: (cases,) positions in the recipe's labels.
        split: (cases,) train, val or test; a recipe with folds makes its own.
        attributes: One row a case, a column for each way to form subgroups.
    """

    case_ids: NDArray[np.str_]
    patients: NDArray[np.str_]
    arrays: dict[str, NDArray[Any]]
    class_index: NDArray[np.int64]
    split: NDArray[np.str_]
    attributes: pd.DataFrame

    def __len__(self) -> int:
        return len(self.case_ids)

    def part(self, chosen: NDArray[np.bool_] | NDArray[np.integer]) -> StudyCases:
        """Some of the cases, by a mask or by positions."""
        return StudyCases(
            case_ids=self.case_ids[chosen],
            patients=self.patients[chosen],
            arrays={name: array[chosen] for name, array in self.arrays.items()},
            class_index=self.class_index[chosen],
            split=self.split[chosen],
            attributes=self.attributes.iloc[_positions(chosen)].reset_index(drop=True),
        )

    def with_split(self, name: str) -> StudyCases:
        """All of the cases in one split."""
        return replace(self, split=np.full(len(self), name))


def _positions(chosen: NDArray[Any]) -> NDArray[np.integer]:
    return np.flatnonzero(chosen) if chosen.dtype == bool else chosen


Loader = Callable[[Path, Mapping[str, Any]], StudyCases]


def _in_module(name: str) -> Loader:
    """The function `load` of a module, imported when it is called."""

    def load(folder: Path, options: Mapping[str, Any]) -> StudyCases:
        found: StudyCases = importlib.import_module(f"core.training.data.{name}").load(folder, options)
        return found

    return load


#: Name in a recipe to what reads the data set's folder.
LOADERS: dict[str, Loader] = {
    "acdc": _in_module("acdc"),
    "lgg": _in_module("lgg"),
    "oasis": _in_module("oasis"),
}


def load_study_cases(recipe: Recipe, data: Path) -> StudyCases:
    """The recipe's cases; its loader is told of the inputs as well as of the options.

    Args:
        recipe: Names the loader.
        data: The data folder.

    Raises:
        InvalidRecipe: There is no such loader, or it gives no array for an input, or one of another shape.
    """
    source = recipe.studies
    if source.loader not in LOADERS:
        raise InvalidRecipe(
            f"There is no loader called {source.loader!r}", f"name one of {', '.join(LOADERS)} in the recipe"
        )
    options = {**source.options, "inputs": recipe.inputs, "labels": recipe.labels}
    cases = LOADERS[source.loader](data / source.folder, options)
    for spec in recipe.inputs:
        found = cases.arrays[spec.name].shape[1:] if spec.name in cases.arrays else None
        if found != spec.shape:
            raise InvalidRecipe(f"{spec.name} of shape {spec.shape}", f"{found}", "correct the recipe or its loader")
    return cases


def as_studies(paths: Sequence[Path], inputs: Sequence[InputSpec]) -> dict[str, NDArray[np.float32]]:
    """Single images as a batch of studies: in the place of every image, standing still in sequences, facts unknown.

    Args:
        paths: Image files.
        inputs: The contracts.

    Returns:
        Input name to (files, ...) as the model gets it.
    """
    batch = {}
    for spec in inputs:
        if not spec.is_image:
            facts = np.array([feature.reference for feature in spec.features], np.float32)
            batch[spec.name] = np.repeat(facts[None], len(paths), axis=0)
            continue
        images = np.stack([prepare_case(path, spec) for path in paths])
        frames = (len(paths), *spec.shape)
        batch[spec.name] = np.broadcast_to(images[:, None], frames) if spec.frames > 1 else images
    return {name: np.ascontiguousarray(array, np.float32) for name, array in batch.items()}
