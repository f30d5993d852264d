"""The user's original files, brought again so that an export can say where in space the outline lies, and of whom.

A `Scan` keeps neither. What is read here goes into the file that the user downloads, and nowhere else.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import IncompatibleInput, UnreadableScan
from core.readers import Source
from core.readers.nifti import digest_of, partner_of
from core.readers.nifti.header import Header, recognised
from core.scan import Scan

#: A NIfTI file is unpacked to at most this many bytes.
MOST_BYTES = 2**31


@dataclass(frozen=True, eq=False)
class Originals:
    """What the original files say beyond the scan.

    Attributes:
        datasets: DICOM headers in the order of the scan's frames, one for a multi-frame file; else empty.
        affine: (4, 4) to millimetres (RAS) from the columns, rows and slices of single-frame DICOM files; None where it
            is not known.
        nifti: Header of a NIfTI file, which places its voxels as they are stored; None for DICOM.
    """

    datasets: tuple[Any, ...] = ()
    affine: Any = None
    nifti: Header | None = None


def read_originals(sources: Sequence[Source], scan: Scan) -> Originals:
    """Read the files that a scan was opened from.

    They are the same files, to the byte, or they are refused: another file may look alike and lie elsewhere.

    Raises:
        IncompatibleInput: They are not the files of this scan.
        UnreadableScan: A header is broken.
    """
    if scan.source == "NIfTI":
        return _nifti(sources, scan)
    digests = {hashlib.sha256(source.data).hexdigest(): source for source in sources}
    if scan.digest in digests:
        return _placed([_header(digests[scan.digest])])
    headers = [(digest, _header(source)) for digest, source in digests.items()]
    for order in _ORDERS:
        ordered = _sorted(headers, order)
        joined = "\n".join(f"{digest} 0" for digest, _ in ordered)
        if hashlib.sha256(joined.encode()).hexdigest() == scan.digest:
            return _placed([header for _, header in ordered])
    word = "file" if scan.frames == 1 else "files, all of them and no others"
    raise IncompatibleInput(f"These are not the {word} that this scan was opened from", "add those, unpacked")


def _placed(headers: list[Any]) -> Originals:
    """The headers, once they say where in the scanner their images lie (PS3.3 C.7.4.1, C.7.6.2 and C.7.6.16)."""
    for header in headers:
        if "FrameOfReferenceUID" not in header or not (
            "ImagePositionPatient" in header or "PerFrameFunctionalGroupsSequence" in header
        ):
            raise IncompatibleInput("The files do not say where in the scanner they lie", "take the mask without them")
    return Originals(tuple(headers), _affine(headers))


def _affine(headers: list[Any]) -> Any:
    """From (column, row, slice) to RAS in mm (PS3.3 C.7.6.2.1.1), or None where a file holds several frames.

    Slices are taken as evenly spaced from the first to the last.
    """
    first, last = headers[0], headers[-1]
    if any(word not in h for h in (first, last) for word in ("ImageOrientationPatient", "PixelSpacing")):
        return None
    across, down = np.reshape([float(v) for v in first.ImageOrientationPatient], (2, 3))
    row_mm, column_mm = (float(v) for v in first.PixelSpacing)
    start, end = (np.array([float(v) for v in h.ImagePositionPatient]) for h in (first, last))
    step = (end - start) / (len(headers) - 1) if len(headers) > 1 else np.cross(across, down)
    affine = np.eye(4)
    affine[:3] = np.stack([across * column_mm, down * row_mm, step, start], axis=1)
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine  # DICOM counts to the left and back, NIfTI to the right and front


def _nifti(sources: Sequence[Source], scan: Scan) -> Originals:
    """The header of the file, or of the pair, and how it places the voxels."""
    unpacked = [_unpacked(source) for source in sources]
    for source in unpacked:
        others = [other for other in unpacked if other is not source]
        header = recognised(source.head)
        if header is None or scan.grid is None or digest_of(source, partner_of(source, others)) != scan.grid.digest:
            continue
        return Originals(nifti=header)
    raise IncompatibleInput("This is not the file that the scan was opened from", "add that one")


def _unpacked(source: Source) -> Source:
    if source.head[:2] != b"\x1f\x8b":
        return source
    worker = zlib.decompressobj(wbits=31)  # as the reader does, it stops at the end and leaves what follows
    try:
        data = worker.decompress(bytes(source.data), MOST_BYTES)
    except zlib.error as error:
        raise UnreadableScan("The NIfTI file is broken", "export it again") from error
    return Source(source.name.removesuffix(".gz"), data)


def _header(source: Source) -> Any:
    from pydicom import dcmread

    try:
        return dcmread(io.BytesIO(bytes(source.data)), stop_before_pixels=True, force=True)
    except Exception as error:  # pydicom raises many kinds for a broken file
        raise UnreadableScan("One of the DICOM files of this scan is broken", "add the original files") from error


def _along_normal(header: Any) -> float:
    across, down = np.reshape([float(v) for v in header.ImageOrientationPatient], (2, 3))
    return float(np.dot(np.cross(across, down), [float(v) for v in header.ImagePositionPatient]))


#: The orders in which the reader sorts slices.
_ORDERS: tuple[Callable[[Any], float], ...] = (
    _along_normal,
    lambda header: float(header.SliceLocation),
    lambda header: float(header.InstanceNumber),
    lambda header: float(header.TriggerTime),
)


def _sorted(headers: list[tuple[str, Any]], order: Callable[[Any], float]) -> list[tuple[str, Any]]:
    """Sorted where every header has what it is sorted by, else as they came."""
    try:
        return sorted(headers, key=lambda entry: order(entry[1]))
    except (AttributeError, TypeError, ValueError):
        return headers
