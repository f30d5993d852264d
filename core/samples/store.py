"""Fetched samples on the disk: a folder for each case in the user data folder, with its licence beside it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.bounded import Unbounded, read_regular
from core.errors import ScanLensError, UnreadableScan, UnsupportedScan
from core.formatting import size_text
from core.home import home
from core.readers import Source, open_sources
from core.samples.catalogue import CASES, CatalogueCase, RemoteFile
from core.scan import Scan, Step
from core.turning import in_turn

LICENCE = "LICENCE.txt"
#: Sequences that lie in the red, green and blue of one file, in this order.
SEQUENCES = ("T1 before contrast", "FLAIR", "T1 after contrast")


class CannotKeepSample(ScanLensError):
    """The user data folder cannot be written, or a sample in it cannot be removed."""


def samples_folder() -> Path:
    """Where fetched samples lie: `samples` in the user data folder. It need not exist."""
    return home() / "samples"


def folder_of(case: CatalogueCase) -> Path:
    """The folder of one case. It need not exist."""
    return samples_folder() / case.key


def path_of(case: CatalogueCase, file: RemoteFile) -> Path:
    """Where a file of a case lies once it is fetched."""
    return folder_of(case) / f"{'mask' if file is case.mask else 'scan'}{file.suffix}"


def is_fetched(case: CatalogueCase) -> bool:
    """Whether all files of a case are there in their size; what they hold is checked when they are read."""
    return all(_is_there(path_of(case, file), file) for file in case.files)


def _is_there(path: Path, file: RemoteFile) -> bool:
    try:
        return path.is_file() and path.stat().st_size == file.size
    except OSError:
        return False


def fetched(cases: Iterable[CatalogueCase] = CASES) -> tuple[CatalogueCase, ...]:
    """Those of the cases that are here."""
    return tuple(case for case in cases if is_fetched(case))


def licence_text(case: CatalogueCase) -> str:
    """What is kept beside a case."""
    lines = [f"{case.title} ({case.modality})", f"Credit: {case.credit}", f"Licence: {case.licence}"]
    if case.licence_status != "clear":
        lines.append(f"Of this licence is known: {case.licence_status}")
    for file in case.files:
        what = "Mask" if file is case.mask else "Scan"
        lines.append(f"{what}: {file.address}\n  sha256 {file.sha256}, {size_text(file.size)}")
    return "\n".join([*lines, "For research and teaching only.", ""])


def remove(case: CatalogueCase) -> None:
    """Delete what was fetched for a case; nothing happens where nothing was.

    Raises:
        CannotKeepSample: It cannot be deleted.
    """
    folder = folder_of(case)
    try:
        if folder.is_symlink():
            folder.unlink()  # never what it leads to
        elif folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise CannotKeepSample(f"{case.title} cannot be removed", "close what has its files open") from error


def remove_all(cases: Iterable[CatalogueCase] = CASES) -> None:
    """Delete what was fetched for several cases; other files in the folder stay.

    Raises:
        CannotKeepSample: One cannot be deleted.
    """
    for case in cases:
        remove(case)


def read_source(case: CatalogueCase, file: RemoteFile) -> Source:
    """A fetched file in memory, under a name that gives no diagnosis away.

    Raises:
        UnreadableScan: It has not been fetched, or was changed since.
    """
    try:
        data = read_regular(path_of(case, file), file.size)
    except Unbounded:
        data = b""
    except OSError as error:
        raise UnreadableScan(f"{case.title} has not been fetched", "fetch it on the page Read") from error
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise UnreadableScan(f"{case.title} was changed after it was fetched", "remove it and fetch it again")
    return Source(f"{case.key}{'-mask' if file is case.mask else ''}{file.suffix}", data)


def open_case(case: CatalogueCase) -> tuple[tuple[Scan, ...], int]:
    """The scans of a fetched case, and which of them to show first.

    Raises:
        UnreadableScan: It has not been fetched, was changed since, or cannot be read.
    """
    opened = open_sources([read_source(case, case.file)])
    if not opened.scans:
        raise UnreadableScan(f"{case.title} cannot be read", "remove it and fetch it again")
    if case.view == "crop":
        return (_part(case, opened.scans[0]),), 0
    if case.view == "sequences":
        scans = _sequences(opened.scans[0])
        return scans, next(index for index, scan in enumerate(scans) if scan.facts["Sequence"] == "FLAIR")
    if case.view.startswith("cine"):
        moving = next((index for index, scan in enumerate(opened.scans) if scan.axis == "time"), 0)
        films = list(opened.scans)
        if case.view == "cine-upside-down":
            films[moving] = in_turn(films[moving], "Upside down")
        return tuple(films), moving
    return opened.scans, 0


def _part(case: CatalogueCase, scan: Scan) -> Scan:
    assert case.box is not None  # the catalogue was checked
    left, top, width, height = case.box
    if left + width > scan.columns or top + height > scan.rows:
        raise UnsupportedScan(f"{case.title} lies outside of its image", "choose another sample")
    pixels = scan.pixels[:, top : top + height, left : left + width].copy()
    step = Step("Cut-out", f"{width} × {height} pixels from column {left} and row {top}")
    return _made(scan, f"crop {case.box}", pixels=pixels, provenance=(*scan.provenance, step))


def _sequences(scan: Scan) -> tuple[Scan, ...]:
    """The sequences that there are: the publisher repeats FLAIR in place of one that is missing."""
    if not scan.is_color:  # all three colours are FLAIR
        return (_sequence(scan, "FLAIR", scan.pixels),)
    colours = {name: scan.pixels[..., number] for number, name in enumerate(SEQUENCES)}
    there = [name for name in SEQUENCES if name == "FLAIR" or not np.array_equal(colours[name], colours["FLAIR"])]
    return tuple(_sequence(scan, name, colours[name].copy()) for name in there)


def _sequence(scan: Scan, name: str, pixels: NDArray[np.generic]) -> Scan:
    step = Step("Sequence", f"{name}, colour {SEQUENCES.index(name) + 1} of 3 in the file")
    return _made(
        scan, name, pixels=pixels, title=f"{name}, {scan.columns} × {scan.rows}",
        facts={**scan.facts, "Sequence": name}, provenance=(*scan.provenance, step),
    )  # fmt: skip


def _made(scan: Scan, what: str, **changes: object) -> Scan:
    """A scan made from another one, with a digest of its own."""
    return replace(scan, digest=hashlib.sha256(f"{scan.digest} {what}".encode()).hexdigest(), **changes)  # type: ignore[arg-type]
