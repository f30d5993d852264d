"""What the samples of a colour image are, where header and samples contradict each other (PS3.3 C.7.6.3.1.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.generic]
#: Part of the pixels that would be no colours, from which on samples are not luma and chroma.
_NO_COLOURS = 0.2
#: Part of the pixels without any colour, from which on two of the samples are chroma.
_COLOURLESS = 0.5
_SAMPLED = 200_000


@dataclass(frozen=True)
class Sense:
    """How the samples of a file are to be read.

    Attributes:
        planar: Whether they lie plane by plane.
        is_ybr: Whether they are luma and chroma, else red, green and blue.
        remarks: What the header says wrong.
    """

    planar: bool
    is_ybr: bool
    remarks: tuple[str, ...] = ()


def planar_sense(flat: Pixels, shape: tuple[int, int], stated: bool) -> tuple[bool, str]:
    """Whether samples lie plane by plane, and a sentence where the header is wrong.

    In the right order the three samples of a pixel are alike, and so are neighbours.

    Args:
        flat: (rows × columns × 3,) samples in stored order.
        shape: (rows, columns).
        stated: What Planar Configuration says.
    """

    def unlike(planar: bool) -> tuple[float, NDArray[np.float64]]:
        image = ordered(flat, shape, planar).astype(np.int16 if flat.dtype.itemsize == 1 else np.int64)
        rough = [float(np.abs(np.diff(image, axis=axis)).mean()) for axis in (0, 1)]
        return float(np.abs(np.diff(image, axis=2)).mean()), np.array(rough)

    if min(shape) < 8:
        return stated, ""
    (apart, rough), (other_apart, other_rough) = unlike(stated), unlike(not stated)
    by_colour = other_apart < 0.5 * apart and other_rough.sum() < rough.sum()
    by_neighbours = apart > 0.1 and bool((other_rough < 0.6 * rough).all())  # grey in the order stated is right
    if by_colour or by_neighbours:
        return not stated, "Planar Configuration in the header does not fit the pixels; they are read the other way."
    return stated, ""


def ordered(flat: Pixels, shape: tuple[int, int], planar: bool) -> Pixels:
    """(rows, columns, 3) from samples in stored order."""
    return flat.reshape((3, *shape)).transpose(1, 2, 0) if planar else flat.reshape((*shape, 3))


def ybr_sense(image: Pixels, stated: bool) -> tuple[bool, str]:
    """Whether samples are luma and chroma, and a sentence where the header is wrong.

    Samples that are red, green and blue give impossible colours when they are taken for luma and chroma. In those that
    are luma and chroma, grey pixels have 128 twice, as an image in red, green and blue hardly ever has.

    Args:
        image: (rows, columns, 3) uint8.
        stated: What Photometric Interpretation says.
    """
    if image.dtype != np.uint8:
        return stated, ""
    samples = image.reshape(-1, 3)
    samples = samples[:: max(1, len(samples) // _SAMPLED)].astype(np.float32)
    luma, blue, red = (np.asarray(samples[:, n] - (128 if n else 0), np.float32) for n in range(3))
    if stated:
        colours = (luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue)
        no_colour = np.zeros(len(luma), bool)
        for colour in colours:
            no_colour |= (colour < -8) | (colour > 263)
        if no_colour.mean() > _NO_COLOURS:
            return False, "The header says luma and chroma, the pixels are red, green and blue, and are read so."
        return True, ""
    grey = (np.abs(blue) <= 1) & (np.abs(red) <= 1)
    if grey.mean() > _COLOURLESS and float(np.ptp(luma[grey])) > 32:
        return True, "The header says red, green and blue, the pixels are luma and chroma, and are read so."
    return False, ""
