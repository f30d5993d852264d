"""Where the findings of a recipe's images are marked: boxes, masks, or masks packed into bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import ScanLensError
from core.training.data.tables import read_table
from core.training.recipe.sources import Truth

Row = Mapping[str, str]


class UnreadableTruth(ScanLensError):
    """A table or a mask of marked regions is missing or not what the recipe says."""


@dataclass(frozen=True)
class Marked:
    """The rows of one image.

    Attributes:
        key: What they have in the columns that join.
        rows: At least one.
    """

    key: tuple[str, ...]
    rows: tuple[Row, ...]


def read_marked(truth: Truth, data: Path) -> list[Marked]:
    """The images of the table in its order; the boxes of one image together.

    Raises:
        InvalidRecipe: There is no such table.
        UnreadableTruth: It lacks a column.
    """
    rows, _ = read_table(data / truth.folder / truth.table)
    places = () if truth.kind == "boxes" else _columns(truth.mask)
    wanted = {*truth.join, *truth.box, *truth.leave_out, *places, *_columns(truth.file)} | ({truth.patient} - {""})
    if missing := wanted - set(rows[0] if rows else ()):
        raise UnreadableTruth(f"{truth.table} lacks the columns {', '.join(sorted(missing))}", "correct the recipe")
    kept = [row for row in rows if not any(row[column] in texts for column, texts in truth.leave_out.items())]
    grouped: dict[tuple[str, ...], list[Row]] = {}
    for number, row in enumerate(kept):
        key = tuple(row[column] for column in truth.join)
        # Rows that name no counterpart are images of their own.
        grouped.setdefault(key if truth.kind == "boxes" or all(key) else (*key, str(number)), []).append(row)
    return [Marked(key, tuple(rows)) for key, rows in grouped.items()]


def _columns(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def masks(truth: Truth, marked: Marked, own: Row, data: Path, size: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
    """What is marked in one image, by the name of the finding; findings that are not there are left out.

    Args:
        truth: Says how it is stored.
        marked: The image's rows.
        own: Its row in the recipe's own table, for crops.
        data: The data folder.
        size: (rows, columns) of the image, for boxes.

    Returns:
        Boolean masks over the whole image, boxes at its size and masks at their own.

    Raises:
        UnreadableTruth: A mask cannot be read.
    """
    if truth.kind == "boxes":
        found = {truth.marks: _boxes(truth, marked.rows, size, _view(truth, marked.rows[0], own, data, size))}
    else:
        stored = _image(data / truth.folder / truth.mask.format(**marked.rows[0]))
        wanted = truth.bits if truth.kind == "bits" else {truth.marks: 255}
        found = {name: (stored & bits) > 0 for name, bits in wanted.items()}
    return {name: mask for name, mask in found.items() if mask.any()}


def _image(path: Path) -> NDArray[np.integer]:
    """(rows, columns) as stored.

    Raises:
        UnreadableTruth: It is no image with one channel.
    """
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.ndim != 2:
        raise UnreadableTruth(f"{path.name} is no image of one channel", "check the data folder")
    return stored


def _view(truth: Truth, row: Row, own: Row, data: Path, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Left and top of the recipe's image in the coordinates of the boxes, and its pixels for one of theirs."""
    if not truth.crop:
        return 0.0, 0.0, 1.0, 1.0
    rows, columns = _image(data / truth.folder / truth.file.format(**row)).shape
    left, top, width, height = (float(own[column]) for column in truth.crop)
    return left * columns, top * rows, size[1] / (width * columns), size[0] / (height * rows)


def _boxes(
    truth: Truth, rows: Sequence[Row], size: tuple[int, int], view: tuple[float, float, float, float]
) -> NDArray[np.bool_]:
    """Every pixel that a box touches."""
    mask = np.zeros(size, bool)
    for row in rows:
        left, top, width, height = (float(row[column]) for column in truth.box)
        left, top = (left - view[0]) * view[2], (top - view[1]) * view[3]
        down = slice(max(int(np.floor(top)), 0), max(int(np.ceil(top + height * view[3])), 0))
        mask[down, max(int(np.floor(left)), 0) : max(int(np.ceil(left + width * view[2])), 0)] = True
    return mask
