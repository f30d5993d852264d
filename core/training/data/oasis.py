"""OASIS-1: three slices through the brain of one person, and what is known about the person.

One case a person. The examination of memory (MMSE) is left out on purpose: the rating that is to be told follows from
such examinations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.models.card import InputSpec
from core.training.data.lgg import SPLITS, TABLE, read_images
from core.training.data.studies import StudyCases
from core.training.data.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

PLANES = ("axial", "coronal", "sagittal")

#: Column of the array to column of the table; the recipes' features are in this order.
FEATURES = {"age": "age", "sex": "sex", "education": "educ"}

SEXES = {"F": 0.0, "M": 1.0}

#: The table's classes in the order of the recipes' labels.
CLASSES = {"unimpaired": 0, "impaired": 1}


def _people(table: pd.DataFrame) -> pd.DataFrame:
    """One row a person, with a column of files for each plane.

    Raises:
        ValueError: Somebody lacks a plane.
    """
    files = table.pivot(index="patient", columns="plane", values="file")[list(PLANES)]
    if files.isna().any().any():
        raise ValueError("Expected three planes of everybody. Received fewer.")
    return table.drop_duplicates("patient").set_index("patient").sort_index().join(files)


def facts(people: pd.DataFrame) -> NDArray[np.float32]:
    """(people, 3) age in years, sex as 0 (female) or 1 (male), education as coded from 1 to 5; NaN where unknown."""
    import pandas as pd

    columns = [people["sex"].map(SEXES) if name == "sex" else people[name] for name in FEATURES.values()]
    return np.stack([pd.to_numeric(column, errors="coerce") for column in columns], axis=1).astype(np.float32)


def load(folder: Path, options: Mapping[str, Any]) -> StudyCases:
    """Everybody in the folder, by name.

    Args:
        folder: With `labels.csv` and the images it names.
        options: `inputs`, the contracts of those of the three planes and the table that the model takes.
    """
    import pandas as pd

    people = _people(pd.DataFrame(read_table(folder / TABLE)[0], dtype=str))
    inputs: Sequence[InputSpec] = options["inputs"]
    arrays = {
        spec.name: read_images(folder, people[spec.name].tolist(), spec) if spec.is_image else facts(people)
        for spec in inputs
    }
    attributes = {
        "age": people["age"],
        "sex": people["sex"].map({"F": "female", "M": "male"}),
        "rating": "CDR " + people["cdr"].astype(float).map("{:g}".format),
    }
    return StudyCases(
        case_ids=people.index.to_numpy(np.str_),
        patients=people.index.to_numpy(np.str_),
        arrays=arrays,
        class_index=people["label"].map(CLASSES).to_numpy(np.int64),
        split=people["split"].map(SPLITS).to_numpy(np.str_),
        attributes=pd.DataFrame(attributes).reset_index(drop=True),
    )
