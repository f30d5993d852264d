"""How a window slides over an image: where it stands, how often, and what lies under it.

Convolution and pooling share this. Lengths are pixels along one axis; rows and columns are treated alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import IncompatibleInput

Padding = Literal["valid", "same"]


@dataclass(frozen=True)
class Sliding:
    """A square window and its way over an image.

    Attributes:
        window: Cells along one edge.
        stride: Pixels from one place of the window to the next.
        padding: `valid` stays inside the image; `same` adds zeros around it, as many as Keras and TensorFlow do,
            so that stride 1 keeps the size.
        dilation: Pixels from one cell of the window to the next.
    """

    window: int
    stride: int = 1
    padding: Padding = "valid"
    dilation: int = 1

    @property
    def span(self) -> int:
        """Pixels from the window's first cell to its last, both counted."""
        return self.dilation * (self.window - 1) + 1

    def pads(self, length: int) -> tuple[int, int]:
        """Zeros (before, after) along an axis; an odd one is put after, as TensorFlow does."""
        if self.padding == "valid":
            return 0, 0
        total = max((-(-length // self.stride) - 1) * self.stride + self.span - length, 0)
        return total // 2, total - total // 2

    def output(self, length: int) -> int:
        """Places of the window along an axis: floor((n + p − d (k − 1) − 1) / s) + 1.

        Raises:
            IncompatibleInput: The window is larger than the image.

        Example:
            >>> Sliding(3).output(32), Sliding(2, stride=2).output(30)
            (30, 15)
        """
        room = length + sum(self.pads(length)) - self.span
        if room < 0:
            raise IncompatibleInput(
                f"A window that spans {self.span} pixels does not fit into {length}", "choose a larger image"
            )
        return room // self.stride + 1

    def first(self, length: int, place: int) -> int:
        """Pixel under the window's first cell at output `place`; negative where that is padding."""
        return place * self.stride - self.pads(length)[0]

    def center(self, length: int, place: int) -> int:
        """Pixel under the window's middle at output `place`, inside the image."""
        return min(max(self.first(length, place) + (self.span - 1) // 2, 0), length - 1)

    def place(self, length: int, pixel: int) -> int:
        """The output whose window has its middle nearest to a pixel."""
        offset = pixel + self.pads(length)[0] - (self.span - 1) // 2
        return min(max(round(offset / self.stride), 0), self.output(length) - 1)


def padded(image: NDArray[np.float64], sliding: Sliding) -> NDArray[np.float64]:
    """(rows, columns) with the zeros of `sliding` around it."""
    return np.pad(image, (sliding.pads(image.shape[0]), sliding.pads(image.shape[1])))


@dataclass(frozen=True, eq=False)
class Patch:
    """What lies under the window at one place.

    Attributes:
        values: (window, window) float64; 0 where there is padding.
        inside: (window, window) bool; False where there is padding.
        rows: (window,) row of the image under each row of cells; outside the image where there is padding.
        columns: (window,) likewise.
        place: (row, column) of the output.
    """

    values: NDArray[np.float64]
    inside: NDArray[np.bool_]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    place: tuple[int, int]


def patch_at(image: NDArray[np.float64], sliding: Sliding, place: tuple[int, int]) -> Patch:
    """The pixels that one output is made from.

    Args:
        image: (rows, columns).
        sliding: The window.
        place: (row, column) of the output, from 0.
    """
    cells = np.arange(sliding.window) * sliding.dilation
    rows, columns = (sliding.first(n, at) + cells for n, at in zip(image.shape, place, strict=True))
    inside = ((rows >= 0) & (rows < image.shape[0]))[:, None] & ((columns >= 0) & (columns < image.shape[1]))
    values = image[np.clip(rows, 0, image.shape[0] - 1)[:, None], np.clip(columns, 0, image.shape[1] - 1)]
    return Patch(np.where(inside, values, 0.0), inside, rows, columns, place)
