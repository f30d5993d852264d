"""Convolution as networks do it, for one output and for all of them.

What deep learning calls convolution is cross-correlation: the kernel is laid on the image as it is. Mathematics
turns it round first (Goodfellow, Bengio and Courville 2016, Deep Learning, section 9.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.lessons.convolution.kernels import Kernel
from core.lessons.sliding import Patch, Sliding, padded, patch_at


def convolve(image: NDArray[np.floating], kernel: Kernel, sliding: Sliding) -> NDArray[np.float64]:
    """The whole map.

    Args:
        image: (rows, columns).
        kernel: (k, k) weights and bias.
        sliding: Its window is the kernel's.

    Returns:
        (rows out, columns out) float64.

    Raises:
        IncompatibleInput: The kernel spans more than the image.
    """
    rows, columns = (sliding.output(length) for length in image.shape)
    whole = padded(np.asarray(image, np.float64), sliding)
    total = np.full((rows, columns), float(kernel.bias))
    # One shifted image a weight: 9 to 49 sums, exact for whole numbers, which a Fourier transform would not be.
    for (row, column), weight in np.ndenumerate(kernel.weights):
        top, left = row * sliding.dilation, column * sliding.dilation
        if weight:
            total += weight * whole[
                top : top + (rows - 1) * sliding.stride + 1 : sliding.stride,
                left : left + (columns - 1) * sliding.stride + 1 : sliding.stride,
            ]  # fmt: skip
    return total


@dataclass(frozen=True, eq=False)
class Products:
    """How one output comes about.

    Attributes:
        patch: What lies under the window.
        kernel: The weights on it.
        terms: (k, k) float64, pixel times weight.
        total: Their sum, with the bias.
    """

    patch: Patch
    kernel: Kernel
    terms: NDArray[np.float64]
    total: float


def products_at(image: NDArray[np.floating], kernel: Kernel, sliding: Sliding, place: tuple[int, int]) -> Products:
    """One output, term by term.

    Args:
        image: (rows, columns).
        kernel: The weights.
        sliding: Its window is the kernel's.
        place: (row, column) of the output, from 0.
    """
    patch = patch_at(np.asarray(image, np.float64), sliding, place)
    terms = patch.values * kernel.weights
    return Products(patch, kernel, terms, float(terms.sum()) + kernel.bias)
