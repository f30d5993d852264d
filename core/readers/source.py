"""What a user brings: named bytes in memory, never a path that a reader could follow."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

#: How many bytes `accepts` gets to look at; DICOM's magic ends at 132, tar's at 262.
HEAD_BYTES = 1024


@dataclass(frozen=True, eq=False)
class Source:
    """One uploaded file.

    Attributes:
        name: As the user knows it, for messages only; formats are told by content.
        data: The bytes. Readers never write them anywhere.
        inside: Kinds of container it came out of, outermost first, e.g. `("zip",)`.
    """

    name: str
    data: bytes | memoryview = field(repr=False)
    inside: tuple[str, ...] = ()

    @property
    def head(self) -> bytes:
        """The first bytes, by which a reader recognises its format."""
        return bytes(self.data[:HEAD_BYTES])

    def open(self) -> BinaryIO:
        """The bytes as a file to read and seek in; nothing is copied, as `io.BytesIO` would."""
        return io.BufferedReader(_View(memoryview(self.data)))


class _View(io.RawIOBase):
    """Read-only file over bytes that lie in memory already."""

    def __init__(self, data: memoryview) -> None:
        self._data, self._at = data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence]
        if start + offset < 0:
            raise OSError("a place before the start")
        self._at = start + offset
        return self._at

    def readinto(self, target: Any) -> int:
        part = self._data[self._at : self._at + len(target)]
        target[: len(part)] = part
        self._at += len(part)
        return len(part)


def sources_in(folder: Path) -> list[Source]:
    """Every file below a folder, in order of its path, as sources named relative to it.

    Links are not followed out of the folder. For the shell, benchmarks and tests; the pages get uploads instead.
    """
    root = folder.resolve()
    paths = sorted(path for path in root.rglob("*") if path.is_file() and path.resolve().is_relative_to(root))
    return [Source(path.relative_to(root).as_posix(), path.read_bytes()) for path in paths]
