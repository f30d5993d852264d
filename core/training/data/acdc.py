"""Cine MRI of the heart (ACDC): one slice through the cardiac cycle and a diagnosis for each patient."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.inference.prepare import prepare
from core.inference.study import sample_frames
from core.models.card import InputSpec
from core.scan import Scan
from core.training.data.bands import band
from core.training.data.studies import StudyCases
from core.training.data.tables import read_table
from core.training.recipe.schema import InvalidRecipe

if TYPE_CHECKING:
    import pandas as pd

TABLE, IMAGES = "labels.csv", "acdc_mid_slice_cine.npz"

#: Groups of the table in the order of the recipe's labels.
GROUPS = ("NOR", "DCM", "HCM", "MINF", "RV")

#: Header's pixel size of files that lost it.
LOST = 1.0


def scan_of(frames: NDArray[np.uint8], name: str) -> Scan:
    """One patient's frames as an uploaded scan would come: (frames, rows, columns)."""
    return Scan(pixels=frames, axis="time", digest=name, source="NIfTI", title="Cine MRI", modality="MR")


def cine(frames: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """(frames, rows, columns, 1) on the model's grid, by the way an uploaded scan goes."""
    low, high = spec.value_range
    ready = prepare(scan_of(frames, ""), spec, sample_frames(len(frames), spec.frames)).batch[spec.name]
    return np.rint((ready - low) / (high - low) * 255).astype(np.uint8)


def _image(frames: NDArray[np.uint8], row: Mapping[str, str], spec: InputSpec) -> NDArray[np.uint8]:
    """A sequence's frames, or the frame of end-diastole alone for a model with a single image."""
    if spec.kind == "sequence":
        return cine(frames, spec)
    first = int(row["ed_frame_1based"]) - 1
    low, high = spec.value_range
    ready = prepare(scan_of(frames, ""), spec, [first]).batch[spec.name][0]
    return np.rint((ready - low) / (high - low) * 255).astype(np.uint8)


def _number(text: str) -> float:
    return float(text) if text else float("nan")


def _attributes(rows: list[dict[str, str]]) -> pd.DataFrame:
    import pandas as pd

    height = np.array([_number(row["height_cm"]) for row in rows])
    index = [_number(row["weight_kg"]) / (tall / 100) ** 2 for row, tall in zip(rows, height, strict=True)]
    return pd.DataFrame(
        {
            "body mass index": [band(f"{value}", (25, 30)) for value in index],
            "frames of the scan": [band(row["frames"], (25,)) for row in rows],
            "pixel size": ["lost" if _number(row["pixel_mm_header"]) == LOST else "in the header" for row in rows],
        }
    )


def load(folder: Path, options: Mapping[str, Any]) -> StudyCases:
    """All patients of the set.

    Args:
        folder: Holds `labels.csv` and the images.
        options: `inputs` of the recipe: a sequence or an image of end-diastole, and maybe a table of `height` (cm) and
            `weight` (kg).

    Raises:
        InvalidRecipe: The folder lacks a file.
    """
    for name in (TABLE, IMAGES):
        if not (folder / name).is_file():
            raise InvalidRecipe(f"{folder.name} lacks the file {name}", "check the data folder")
    rows, _ = read_table(folder / TABLE)
    arrays: dict[str, NDArray[Any]] = {}
    with np.load(folder / IMAGES, allow_pickle=False) as stored:
        for spec in options["inputs"]:
            if spec.is_image:
                arrays[spec.name] = np.stack([_image(stored[row["patient"]], row, spec) for row in rows])
    body = {"height": "height_cm", "weight": "weight_kg"}
    for spec in options["inputs"]:
        if not spec.is_image:
            values = [[_number(row[body[feature.name]]) for feature in spec.features] for row in rows]
            arrays[spec.name] = np.asarray(values, np.float32)
    names = np.array([row["patient"] for row in rows])
    return StudyCases(
        case_ids=names,
        patients=names,
        arrays=arrays,
        class_index=np.array([GROUPS.index(row["group"]) for row in rows], np.int64),
        split=np.full(len(rows), "train"),
        attributes=_attributes(rows),
    )
