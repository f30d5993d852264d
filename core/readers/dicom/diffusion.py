"""The b-value of an image, wherever its maker writes it.

A private element means something only behind its maker's name: (0019,100C) is Siemens' b-value where (0019,0010) says
"SIEMENS MR HEADER", and something else of every other maker (PS3.5 7.8.1).
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from core.readers.dicom.file import DicomFile
from core.readers.dicom.image import Image
from core.readers.dicom.numbers import numbers_of

#: In s/mm². Beyond this no scanner goes.
_LARGEST = 50_000.0


@dataclass(frozen=True)
class _Private:
    """A maker's element: its creator, group, last two digits of the element, and value representation."""

    creator: str
    group: int
    element: int
    vr: str


_PRIVATE = (
    _Private("SIEMENS MR HEADER", 0x0019, 0x0C, "IS"),
    _Private("GEMS_PARM_01", 0x0043, 0x39, "IS"),
    _Private("Philips Imaging DD 001", 0x2001, 0x03, "FL"),
    _Private("Image Private Header", 0x0065, 0x09, "FD"),
)


def diffusion_weight(image: Image) -> float | None:
    """The b-value in s/mm²: the standard's, else that of Siemens, GE, Philips or United Imaging behind their names."""
    if image.file.text("Modality") != "MR":
        return None
    stated = image.number("MRDiffusionSequence", "DiffusionBValue")
    if stated is not None:
        return stated if 0 <= stated <= _LARGEST else None
    for private in _PRIVATE:
        for block in _blocks(image.file.dataset, private):
            found = _plausible(image.file.dataset, private.group << 16 | block << 8 | private.element, private.vr)
            if found is not None:
                return found
    return None


def unclaimed_weight(file: DicomFile) -> float | None:
    """What would be Siemens' or GE's b-value if a maker's name stood before it, as de-identification may remove it.

    It proves nothing by itself; it may tell images at one place apart.
    """
    if file.text("Modality") != "MR":
        return None
    for private in _PRIVATE[:2]:
        if (private.group << 16 | 0x10) in file.dataset:
            continue
        found = _plausible(file.dataset, private.group << 16 | 0x1000 | private.element, private.vr)
        if found is not None:
            return found
    return None


def _blocks(dataset: Dataset, private: _Private) -> list[int]:
    """The blocks that a maker has reserved in a group (PS3.5 7.8.1)."""
    found = []
    for block in range(0x10, 0x100):
        tag = private.group << 16 | block
        if tag not in dataset:
            if block > 0x1F:  # makers reserve from 0x10 on, rarely with gaps
                break
            continue
        name = dataset[tag].value
        name = name.decode("latin-1") if isinstance(name, bytes) else str(name)
        if name.strip(" \0").upper() == private.creator.upper():
            found.append(block)
    return found


def _plausible(dataset: Dataset, tag: int, vr: str) -> float | None:
    """The first value, if it can be a b-value. GE adds 10⁹ and flags to it."""
    if tag not in dataset:
        return None
    values = numbers_of(dataset, tag, vr).values
    if not values:
        return None
    value = values[0] % 100_000 if values[0] >= 1e6 else values[0]
    return value if 0 <= value <= _LARGEST else None
