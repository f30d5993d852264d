"""Pictures that look alike, for sets that name no patients: groups that no split tears apart, and what is left.

Two pictures are compared by the correlation of their grey levels at 64 × 64 pixels. Neighbouring slices of one head
correlate by 0.8 to 0.99, slices of two heads at one height by up to 0.85, so a limit finds some of the former only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import UnreadableScan

if TYPE_CHECKING:
    from core.training.data.images import LabelledCase

SIDE = 64

#: Columns that `with_groups` adds to the rows of a table.
GROUP, NUMBER = "similarity_group", "number"

#: Name of the attribute that `marked` adds to cases, and its values from the lowest correlation up.
ATTRIBUTE = "most_alike_in_training"
BANDS = ((0.0, "below 0.8"), (0.8, "0.8 to 0.9"), (0.9, "0.9 and more"))


def grey_picture(path: Path) -> NDArray[np.uint8]:
    """(rows, columns) grey levels of a picture file.

    Raises:
        UnreadableScan: It is no picture.
    """
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise UnreadableScan("a picture", f"{path.name}, which gives none", "check the data folder")
    return np.asarray(picture, np.uint8)


def thumbnails(paths: Sequence[Path]) -> NDArray[np.float32]:
    """(pictures, 4096) grey levels at 64 × 64 with mean 0 and length 1: products of rows are correlations."""
    rows = [cv2.resize(grey_picture(path), (SIDE, SIDE), interpolation=cv2.INTER_AREA).ravel() for path in paths]
    levels = np.array(rows, np.float32).reshape(len(rows), SIDE * SIDE)
    levels -= levels.mean(axis=1, keepdims=True)
    return levels / np.maximum(np.linalg.norm(levels, axis=1, keepdims=True), 1e-6)


def groups_of(pictures: NDArray[np.float32], limit: float) -> NDArray[np.intp]:
    """(pictures,) index of the first member of each picture's group.

    Whoever correlates above the limit is in one group, and so is who is alike to one of its members.

    Args:
        pictures: (pictures, D) as `thumbnails` gives them.
        limit: Correlation.
    """
    alike = pictures @ pictures.T > limit
    np.fill_diagonal(alike, True)
    first = np.arange(len(pictures))
    while True:
        lower = np.where(alike, first[None, :], len(first)).min(axis=1, initial=len(first))
        if (lower == first).all():
            return first
        first = lower


def with_groups(
    rows: Sequence[dict[str, str]], paths: Sequence[Path], label: str, limit: float
) -> list[dict[str, str]]:
    """The rows of a table with two more columns.

    `similarity_group` is the name of the first picture of a group within one class; `number` the last digits of the
    picture's name, "" without any.

    Args:
        rows: Of the table.
        paths: The picture of each row.
        label: Column of the class.
        limit: Correlation above which two pictures of a class are one group.
    """
    group = [""] * len(rows)
    for text in sorted({row[label] for row in rows}):
        members = [index for index, row in enumerate(rows) if row[label] == text]
        first = groups_of(thumbnails([paths[index] for index in members]), limit)
        for index, leader in zip(members, first, strict=True):
            group[index] = paths[members[leader]].name
    return [
        {**row, GROUP: name, NUMBER: running_number(path.name)}
        for row, name, path in zip(rows, group, paths, strict=True)
    ]


def running_number(name: str) -> str:
    """The last digits before the ending of a file's name, "" without any."""
    found = re.search(r"(\d+)\D*$", Path(name).stem)
    return found.group(1) if found else ""


def nearest(pictures: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each picture the index of the most alike among others, and their correlation."""
    products = pictures @ others.T
    return products.argmax(axis=1), products.max(axis=1)


def marked(cases: Sequence[LabelledCase], training: Sequence[LabelledCase]) -> list[LabelledCase]:
    """The cases with one more attribute: how alike the most alike picture among those of training is, of any class."""
    _, closeness = nearest(thumbnails([case.path for case in cases]), thumbnails([case.path for case in training]))
    return [
        replace(case, attributes={**case.attributes, ATTRIBUTE: band(value)})
        for case, value in zip(cases, closeness, strict=True)
    ]


def band(correlation: float) -> str:
    """Which of `BANDS` a correlation falls in."""
    return [words for least, words in BANDS if correlation >= least or least == 0.0][-1]
