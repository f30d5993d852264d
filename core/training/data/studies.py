"""Labelled studies: cases with several inputs each, as one data set's own loader brings them.

A loader is a function `load(folder, options) -> StudyCases` in a module of its own; `LOADERS` names it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class StudyCases:
    """Cases with their inputs, classes and splits.

    Attributes:
        case_ids: (cases,) unique names.
        patients: (cases,) whom each case shows; a patient's cases are all in one split and one fold.
        arrays: Input name to (cases, …) as the model eats it. Pictures (cases, rows, columns, channels) and sequences
            (cases, frames, rows, columns, channels) are uint8, which stand for the input's value range, or float32
            within it; tables (cases, features) are float32 with NaN for what is not known. A picture that a case lacks
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
