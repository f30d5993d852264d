"""Sentences for files that no reader accepts, by what they look like."""

from __future__ import annotations

from pathlib import PurePosixPath

from core.errors import ScanLensError, UnreadableScan, UnsupportedScan

_EXPECTED = "a DICOM, NIfTI, PNG, JPEG, TIFF, WebP or BMP file, or a zip of them"
_EXPORT = "export the images as DICOM or PNG"

#: First bytes to what the file is, in words.
_KNOWN: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "a text document"),
    (b"\xd0\xcf\x11\xe0", "an Office document"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"GIF8", "a GIF animation"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"8BPS", "a Photoshop document"),
    (b"\x76\x2f\x31\x01", "an OpenEXR image"),
    (b"NRRD", "an NRRD volume"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "a database"),
    (b"\x1aE\xdf\xa3", "a film"),
    (b"OggS", "a film"),
)


#: Folders and files that systems, storage boxes and tools make for themselves, in lower case.
_OWN_FOLDERS = frozenset(
    {
        "__macosx", "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@sharebin", "@tmp",
        ".snapshot", "$recycle.bin", "recycler", "system volume information", "lost+found", ".trash", ".trashes",
        ".trash-1000", ".spotlight-v100", ".fseventsd", ".temporaryitems", ".appledouble", ".thumbnails", ".thumbs",
        ".cache", ".git", ".svn", ".hg", ".dvc", ".ipynb_checkpoints", "__pycache__", ".idea", ".vscode",
    }
)  # fmt: skip
_OWN_FILES = frozenset({".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", ".directory", ".nomedia", "icon\r"})
#: How names of such files begin: Apple's forks, Synology's thumbnails, Office's locks.
_OWN_STARTS = ("._", "synophoto_", "synofile_", "~$", ".~lock.", ".fuse_hidden", ".nfs0")


def is_clutter(name: str) -> bool:
    """Whether a file is a system's, a storage box's or a tool's own, which nobody meant to upload.

    Example:
        >>> is_clutter("NORMAL/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg"), is_clutter("NORMAL/1.jpg")
        (True, False)
    """
    *folders, last = name.replace("\\", "/").casefold().split("/")
    return not _OWN_FOLDERS.isdisjoint((*folders, last)) or last in _OWN_FILES or last.startswith(_OWN_STARTS)


def strange_file(head: bytes, name: str) -> tuple[ScanLensError, str]:
    """What to say about a file that is no scan, and the words for the summary."""
    if not head:
        return UnreadableScan(_EXPECTED, "an empty file", "copy or export it again"), "are empty"
    known = next((words for magic, words in _KNOWN if head.startswith(magic)), "")
    if head[4:8] == b"ftyp":
        known = "a film or a HEIC photograph"
    if known:
        action = "unpack it and add its files" if "archive" in known else _EXPORT
        return UnsupportedScan(_EXPECTED, known, action), "hold no scan"
    text = _text_kind(head)
    if text:
        claims = " that is named like an image" if _claims_image(name) else ""
        return UnsupportedScan(_EXPECTED, f"{text}{claims}", _EXPORT), "hold no scan"
    if name.lower().endswith(".img"):
        return UnreadableScan(
            "The voxels came without their header", "add its .hdr file, both at once"
        ), "lack a header"
    action = "check that the file is whole, and export it again"
    return UnreadableScan(_EXPECTED, "bytes of no known format", action), "are of no known format"


def _claims_image(name: str) -> bool:
    return PurePosixPath(name.lower()).suffix in {
        ".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".nii"
    }  # fmt: skip


def _text_kind(head: bytes) -> str:
    """`"a web page"`, `"a text file"` and so on; `""` for binary bytes."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if start.startswith((b"<?xml", b"<svg")):
        return "an XML file"
    try:
        text = head.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        # A character may be cut in two at the end of the head.
        if error.start < len(head) - 4:
            return ""
        text = head[: error.start].decode("utf-8")
    if sum(not (c.isprintable() or c in "\t\r\n\f") for c in text) > 0:
        return ""
    return "a JSON file" if start.startswith((b"{", b"[")) else "a text file"
