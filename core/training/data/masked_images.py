"""Images with masks: read by the table, brought onto the model's grid, and the truth on the scan's own pixels."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import UnreadableScan
from core.inference.prepare import Geometry, Prepared, prepare
from core.scan import answered_frame
from core.training.data.bands import band
from core.training.data.opened import open_image
from core.training.data.splitting import divide
from core.training.data.tables import Row, read_table
from core.training.recipe.schema import SPLITS, InvalidRecipe, Recipe
from core.training.recipe.sources import MaskedImages

#: Keys that are added to the rows of the table: whom an image shows, and the kind that is divided for itself.
_OWNER, _KIND = "scanlens patient", "scanlens kind"


@dataclass(frozen=True)
class MaskedCase:
    """One image with its mask.

    Attributes:
        name: Path within the folder.
        path: Where it lies.
        mask: Where its mask lies.
        second: Where a second observer's mask lies, or None.
        patient: Whom it shows.
        split: train, val or test.
        attributes: Further columns, as text.
    """

    name: str
    path: Path
    mask: Path
    second: Path | None
    patient: str
    split: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class MaskedExamples:
    """Prepared images with the label of each pixel, on the model's grid.

    Attributes:
        images: (cases, rows, columns, channels) float16.
        classes: (cases, rows, columns) uint8 index of the label.
    """

    images: NDArray[np.float16]
    classes: NDArray[np.uint8]


def read_rows(data: MaskedImages, folder: Path) -> list[Row]:
    """The rows of the table that count.

    Raises:
        InvalidRecipe: There is no such table.
    """
    rows, _ = read_table(folder / data.folder / data.table)
    kept = [row for row in rows if not any(row[column] in texts for column, texts in data.leave_out.items())]
    return [
        {
            **row,
            _OWNER: data.patient.format(**row) or data.file.format(**row),
            _KIND: row[data.group] if data.group else "",
        }
        for row in kept
    ]


def _splits(data: MaskedImages, rows: Sequence[Row]) -> list[str]:
    """The split of each row: by its column, and by the division for rows of train or without any."""
    found = [data.splits.get(row[data.split], row[data.split]) if data.split else "train" for row in rows]
    if data.division is None:
        return found
    free = [row for row, split in zip(rows, found, strict=True) if split == "train"]
    homes = divide(data.division, free, _OWNER, _KIND)
    return [homes[row[_OWNER]] if split == "train" else split for row, split in zip(rows, found, strict=True)]


def load_masked_cases(recipe: Recipe, folder: Path) -> dict[str, list[MaskedCase]]:
    """The cases by split, in the order of the table.

    Args:
        recipe: Names the table.
        folder: The data folder.

    Raises:
        InvalidRecipe: The table does not fit the recipe, a split is empty, or a patient is in two.
    """
    data = recipe.masked
    parts: dict[str, list[MaskedCase]] = {split: [] for split in SPLITS}
    homes: dict[str, str] = {}
    try:
        rows = read_rows(data, folder)
        for row, split in zip(rows, _splits(data, rows), strict=True):
            case = _case(data, folder, row, split)
            if homes.setdefault(case.patient, split) != split:
                raise InvalidRecipe(f"{case.patient} is in two splits", "split by patient")
            parts[split].append(case)
    except KeyError as error:
        raise InvalidRecipe(
            f"{data.folder}/{data.table} has no column or split {error}", "correct the recipe"
        ) from error
    if empty := [split for split, part in parts.items() if not part]:
        raise InvalidRecipe(f"No case is in {', '.join(empty)}", "check the split column")
    return parts


def _case(data: MaskedImages, folder: Path, row: Row, split: str) -> MaskedCase:
    base, second = folder / data.folder, data.second.format(**row)
    attributes = {
        name: band(row[name], data.bands[name]) if name in data.bands else row[name] for name in data.attributes
    }
    return MaskedCase(
        name=data.file.format(**row),
        path=base / data.file.format(**row),
        mask=base / data.mask.format(**row),
        second=base / second if second else None,
        patient=row[_OWNER],
        split=split,
        attributes=attributes,
    )


def read_masks(path: Path, recipe: Recipe) -> NDArray[np.bool_]:
    """(foreground labels, rows, columns) truth on the scan's own pixels; masks of several labels may overlap.

    Raises:
        UnreadableScan: It is no image with one channel.
    """
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.ndim != 2:
        raise UnreadableScan(f"{path.name} is no mask of one channel", "check the data folder")
    if not recipe.masked.bits:
        return np.asarray(stored > 0)[None]
    return np.stack([(stored & recipe.masked.bits[label]) > 0 for label in recipe.foreground])


def class_map(masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(rows, columns) index of the label, 0 for background; where masks overlap the first label counts."""
    classes = np.zeros(masks.shape[1:], np.uint8)
    for index in reversed(range(len(masks))):
        classes[masks[index]] = index + 1
    return classes


def to_model(mask: NDArray[np.bool_], geometry: Geometry) -> NDArray[np.bool_]:
    """A mask on the model's grid: a pixel is set where more than half of its place on the scan is."""
    matrix = np.array(
        [[geometry.scale[1], 0.0, geometry.offset[1]], [0.0, geometry.scale[0], geometry.offset[0]]], np.float64
    )
    rows, columns = geometry.model_size
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(mask.astype(np.float32), matrix, (columns, rows), flags=flags) > 0.5)


def prepare_image(case: MaskedCase, recipe: Recipe) -> Prepared:
    """The image on the model's grid, the way an uploaded scan goes there."""
    scan = open_image(case.path)
    return prepare(scan, recipe.input, [answered_frame(scan)])


def _example(case: MaskedCase, recipe: Recipe) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
    prepared, masks = prepare_image(case, recipe), read_masks(case.mask, recipe)
    if masks.shape[1:] != prepared.geometry.scan_size:
        raise InvalidRecipe(
            f"a mask of the size of {case.name}", " × ".join(map(str, masks.shape[1:])), "check the data folder"
        )
    placed = np.stack([to_model(mask, prepared.geometry) for mask in masks])
    return prepared.batch[recipe.input.name][0].astype(np.float16), class_map(placed)


def load_examples(cases: Sequence[MaskedCase], recipe: Recipe, threads: int = 2) -> MaskedExamples:
    """All images and masks of some cases in memory."""
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda case: _example(case, recipe), cases))
    return MaskedExamples(np.stack([image for image, _ in found]), np.stack([classes for _, classes in found]))
