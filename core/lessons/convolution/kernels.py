"""Kernels to try: edges, blur, sharpening, Gabor, one's own, and those that a model has learned."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import IncompatibleInput

#: Largest window of a kernel that is typed in.
LARGEST = 7


@dataclass(frozen=True, eq=False)
class Kernel:
    """Weights of one window.

    Attributes:
        title: For people.
        weights: (k, k) float64; they are laid on the image as they are, not turned round.
        bias: Added to the sum.
        sentence: What it answers to.
    """

    title: str
    weights: NDArray[np.float64]
    bias: float = 0.0
    sentence: str = ""

    @property
    def size(self) -> int:
        """Cells along one edge."""
        return int(self.weights.shape[0])


#: Kernels that need nothing but their name: weights and what they answer to.
FIXED: dict[str, tuple[tuple[tuple[float, ...], ...], str]] = {
    "Sobel x": (
        ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
        "Answers to edges that run up and down: positive where it gets brighter to the right, negative where darker.",
    ),
    "Sobel y": (
        ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
        "Answers to edges that run left to right: positive where it gets brighter downwards, negative where darker.",
    ),
    "Laplacian": (
        ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
        "Answers to points and edges of every direction, and doubles each: one sign on either side.",
    ),
    "Sharpen": (
        ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
        "The pixel itself, plus how far it stands out from its four neighbours.",
    ),
}


def fixed_kernel(title: str) -> Kernel:
    """One of `FIXED`."""
    weights, sentence = FIXED[title]
    return Kernel(title, np.array(weights, np.float64), 0.0, sentence)


def box_kernel(size: int) -> Kernel:
    """The mean of the window."""
    weights = np.full((size, size), 1.0 / size**2)
    return Kernel("Box blur", weights, 0.0, "The mean of the window: noise averages out, and so does fine detail.")


def gaussian_kernel(size: int) -> Kernel:
    """A bell whose standard deviation is a quarter of the window's span plus a quarter, normalised to sum 1."""
    reach = np.arange(size) - (size - 1) / 2
    sigma = (size + 1) / 4
    bell = np.exp(-(reach**2) / (2 * sigma**2))
    weights = np.outer(bell, bell)
    sentence = f"A mean in which near pixels count more (standard deviation {sigma:g} pixels)."
    return Kernel("Gaussian blur", weights / weights.sum(), 0.0, sentence)


def gabor_kernel(size: int, angle: float, wavelength: float) -> Kernel:
    """A wave under a bell: answers to stripes of one direction and width.

    The bell's standard deviation is half a wavelength, and it is twice as long along the stripes. The mean is taken
    off, so that an even area gives 0, and the weights are scaled to a sum of absolute values of 2.

    Args:
        size: Cells along one edge.
        angle: Direction in which the wave runs, in degrees: 0 to the right (stripes stand upright), 90 downwards.
        wavelength: Pixels from one bright stripe to the next, above 0.
    """
    reach = np.arange(size) - (size - 1) / 2
    turn = math.radians(angle)
    along = reach[None, :] * math.cos(turn) + reach[:, None] * math.sin(turn)
    across = reach[:, None] * math.cos(turn) - reach[None, :] * math.sin(turn)
    sigma = wavelength / 2
    weights = np.exp(-(along**2 + (across / 2) ** 2) / (2 * sigma**2)) * np.cos(2 * np.pi * along / wavelength)
    weights -= weights.mean()
    total = np.abs(weights).sum()
    sentence = f"Answers to stripes about {wavelength:g} pixels apart that cross the direction of {angle:g}°."
    return Kernel("Gabor", weights * (2 / total) if total else weights, 0.0, sentence)


def typed_kernel(text: str) -> Kernel:
    """A kernel as someone typed it: a row a line, numbers parted by spaces; decimal commas are read as points.

    Raises:
        IncompatibleInput: Not numbers, not square, even, or too large.
    """
    lines = [line.replace(",", ".").replace("−", "-").split() for line in text.replace(";", "\n").splitlines()]
    rows = [line for line in lines if line]
    wanted, action = "3, 5 or 7 lines with as many numbers each", "write one row of the kernel a line"
    try:
        numbers = [[float(word) for word in row] for row in rows]
    except ValueError as error:
        word = next(word for row in rows for word in row if not _is_number(word))
        raise IncompatibleInput(wanted, f"“{word[:20]}”", action) from error
    lengths = {len(row) for row in numbers}
    if not numbers or lengths != {len(numbers)} or len(numbers) % 2 == 0 or not 3 <= len(numbers) <= LARGEST:
        counted = " and ".join(str(n) for n in sorted(lengths)) or "no"
        lines_word = "line" if len(numbers) == 1 else "lines"
        raise IncompatibleInput(wanted, f"{len(numbers)} {lines_word} of {counted} numbers", action)
    weights = np.array(numbers, np.float64)
    if not np.isfinite(weights).all() or np.abs(weights).max() > 1000:
        raise IncompatibleInput("A weight is no number between −1000 and 1000", "write smaller numbers")
    return Kernel("Your own", weights, 0.0, "What it answers to is for you to find out.")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
