"""The members of a zip that somebody brings, within bounds, in memory: nothing is ever extracted to where it says."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from pathlib import PurePosixPath

from core.errors import UnsafeModel
from core.keras_process.model.file_check import MAX_FILE

MOST_MEMBERS = 500
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


def read_archive(content: bytes, most: int = MAX_FILE) -> dict[str, bytes]:
    """Name to content of all files.

    Raises:
        UnsafeModel: It is broken, encrypted, holds links, names outside, another file twice, too many files, or unpacks
            to more than `most` bytes or a hundred times its size.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_clutter(entry.filename)]
            _check(entries, len(content), most)
            found = {}
            for entry in entries:
                with archive.open(entry) as stream:
                    data = stream.read(entry.file_size + 1)
                if len(data) != entry.file_size:
                    raise _unsafe("members as large as they say", "another size")
                found[entry.filename] = data
            return found
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, zlib.error, ValueError) as error:
        raise _unsafe("a whole archive", "a damaged one") from error


def _is_clutter(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] in {".DS_Store", "Thumbs.db"}


def _check(entries: list[zipfile.ZipInfo], packed: int, most: int) -> None:
    names = [entry.filename for entry in entries]
    if len(names) > MOST_MEMBERS or len(set(names)) != len(names):
        raise _unsafe(f"at most {MOST_MEMBERS} files, each once", f"{len(names):,} files")
    total = sum(entry.file_size for entry in entries)
    if total > most or total > 100 * max(packed, 1):
        raise _unsafe(f"an archive that unpacks to at most {most >> 20:,} MB", f"one of {total >> 20:,} MB")
    for entry in entries:
        path = PurePosixPath(entry.filename)
        link = stat.S_ISLNK(entry.external_attr >> 16)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or ":" in entry.filename or link:
            raise _unsafe("files inside the archive's own folder", "a link or a path that leads elsewhere")
        if entry.flag_bits & 1 or entry.compress_type not in _METHODS:
            raise _unsafe("a plain zip", "one that is encrypted or packed in a rare way")


def _unsafe(expected: str, received: str) -> UnsafeModel:
    return UnsafeModel(expected, received, "pack it again as a plain zip")
