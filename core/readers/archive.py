"""Zip, tar and gzip: their members, unpacked in memory within bounds and handed back to all readers."""

from __future__ import annotations

import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from core.errors import TooLarge, UnreadableScan, UnsupportedScan
from core.readers.memory import MEGABYTE
from core.readers.opening import Opening
from core.readers.source import Source
from core.readers.strange import is_clutter
from core.scan import Scan

#: Files in one archive, bytes that one archive may unpack to, and how much smaller than that it may be.
MEMBERS = 20_000
UNPACKED = 1024 * MEGABYTE
RATIO = 250
_RATIO_FROM = 512 * MEGABYTE
#: Parts of one gzip. A BGZF file of 1 GB has 16,000.
PARTS = 100_000
_CHUNK = 16 * MEGABYTE
_ENCRYPTED = 0x1
#: Stored, deflated and bzip2. LZMA lets a member of a few bytes ask for a dictionary of 4 GB.
_METHODS = {0, 8, 12}
_ENTRY = re.compile(rb"PK\x01\x02")
#: Bytes of an extended header of a tar; one holds a long name, or a few values.
_TAR_HEADER = 64 * 1024


def accepts(head: bytes, name: str) -> bool:  # noqa: ARG001 - names say nothing
    """Whether this is a zip, a tar or a gzip."""
    return _kind(head) != ""


def _kind(head: bytes) -> str:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    # A DICOM file may have a tar's magic in its preamble, to be both; it is read as DICOM.
    return "tar" if head[257:262] == b"ustar" and head[128:132] != b"DICM" else ""


def read(sources: Sequence[Source], opening: Opening) -> list[Scan]:
    """Unpack, and leave the members to the other readers."""
    for number, source in enumerate(sources, start=1):
        opening.advance(0.0, f"Unpacking {number:,} of {len(sources):,}")
        kind = _kind(source.head)
        with opening.guarded(source.name, what="archive"):
            if kind != "gzip" and set(source.inside) & {"zip", "tar"}:
                raise UnsupportedScan("The archive holds another archive", "unpack it first")
            if kind == "gzip" and "gzip" in source.inside:
                raise UnsupportedScan("The gzip file holds another gzip file", "unpack it first")
            before, found = len(opening.skipped), list(_OPENERS[kind](source, opening))
            if not found and len(opening.skipped) == before:
                raise UnsupportedScan("The archive holds no files", "pack the images again")
            opening.feed(found)
    return []


def _too_large(what: str) -> TooLarge:
    return TooLarge(
        f"an archive of at most {UNPACKED // MEGABYTE:,} MB and {MEMBERS:,} files", what, "upload the images in parts"
    )


def _zip(source: Source, opening: Opening) -> Iterator[Source]:
    _check_entries(source.data)
    try:
        with zipfile.ZipFile(source.open()) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not is_clutter(m.filename)]
            _check_zip(members, len(source.data))
            yield from _zip_members(source, archive, members, opening)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError, zlib.error) as error:
        raise UnreadableScan("The zip is broken or cut short", "pack or upload it again") from error


def _check_entries(data: bytes | memoryview) -> None:
    """Refuse a directory of millions of entries before each becomes an object of a kilobyte."""
    most = 4 * MEMBERS  # folders and what operating systems add are entries too
    if len(data) > 46 * most:
        for count, _ in enumerate(_ENTRY.finditer(data), start=1):
            if count > most:
                raise _too_large(f"one of more than {most:,} files")


def _check_zip(members: list[zipfile.ZipInfo], packed: int) -> None:
    """Look at what the directory claims before anything is unpacked."""
    size = sum(member.file_size for member in members)
    if len(members) > MEMBERS:
        raise _too_large(f"one of {len(members):,} files")
    if size > UNPACKED:
        raise _too_large(f"one that unpacks to {size / MEGABYTE:,.0f} MB")
    _check_ratio(size, packed)


def _check_ratio(size: int, packed: int) -> None:
    if size > _RATIO_FROM and size > RATIO * packed:
        raise _too_large(f"one that grows more than {RATIO} times, as no images do")


def _zip_members(
    source: Source, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], opening: Opening
) -> Iterator[Source]:
    left = UNPACKED
    for number, member in enumerate(members):
        opening.advance(0.0, f"Unpacking file {number + 1:,} of {len(members):,}")
        if member.flag_bits & _ENCRYPTED:
            error = UnreadableScan("A file in the zip is locked by a password", "unpack it first")
            opening.skip(member.filename, error, "are encrypted")
            continue
        if member.compress_type not in _METHODS:
            error = UnreadableScan("The zip is packed in a rare way", "pack it again as a plain zip")
            opening.skip(member.filename, error, "are packed in a rare way")
            continue
        opening.claim(member.file_size)
        try:
            with archive.open(member) as stream:
                data = stream.read(min(member.file_size, left) + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError):
            error = UnreadableScan("A file in the zip is broken", "pack or upload it again")
            opening.skip(member.filename, error, "are broken")
            continue
        left -= len(data)
        if left < 0 or len(data) > member.file_size:
            raise _too_large("one that unpacks to more than it says")
        yield Source(member.filename or source.name, data, (*source.inside, "zip"))


class _TarMember(tarfile.TarInfo):
    """A member whose extended headers are bounded: Python parses them in time that grows with their square."""

    def _proc_pax(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        self._check_header()
        return super()._proc_pax(archive)  # type: ignore[misc]

    def _proc_gnulong(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        self._check_header()
        return super()._proc_gnulong(archive)  # type: ignore[misc]

    def _check_header(self) -> None:
        if not 0 <= self.size <= _TAR_HEADER:
            raise tarfile.ReadError("an extended header out of bounds")


def _tar(source: Source, opening: Opening) -> Iterator[Source]:
    left, count = UNPACKED, 0
    try:
        with tarfile.open(fileobj=source.open(), mode="r:", tarinfo=_TarMember) as archive:
            for member in archive:
                opening.stop_if_asked()
                count += 1
                if count > MEMBERS:
                    raise _too_large(f"one of more than {MEMBERS:,} files")
                if member.issparse():  # holes cost nothing in the archive, and a gigabyte each in memory
                    error = UnsupportedScan("The tar holds a sparse file", "pack it again without holes")
                    opening.skip(member.name, error, "are sparse")
                    continue
                stream = archive.extractfile(member) if member.isfile() and not is_clutter(member.name) else None
                if stream is None:  # links, devices and folders hold no bytes
                    continue
                left -= member.size
                if left < 0:
                    raise _too_large("one that unpacks to more")
                opening.claim(member.size)
                data = stream.read(member.size)
                yield Source(member.name or source.name, data, (*source.inside, "tar"))
    except (tarfile.TarError, EOFError, ValueError, OSError) as error:
        raise UnreadableScan("The tar is broken or cut short", "pack or upload it again") from error


def _gzip(source: Source, opening: Opening) -> Iterator[Source]:
    """All members of a gzip, one after the other, as RFC 1952 has them; what follows the last is left out."""
    packed, unpacked = memoryview(source.data), bytearray()
    at = parts = 0
    try:
        while bytes(packed[at : at + 2]) == b"\x1f\x8b":
            parts += 1
            if parts > PARTS:
                raise _too_large(f"one of more than {PARTS:,} parts")
            at = _gzip_part(packed, at, unpacked, opening)
            while at < len(packed) and packed[at] == 0:  # padding of tapes
                at += 1
    except zlib.error as error:
        raise UnreadableScan("The gzip file is broken", "copy or upload it again") from error
    if at < len(packed):
        opening.notes.append(f"{len(packed) - at:,} bytes after the end of the gzip were left out.")
    path = PurePosixPath(source.name)
    name = str(path.with_suffix("")) if path.suffix.lower() == ".gz" else source.name
    yield Source(name, memoryview(unpacked), (*source.inside, "gzip"))


def _gzip_part(packed: memoryview, at: int, unpacked: bytearray, opening: Opening) -> int:
    """Unpack one member that starts at `at`, and return where it ends.

    It is fed in pieces that grow from a kilobyte: handing over all that is left to each of 200,000 empty members
    copied 400 GB.
    """
    worker, size, rest = zlib.decompressobj(wbits=31), 1024, b""
    while not worker.eof:
        opening.stop_if_asked()
        if not rest:
            rest, size = bytes(packed[at : at + size]), min(2 * size, MEGABYTE)
            at += len(rest)
            if not rest:
                raise UnreadableScan("The gzip file is cut short", "copy or upload it again")
        part = worker.decompress(rest, _CHUNK)
        rest = worker.unconsumed_tail
        if len(unpacked) + len(part) > UNPACKED:
            raise _too_large("one that unpacks to more")
        _check_ratio(len(unpacked) + len(part), len(packed))
        opening.claim(len(part))
        unpacked += part
    return at - len(worker.unused_data)


_OPENERS = {"zip": _zip, "tar": _tar, "gzip": _gzip}
