"""From stored values to modality values in MONOCHROME2 sense (DICOM PS3.3 C.11.1, C.7.6.3.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.readers.dicom.file import items, text
from core.readers.dicom.image import Image
from core.readers.dicom.lut import read_table
from core.readers.values import smallest_dtype

_MACRO = "PixelValueTransformationSequence"
_UNITS = {"HU": "HU", "OD": "optical density", "BQML": "Bq/ml", "CNTS": "counts", "GY": "Gy", "PCT": "%", "US": ""}


@dataclass(frozen=True, eq=False)
class Modality:
    """The modality transform of one frame.

    Attributes:
        slope: Factor of stored values; 1 where a table is used.
        intercept: Added after the factor.
        table: First stored value and entries of a modality LUT, or None.
        units: What the result is in, `""` where unknown.
        stated: Whether the file states a transform at all.
        remarks: Sentences on what is wrong with it.
    """

    slope: float = 1.0
    intercept: float = 0.0
    table: tuple[float, NDArray[np.float64]] | None = None
    units: str = ""
    stated: bool = False
    remarks: tuple[str, ...] = ()

    def __call__(self, stored: float) -> float:
        """One stored value in modality units."""
        if self.table is None:
            return self.slope * stored + self.intercept
        first, entries = self.table
        return float(entries[int(np.clip(stored - first, 0, len(entries) - 1))])


def modality_of(image: Image, span: tuple[float, float]) -> Modality:
    """The modality LUT if there is one, else the rescale; a slope of 0 is nonsense and left out.

    Args:
        image: The frame.
        span: Lowest and highest stored value that occurs.
    """
    remarks: list[str] = []
    for item in items(image.file.dataset, "ModalityLUTSequence")[:1]:
        table, remarks = read_table(item, image.file, span, "modality table")
        if table is not None:
            units = _UNITS.get(text(item, "ModalityLUTType"), "")
            return Modality(table=(table.first, table.entries), units=units, stated=True, remarks=tuple(remarks))
    modality = image.file.text("Modality")
    if modality == "RTDOSE":
        scaling = image.file.number("DoseGridScaling")
        units = _UNITS.get(image.file.text("DoseUnits"), "")
        return Modality(scaling or 1.0, 0.0, units=units if scaling else "", stated=bool(scaling))
    slope, intercept = image.number(_MACRO, "RescaleSlope"), image.number(_MACRO, "RescaleIntercept")
    if slope is None and intercept is None:
        return Modality(remarks=tuple(remarks))
    if "unreadable" in {image.file.manners.get(keyword) for keyword in ("RescaleSlope", "RescaleIntercept")}:
        return Modality()  # half of a rescale is worse than none
    kind = image.text(_MACRO, "RescaleType").upper()
    if modality == "PT":
        kind = image.file.text("Units").upper() or kind
    elif modality == "CT" and kind in {"", "US"} and _is_plain_ct(image):
        kind = "HU"  # the default for CT (PS3.3 C.8.2.1.1.4)
    return Modality(slope or 1.0, intercept or 0.0, units=_UNITS.get(kind, ""), stated=True)


def _is_plain_ct(image: Image) -> bool:
    """Neither a localizer nor a map that was computed from CT."""
    kinds = image.file.text("ImageType")
    return "LOCALIZER" not in kinds and not (image.layout.frames > 1 and kinds.startswith("DERIVED"))


def is_inverted(image: Image) -> bool:
    """Whether low values are to be shown bright."""
    shape = image.file.text("PresentationLUTShape").upper()
    return image.layout.photometric == "MONOCHROME1" or shape == "INVERSE"


def pivot_of(modality: Modality, ends: tuple[float, float]) -> float:
    """The value that the pixels are subtracted from: lowest plus highest representable value.

    Args:
        modality: The transform of the first frame.
        ends: Lowest and highest stored value that can be; of floats, which have no useful range, that occurs.
    """
    if modality.table is not None:
        return float(modality.table[1].min() + modality.table[1].max())
    return modality(ends[0]) + modality(ends[1])


def span_of(modalities: Sequence[Modality], low: float, high: float) -> tuple[float, float]:
    """Lowest and highest modality value that stored values from low to high can have in any frame."""
    ends: list[float] = []
    for modality in modalities:
        if modality.table is None:
            ends += [modality(low), modality(high)]
        else:
            ends += [float(modality.table[1].min()), float(modality.table[1].max())]
    return min(ends), max(ends)


def to_values(
    stored: NDArray[np.generic],
    modalities: Sequence[Modality],
    pivot: float | None,
    low: float,
    high: float,
    claim: Callable[[int], None] = lambda _: None,
) -> NDArray[np.generic]:
    """Apply modality transforms, and `pivot - values` where a pivot is given.

    Works in place where type and range allow, so `stored` must not be used afterwards.

    Args:
        stored: (frames, rows, columns) stored values.
        modalities: One for each frame.
        pivot: See `pivot_of`; None leaves the sense as it is.
        low: Lowest stored value.
        high: Highest stored value.
        claim: Told of bytes before they are allocated.

    Returns:
        (frames, rows, columns) of the smallest type that holds the result exactly.
    """
    if any(modality.table is not None for modality in modalities):
        return _through_tables(stored, modalities, pivot, claim)
    turn = 1.0 if pivot is None else -1.0
    affine = [(turn * m.slope, turn * m.intercept + (pivot or 0.0)) for m in modalities]
    slope, intercept = affine[0]
    whole = stored.dtype.kind in "iu" and float(slope).is_integer() and float(intercept).is_integer()
    if whole and all(pair == affine[0] for pair in affine):
        ends = sorted((slope * low + intercept, slope * high + intercept))
        dtype = smallest_dtype(*ends)
        if dtype.kind in "iu":
            return _whole(stored, int(slope), int(intercept), dtype, claim)
    claim(stored.size * 4)
    values = np.empty(stored.shape, np.float32)
    for number, (factor, offset) in enumerate(affine):
        values[number] = stored[number].astype(np.float64) * factor + offset
    return values


def _whole(
    stored: NDArray[np.generic],
    slope: int,
    intercept: int,
    dtype: np.dtype[np.generic],
    claim: Callable[[int], None],
) -> NDArray[np.generic]:
    """Whole-number affine map into an integer type that is known to hold the result."""
    if dtype.itemsize == stored.dtype.itemsize and abs(slope) == 1:
        # Modulo 2ⁿ the sum is the same for signed and unsigned, so the memory of the stored values is used again.
        words = stored.view(f"u{dtype.itemsize}")
        if slope < 0:
            np.negative(words, out=words)
        if intercept:
            words += words.dtype.type(intercept % (1 << 8 * dtype.itemsize))
        return words.view(dtype)
    claim(stored.size * dtype.itemsize)
    values = np.empty(stored.shape, dtype)
    for number, frame in enumerate(stored):
        values[number] = frame.astype(np.int64) * slope + intercept
    return values


def _through_tables(
    stored: NDArray[np.generic], modalities: Sequence[Modality], pivot: float | None, claim: Callable[[int], None]
) -> NDArray[np.generic]:
    """Values below and above a table take its ends (PS3.3 C.11.1.1)."""
    tables = [m.table for m in modalities if m.table is not None]
    ends = [float(end) for _, entries in tables for end in (entries.min(), entries.max())]
    if pivot is not None:
        ends = [pivot - end for end in ends]
    dtype = smallest_dtype(min(ends), max(ends))
    claim(stored.size * dtype.itemsize)
    values = np.empty(stored.shape, dtype)
    for number, modality in enumerate(modalities):
        if modality.table is None:
            result = stored[number].astype(np.float64) * modality.slope + modality.intercept
        else:
            first, entries = modality.table
            result = entries[np.clip(stored[number].astype(np.int64) - int(first), 0, len(entries) - 1)]
        values[number] = result if pivot is None else pivot - result
    return values
