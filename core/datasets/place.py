"""Where a dataset lies: a folder, or a zip that is read in place. Files are listed first and opened one by one.

Nothing outside the folder is ever opened: links that lead out are left out of the list, and every name is one of the
list. A zip is never unpacked to disk, and a member that claims to grow as no image does is refused.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from core.datasets.dataset import UnusableDataset
from core.datasets.hidden import files_below, is_own, own_words
from core.errors import Cancelled, TooLarge, UnreadableScan
from core.readers.archive import RATIO, UNPACKED
from core.readers.memory import MEGABYTE, Claim
from core.readers.source import HEAD_BYTES

Progress = Callable[[float, str], None]
Stopper = Callable[[], bool]

#: Members of one zip; they are read one by one, so only their list takes memory.
ZIP_MEMBERS = 500_000
#: From this size on a member's ratio is looked at.
_RATIO_FROM = 16 * MEGABYTE
_PIECE = 1 * MEGABYTE
_ENCRYPTED = 0x1
_IS_UTF8 = 0x800


class Place(Protocol):
    """Named files that can be read.

    Attributes:
        name: Of the folder or file, without a path.
        path: Where it is.
        files: Names below the place, with `/`, in order.
        warnings: Sentences on what was left out of the list.
        notes: Sentences on what was left out and nobody misses, such as thumbnails of a storage box.
        chosen: A file inside that the user pointed at, or `""`.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see the attributes
    @property
    def path(self) -> Path: ...  # noqa: D102
    @property
    def files(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def warnings(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def chosen(self) -> str: ...  # noqa: D102
    @property
    def notes(self) -> tuple[str, ...]: ...  # noqa: D102

    def open(self, name: str) -> BinaryIO:
        """A stream over one file."""

    def stamp(self, name: str) -> str:
        """A cheap mark that changes when the file does; `"missing"` where it is gone."""


@dataclass(frozen=True, eq=False)
class FolderPlace:
    """A folder and everything below it."""

    path: Path
    files: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    chosen: str = ""
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.resolve().name

    def open(self, name: str) -> BinaryIO:
        """A stream over one file.

        Raises:
            UnreadableScan: It is gone, may not be read, or leads out of the folder by now.
        """
        try:
            path = (self.path / name).resolve(strict=True)
            if not path.is_relative_to(self.path.resolve()):
                raise UnreadableScan(f"{name} leads out of the dataset's folder", "copy the file into the folder")
            return path.open("rb")
        except OSError as error:
            raise UnreadableScan(f"{name} cannot be read", "check that it is there") from error

    def stamp(self, name: str) -> str:
        """Size and time of change."""
        try:
            facts = (self.path / name).stat()
        except OSError:
            return "missing"
        return f"{facts.st_size}:{facts.st_mtime_ns}"


@dataclass(frozen=True, eq=False)
class ZipPlace:
    """A zip whose members are read one by one, in memory."""

    path: Path
    files: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    chosen: str = ""
    notes: tuple[str, ...] = ()
    members: Mapping[str, zipfile.ZipInfo] = field(default_factory=dict)
    archive: zipfile.ZipFile = field(default_factory=lambda: zipfile.ZipFile(io.BytesIO(), "w"), repr=False)

    @property
    def name(self) -> str:
        """Name of the file without its ending."""
        return self.path.stem

    def open(self, name: str) -> BinaryIO:
        """A stream over one member, not longer than it claims to be.

        Raises:
            TooLarge: It claims to grow as no image does.
            UnreadableScan: It is locked or broken.
        """
        member = self.members[name]
        if member.file_size > UNPACKED or (
            member.file_size > _RATIO_FROM and member.file_size > RATIO * max(member.compress_size, 1)
        ):
            size = f"one of {member.file_size / MEGABYTE:,.0f} MB"
            raise TooLarge("a file in the zip that is as large as an image", size, "unpack it first")
        if member.flag_bits & _ENCRYPTED:
            raise UnreadableScan(f"{name} is locked by a password", "unpack the zip first")
        try:
            return self.archive.open(member)  # type: ignore[return-value]
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError) as error:
            raise UnreadableScan(f"{name} is broken", "pack the zip again") from error

    def stamp(self, name: str) -> str:
        """The checksum that the zip holds, and the zip's own time of change."""
        member = self.members[name]
        try:
            facts = self.path.stat()
        except OSError:
            return "missing"
        return f"{member.file_size}:{member.CRC:08x}:{facts.st_size}:{facts.st_mtime_ns}"


def open_place(
    path: Path, progress: Progress | None = None, cancelled: Stopper | None = None
) -> FolderPlace | ZipPlace:
    """List a folder, a zip, or the folder of a table that was pointed at.

    Raises:
        UnusableDataset: There is no such place, or it is a file of another kind.
        Cancelled: The user stopped the listing.
    """
    try:
        if path.is_dir():
            return _folder(path, progress, cancelled)
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        raise UnusableDataset(
            f"{path.name} {'does not exist' if missing else 'cannot be read'}", "check the path"
        ) from error
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(path)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise _is_workbook(path)
    if looks_like_text(head):
        folder = _folder(path.parent, progress, cancelled)
        return replace(folder, chosen=path.name)
    raise UnusableDataset(f"{path.name} is no folder, zip, .npz or table", "choose another")


def looks_like_text(head: bytes) -> bool:
    """Whether the first bytes could be a table in any of the usual encodings."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or utf_16_without_mark(head):
        return True
    return bool(head) and re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head) is None and not head.startswith(b"%PDF")


def utf_16_without_mark(head: bytes) -> str:
    """`"utf-16-le"` or `"utf-16-be"` where nearly every second byte is 0, as in Latin text; `""` for others."""
    sample = head[:4096]
    if len(sample) < 8:
        return ""
    zeros = [sample[start::2].count(0) / len(sample[start::2]) for start in (0, 1)]
    if max(zeros) < 0.7 or min(zeros) > 0.02:
        return ""
    encoding = "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    text = sample[: len(sample) // 2 * 2].decode(encoding, errors="replace")
    return encoding if re.search(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]", text) is None else ""


def read_all(place: Place, name: str) -> bytes:
    """All bytes of one file.

    Raises:
        TooLarge: It is larger than a scan may be, or than the memory that open scans leave.
        UnreadableScan: It cannot be read.
    """
    pieces, claims, size = [], [], 0
    for piece in _pieces(place, name, UNPACKED):
        claims.append(Claim(2 * len(piece)))  # once in pieces and once joined, until the reader claims the whole
        pieces.append(piece)
        size += len(piece)
    if size > UNPACKED:
        raise TooLarge(f"a file of at most {UNPACKED // MEGABYTE:,} MB", "a larger one", "split it")
    return b"".join(pieces)


def stream_pieces(place: Place, name: str) -> Iterator[bytes]:
    """The bytes of one file, piece by piece.

    Raises:
        UnreadableScan: It cannot be read.
    """
    return _pieces(place, name, None)


def _pieces(place: Place, name: str, most: int | None) -> Iterator[bytes]:
    taken = 0
    try:
        with place.open(name) as stream:
            while (most is None or taken <= most) and (piece := stream.read(_PIECE)):
                taken += len(piece)
                yield piece
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UnreadableScan(f"{name} is broken or cut short", "copy it again") from error


def read_head(place: Place, name: str, size: int = HEAD_BYTES) -> bytes:
    """The first bytes of one file, `b""` where it cannot be read."""
    try:
        with place.open(name) as stream:
            return stream.read(size)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, TooLarge, UnreadableScan):
        return b""


def _folder(path: Path, progress: Progress | None, cancelled: Stopper | None) -> FolderPlace:
    root = path.resolve()
    found: list[str] = []
    own: list[str] = []
    outside = 0
    waiting = [""]
    while waiting:
        if cancelled is not None and cancelled():
            raise Cancelled("listing the folder")
        below = waiting.pop()
        for entry in _scan(root / below):
            name = f"{below}{entry.name}"
            if is_own(name):
                own += files_below(entry, name)
            elif entry.is_symlink():
                # A link to a folder is not entered, even inside: it may lead back up.
                if not Path(entry.path).resolve().is_relative_to(root):
                    outside += 1
                elif entry.is_file():
                    found.append(name)
            elif entry.is_dir():
                waiting.append(f"{name}/")
            elif entry.is_file():
                found.append(name)
        if progress is not None:
            progress(0.0, f"{len(found):,} files listed")
    words = "1 link leads" if outside == 1 else f"{outside:,} links lead"
    warnings = (f"{words} out of the folder and {'was' if outside == 1 else 'were'} not followed.",) if outside else ()
    return FolderPlace(path, tuple(sorted(found)), warnings, notes=own_words(own))


def _scan(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except OSError:  # a folder that may not be read holds nothing for us
        return []


def _zip(path: Path) -> ZipPlace:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnusableDataset(f"{path.name} is broken or cut short", "pack it again") from error
    if not {"xl/workbook.xml", "xl/workbook.bin"}.isdisjoint(archive.namelist()) or _is_open_document(archive):
        raise _is_workbook(path)
    named = [(_member_name(member), member) for member in archive.infolist()]
    listed = [(name, member) for name, member in named if not name.endswith("/") and not is_own(name)]
    own = [name for name, _ in named if not name.endswith("/") and is_own(name)]
    if len(listed) > ZIP_MEMBERS:
        raise UnusableDataset(f"a zip of at most {ZIP_MEMBERS:,} files", f"one of {len(listed):,}", "unpack it first")
    members = {name: member for name, member in listed if _stays_inside(name)}
    left_out = len(listed) - len(members)
    warnings = (f"{left_out:,} files of the zip have unsafe or repeated names and were left out.",) if left_out else ()
    return ZipPlace(path, tuple(sorted(members)), warnings, "", own_words(own), members, archive)


def _is_workbook(path: Path) -> UnusableDataset:
    return UnusableDataset(
        f"{path.name} is a workbook, which is not read as a table",
        "save its sheet as CSV beside the images",
    )


def _is_open_document(archive: zipfile.ZipFile) -> bool:
    try:
        small = archive.getinfo("mimetype").file_size < 200
        return small and archive.read("mimetype").startswith(b"application/vnd.oasis.opendocument")
    except (KeyError, OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return False


def _member_name(member: zipfile.ZipInfo) -> str:
    """The name of a member with `/`, in the letters that its writer meant.

    Without the flag for UTF-8 (bit 11, APPNOTE 4.4.4) a name is code page 437 by the standard; macOS and many others
    write UTF-8 all the same, which no other text looks like.
    """
    name = member.filename
    if not member.flag_bits & _IS_UTF8 and not name.isascii():
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = member.filename
    return re.sub(r"^(\./)+", "", name.replace("\\", "/"))


def _stays_inside(name: str) -> bool:
    parts = PurePosixPath(name)
    return not parts.is_absolute() and ".." not in parts.parts and not re.match(r"[A-Za-z]:", name)
