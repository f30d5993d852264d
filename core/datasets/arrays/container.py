"""MedMNIST's `.npz`: images and labels of train, val and test as arrays, read piece by piece.

An `.npz` is a zip of `.npy` arrays. Small ones are held in memory; of large ones only a window is, which moves forward
through the compressed stream, so that memory does not grow with the file.
"""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import IO

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import UnusableDataset
from core.datasets.place import Place, ZipPlace
from core.errors import UnreadableScan
from core.readers.memory import MEGABYTE, Claim

#: Arrays up to this size are held whole.
_WHOLE = 256 * MEGABYTE
_WINDOW = 32 * MEGABYTE
#: Labels of one array; the largest of MedMNIST has 240,000.
_LABELS = 5_000_000
#: No array of MedMNIST comes near it.
_MOST = 64 * 1024 * MEGABYTE


@dataclass(frozen=True)
class Header:
    """What an `.npy` says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    start: int
    fortran: bool = False

    @property
    def item(self) -> int:
        """Bytes of one entry along the first axis."""
        return int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize


def read_header(stream: IO[bytes], name: str, small: bool = False) -> Header:
    """Read the head of an `.npy`.

    Args:
        stream: At its start.
        name: For the sentence.
        small: Whether the array is read as a whole, so that Fortran order does no harm.

    Raises:
        UnusableDataset: It is none, holds objects, which could carry code, or is in Fortran order.
    """
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise UnusableDataset(f"{name} is broken", "get the file again") from error
    if dtype.hasobject:
        raise UnusableDataset(
            f"{name} holds Python objects, which can carry code and are never unpacked", "save it as numbers or texts",
        )  # fmt: skip
    turned = bool(fortran) and len(shape) > 1
    header = Header(tuple(int(n) for n in shape), dtype, stream.tell(), turned)
    if (turned and not small) or not shape or header.item * shape[0] > _MOST:
        raise UnusableDataset(
            f"{name} is no array of plain numbers in C order", "save it again with numpy.ascontiguousarray"
        )
    return header


@dataclass(eq=False)
class ArrayReader:
    """Entries of one array of an `.npz`.

    Attributes:
        archive: The `.npz`.
        member: Name of the array in it.
        header: Its shape and type.
    """

    archive: zipfile.ZipFile
    member: str
    header: Header
    _lock: Lock = field(default_factory=Lock)
    _stream: IO[bytes] | None = None
    _window: bytes = b""
    _first: int = 0
    _claim: Claim | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of it is held, so that entries cost the same in any order."""
        return self.header.item * self.header.shape[0] <= _WHOLE

    def raw(self, index: int) -> bytes:
        """The bytes of one entry.

        Raises:
            UnreadableScan: The archive is broken there.
            TooLarge: Open scans and data sets leave no room for its window.
        """
        item = self.header.item
        with self._lock:
            offset = index * item - self._first
            if not 0 <= offset <= len(self._window) - item:
                self._move(index)
                offset = index * item - self._first
            data = self._window[offset : offset + item]
        if len(data) < item:
            raise UnreadableScan(f"{self.member} is cut short", "get the file again")
        return data

    def __getitem__(self, index: int) -> NDArray[np.generic]:
        """The entry at an index, in the shape of the array without its first axis."""
        return np.frombuffer(self.raw(index), self.header.dtype).reshape(self.header.shape[1:])

    def blocks(self, size: int, all_of_it: bool = True) -> Iterator[NDArray[np.generic]]:
        """Blocks of entries one after the other, each flat: (values of up to `size` entries,).

        Args:
            size: Entries of a block.
            all_of_it: Whether to go on to the end; only the first block where not.
        """
        count = self.header.shape[0]
        for start in range(0, count if all_of_it else min(1, count), size):
            block = b"".join(self.raw(index) for index in range(start, min(start + size, count)))
            yield np.frombuffer(block, self.header.dtype)

    def _move(self, index: int) -> None:
        """Hold the window that begins with an entry; going back begins again at the start of the array."""
        item, count = self.header.item, self.header.shape[0]
        size = item * count if item * count <= _WHOLE else max(_WINDOW // max(item, 1), 1) * item
        first = 0 if size >= item * count else index * item
        try:
            if self._stream is None or self._first + len(self._window) > first:
                self._stream = self.archive.open(self.member)
                _skip(self._stream, self.header.start + first)
            else:
                _skip(self._stream, first - self._first - len(self._window))
            self._window, self._claim = b"", None  # what was held goes before the next is claimed
            self._claim = Claim(size)
            self._window, self._first = self._stream.read(size), first
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            self._stream, self._window, self._first, self._claim = None, b"", 0, None
            raise UnreadableScan(f"{self.member} is broken", "get the file again") from error


def _skip(stream: IO[bytes], size: int) -> None:
    while size > 0 and (part := stream.read(min(size, MEGABYTE))):
        size -= len(part)


def open_npz(place: Place, name: str) -> zipfile.ZipFile:
    """An `.npz` of a place; one inside a zip is held in memory.

    Raises:
        UnusableDataset: It is broken.
    """
    try:
        stream = place.open(name)
        if not isinstance(stream, zipfile.ZipExtFile):
            return zipfile.ZipFile(stream)
        claim = Claim(place.members[name].file_size if isinstance(place, ZipPlace) else 0)
        return zipfile.ZipFile(_Held(stream.read(), claim))
    except (zipfile.BadZipFile, OSError, ValueError, UnreadableScan) as error:
        raise UnusableDataset(f"{name} is broken", "get the file again") from error


class _Held(io.BytesIO):
    """Bytes in memory, with the claim on it."""

    def __init__(self, content: bytes, claim: Claim) -> None:
        super().__init__(content)
        self.claim = claim


def read_small(archive: zipfile.ZipFile, member: str) -> NDArray[np.generic]:
    """A whole array that is small, such as labels.

    Raises:
        UnusableDataset: It is not small, or broken.
    """
    with archive.open(member) as stream:
        header = read_header(stream, member, small=True)
        size = header.item * header.shape[0]
        if size > _WHOLE:
            raise UnusableDataset(f"{member} is larger than the 256 MB that labels may have", "check the file")
        if math.prod(header.shape) > _LABELS:  # as numbers of eight bytes, and a case each
            raise UnusableDataset(f"{member} has more than {_LABELS:,} labels", "split the file")
        _ = Claim(size)  # while it is read
        data = stream.read(size)
    if len(data) < size:
        raise UnusableDataset(f"{member} is cut short", "get the file again")
    return np.frombuffer(data, header.dtype).reshape(header.shape, order="F" if header.fortran else "C")


def members(archive: zipfile.ZipFile) -> Iterator[str]:
    """Names of the arrays without their ending."""
    return (name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))
