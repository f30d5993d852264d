"""Image files of the data folder as scans, by the same readers as an upload."""

from __future__ import annotations

from pathlib import Path

from core import readers
from core.errors import UnreadableScan
from core.readers import open_sources
from core.scan import Scan
from core.training.data import medmnist


def open_image(path: Path) -> Scan:
    """An image file as a Scan, by the same readers as an upload.

    Raises:
        UnreadableScan: It cannot be decoded.
    """
    if medmnist.is_inside(path):
        return _first_scan(path, medmnist.image_file(path))
    return _first_scan(path, path.read_bytes() if path.is_file() else b"")


def _first_scan(path: Path, content: bytes) -> Scan:
    opened = open_sources([readers.Source(path.name, content)])
    if not opened.scans:
        raise UnreadableScan(f"{path.name} gives no image", "check the data folder")
    return opened.scans[0]
