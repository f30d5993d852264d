"""One DICOM file, parsed once, without copying its pixels.

The header is read with pydicom up to the pixel data; the pixels stay where they are in the uploaded bytes.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import PersonName

from core.errors import ScanLensError, TooLarge, UnreadableScan
from core.readers.dicom.numbers import Manner, read_numbers
from core.readers.memory import MEGABYTE
from core.readers.source import Source

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_INFLATED_LIMIT = 512 * MEGABYTE
_LONG_VRS = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN", b"UT", b"SQ"}
_PIXEL_KEYWORDS = {0x0010: "PixelData", 0x0009: "DoubleFloatPixelData", 0x0008: "FloatPixelData"}
UNDEFINED = 0xFFFFFFFF
#: Reads that parsing one header or one sequence may take; each element takes two or three. The functional groups of
#: 5,000 frames take about 750,000.
READS = 1_000_000
_PIECE = 16 * MEGABYTE


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
    _texts: dict[str, str] = field(default_factory=dict)
    _numbers: dict[tuple[int, str], tuple[float, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file as the user knows it."""
        return self.source.name

    def text(self, keyword: str) -> str:
        """A string value, stripped; `""` where it is missing or broken."""
        if keyword not in self._texts:  # once a file, not once a frame
            self._texts[keyword] = text(self.dataset, keyword)
        return self._texts[keyword]

    @cached_property
    def per_frame(self) -> list[Dataset]:
        """The functional groups of each frame (PS3.3 C.7.6.16)."""
        return items(self.dataset, "PerFrameFunctionalGroupsSequence")

    @cached_property
    def shared(self) -> list[Dataset]:
        """The functional groups that hold for all frames, at most one."""
        return items(self.dataset, "SharedFunctionalGroupsSequence")[:1]

    def numbers_in(self, place: Dataset, keyword: str) -> tuple[float, ...]:
        """All values as numbers of an element of this file, which may stand in one of its sequences.

        What was written unlike DICOM, or cannot be read, is kept in `manners`.

        Args:
            place: The data set or item that holds it.
            keyword: DICOM's keyword.
        """
        key = (id(place), keyword)
        if key not in self._numbers:  # a vector with an entry for each frame is asked for by each frame
            found = read_numbers(place, keyword)
            if found.manner != "plain":
                self.manners[keyword] = found.manner
            self._numbers[key] = found.values
        return self._numbers[key]

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
    """The items of a sequence; empty where it is missing or broken.

    Raises:
        TooLarge: It holds more than `READS` allows.
    """
    _parse_sequence(dataset, keyword)
    found = value(dataset, keyword)
    try:
        return [item for item in found or () if isinstance(item, Dataset)]
    except TypeError:
        return []


class _Reads:
    """Bytes as a file for pydicom, which counts how often it is read and can be left in the midst."""

    def __init__(self, data: bytes | bytearray | memoryview, asked: Callable[[], None] | None = None) -> None:
        self._data, self._at, self._asked, self._count = memoryview(data), 0, asked, 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes.

        Raises:
            TooLarge: It was read `READS` times.
        """
        self._count += 1
        if self._count > READS:
            raise TooLarge("The DICOM header has millions of elements", "export it again")
        if self._asked is not None and self._count % 4096 == 0:
            self._asked()
        end = len(self._data) if size is None or size < 0 else self._at + size
        part = bytes(self._data[self._at : end])
        self._at += len(part)
        return part

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a byte."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: len(self._data)}[whence]
        return self._at

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at


def _parse_sequence(dataset: Dataset, keyword: str) -> None:
    """Parse a sequence of stated length, which pydicom leaves raw until it is asked for, within `READS`."""
    tag = tag_for_keyword(keyword)
    raw = dataset.get_item(tag) if tag is not None and tag in dataset else None
    if not isinstance(raw, RawDataElement) or not isinstance(raw.value, bytes) or raw.VR not in {"SQ", "UN", None}:
        return
    implicit = raw.is_implicit_VR or raw.VR == "UN"  # PS3.5 6.2.2
    try:
        stream: Any = _Reads(raw.value)
        found = read_sequence(stream, implicit, raw.is_little_endian, len(raw.value), "iso8859")
        dataset[BaseTag(raw.tag)] = DataElement(raw.tag, "SQ", found, already_converted=True)
    except TooLarge:
        raise
    except Exception:  # pydicom raises whatever a broken sequence provokes; `value` leaves it out
        return


def parse(
    source: Source, claim: Callable[[int], None] | None = None, asked: Callable[[], None] | None = None
) -> DicomFile:
    """Read the header and find the pixels.

    Args:
        source: The file.
        claim: Told of bytes before they are allocated.
        asked: Called again and again; may leave by `Cancelled`.

    Raises:
        UnreadableScan: The header is broken.
        TooLarge: The header has too many elements, or a deflated file would inflate beyond bounds.
    """
    data = inflated(source.data, claim)
    stream: Any = _Reads(data, asked)
    try:
        dataset = dcmread(stream, force=True, stop_before_pixels=True)
        implicit, little = dataset.original_encoding
        named = UID(text(getattr(dataset, "file_meta", None) or Dataset(), "TransferSyntaxUID"))
        syntax = named if named.is_transfer_syntax and not named.is_private else None
    except ScanLensError:
        raise
    except Exception as error:  # anything can be in a broken file, and pydicom raises many kinds
        raise UnreadableScan("The DICOM header is broken or cut short", "export it again") from error
    if len(dataset) == 0:
        raise UnreadableScan("The DICOM file ends after its first bytes", "export it again")
    pixels = _pixel_element(memoryview(data), stream.tell(), bool(implicit), bool(little))
    fallback = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return DicomFile(source, dataset, syntax or fallback, bool(little), syntax is None, pixels)


def _pixel_element(data: memoryview, at: int, implicit: bool, little: bool) -> PixelElement | None:
    """The pixel data element that starts at byte `at`, if one does."""
    order = "<" if little else ">"
    if at + 8 > len(data):
        return None
    group, element = struct.unpack_from(f"{order}HH", data, at)
    if group != 0x7FE0 or element not in _PIXEL_KEYWORDS:
        return None
    vr = b"OW" if implicit else bytes(data[at + 4 : at + 6])
    try:
        if implicit:
            (length,), start = struct.unpack_from(f"{order}L", data, at + 4), at + 8
        elif vr in _LONG_VRS:
            (length,), start = struct.unpack_from(f"{order}L", data, at + 8), at + 12
        else:
            (length,), start = struct.unpack_from(f"{order}H", data, at + 6), at + 8
    except struct.error:
        return None
    return PixelElement(_PIXEL_KEYWORDS[element], vr.decode("ascii", "replace"), data[start:], length)


def is_deflated(head: bytes) -> bool:
    """Whether the first bytes say that all that follows the meta header is deflated (PS3.5 A.5)."""
    return head[128:132] == b"DICM" and _DEFLATED in head[132:2048]


def inflated(data: bytes | memoryview, claim: Callable[[int], None] | None = None) -> bytes | bytearray | memoryview:
    """Undo Deflated Explicit VR Little Endian within bounds; pydicom would inflate any amount.

    The result is the same file with the transfer syntax Explicit VR Little Endian in its meta header.
    """
    head = bytes(data[: 1 << 16])
    if not is_deflated(head):
        return data
    end = _meta_end(head)
    plain = ExplicitVRLittleEndian.encode().ljust(len(_DEFLATED), b"\0")
    out, rest = bytearray(head[:end].replace(_DEFLATED, plain)), memoryview(data)[end:]
    worker, packed = zlib.decompressobj(-zlib.MAX_WBITS), b""
    while not worker.eof and (packed or rest):
        if not packed:
            packed, rest = bytes(rest[:MEGABYTE]), rest[MEGABYTE:]
        try:
            part = worker.decompress(packed, _PIECE)
        except zlib.error as error:
            raise UnreadableScan("The deflated DICOM file is broken", "export it again") from error
        packed = worker.unconsumed_tail
        if len(out) + len(part) > _INFLATED_LIMIT:
            limit = f"a deflated file of at most {_INFLATED_LIMIT // MEGABYTE} MB"
            raise TooLarge(limit, "one that grows beyond that", "export it without compression")
        if claim is not None:
            claim(len(part))
        out += part
    return out


def _meta_end(data: bytes) -> int:
    """Where group 0002 ends; it is Explicit VR Little Endian always (PS3.10 7.1)."""
    at = 132
    while data[at : at + 2] == b"\x02\x00":
        if data[at + 4 : at + 6] in _LONG_VRS:
            at += 12 + int.from_bytes(data[at + 8 : at + 12], "little")
        else:
            at += 8 + int.from_bytes(data[at + 6 : at + 8], "little")
    return at
