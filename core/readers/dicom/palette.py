"""The palette of a PALETTE COLOR image (PS3.3 C.7.6.3.1.5, C.7.9)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import apply_color_lut

from core.errors import UnreadableScan
from core.readers.dicom.file import DicomFile
from core.readers.dicom.layout import Layout
from core.readers.dicom.lut import entries_of, fitting_bits, raw_bytes

_COLOURS = ("Red", "Green", "Blue")
_WORD = 1 << 16


def palette_of(file: DicomFile, layout: Layout) -> tuple[int, NDArray[np.uint8], list[str]]:
    """The first mapped value, the colours from it on, (entries, 3) uint8, and what is wrong with the palette.

    Segmented palettes are expanded. Entries of 8 bits may fill words, lie in their upper half, or be packed in pairs.

    Raises:
        UnreadableScan: The palette is missing or broken.
    """
    descriptor = file.numbers("RedPaletteColorLookupTableDescriptor")
    try:
        count, first = int(descriptor[0]) % _WORD or _WORD, int(descriptor[1]) % _WORD
        if layout.signed and first >= _WORD // 2:
            first -= _WORD
        if raw_bytes(file.dataset, "RedPaletteColorLookupTableData")[0]:
            colours, remarks = _plain(file, count)
        else:
            inputs = np.arange(first, first + count, dtype=np.int64)
            colours, remarks = apply_color_lut(inputs[None], file.dataset)[0].astype(np.float64), []
    except Exception as error:  # pydicom raises many kinds for a broken palette
        raise UnreadableScan(
            "The palette of the PALETTE COLOR image is missing or broken", "export it as RGB"
        ) from error
    levels = colours * (255.0 / _full_scale(colours, int(descriptor[2]) if len(descriptor) > 2 else 16))
    return first, np.rint(levels).clip(0, 255).astype(np.uint8), remarks


def _plain(file: DicomFile, count: int) -> tuple[NDArray[np.float64], list[str]]:
    """(entries, 3) as stored."""
    found = []
    for colour in _COLOURS:
        data, little = raw_bytes(file.dataset, f"{colour}PaletteColorLookupTableData")
        entries, _ = entries_of(data, count, little)
        found.append(entries)
    least = min(map(len, found))
    if not least:
        raise ValueError("no entries")
    colours = np.stack([entries[:least] for entries in found], axis=1)
    return colours, [f"The palette has {least:,} of {count:,} colours; values beyond take the last."] * (least < count)


def _full_scale(colours: NDArray[np.float64], claimed: int) -> int:
    """The entry that is brightest."""
    if colours.max() <= 255:
        return 255
    return (1 << (16 if claimed <= 8 else fitting_bits(claimed, colours))) - 1
