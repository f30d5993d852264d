"""Cut a file's pixel data into frames, without copying or decoding them."""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np

from core.errors import TooLarge, UnreadableScan
from core.readers.dicom.file import DicomFile, value
from core.readers.dicom.layout import Layout

_ITEM, _END = 0xFFFEE000, 0xFFFEE0DD
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ")

#: Fragments of one file; a frame is seldom more than one.
FRAGMENTS = 200_000

#: One frame: its fragments in order.
Frame = tuple[memoryview, ...]


def whole_frames(file: DicomFile, layout: Layout, asked: Callable[[], None] | None = None) -> list[Frame]:
    """The frames that are there in full, in stored order; fewer than the header claims where the file is cut short.

    Args:
        file: The file.
        layout: Its layout.
        asked: Called between fragments; may leave by `Cancelled`.

    Raises:
        UnreadableScan: Not one frame is whole.
        TooLarge: More fragments than `FRAGMENTS`.
    """
    assert file.pixels is not None
    frames = _encapsulated(file, layout, asked) if layout.encapsulated else _native(file, layout)
    if not frames:
        raise UnreadableScan("The pixel data are cut short", "copy or export the file again")
    return frames[: layout.frames]


def _native(file: DicomFile, layout: Layout) -> list[Frame]:
    assert file.pixels is not None
    data = _unswapped(file, layout, file.pixels.data[: file.pixels.length])
    count = min(len(data) * 8 // layout.frame_bits, layout.frames)
    if layout.allocated == 1:  # frames follow each other bit by bit (PS3.5 8.1.1)
        return [(data,)] * count
    size = layout.frame_bits // 8
    return [(data[index * size : (index + 1) * size],) for index in range(count)]


def _unswapped(file: DicomFile, layout: Layout, data: memoryview) -> memoryview:
    """Bytes that were written as big-endian words come in swapped pairs (PS3.5 8.1.1)."""
    assert file.pixels is not None
    if file.little_endian or file.pixels.vr != "OW" or layout.allocated > 8:
        return data
    even = len(data) // 2 * 2
    return memoryview(np.frombuffer(data[:even], np.uint16).byteswap().tobytes() + bytes(data[even:]))


def _encapsulated(file: DicomFile, layout: Layout, asked: Callable[[], None] | None) -> list[Frame]:
    """Fragments to frames (PS3.5 A.4)."""
    assert file.pixels is not None
    table, fragments, whole = _fragments(file.pixels.data, asked)
    if not fragments:
        return []
    if layout.frames == 1:
        return [tuple(part for _, part in fragments)] if whole or len(fragments) > 1 else []
    if len(fragments) == layout.frames:
        return [(part,) for _, part in fragments]
    offsets = _offsets(file, table)
    if len(offsets) > 1:
        return _by_offsets(fragments, offsets)
    return _by_magic(fragments)


def _fragments(
    data: memoryview, asked: Callable[[], None] | None = None
) -> tuple[memoryview, list[tuple[int, memoryview]], bool]:
    """The basic offset table, the whole fragments with their offsets, and whether the end was found."""
    table: memoryview | None = None
    fragments: list[tuple[int, memoryview]] = []
    at = origin = 0
    while at + 8 <= len(data):
        group, element, length = struct.unpack_from("<HHL", data, at)
        tag = group << 16 | element
        if tag == _END:
            return table or data[:0], fragments, True
        if tag != _ITEM or at + 8 + length > len(data):
            break
        body = data[at + 8 : at + 8 + length]
        if table is None:
            table, origin = body, at + 8 + length
        else:
            fragments.append((at - origin, body))
            if len(fragments) > FRAGMENTS:
                raise TooLarge(f"The pixels lie in more than {FRAGMENTS:,} fragments", "export it again")
            if asked is not None and len(fragments) % 4096 == 0:
                asked()
        at += 8 + length
    # A file may lack its end and still be whole, when the last fragment ends where the file does.
    return table or data[:0], fragments, at == len(data)


def _offsets(file: DicomFile, table: memoryview) -> Sequence[int]:
    """Where frames start, counted from the first fragment: the extended table if there is one, else the basic one."""
    extended = value(file.dataset, "ExtendedOffsetTable")
    if isinstance(extended, bytes) and extended:
        return struct.unpack(f"<{len(extended) // 8}Q", extended[: len(extended) // 8 * 8])
    return struct.unpack(f"<{len(table) // 4}L", table[: len(table) // 4 * 4])


def _by_offsets(fragments: list[tuple[int, memoryview]], offsets: Sequence[int]) -> list[Frame]:
    """The fragments from each offset up to the next; both are in order, as they lie in the file."""
    starts = [at for at, _ in fragments]
    frames = []
    for start, end in zip(offsets, [*offsets[1:], 1 << 63], strict=True):
        first, last = bisect_left(starts, start), bisect_left(starts, end)
        if first < last:
            frames.append(tuple(part for _, part in fragments[first:last]))
        if len(frames) > len(fragments):  # offsets that run back would share fragments over and over
            raise UnreadableScan("The table of frames is broken", "export the file again")
    return frames


def _by_magic(fragments: list[tuple[int, memoryview]]) -> list[Frame]:
    """A new frame starts where a codestream starts."""
    frames: list[list[memoryview]] = []
    for _, part in fragments:
        if not frames or bytes(part[:12]).startswith(_STARTS):
            frames.append([])
        frames[-1].append(part)
    return [tuple(parts) for parts in frames]
