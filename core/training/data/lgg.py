"""Slices of lower-grade glioma in three MRI sequences: before contrast, FLAIR and after contrast.

The table names an image for each sequence, or none where the patient has none of it. Each image goes through the
same readers and the same grey levels as an uploaded scan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.models.card import InputSpec
from core.scan import answered_frame
from core.training.data.opened import open_image
from core.training.data.studies import StudyCases
from core.training.data.tables import read_table

if TYPE_CHECKING:
    import pandas as pd

TABLE = "labels.csv"

SEQUENCES = ("pre", "flair", "post")

#: The table's classes in the order of the recipes' labels, No tumour and Tumour.
CLASSES = {"no_tumour": 0, "tumour": 1}

SPLITS = {"train": "train", "valid": "val", "test": "test"}

#: Borders of the height along the head: counted in slices from the lowest, as a fraction of all that were taken.
HEIGHTS = ("lowest third", "middle third", "highest third")


def read_image(path: Path, spec: InputSpec) -> NDArray[np.float32]:
    """(rows, columns, 1) float32; NaN where the file holds one grey level only, which is no image.

    Raises:
        UnreadableScan: It cannot be decoded.
    """
    from core.inference.prepare import prepare

    scan = open_image(path)
    if float(scan.pixels.min()) == float(scan.pixels.max()):
        return np.full(spec.shape, np.nan, np.float32)
    return prepare(scan, spec, [answered_frame(scan)]).batch[spec.name][0]


def read_images(folder: Path, files: list[str], spec: InputSpec, threads: int = 2) -> NDArray[np.float32]:
    """(cases, rows, columns, 1) float32, NaN for an empty name."""

    def one(file: str) -> NDArray[np.float32]:
        return read_image(folder / file, spec) if file else np.full(spec.shape, np.nan, np.float32)

    with ThreadPoolExecutor(threads) as pool:
        return np.stack(list(pool.map(one, files)))


def _height(number: int, count: int) -> str:
    """Third of the head a slice is in; slices are counted from the base of the skull, starting with 1."""
    return HEIGHTS[min(2, int(3 * (number - 1) / max(1, count)))]


def _attributes(table: pd.DataFrame) -> pd.DataFrame:
    """What subgroups are formed by, as texts."""
    import pandas as pd

    missing = [[name for name in SEQUENCES if not row[name]] for _, row in table.iterrows()]
    return pd.DataFrame(
        {
            "age": table["age"],
            "sex": table["sex"].map({"F": "female", "M": "male"}).fillna(""),
            "height": [_height(int(n), int(of)) for n, of in zip(table["slice"], table["n_slices"], strict=True)],
            "institution": table["institution"],
            "sequences": ["all three" if not gone else f"no {' and no '.join(gone)}" for gone in missing],
        }
    )


def load(folder: Path, options: Mapping[str, Any]) -> StudyCases:
    """The slices of the folder in the order of its table.

    A slice stays where one of the sequences is missing, and is NaN there, so that all models see the same slices.

    Args:
        folder: With `labels.csv` and a folder for each sequence.
        options: `inputs`, the contracts of the sequences that the model takes, named as in `SEQUENCES`.
    """
    import pandas as pd

    table = pd.DataFrame(read_table(folder / TABLE)[0], dtype=str)
    inputs: Sequence[InputSpec] = options["inputs"]
    return StudyCases(
        case_ids=table["id"].to_numpy(np.str_),
        patients=table["patient"].to_numpy(np.str_),
        arrays={spec.name: read_images(folder, table[spec.name].tolist(), spec) for spec in inputs},
        class_index=table["label"].map(CLASSES).to_numpy(np.int64),
        split=table["split"].map(SPLITS).to_numpy(np.str_),
        attributes=_attributes(table),
    )
