"""Overlay planes: graphics and regions beside the pixels of an image or in their unused bits (PS3.3 C.9.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.overlay_planes import OverlayPlane, packed_mask
from core.readers.dicom.file import DicomFile
from core.readers.dicom.image import Image
from core.readers.dicom.numbers import numbers_of

#: Repeating groups 6000 to 601E.
_GROUPS = range(0x6000, 0x6020, 2)
_ROWS, _COLUMNS, _FRAMES, _TYPE, _ORIGIN, _FIRST_FRAME = 0x0010, 0x0011, 0x0015, 0x0040, 0x0050, 0x0051
_BIT_POSITION, _DATA = 0x0102, 0x3000


@dataclass(frozen=True)
class _Plane:
    """One group of a file."""

    group: int
    is_region: bool
    is_embedded: bool
    bit: int


def _planes(file: DicomFile) -> list[_Plane]:
    """The overlay groups of a file; a header that ends before them costs one look."""
    last = next(reversed(file.dataset.keys()), None)
    if last is None or last < 0x60000000:
        return []
    found = []
    for group in _GROUPS:
        if (group << 16 | _ROWS) in file.dataset:
            kind = file.dataset.get(group << 16 | _TYPE)
            position = _number(file, group, _BIT_POSITION, "US")
            bit = int(position) if position is not None and 0 <= position < 64 else 0
            is_region = kind is not None and str(kind.value).strip() == "R"
            found.append(_Plane(group, is_region, (group << 16 | _DATA) not in file.dataset, bit))
    return found


def _number(file: DicomFile, group: int, element: int, vr: str) -> float | None:
    values = numbers_of(file.dataset, group << 16 | element, vr).values
    return values[0] if values else None


def embedded_bits(file: DicomFile) -> int:
    """The bits of each word that hold an overlay plane, as old files keep them (PS3.5 8.1.2)."""
    bits = 0
    for plane in _planes(file):
        bits |= 1 << plane.bit if plane.is_embedded else 0
    return bits


def embedded_masks(image: Image, words: NDArray[np.generic]) -> dict[int, NDArray[np.uint8]]:
    """Group to the packed mask in the unused bits of a frame's words, which are taken off later.

    Args:
        image: The frame.
        words: (rows, columns) as stored.
    """
    if words.ndim != 2 or words.dtype.kind not in "iu":
        return {}
    return {
        plane.group: packed_mask((np.right_shift(words.astype(np.int64), plane.bit) & 1).astype(bool))
        for plane in _planes(image.file)
        if plane.is_embedded and plane.bit < 8 * words.dtype.itemsize
    }


def overlay_planes(
    images: Sequence[Image], embedded: Sequence[dict[int, NDArray[np.uint8]]]
) -> tuple[tuple[OverlayPlane, ...], list[str]]:
    """The planes of a scan, and sentences on them.

    Args:
        images: Its frames in order.
        embedded: What `embedded_masks` found in each.

    Returns:
        One plane for each group and type, without the empty ones; and what the file carries, in a sentence.
    """
    layout = images[0].layout
    shape = (layout.rows, layout.columns)
    packed: dict[tuple[int, bool], dict[int, NDArray[np.uint8]]] = {}
    broken = 0
    for number, (image, inside) in enumerate(zip(images, embedded, strict=True)):
        for plane in _planes(image.file):
            if plane.is_embedded:
                bits = inside.get(plane.group)
            else:
                mask = _mask(image, plane, shape)
                broken += mask is None
                bits = None if mask is None or not mask.any() else packed_mask(mask)
            if bits is not None and bits.any():
                packed.setdefault((plane.group, plane.is_region), {})[number] = bits
    planes = tuple(OverlayPlane(is_region, shape, frames) for (_, is_region), frames in sorted(packed.items()))
    return planes, _sentences(planes, broken)


def _mask(image: Image, plane: _Plane, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    """(rows, columns) of the scan that one plane marks in a frame; None where its data are cut short."""
    file, group = image.file, plane.group
    rows, columns = (int(_number(file, group, element, "US") or 0) for element in (_ROWS, _COLUMNS))
    frames = max(int(_number(file, group, _FRAMES, "IS") or 1), 1)
    first = int(_number(file, group, _FIRST_FRAME, "US") or 1) - 1
    nothing = np.zeros(shape, bool)
    is_counted = (group << 16 | _FRAMES) in file.dataset or (group << 16 | _FIRST_FRAME) in file.dataset
    frame = image.index - first if is_counted and image.layout.frames > 1 else 0
    if not 0 <= frame < frames or rows < 1 or columns < 1:
        return nothing
    start, size = frame * rows * columns, rows * columns
    bits = _bits(file, group, start // 8, (start + size + 7) // 8)
    if bits is None:
        return None
    whole = np.unpackbits(bits, bitorder="little")[start % 8 :][:size]
    origin = numbers_of(file.dataset, group << 16 | _ORIGIN, "SS").values
    top, left = (int(origin[0]) - 1, int(origin[1]) - 1) if len(origin) == 2 else (0, 0)
    marked = whole.reshape(rows, columns).astype(bool)
    if top >= shape[0] or left >= shape[1] or top + rows <= 0 or left + columns <= 0:
        return nothing
    inside = marked[max(-top, 0) : shape[0] - top, max(-left, 0) : shape[1] - left]
    nothing[max(top, 0) : max(top, 0) + inside.shape[0], max(left, 0) : max(left, 0) + inside.shape[1]] = inside
    return nothing


def _bits(file: DicomFile, group: int, start: int, stop: int) -> NDArray[np.uint8] | None:
    """Bytes of Overlay Data from one place to another, None where they are cut short.

    Big-endian words come in swapped pairs; those of one frame are swapped, not those of all for each.
    """
    element = file.dataset.get_item(group << 16 | _DATA)
    data = element.value if element is not None and isinstance(element.value, bytes) else b""
    if file.little_endian or element is None or element.VR != "OW":
        return np.frombuffer(data, np.uint8, stop - start, start) if stop <= len(data) else None
    even, end = start // 2 * 2, (stop + 1) // 2 * 2
    if end > len(data):
        return None
    return np.frombuffer(data, ">u2", (end - even) // 2, even).astype("<u2").view(np.uint8)[start - even : stop - even]


def _sentences(planes: Sequence[OverlayPlane], broken: int) -> list[str]:
    said = []
    if planes:
        regions = sum(plane.is_region for plane in planes)
        kinds = {"graphics": len(planes) - regions, "marked region": regions}
        listed = [name if len(planes) == 1 else f"{count} of kind {name}" for name, count in kinds.items() if count]
        count = f"{len(planes)} overlay plane{'s' if len(planes) > 1 else ''}"
        said.append(f"The file carries {count} ({', '.join(listed)}); models see the image without.")
    if broken:
        said.append(f"{broken} overlay plane{'s are' if broken > 1 else ' is'} cut short and cannot be shown.")
    return said
