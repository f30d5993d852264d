r"""Numbers of a DICOM header, read from their raw bytes, however they were written.

PS3.5 6.2 writes decimal strings with a point and parts values by a backslash. Files exist with a decimal comma (an
exporter under another locale), a comma in place of the backslash, separators of thousands, another value
representation than the standard's, or `UN` after de-identification. All are read where there is one meaning; where
there are two, the rest of the header decides, and where it does not the value counts as not readable, which is said.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

#: How a value was written: as DICOM says but for its value representation, with a decimal comma, parted or grouped by
#: other marks, or so that it cannot be read.
Manner = Literal["plain", "comma", "odd", "unreadable"]

_BINARY = {
    "US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d", "UV": "Q", "SV": "q", "AT": "H", "OW": "H",
    "US or SS": "H",
}  # fmt: skip
_TEXT = {"DS", "IS", "LO", "SH", "ST", "LT", "UT", "UC", "CS", "AE", "AS", "PN", "UI", "DA", "TM", "DT", "UR"}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
#: 1,024 or 1.024 or 1 024 or 1'024, with groups of three.
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:([,.' ])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")
_UNIT = re.compile(r"(?<=[\d.])\s*(mm|cm|ms|s|hu|deg|°)$", re.IGNORECASE)
_LARGEST = 1e30
#: Elements that are never written with separators of thousands, because their values are small.
_SMALL = {
    "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "SliceThickness", "SpacingBetweenSlices",
    "ImageOrientationPatient", "RescaleSlope", "PixelAspectRatio", "EchoTime", "EffectiveEchoTime", "FrameTime",
    "MagneticFieldStrength", "FlipAngle", "ImagePositionPatient", "SliceLocation", "TriggerTime",
}  # fmt: skip


#: Window Center and Width, which may hold any number of values, so that their commas say nothing.
_OPEN = {0x00281050, 0x00281051}


@dataclass(frozen=True)
class Numbers:
    """What an element says.

    Attributes:
        values: All its values; empty where it is missing, empty or cannot be read.
        manner: How they were written.
    """

    values: tuple[float, ...] = ()
    manner: Manner = "plain"


_NONE = Numbers()
_UNREADABLE = Numbers((), "unreadable")


def read_numbers(dataset: Dataset, keyword: str) -> Numbers:
    r"""All values of an element as finite numbers.

    Args:
        dataset: Where it stands.
        keyword: DICOM's keyword.

    Example:
        >>> dataset = Dataset()
        >>> dataset.add_new(0x00280030, "LO", "0,143\\0,143")
        >>> read_numbers(dataset, "PixelSpacing")
        Numbers(values=(0.143, 0.143), manner='comma')
    """
    tag = tag_for_keyword(keyword)
    if tag is None or tag not in dataset:
        return _NONE
    return numbers_of(dataset, tag, dictionary_VR(tag), _vm(tag), keyword)


def numbers_of(dataset: Dataset, tag: int, expected: str, count: int = 0, keyword: str = "") -> Numbers:
    """Read the numbers of an element by its tag, also of one that is not in DICOM's dictionary.

    Args:
        dataset: Where it stands.
        tag: Of the element.
        expected: The value representation that it should have.
        count: How many values it should have; 0 for any number.
        keyword: DICOM's keyword, if it has one.
    """
    try:
        element = dataset.get_item(tag)
        if element is None:
            return _NONE
        if isinstance(element, RawDataElement):
            vr = element.VR or expected
            if element.value is None:
                return _NONE
            return _from_bytes(bytes(element.value), vr, expected, element.is_little_endian, dataset, count, keyword)
        return _from_element(element, dataset, expected, count, keyword)
    except (TypeError, ValueError, OverflowError, AttributeError, NotImplementedError, KeyError, struct.error):
        return _UNREADABLE


def holds_value(dataset: Dataset, keyword: str) -> bool:
    """Whether an element is there and not empty; whether it can be read is another question."""
    tag = tag_for_keyword(keyword)
    if tag is None or tag not in dataset:
        return False
    element = dataset.get_item(tag)
    if isinstance(element, RawDataElement):
        return bool(element.value and (element.VR in _BINARY or element.value.strip(b" \0")))
    return element is not None and not element.is_empty


def _vm(tag: int) -> int:
    """How many values an element has; 0 where that is open."""
    vm = dictionary_VM(tag)
    return int(vm) if vm.isdigit() else 0


def _from_element(element: DataElement, dataset: Dataset, expected: str, count: int, keyword: str) -> Numbers:
    """An element that pydicom has parsed already."""
    found = element.value
    if found is None or (isinstance(found, str | bytes) and not found):
        return _NONE
    if isinstance(found, bytes):
        return _from_bytes(found, element.VR, expected, little=True, dataset=dataset, count=count, keyword=keyword)
    if isinstance(found, str):
        return _from_text(found, dataset, count, keyword)
    if isinstance(found, int | float):
        return _checked((float(found),), "plain")
    if isinstance(found, Iterable):
        return _from_text("\\".join(str(part) for part in found), dataset, count, keyword)
    return _checked((float(found),), "plain")


def _from_bytes(
    raw: bytes, vr: str, expected: str, little: bool, dataset: Dataset, count: int, keyword: str
) -> Numbers:
    if not raw:
        return _NONE
    if vr in _BINARY and vr not in {"OW", "AT"}:
        return _binary(raw, vr, little)  # another type of number is a number all the same
    text = _plain_text(raw)
    if vr in _TEXT and not text:
        return _NONE if text == "" else _UNREADABLE
    if vr in _TEXT or (expected in _TEXT and text is not None):
        return _from_text(text or "", dataset, count, keyword)
    # UN, OB or OW in place of binary numbers: their bytes, unless these are digits that no such number would be.
    size = struct.calcsize(_BINARY.get(expected, "B"))
    is_float = expected in {"FL", "FD"}
    if text is not None and (is_float or len(raw) % size or len(raw) > 4) and _NUMBER.fullmatch(text.strip()):
        return _from_text(text, dataset, count, keyword)
    width = expected if expected in _BINARY else {4: "FL", 8: "FD"}.get(len(raw) // max(count, 1), "")
    return _binary(raw, width, little) if width else _UNREADABLE


def _binary(raw: bytes, vr: str, little: bool) -> Numbers:
    code = _BINARY[vr]
    size = struct.calcsize(f"={code}")
    if len(raw) < size or len(raw) % size:
        return _UNREADABLE
    values = struct.unpack(f"{'<' if little else '>'}{len(raw) // size}{code}", raw)
    return _checked(tuple(float(value) for value in values), "plain")


def _plain_text(raw: bytes) -> str | None:
    """Bytes as text, None where they are none."""
    raw = raw.rstrip(b"\0 ").replace(b"\0", b"")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return text if text.replace("\t", " ").replace("\n", " ").replace("\r", " ").isprintable() else None


def _from_text(text: str, dataset: Dataset, count: int, keyword: str) -> Numbers:
    r"""Values of a decimal or integer string."""
    if "\\" not in text and _NUMBER.fullmatch(text):  # one value as it should be
        return _checked((float(text),), "plain")
    tidy = text.strip("\0 \t\r\n").translate(_ALIKE).strip("[](){}").strip()
    if not tidy:
        return _NONE
    parts = [_trimmed(part) for part in tidy.rstrip("\\ ").split("\\")]
    if all(_NUMBER.fullmatch(part) for part in parts):
        return _checked(tuple(float(part) for part in parts), "plain")
    if len(parts) == 1:
        pieces = _pieces(parts[0], dataset, count, keyword)
        if pieces is not None:
            return pieces
    values, manners = [], set[Manner]()
    for part in parts:
        value, manner = _one(part, dataset, keyword)
        if value is None:
            return _UNREADABLE
        values.append(value)
        manners.add(manner)
    return _checked(tuple(values), "comma" if "comma" in manners else "odd")


#: Signs, blanks and digits that look like those of ASCII.
_ALIKE = {0x2212: "-", 0x2013: "-", 0xA0: " ", 0x2009: " ", 0x202F: " ", 0x2019: "'", ord("\t"): " ", 0xFF0E: "."}


def _trimmed(part: str) -> str:
    """One value without what stands around it: blanks, quotes, a unit, Fortran's exponent."""
    part = _UNIT.sub("", part.strip(' \0"\r\n'))
    return re.sub(r"(?<=[\d.])[dD](?=[+-]?\d+$)", "E", part)


def _one(part: str, dataset: Dataset, keyword: str) -> tuple[float | None, Manner]:
    """One value that has no backslash in it."""
    if _NUMBER.fullmatch(part):
        return float(part), "plain"
    grouped, comma = _GROUPED.fullmatch(part), _COMMA_NUMBER.fullmatch(part)
    if comma and grouped:
        if keyword in _SMALL:
            return float(part.replace(",", ".")), "comma"
        if len(re.findall(r",", part)) > 1:
            return float(part.replace(",", "")), "odd"
        sense = _sense_of_commas(dataset)
        if sense is None:
            return None, "unreadable"
        return (float(part.replace(",", ".")), "comma") if sense == "decimal" else (float(part.replace(",", "")), "odd")
    if comma:
        return float(part.replace(",", ".")), "comma"
    if grouped:
        mark = grouped.group(1)
        rest = part.replace(mark, "")
        return float(rest.replace(",", ".")), "comma" if "," in rest else "odd"
    return None, "unreadable"


def _pieces(text: str, dataset: Dataset, count: int, keyword: str) -> Numbers | None:
    """Several values that are parted by something else than backslashes; None where it is one value."""
    for mark in (";", "/", "|", " x ", "×"):
        if mark in text:
            return _parted(text.split(mark), dataset, count, keyword)
    words = text.split()
    if len(words) > 1 and count != 1 and (not count or len(words) == count):
        commas = [word.rstrip(",") for word in words]
        return _parted(commas, dataset, count, keyword)
    if "," not in text:
        return None
    parts = [_trimmed(part) for part in text.split(",")]
    if count == 1 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    values = tuple(float(part) for part in parts)
    whole = not any("." in part or "e" in part.lower() for part in parts)
    if not whole or (count and len(parts) == count and not _is_one_pair(text, count)):
        return _checked(values, "odd") if not count or len(parts) == count else _UNREADABLE
    if count and len(parts) == 2 * count:  # 0,5,0,25: decimal commas and separators alike
        return _checked(tuple(float(f"{a}.{b}") for a, b in zip(parts[::2], parts[1::2], strict=True)), "comma")
    if count:
        return _UNREADABLE
    return _open_list(text, parts, dataset)


def _is_one_pair(text: str, count: int) -> bool:
    """Whether `0,5` in place of two values may as well be one value with a decimal comma."""
    return count == 2 and text.startswith(("0,", "-0,"))


def _open_list(text: str, parts: list[str], dataset: Dataset) -> Numbers | None:
    """Whole numbers with commas where any number of values is legal: one decimal number, or several values?"""
    if len(parts) > 2:
        return _checked(tuple(float(part) for part in parts), "odd")
    if set(parts[1]) == {"0"} or text.startswith(("0,", "-0,")):
        return None
    sense = _sense_of_commas(dataset)
    if sense == "decimal" or (sense == "thousands" and len(parts[1]) == 3):
        return None
    return _checked(tuple(float(part) for part in parts), "odd") if sense == "thousands" else _UNREADABLE


def _parted(words: list[str], dataset: Dataset, count: int, keyword: str) -> Numbers:
    found = [_one(_trimmed(word), dataset, keyword) for word in words]
    if any(value is None for value, _ in found) or (count and len(words) != count):
        return _UNREADABLE
    manner: Manner = "comma" if any(manner == "comma" for _, manner in found) else "odd"
    return _checked(tuple(value for value, _ in found if value is not None), manner)


def _sense_of_commas(dataset: Dataset) -> Literal["decimal", "thousands"] | None:
    """What a comma means in this header, by its other decimal strings that have one meaning only."""
    for tag in dataset.keys():  # noqa: SIM118 - iterating over the data set itself would parse every element
        element = dataset.get_item(tag)
        if not isinstance(element, RawDataElement) or element.VR not in {"DS", None} or not element.value:
            continue
        if int(tag) in _OPEN:
            continue
        if element.VR is None and not _is_decimal(int(tag)):
            continue
        text = _plain_text(bytes(element.value)) or ""
        for part in (_trimmed(part) for part in text.split("\\")):
            if _COMMA_NUMBER.fullmatch(part) and not _GROUPED.fullmatch(part):
                return "decimal"
            if "." in part and re.fullmatch(r"[+-]?\d+\.\d+", part):
                return "thousands"
    return None


def _is_decimal(tag: int) -> bool:
    try:
        return dictionary_VR(tag) == "DS"
    except KeyError:
        return False


def _checked(values: tuple[float, ...], manner: Manner) -> Numbers:
    """Refuses NaN, infinity and what is beyond any measure."""
    return Numbers(values, manner) if all(abs(value) < _LARGEST for value in values) else _UNREADABLE
