"""One DICOM file, parsed once, without copying its pixels.

The header is read with pydicom up to the pixel data; the pixels stay where they are in the uploaded bytes.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import PersonName

from core.errors import TooLarge, UnreadableScan
from core.readers.dicom_numbers import Manner, read_numbers
from core.readers.memory import MEGABYTE
from core.readers.source import Source

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_INFLATED_LIMIT = 512 * MEGABYTE
_LONG_VRS = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN", b"UT", b"SQ"}
_PIXEL_KEYWORDS = {0x0010: "PixelData", 0x0009: "DoubleFloatPixelData", 0x0008: "FloatPixelData"}
UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True, eq=False)
class PixelElement:
    """Where the pixels lie.

    Attributes:
        keyword: `PixelData`, `FloatPixelData` or `DoubleFloatPixelData`.
        vr: `OB`, `OW`, …
        data: From the first byte of the value to the end of the file; a view, not a copy.
        length: As the element claims, or `UNDEFINED` for encapsulated frames.
    """

    keyword: str
    vr: str
    data: memoryview
    length: int


@dataclass(frozen=True, eq=False)
class DicomFile:
    """A parsed header and the place of its pixels.

    Attributes:
        source: Where it came from.
        dataset: Everything before the pixels.
        syntax: The transfer syntax, guessed where the file does not say.
        little_endian: Byte order of native pixels.
        guessed: Whether the transfer syntax was missing or is no known one.
        pixels: None where the file has none.
        manners: Keyword to how its value was written, for those that are not written as DICOM says.
    """

    source: Source
    dataset: Dataset
    syntax: UID
    little_endian: bool
    guessed: bool
    pixels: PixelElement | None
    manners: dict[str, Manner] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file as the user knows it."""
        return self.source.name

    def text(self, keyword: str) -> str:
        """A string value, stripped; `""` where it is missing or broken."""
        return text(self.dataset, keyword)

    def numbers_in(self, place: Dataset, keyword: str) -> tuple[float, ...]:
        """All values as numbers of an element of this file, which may stand in one of its sequences.

        What was written unlike DICOM, or cannot be read, is kept in `manners`.

        Args:
            place: The data set or item that holds it.
            keyword: DICOM's keyword.
        """
        found = read_numbers(place, keyword)
        if found.manner != "plain":
            self.manners[keyword] = found.manner
        return found.values

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """All values as numbers; empty where they are missing or broken."""
        return self.numbers_in(self.dataset, keyword)

    def number(self, keyword: str) -> float | None:
        """The first value as a number, or None."""
        values = self.numbers(keyword)
        return values[0] if values else None

    def count(self, keyword: str, default: int = 0) -> int:
        """The first value as a whole number."""
        value = self.number(keyword)
        return default if value is None else int(value)


def value(dataset: Dataset, keyword: str) -> Any:
    """An element's value, or None where it is missing, empty or cannot be parsed."""
    try:
        found = dataset.get(keyword)
    except Exception:  # pydicom raises whatever a broken value provokes; a broken value is a missing one
        return None
    return None if found is None or (isinstance(found, str) and not found.strip()) else found


def text(dataset: Dataset, keyword: str) -> str:
    """A string value, stripped; several are joined by a backslash, as DICOM writes them."""
    found = value(dataset, keyword)
    if found is None:
        return ""
    if isinstance(found, bytes):  # text under the value representation OB or UN
        return found.decode("latin-1").strip("\0 ")
    if isinstance(found, str | int | float | PersonName):
        return str(found).strip("\0 ")
    try:
        return "\\".join(str(part) for part in found).strip("\0 ")
    except TypeError:
        return str(found).strip("\0 ")


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; empty where it is missing or broken."""
    found = value(dataset, keyword)
    try:
        return [item for item in found or () if isinstance(item, Dataset)]
    except TypeError:
        return []


def parse(source: Source) -> DicomFile:
    """Read the header and find the pixels.

    Raises:
        UnreadableScan: The header is broken.
        TooLarge: A deflated header would inflate beyond bounds.
    """
    data = _inflated(bytes(source.data))
    stream = io.BytesIO(data)
    try:
        dataset = dcmread(stream, force=True, stop_before_pixels=True)
        implicit, little = dataset.original_encoding
        named = UID(text(getattr(dataset, "file_meta", None) or Dataset(), "TransferSyntaxUID"))
        syntax = named if named.is_transfer_syntax and not named.is_private else None
    except Exception as error:  # anything can be in a broken file, and pydicom raises many kinds
        raise UnreadableScan("a whole DICOM file", "a header that is broken or cut short", "export it again") from error
    if len(dataset) == 0:
        raise UnreadableScan("a whole DICOM file", "a file with nothing after its first bytes", "export it again")
    pixels = _pixel_element(data, stream.tell(), bool(implicit), bool(little))
    fallback = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return DicomFile(source, dataset, syntax or fallback, bool(little), syntax is None, pixels)


def _pixel_element(data: bytes, at: int, implicit: bool, little: bool) -> PixelElement | None:
    """The pixel data element that starts at byte `at`, if one does."""
    order = "<" if little else ">"
    if at + 8 > len(data):
        return None
    group, element = struct.unpack_from(f"{order}HH", data, at)
    if group != 0x7FE0 or element not in _PIXEL_KEYWORDS:
        return None
    vr = b"OW" if implicit else data[at + 4 : at + 6]
    try:
        if implicit:
            (length,), start = struct.unpack_from(f"{order}L", data, at + 4), at + 8
        elif vr in _LONG_VRS:
            (length,), start = struct.unpack_from(f"{order}L", data, at + 8), at + 12
        else:
            (length,), start = struct.unpack_from(f"{order}H", data, at + 6), at + 8
    except struct.error:
        return None
    return PixelElement(_PIXEL_KEYWORDS[element], vr.decode("ascii", "replace"), memoryview(data)[start:], length)


def _inflated(data: bytes) -> bytes:
    """Undo Deflated Explicit VR Little Endian within bounds; pydicom would inflate any amount.

    The result is the same file with the transfer syntax Explicit VR Little Endian in its meta header.
    """
    if data[128:132] != b"DICM" or _DEFLATED not in data[132:2048]:
        return data
    end = _meta_end(data)
    worker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        body = worker.decompress(data[end:], _INFLATED_LIMIT)
    except zlib.error as error:
        raise UnreadableScan("a whole deflated DICOM file", "a broken one", "export it again") from error
    if worker.unconsumed_tail:
        limit = f"a deflated file of at most {_INFLATED_LIMIT // MEGABYTE} MB"
        raise TooLarge(limit, "one that grows beyond that", "export it without compression")
    plain = ExplicitVRLittleEndian.encode().ljust(len(_DEFLATED), b"\0")
    return data[:end].replace(_DEFLATED, plain) + body


def _meta_end(data: bytes) -> int:
    """Where group 0002 ends; it is Explicit VR Little Endian always (PS3.10 7.1)."""
    at = 132
    while data[at : at + 2] == b"\x02\x00":
        if data[at + 4 : at + 6] in _LONG_VRS:
            at += 12 + int.from_bytes(data[at + 8 : at + 12], "little")
        else:
            at += 8 + int.from_bytes(data[at + 6 : at + 8], "little")
    return at
