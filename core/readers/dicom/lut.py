"""Look-up tables of a DICOM file (PS3.3 C.11.1.1, C.11.2.1.1, C.7.6.3.1.5), whose descriptor is often wrong.

The descriptor says how many entries there are, which value comes first, and how many bits an entry has. Each is held
against the entries and against the values that occur in the image, and mended where only one reading fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from core.readers.dicom.file import DicomFile

_WORD = 1 << 16


@dataclass(frozen=True, eq=False)
class LookUp:
    """A table that can be used.

    Attributes:
        first: Value that maps to the first entry.
        entries: (entries,) as stored.
        bits: Of an entry at full scale.
    """

    first: float
    entries: NDArray[np.float64]
    bits: int

    @property
    def levels(self) -> NDArray[np.float32]:
        """(entries,) from 0 to 1."""
        return (self.entries / ((1 << self.bits) - 1)).clip(0, 1).astype(np.float32)


def read_table(item: Dataset, file: DicomFile, span: tuple[float, float], name: str) -> tuple[LookUp | None, list[str]]:
    """The table of a VOI or modality LUT item.

    Args:
        item: The item of the sequence.
        file: Its file.
        span: Lowest and highest value that goes into it, for all frames.
        name: What to call it in a sentence, e.g. `"VOI table"`.

    Returns:
        The table, or None where it cannot be used; and what was wrong, in sentences.
    """
    descriptor = file.numbers_in(item, "LUTDescriptor")
    data, little = raw_bytes(item, "LUTData")
    if len(descriptor) != 3 or not data:
        return None, [f"A {name} of the file lacks its descriptor or its entries and is left out."]
    count = int(descriptor[0]) % _WORD or _WORD
    first = _first(descriptor[1], count, span)
    entries, missing = entries_of(data, count, little)
    if missing and first + len(entries) - 1 < span[1]:
        return None, [f"A {name} of the file has {len(entries):,} of {count:,} entries and is left out."]
    said = []
    held = len(data) // 2
    if held > count and first + count - 1 < span[1] <= first + held - 1 and not missing:
        entries, _ = entries_of(data, held, little)
        said.append(f"A {name} of the file has {held:,} entries where it says {count:,}; all are used.")
    if first > span[1] or first + len(entries) - 1 < span[0]:
        return None, [*said, f"A {name} of the file does not reach the values of the image and is left out."]
    if entries.min() == entries.max():
        return None, [*said, f"A {name} of the file gives all values the same level and is left out."]
    claimed = int(descriptor[2])
    bits = fitting_bits(claimed, entries)
    if bits != claimed and name == "VOI table":
        said.append(f"A {name} of the file says {claimed} bits, its entries have {bits}; it is read with {bits}.")
    return LookUp(first, entries, bits), said


def _first(written: float, count: int, span: tuple[float, float]) -> float:
    """The first value as it is or with the other sign, whichever lies over more of the values that occur."""

    def covered(first: float) -> float:
        return min(first + count - 1, span[1]) - max(first, span[0])

    choices = (written, written % _WORD, written % _WORD - _WORD)
    return max(choices, key=covered)  # the first of equals: as it is written


def entries_of(data: bytes, count: int, little: bool) -> tuple[NDArray[np.float64], bool]:
    """Entries as words or, where there are only so many bytes, as bytes that are packed in pairs.

    Returns:
        (at most `count`,) entries, and whether some are missing.
    """
    order = "<" if little else ">"
    if count <= len(data) <= count + 1:
        packed = (
            np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2").astype("<u2").tobytes() + data[len(data) // 2 * 2 :]
        )
        return np.frombuffer(packed, np.uint8)[:count].astype(np.float64), False
    words = np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2")[:count].astype(np.float64)
    return words, len(words) < count


def fitting_bits(claimed: int, entries: NDArray[np.float64]) -> int:
    """Bits of one of the (n,) entries at full scale.

    As claimed, unless entries go beyond it, end exactly at the full scale of fewer bits, or use less than half of half.
    """
    top = int(entries.max())
    used = max(top.bit_length(), 1)
    if not 1 <= claimed <= 16 or used > claimed:
        return used
    return used if top == (1 << used) - 1 or used <= claimed - 2 else claimed


def raw_bytes(item: Dataset, keyword: str) -> tuple[bytes, bool]:
    """The bytes of an element and whether they are little-endian; none where it is missing."""
    tag = tag_for_keyword(keyword)
    if tag is None or tag not in item:
        return b"", True
    element = item.get_item(tag)
    if element is None or element.value is None:
        return b"", True
    if isinstance(element.value, bytes):
        return element.value, element.is_little_endian if isinstance(element, RawDataElement) else True
    values = np.atleast_1d(np.asarray(element.value, dtype=np.int64)) % _WORD
    return values.astype("<u2").tobytes(), True
