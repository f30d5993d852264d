"""One number of a map, taken apart: which products of weights and values it is the sum of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.lessons.inside.network import Box, kernel_size, spacing


@dataclass(frozen=True, eq=False)
class CellSum:
    """The sum behind one cell of a convolution, before norm and activation.

    Attributes:
        terms: (channels read, rows, columns) products of weight and value; 0 where the kernel lies outside the map.
        weights: (channels read, rows, columns) of the kernel.
        values: (channels read, rows, columns) of the map under the kernel.
        bias: What is added.
        first: Number of the first channel that is read; others than 0 only where channels are in groups.
    """

    terms: NDArray[np.float64]
    weights: NDArray[np.float64]
    values: NDArray[np.float64]
    bias: float
    first: int

    @property
    def total(self) -> float:
        """Products and bias added up."""
        return float(self.terms.sum()) + self.bias

    @property
    def by_channel(self) -> NDArray[np.float64]:
        """(channels read,) what each channel before adds."""
        found: NDArray[np.float64] = self.terms.sum(axis=(1, 2))
        return found


def cell_sum(box: Box, before: NDArray[np.float32], channel: int, cell: tuple[int, int]) -> CellSum | None:
    """Take a cell apart.

    Args:
        box: A convolution.
        before: (channels, rows, columns) what it reads.
        channel: Of what it gives.
        cell: (row, column).

    Returns:
        None where the box is no plain convolution.
    """
    kernel = box.kernel
    if (
        kernel is None
        or box.main is None
        or box.main.attributes.get("auto_pad", b"NOTSET") not in {b"NOTSET", b"VALID"}
    ):
        return None
    groups = int(box.main.attributes.get("group", 1))
    first = channel // (kernel.shape[0] // groups) * kernel.shape[1]
    values = _patch(box, before[first : first + kernel.shape[1]], cell)
    weights = kernel[channel].astype(np.float64)
    bias = float(box.main.constants[2][channel]) if 2 in box.main.constants else 0.0
    return CellSum(weights * values, weights, values, bias, first)


def _patch(box: Box, before: NDArray[np.float32], cell: tuple[int, int]) -> NDArray[np.float64]:
    """(channels, rows, columns) what the kernel lies on, 0 outside the map."""
    assert box.main is not None  # the caller looked
    pads = [int(n) for n in box.main.attributes.get("pads", (0, 0, 0, 0))]
    places = []
    for axis in (0, 1):
        stride, dilation = spacing(box.main, "strides")[axis], spacing(box.main, "dilations")[axis]
        places.append(cell[axis] * stride - pads[axis] + dilation * np.arange(kernel_size(box.main)[axis]))
    rows, columns = np.meshgrid(*places, indexing="ij")
    inside = (rows >= 0) & (rows < before.shape[1]) & (columns >= 0) & (columns < before.shape[2])
    taken = before[:, np.clip(rows, 0, before.shape[1] - 1), np.clip(columns, 0, before.shape[2] - 1)]
    return np.where(inside, taken, 0.0).astype(np.float64)
