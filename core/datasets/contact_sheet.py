"""Many small images of one label on one sheet, to see at a glance what a class looks like."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import Dataset
from core.errors import ScanLensError
from core.samples import thumbnail

#: Grey of a case that cannot be read.
_EMPTY = 64


def contact_sheet(dataset: Dataset, label: str, n: int = 24, size: int = 96) -> NDArray[np.uint8]:
    """Evenly spaced cases of a label in a grid.

    Args:
        dataset: The dataset whose images are read.
        label: One of its labels; `""` for cases without any.
        n: Images at most.
        size: Edge of one image in pixels.

    Returns:
        (rows, columns, 3) uint8 RGB; a blank square of one image where there are none.
    """
    cases = [case for case in dataset.cases if (label in case.labels if label else not case.labels)]
    places = np.unique(np.linspace(0, max(len(cases) - 1, 0), min(n, len(cases))).round().astype(int))
    across = max(1, math.ceil(math.sqrt(len(places) * 1.5)))
    down = max(1, math.ceil(len(places) / across))
    sheet = np.zeros((down * size, across * size, 3), np.uint8)
    for number, place in enumerate(places):
        top, left = number // across * size, number % across * size
        try:
            image = thumbnail(dataset.read(cases[int(place)]), size)
        except ScanLensError:
            image = np.full((size, size, 3), _EMPTY, np.uint8)
        sheet[top : top + size, left : left + size] = image
    return sheet
