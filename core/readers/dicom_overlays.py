"""Overlay planes: graphics and regions beside the pixels of an image or in their unused bits (PS3.3 C.9.2)."""

from __future__ import annotations

from core.readers.dicom_file import DicomFile
from core.readers.dicom_numbers import numbers_of

#: Repeating groups 6000 to 601E.
_GROUPS = range(0x6000, 0x6020, 2)
_ROWS, _BIT_POSITION, _DATA = 0x0010, 0x0102, 0x3000


def embedded_bits(file: DicomFile) -> int:
    """The bits of each word that hold an overlay plane, as old files keep them (PS3.5 8.1.2)."""
    bits = 0
    for group in _GROUPS:
        if (group << 16 | _ROWS) in file.dataset and (group << 16 | _DATA) not in file.dataset:
            position = numbers_of(file.dataset, group << 16 | _BIT_POSITION, "US").values
            bits |= 1 << int(position[0]) if position and 0 <= position[0] < 64 else 0
    return bits
