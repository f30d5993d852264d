"""Which pixels can change one cell of a map, found exactly by going backwards through the operations.

A cell of a convolution with kernel k, stride s and dilation d reads the cells `s · i - pad + d · (0 … k - 1)` of the
map before it. Going back to the input gives the pixels that can change the cell, and along the way the number of paths
by which each can: pixels in the middle have many more than those at the border, which is why the field that counts is
smaller than the field that is possible (Luo et al. 2016, arXiv:1701.04128).

The rule of thumb along the widest path is `r = r_before + (k - 1) · d · j_before` and `j = j_before · s`, where j is
the distance of neighbouring cells in pixels (Araujo et al. 2019, Distill, doi:10.23915/distill.00021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.lessons.inside.network import (
    Box,
    Network,
    kernel_size,
    spacing,
)
from core.lessons.inside.onnx_steps import Step, Steps

Mask = NDArray[np.float64]
_KERNELS = frozenset({"Conv", "MaxPool", "AveragePool"})


@dataclass(frozen=True, eq=False)
class Field:
    """What one cell can see of one input.

    Attributes:
        paths: (rows, columns) of the input: by how many paths each pixel reaches the cell, averages left out.
        whole: Whether an average over all places, or a layer that reads them all, adds the whole image to it.
    """

    paths: Mask
    whole: bool

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """(top, left, bottom, right) around all pixels with a path, ends not included; None where there is none."""
        rows, columns = np.flatnonzero(self.paths.any(axis=1)), np.flatnonzero(self.paths.any(axis=0))
        if not len(rows):
            return None
        return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1

    @property
    def fraction(self) -> float:
        """Fraction of the input's pixels with a path."""
        return float((self.paths > 0).mean())

    @property
    def half(self) -> float:
        """Fraction of the input's pixels that hold half of all paths, the busiest ones first."""
        busiest = np.sort(self.paths.ravel())[::-1]
        if busiest[0] <= 0:
            return 0.0
        return float(np.searchsorted(np.cumsum(busiest), busiest.sum() / 2) + 1) / busiest.size


def field_of(network: Network, number: int, cell: tuple[int, int], image: str = "") -> Field:
    """The receptive field of one cell.

    Args:
        network: The model.
        number: Of the box.
        cell: (row, column); any for a box without a map, which sees everything that the way to it lets through.
        image: Name of the input, `""` for the first.
    """
    steps = network.steps
    name, box = image or steps.inputs[0], network.boxes[number]
    size = steps.grid(name)
    assert size is not None  # images have rows and columns
    masks: dict[str, Mask] = {}
    whole = False
    if box.has_map:
        masks[box.tensor] = np.zeros(box.grid or (1, 1))
        masks[box.tensor][cell] = 1.0
    else:
        return Field(np.ones(size), True)
    for step in reversed(steps.steps):
        if step.output not in masks:
            continue
        behind = masks.pop(step.output)
        for before in step.inputs:
            mask = _through(step, before, behind, steps)
            if mask is None:
                whole = True
            elif before in masks:
                masks[before] = masks[before] + mask
            else:
                masks[before] = mask
    return Field(masks.get(name, np.zeros(size)), whole)


def _through(step: Step, before: str, behind: Mask, steps: Steps) -> Mask | None:
    """The mask before a step; None where the step reads all places at once."""
    grid = steps.grid(before)
    if grid is None:
        return None
    if step.op in _KERNELS:
        return _kernel_back(behind, grid, kernel_size(step), spacing(step, "strides"), step)
    if step.op == "ConvTranspose":
        return _kernel_forth(behind, grid, kernel_size(step), spacing(step, "strides"), step)
    if step.op == "Resize":
        return _resized_back(behind, grid, step)
    if step.op == "Pad":
        return _unpadded(behind, grid, before, step, steps)
    if grid == behind.shape:
        return behind
    return None  # an average over all places, a gate made of one, or a layer that mixes them


def _padding(step: Step, grid: tuple[int, int], behind: tuple[int, ...], size: tuple[int, ...]) -> tuple[int, int]:
    """Pixels added at the top and at the left."""
    mode = step.attributes.get("auto_pad", b"NOTSET")
    if mode in {b"SAME_UPPER", b"SAME_LOWER"}:
        found = []
        spans = zip(grid, behind, size, spacing(step, "strides"), spacing(step, "dilations"), strict=True)
        for before, after, kernel, stride, dilation in spans:
            total = max((after - 1) * stride + dilation * (kernel - 1) + 1 - before, 0)
            found.append(total // 2 if mode == b"SAME_UPPER" else total - total // 2)
        return found[0], found[1]
    pads = [int(n) for n in step.attributes.get("pads", (0, 0, 0, 0))]
    return pads[0], pads[1]


def _kernel_back(
    behind: Mask, grid: tuple[int, int], size: tuple[int, ...], strides: tuple[int, int], step: Step
) -> Mask:
    """Spread each cell over the cells its kernel reads."""
    dilations = spacing(step, "dilations")
    top, left = _padding(step, grid, behind.shape, size)
    reach = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(behind.shape, strides, size, dilations, strict=True)]
    room = np.zeros((max(reach[0], top + grid[0]), max(reach[1], left + grid[1])))
    rows, columns = behind.shape
    for i in range(size[0]):
        for j in range(size[1]):
            y, x = i * dilations[0], j * dilations[1]
            room[y : y + rows * strides[0] : strides[0], x : x + columns * strides[1] : strides[1]][
                :rows, :columns
            ] += behind
    return room[top : top + grid[0], left : left + grid[1]]


def _kernel_forth(
    behind: Mask, grid: tuple[int, int], size: tuple[int, ...], strides: tuple[int, int], step: Step
) -> Mask:
    """A transposed convolution writes where a convolution would read."""
    dilations = spacing(step, "dilations")
    top, left = _padding(step, grid, behind.shape, size)
    reach = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(grid, strides, size, dilations, strict=True)]
    room = np.zeros((max(reach[0], top + behind.shape[0]), max(reach[1], left + behind.shape[1])))
    room[top : top + behind.shape[0], left : left + behind.shape[1]] = behind
    found = np.zeros(grid)
    for i in range(size[0]):
        for j in range(size[1]):
            y, x = i * dilations[0], j * dilations[1]
            found += room[y : y + (grid[0] - 1) * strides[0] + 1 : strides[0]][
                :, x : x + (grid[1] - 1) * strides[1] + 1 : strides[1]
            ]
    return found


def _resized_back(behind: Mask, grid: tuple[int, int], step: Step) -> Mask:
    linear = step.attributes.get("mode", b"nearest") == b"linear"
    down, across = (_touched(behind.shape[axis], grid[axis], linear) for axis in (0, 1))
    return down.T @ behind @ across


def _touched(after: int, before: int, linear: bool) -> Mask:
    """(after, before): which cells an enlarged cell is made of."""
    found = np.zeros((after, before))
    at = (np.arange(after) + 0.5) * before / after
    if not linear:
        found[np.arange(after), np.minimum(at.astype(int), before - 1)] = 1
        return found
    low = np.floor(at - 0.5)
    fraction = at - 0.5 - low
    found[np.arange(after), np.clip(low, 0, before - 1).astype(int)] = 1
    upper = fraction > 1e-9
    found[np.arange(after)[upper], np.clip(low + 1, 0, before - 1).astype(int)[upper]] = 1
    return found


def _unpadded(behind: Mask, grid: tuple[int, int], before: str, step: Step, steps: Steps) -> Mask | None:
    if 1 not in step.constants or before not in steps.axes:
        return None
    pads = [int(n) for n in step.constants[1]]
    _, row, column = steps.axes[before]
    return behind[pads[row] : pads[row] + grid[0], pads[column] : pads[column] + grid[1]]


@dataclass(frozen=True)
class Reach:
    """The rule of thumb for one box, in rows of pixels; columns are alike in all our models.

    Attributes:
        size: r, the widest field of a cell inside a large image, averages left out.
        jump: j, distance of neighbouring cells.
        before: (r, j) of the box before, on the widest path; None for an input.
        kernel: k of the step between, 1 where there is none.
        dilation: d of it.
    """

    size: int
    jump: int
    before: tuple[int, int] | None
    kernel: int = 1
    dilation: int = 1


def reaches(network: Network) -> dict[int, Reach]:
    """The rule of thumb for each box that has a map and sees pixels by a path."""
    found: dict[int, Reach] = {}
    for box in network.boxes:
        reach = _reach(box, [found[p] for p in box.parents if p in found])
        if reach is not None and box.grid is not None and box.has_map:
            found[box.number] = reach
    return found


def _reach(box: Box, before: list[Reach]) -> Reach | None:
    if box.kind == "input":
        return Reach(1, 1, None)
    if not before or box.main is None or box.main.op in {"ConvTranspose", "Resize"}:
        return None  # enlarging halves the distance: the rule is not made for it
    widest = max(before, key=lambda reach: reach.size)
    if box.main.op not in _KERNELS:
        return Reach(widest.size, widest.jump, (widest.size, widest.jump))
    kernel, stride, dilation = (
        kernel_size(box.main)[0],
        spacing(box.main, "strides")[0],
        spacing(box.main, "dilations")[0],
    )
    size = widest.size + (kernel - 1) * dilation * widest.jump
    return Reach(size, widest.jump * stride, (widest.size, widest.jump), kernel, dilation)
