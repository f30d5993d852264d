"""Arrays of images as scans: where channels and slices lie, and what their numbers are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from core.datasets.arrays.container import ArrayReader
from core.datasets.dataset import UnusableDataset
from core.datasets.inquiry import Inquiry
from core.datasets.reading import scan_of
from core.errors import UnreadableScan
from core.readers import Source
from core.readers.values import smallest_dtype
from core.scan import Scan, Step

Axes = Literal["grey", "grey first", "colour", "colour first", "slices", "slices last", "slices of one channel"]
#: What numbers are turned into: as they are, a whole number as 8 or 16 bits, or 0 to 1 as 8 bits.
Values = Literal["stored", "whole", "unit", "numbers"]
#: Answers to how arrays of one shape are laid out.
_AXES: dict[Axes, str] = {
    "colour first": "images in colour, channels first",
    "slices": "volumes, slices first",
    "slices last": "volumes, slices last",
}
#: Images that are looked at together to tell what their numbers are, and of an array that is too large all in all.
_BLOCK, _SAMPLE = 512, 64


@dataclass(frozen=True)
class PixelLayout:
    """How the entries of arrays become images.

    Attributes:
        axes: Where channels and slices lie.
        values: What the numbers are.
        dtype: Type of the pixels where `values` is whole.
    """

    axes: Axes
    values: Values
    dtype: np.dtype[np.generic]


def pixel_layout(images: Mapping[str, ArrayReader], inquiry: Inquiry) -> PixelLayout:
    """Recognise how arrays are laid out; what their shape leaves open is asked.

    Raises:
        UnusableDataset: They are no images, or differ from split to split.
    """
    headers = [reader.header for reader in images.values()]
    shapes = {header.shape[1:] for header in headers}
    shape = headers[0].shape[1:]
    if not 2 <= len(shape) <= 4 or any(header.dtype.kind not in "biuf" for header in headers) or 0 in shape:
        raise UnusableDataset(
            "images as arrays of numbers (cases, rows, columns[, 3])",
            f"{headers[0].dtype} of {_by(headers[0].shape)}",
            "save them so",
        )
    if len({len(each) for each in shapes}) > 1:
        raise UnusableDataset("Some splits hold images and others volumes", "save them apart")
    axes = _axes(shape, inquiry)
    values, dtype = _values(images, axes, inquiry)
    return PixelLayout(axes, values, dtype)


def _by(shape: Sequence[int]) -> str:
    return " × ".join(str(n) for n in shape)


def _axes(shape: tuple[int, ...], inquiry: Inquiry) -> Axes:
    if len(shape) == 2:
        return "grey"
    if len(shape) == 4:
        if 1 not in (shape[0], shape[-1]):
            raise UnusableDataset("grey volumes", f"arrays of {_by(shape)}, which have channels", "save one channel")
        return "slices of one channel"
    first, middle, last = shape
    if last in (1, 3):
        return "grey" if last == 1 else "colour"
    if first == 1:
        return "grey first"
    if last in (2, 4) and min(first, middle) > 4:
        raise UnusableDataset(
            "images of 1 or 3 channels", f"arrays of {_by(shape)}, which have {last}", "save red, green and blue"
        )
    if first == 3:
        choices: list[Axes] = ["colour first", "slices", "slices last"]
    elif first == middle != last:
        choices = ["slices last", "slices"]
    else:
        choices = ["slices", "slices last"]
    sentence = f"How are the arrays of {_by(shape)} laid out?"
    words = [_AXES[choice] for choice in choices]
    certain = middle == last and first > 4
    answer = inquiry.settle("axes", sentence, words, words[0], certain)
    return choices[words.index(answer)]


def _values(images: Mapping[str, ArrayReader], axes: Axes, inquiry: Inquiry) -> tuple[Values, np.dtype[np.generic]]:
    """What the numbers are, told by some of them where their type does not say."""
    kinds = {reader.header.dtype.newbyteorder("=") for reader in images.values()}
    colour, deep = axes in ("colour", "colour first"), np.dtype(np.uint16)
    if len(kinds) == 1 and (kind := next(iter(kinds))) in (
        {np.dtype(np.uint8)} if colour else {np.dtype(np.uint8), deep}
    ):
        return "stored", kind
    low, high, whole = _range(images)
    if kinds == {deep} and high > 255:
        return "stored", deep
    if all(kind.kind == "b" for kind in kinds):
        return "unit", np.dtype(np.uint8)
    if low >= 0 and high <= 1 and any(kind.kind == "f" for kind in kinds):
        inquiry.understood.append("The numbers go from 0 to 1; they are read as 8 bits, times 255 and rounded.")
        return "unit", np.dtype(np.uint8)
    if whole or (colour and low >= 0 and high <= 255):
        dtype = smallest_dtype(low, high)
        if colour and dtype != np.uint8:
            raise UnusableDataset(
                "colours from 0 to 255 or from 0 to 1", f"numbers from {low:g} to {high:g}", "save them so"
            )
        return "whole", dtype
    if colour:
        raise UnusableDataset(
            "colours from 0 to 255 or from 0 to 1", f"numbers from {low:.3g} to {high:.3g}",
            "save the images as they were before they were normalised",
        )  # fmt: skip
    if low < 0:
        inquiry.warnings.append(
            f"The numbers go from {low:.3g} to {high:.3g}: the images were normalised before they were saved, and "
            "their grey levels are set by percentiles."
        )
    else:
        inquiry.understood.append(
            f"The numbers go from {low:.3g} to {high:.3g}; grey levels are set by percentiles of each image."
        )
    return "numbers", np.dtype(np.float32)


def _range(images: Mapping[str, ArrayReader]) -> tuple[float, float, bool]:
    """The smallest and largest number, and whether all are whole; of arrays too large to be held, of the first."""
    low, high, whole = np.inf, -np.inf, True
    for reader in images.values():
        for numbers in reader.blocks(_BLOCK if reader.is_whole else _SAMPLE, all_of_it=reader.is_whole):
            known = numbers[np.isfinite(numbers)] if numbers.dtype.kind == "f" else numbers
            if known.size:
                low, high = min(low, float(known.min())), max(high, float(known.max()))
                whole = whole and (known.dtype.kind != "f" or bool((known == np.round(known)).all()))
    if low > high:
        raise UnusableDataset("The arrays of images hold no numbers", "get the file again")
    return low, high, whole


def scan_of_array(entry: NDArray[np.generic], raw: bytes, name: str, layout: PixelLayout) -> Scan:
    """One entry, in the axes of its layout, as a scan: 8 or 16 bits go through the readers as a PNG without loss.

    Raises:
        UnreadableScan: Its numbers are not those of the others.
    """
    pixels = _typed(_arranged(entry, layout.axes), layout)
    is_volume = layout.axes.startswith("slices")
    if is_volume or pixels.dtype not in (np.dtype(np.uint8), np.dtype(np.uint16)):
        return _as_it_is(pixels if is_volume else pixels[None], raw)
    image = pixels if pixels.ndim == 2 else pixels[..., ::-1]  # OpenCV writes blue first
    if pixels.ndim == 3 and pixels.dtype != np.uint8:  # deep colours become 8 bits on the way, as in a file
        image = image.astype(np.uint16)
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(image), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise UnreadableScan(f"The array {name} is no image", "get the file again")
    return scan_of([Source(f"{name}.png", encoded.tobytes())])


def _arranged(entry: NDArray[np.generic], axes: Axes) -> NDArray[np.generic]:
    """(rows, columns[, 3]) of an image, (slices, rows, columns) of a volume."""
    if axes == "slices of one channel":
        return entry[..., 0] if entry.shape[-1] == 1 else entry[0]
    if axes == "grey":
        return entry[..., 0] if entry.ndim == 3 else entry
    if axes == "grey first":
        return entry[0]
    if axes == "colour first":
        return np.moveaxis(entry, 0, -1)
    return np.moveaxis(entry, -1, 0) if axes == "slices last" else entry


def _typed(pixels: NDArray[np.generic], layout: PixelLayout) -> NDArray[np.generic]:
    if layout.values == "stored":
        return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    numbers = pixels.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise UnreadableScan("A pixel of the image is NaN or infinite", "save the image again")
    if layout.values == "numbers":
        return numbers.astype(np.float32)
    if layout.values == "unit":
        numbers = numbers * 255
    numbers = np.round(numbers)
    limits = np.iinfo(layout.dtype.name) if layout.dtype.kind in "iu" else None
    if limits is not None and (numbers.min() < limits.min or numbers.max() > limits.max):
        raise UnreadableScan(
            f"The numbers reach from {numbers.min():g} to {numbers.max():g}, unlike those of the other images",
            "check it",
        )
    return numbers.astype(layout.dtype)


def _as_it_is(pixels: NDArray[np.generic], raw: bytes) -> Scan:
    count = len(pixels)
    return Scan(
        pixels=np.ascontiguousarray(pixels),
        axis="slice" if count > 1 else "single",
        digest=hashlib.sha256(raw).hexdigest(),
        source="NumPy",
        title=f"Volume, {count} slices" if count > 1 else f"NumPy image, {_by(pixels.shape[1:])}",
        provenance=(Step("Decoding", "NumPy array"), Step("Resampling", "none; stored pixels")),
    )
