"""Zip, tar and gzip: their members, unpacked in memory within bounds and handed back to all readers."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from core.errors import TooLarge, UnreadableScan, UnsupportedScan
from core.readers.opening import MEGABYTE, Opening
from core.readers.source import Source
from core.readers.strange import is_clutter
from core.scan import Scan

#: Files in one archive, bytes that one archive may unpack to, and how much smaller than that it may be.
MEMBERS = 20_000
UNPACKED = 1024 * MEGABYTE
RATIO = 250
_RATIO_FROM = 512 * MEGABYTE
_CHUNK = 16 * MEGABYTE
_ENCRYPTED = 0x1


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
                raise UnsupportedScan("an archive of images", "an archive inside an archive", "unpack it first")
            if kind == "gzip" and "gzip" in source.inside:
                raise UnsupportedScan("one layer of gzip", "gzip inside gzip", "unpack it first")
            opening.feed(list(_OPENERS[kind](source, opening)))
    return []


def _too_large(what: str) -> TooLarge:
    return TooLarge(
        f"an archive of at most {UNPACKED // MEGABYTE:,} MB and {MEMBERS:,} files", what, "upload the images in parts"
    )


def _zip(source: Source, opening: Opening) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
            members = [m for m in archive.infolist() if not m.is_dir() and not is_clutter(m.filename)]
            _check_zip(members, len(source.data))
            yield from _zip_members(source, archive, members, opening)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError, zlib.error) as error:
        raise UnreadableScan("a whole zip", "one that is broken or cut short", "pack or upload it again") from error


def _check_zip(members: list[zipfile.ZipInfo], packed: int) -> None:
    """Look at what the directory claims before anything is unpacked."""
    size = sum(member.file_size for member in members)
    if len(members) > MEMBERS:
        raise _too_large(f"one of {len(members):,} files")
    if size > UNPACKED:
        raise _too_large(f"one that unpacks to {size / MEGABYTE:,.0f} MB")
    if size > _RATIO_FROM and size > RATIO * packed:
        raise _too_large(f"one that grows {size // max(packed, 1):,} times, as no images do")


def _zip_members(
    source: Source, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], opening: Opening
) -> Iterator[Source]:
    left = UNPACKED
    for number, member in enumerate(members):
        opening.advance(0.0, f"Unpacking file {number + 1:,} of {len(members):,}")
        if member.flag_bits & _ENCRYPTED:
            error = UnreadableScan("an open zip", "a file that is locked by a password", "unpack it first")
            opening.skip(member.filename, error, "are encrypted")
            continue
        try:
            with archive.open(member) as stream:
                data = stream.read(min(member.file_size, left) + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError):
            error = UnreadableScan("a whole file in the zip", "a broken one", "pack or upload it again")
            opening.skip(member.filename, error, "are broken")
            continue
        left -= len(data)
        if left < 0 or len(data) > member.file_size:
            raise _too_large("one that unpacks to more than it says")
        opening.claim(len(data))
        yield Source(member.filename or source.name, data, (*source.inside, "zip"))


def _tar(source: Source, opening: Opening) -> Iterator[Source]:
    left, count = UNPACKED, 0
    try:
        with tarfile.open(fileobj=io.BytesIO(source.data), mode="r:") as archive:
            for member in archive:
                opening.stop_if_asked()
                count += 1
                if count > MEMBERS:
                    raise _too_large(f"one of more than {MEMBERS:,} files")
                stream = archive.extractfile(member) if member.isfile() and not is_clutter(member.name) else None
                if stream is None:  # links, devices and folders hold no bytes
                    continue
                data = stream.read(left + 1)
                left -= len(data)
                if left < 0:
                    raise _too_large("one that unpacks to more")
                opening.claim(len(data))
                yield Source(member.name or source.name, data, (*source.inside, "tar"))
    except (tarfile.TarError, EOFError, ValueError, OSError) as error:
        raise UnreadableScan("a whole tar", "one that is broken or cut short", "pack or upload it again") from error


def _gzip(source: Source, opening: Opening) -> Iterator[Source]:
    """All members of a gzip, one after the other, as RFC 1952 has them."""
    rest, unpacked = bytes(source.data), bytearray()
    try:
        while rest:
            worker = zlib.decompressobj(wbits=31)
            while not worker.eof:
                opening.stop_if_asked()
                part = worker.decompress(rest, _CHUNK)
                rest = worker.unconsumed_tail
                unpacked += part
                _check_gzip(len(unpacked), len(source.data))
                if not part and not rest and not worker.eof:
                    raise UnreadableScan("a whole gzip", "one that is cut short", "copy or upload it again")
            rest = worker.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise UnreadableScan("a whole gzip", "a broken one", "copy or upload it again") from error
    opening.claim(len(unpacked))
    path = PurePosixPath(source.name)
    name = str(path.with_suffix("")) if path.suffix.lower() == ".gz" else source.name
    yield Source(name, memoryview(unpacked), (*source.inside, "gzip"))


def _check_gzip(size: int, packed: int) -> None:
    if size > UNPACKED:
        raise _too_large("one that unpacks to more")
    if size > _RATIO_FROM and size > RATIO * packed:
        raise _too_large(f"one that grows more than {RATIO} times, as no images do")


_OPENERS = {"zip": _zip, "tar": _tar, "gzip": _gzip}
