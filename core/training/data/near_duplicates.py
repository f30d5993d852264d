"""Columns and attributes of cases by how alike their images are, for sets that name no patients.

The finder is that of datasets, `core.datasets.quality.groups`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.datasets.quality.fingerprint import grey_thumbnail
from core.datasets.quality.groups import groups_of, nearest, unit_thumbnails
from core.training.data.opened import open_image

if TYPE_CHECKING:
    from core.training.data.images import LabelledCase

#: Columns that `with_groups` adds to the rows of a table.
GROUP, NUMBER = "similarity_group", "number"

#: Name of the attribute that `marked` adds to cases, and its values from the lowest correlation up.
ATTRIBUTE = "most_alike_in_training"
BANDS = ((0.0, "below 0.8"), (0.8, "0.8 to 0.9"), (0.9, "0.9 and more"))


def thumbnails(paths: Sequence[Path]) -> NDArray[np.float32]:
    """(images, 4096) grey levels at 64 × 64 with mean 0 and length 1: products of rows are correlations.

    Raises:
        UnreadableScan: A file is no image.
    """
    return unit_thumbnails(grey_thumbnail(open_image(path)) for path in paths)


def with_groups(
    rows: Sequence[dict[str, str]], paths: Sequence[Path], label: str, limit: float
) -> list[dict[str, str]]:
    """The rows of a table with two more columns.

    `similarity_group` is the name of the first image of a group within one class; `number` the last digits of the
    image's name, "" without any.

    Args:
        rows: Of the table.
        paths: The image of each row.
        label: Column of the class.
        limit: Correlation above which two images of a class are one group.
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


def marked(cases: Sequence[LabelledCase], training: Sequence[LabelledCase]) -> list[LabelledCase]:
    """The cases with one more attribute: how alike the most alike image among those of training is, of any class."""
    _, closeness = nearest(thumbnails([case.path for case in cases]), thumbnails([case.path for case in training]))
    return [
        replace(case, attributes={**case.attributes, ATTRIBUTE: band(value)})
        for case, value in zip(cases, closeness, strict=True)
    ]


def band(correlation: float) -> str:
    """Which of `BANDS` a correlation falls in."""
    return [words for least, words in BANDS if correlation >= least or least == 0.0][-1]
