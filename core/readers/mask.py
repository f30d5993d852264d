"""A mask that the user brings, to compare the model's outline with: PNG, NIfTI, DICOM SEG, or any image we can read.

It lies on the scan pixel for pixel or is refused: stretching a mask would invent the agreement that is asked for.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import IncompatibleInput, ScanLensError, UnreadableScan, UnsupportedScan
from core.formatting import frame_word
from core.planes import in_plane
from core.readers import Source, open_sources
from core.readers.dicom.file import inflated, parse
from core.readers.memory import process_budget
from core.readers.opening import Opening
from core.scan import Scan

#: Start of the SOP Class UIDs of DICOM Segmentation and Label Map Segmentation (PS3.4 B.5).
_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
#: More values than this are grey levels, not labels.
MOST_VALUES = 64


@dataclass(frozen=True, eq=False)
class Reference:
    """The user's own mask.

    Attributes:
        name: Of the file.
        frames: Frames of the scan that it covers, in order.
        masks: Value in the file to (frames, rows, columns) bool.
        digest: sha256 of the file.
    """

    name: str
    frames: tuple[int, ...]
    masks: Mapping[int, NDArray[np.bool_]]
    digest: str

    def fits_labels(self, count: int) -> bool:
        """Whether its values can be the numbers of so many labels: several, from 1 to `count`."""
        return len(self.masks) > 1 and max(self.masks) <= count

    def of(self, value: int | None = None) -> NDArray[np.bool_]:
        """(frames, rows, columns) bool where the mask has a value, all False where it never has; None for any."""
        every = list(self.masks.values())
        if value is None:
            return np.logical_or.reduce(every)
        return self.masks.get(value, np.zeros_like(every[0]))


def read_reference(source: Source, scan: Scan, frame: int = 0, may_be_empty: bool = False) -> Reference:
    """Read a mask.

    Args:
        source: The file.
        scan: What it must lie on, pixel for pixel.
        frame: Where a mask of one image belongs in a stack.
        may_be_empty: Whether a mask without a single pixel is an answer: nothing is there.

    Raises:
        IncompatibleInput: It has another size, or holds grey levels instead of a mask.
        UnreadableScan: It is broken.
        TooLarge: With all other open scans it needs more memory than this process may take.
    """
    opening = Opening()
    try:
        opening.claim(len(source.data))
        reference = _read(source, scan, frame, opening, may_be_empty)
        held = sum(mask.nbytes for mask in reference.masks.values())
        process_budget().claim(held)
        process_budget().release_with(reference, held)
        return reference
    finally:
        opening.close()


def _read(source: Source, scan: Scan, frame: int, opening: Opening, may_be_empty: bool) -> Reference:
    masks = _masks_of(source, scan, opening)
    found = next(iter(masks.values())).shape
    _check_size(found, scan)
    frames = tuple(range(scan.frames)) if found[0] == scan.frames else (frame,)
    if not may_be_empty and not any(mask.any() for mask in masks.values()):
        place = frame_word(scan) if scan.frames > 1 else "image"
        raise IncompatibleInput(f"The mask has no pixel for this {place}", "choose another")
    return Reference(source.name, frames, masks, hashlib.sha256(source.data).hexdigest())


def _check_size(found: tuple[int, ...], scan: Scan) -> None:
    """Refuse (frames, rows, columns) that cannot lie on the scan."""
    if found[1:] != (scan.rows, scan.columns) or found[0] not in {1, scan.frames}:
        raise IncompatibleInput(
            f"a mask of the scan's own size, {_size((scan.frames, scan.rows, scan.columns))}",
            f"one of {_size(found)}",
            "export it on this scan",
        )


def _size(shape: tuple[int, ...]) -> str:
    words = f"{shape[1]} × {shape[2]} pixels"
    return words if shape[0] == 1 else f"{shape[0]} images of {words}"


def _masks_of(source: Source, scan: Scan, opening: Opening) -> dict[int, NDArray[np.bool_]]:
    if source.head[:8] == b"\x89PNG\r\n\x1a\n":
        return _by_value(_png_values(source, scan, opening), opening)
    if source.head[128:132] == b"DICM" and (dataset := _dicom_segmentation(source, opening)) is not None:
        return _segments(dataset, scan, opening)
    opened = open_sources([source])
    if not opened.scans:
        raise UnreadableScan(
            "The file holds no mask that can be read",
            opened.skipped[0].reason.rpartition(": ")[2].rstrip(".")
            if opened.skipped
            else "choose a PNG, a NIfTI file or a DICOM SEG",
        )
    found = opened.scans[0]
    if scan.grid is not None and found.grid is not None and found.axis == "slice":
        found = in_plane(found, scan.grid.plane)  # the scan may be shown in another plane than its mask was stored in
    pixels = found.pixels
    return _by_value(pixels.max(axis=-1) if pixels.ndim == 4 else pixels, opening)


def _png_values(source: Source, scan: Scan, opening: Opening) -> NDArray[np.generic]:
    """(1, rows, columns); the numbers of a palette are the labels, whatever their colours."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(bytes(source.data)), formats=["PNG"]) as image:
            _check_size((1, image.height, image.width), scan)  # before anything of that size is unpacked
            opening.claim(8 * image.height * image.width)
            values = np.asarray(image if image.mode in {"1", "L", "P", "I", "I;16"} else image.convert("RGB"))
    except ScanLensError:
        raise
    except Image.DecompressionBombError as error:
        what = f"a mask of the scan's own size, {_size((1, scan.rows, scan.columns))}"
        raise IncompatibleInput(what, "a far larger image", "export it on this scan") from error
    except Exception as error:  # Pillow raises many kinds for a broken file
        raise UnreadableScan("The PNG is broken", "export it again") from error
    return (values.max(axis=-1) if values.ndim == 3 else values)[None]


def _by_value(values: NDArray[np.generic], opening: Opening) -> dict[int, NDArray[np.bool_]]:
    """One mask a value above 0; shares from 0 to 1 count from one half on."""
    opening.claim(8 * values.size)  # sorted, and compared
    if values.dtype.kind == "f" and not np.array_equal(values, np.round(values)):
        return {1: np.asarray(values, np.float32) >= 0.5}
    found = [int(value) for value in np.unique(values) if value > 0]
    if len(found) > MOST_VALUES:
        raise IncompatibleInput("a mask of a few labels", f"an image with {len(found)} values", "export the mask alone")
    opening.claim(len(found) * values.size)
    return {value: np.asarray(values == value) for value in found} or {1: np.zeros(values.shape, bool)}


def _dicom_segmentation(source: Source, opening: Opening) -> Any:
    """The data set where it is a segmentation, else None."""
    from pydicom import dcmread

    if not parse(source, opening.claim).text("SOPClassUID").startswith(_SEGMENTATIONS):  # bounded, and first
        return None
    try:
        return dcmread(io.BytesIO(inflated(source.data, opening.claim)))
    except ScanLensError:
        raise
    except Exception as error:  # pydicom raises many kinds for a broken file
        raise UnreadableScan("The DICOM file is broken", "export it again") from error


def _segments(dataset: Any, scan: Scan, opening: Opening) -> dict[int, NDArray[np.bool_]]:
    """Masks of a DICOM SEG, its frames in order along the normal of their plane (PS3.3 C.8.20)."""
    try:
        rows, columns, frames = int(dataset.Rows), int(dataset.Columns), int(dataset.get("NumberOfFrames") or 1)
        segments = len(dataset.SegmentSequence)
        # Before anything is decoded: no file has more frames than a slice for each segment.
        _check_size((1, rows, columns), scan)
        if segments > MOST_VALUES or frames > segments * scan.frames:
            what = f"{segments} segments in {frames:,} frames"
            raise IncompatibleInput("a mask of a few labels on this scan", what, "export the mask alone")
        opening.claim(rows * columns * (3 * frames + segments * scan.frames))
        return _sorted_segments(dataset, opening)
    except ScanLensError:
        raise
    except Exception as error:
        raise UnreadableScan("The DICOM SEG lacks what places its frames", "export it again") from error


def _sorted_segments(dataset: Any, opening: Opening) -> dict[int, NDArray[np.bool_]]:
    pixels = np.asarray(dataset.pixel_array)
    pixels = pixels[None] if pixels.ndim == 2 else pixels
    groups = dataset.PerFrameFunctionalGroupsSequence
    kind = str(dataset.SegmentationType)
    order = _places(dataset, groups)
    count = max(order) + 1
    if kind == "LABELMAP":
        stack = np.zeros((count, *pixels.shape[1:]), pixels.dtype)
        stack[order] = pixels
        return _by_value(stack, opening)
    half = int(dataset.MaximumFractionalValue) / 2 if kind == "FRACTIONAL" else 0.5
    masks: dict[int, NDArray[np.bool_]] = {}
    for place, group, image in zip(order, groups, pixels, strict=True):
        number = int(_sequence(dataset, group, "SegmentIdentificationSequence").ReferencedSegmentNumber)
        masks.setdefault(number, np.zeros((count, *pixels.shape[1:]), bool))[place] |= image >= half
    return masks


def _places(dataset: Any, groups: Any) -> list[int]:
    """For each frame its slice, from 0. Slices that were left out because they are empty cannot be placed."""
    positions = [_position(group) for group in groups]
    if any(position is None for position in positions):
        numbers = [int(group.FrameContentSequence[0].DimensionIndexValues[-1]) for group in groups]
        if len(set(numbers)) > 1 and max(numbers) != len(set(numbers)):
            raise UnsupportedScan("The DICOM SEG has no positions", "export it as NIfTI")
        return [number - min(numbers) for number in numbers]
    plane = _sequence(dataset, groups[0], "PlaneOrientationSequence")
    across, down = np.reshape([float(v) for v in plane.ImageOrientationPatient], (2, 3))
    along = np.round(np.array(positions) @ np.cross(across, down), 2)
    levels = np.unique(along)
    gaps = np.diff(levels)
    if len(gaps) and gaps.max() > 1.5 * gaps.min():
        raise UnsupportedScan("The DICOM SEG leaves empty slices out", "export it with them, or as NIfTI")
    if len(levels) == 1 and len(positions) > len(dataset.SegmentSequence):
        raise UnsupportedScan("a DICOM SEG of an image or a volume", "one of a sequence", "export it as NIfTI")
    return [int(n) for n in np.searchsorted(levels, along)]


def _sequence(dataset: Any, group: Any, keyword: str) -> Any:
    """The one item of a functional group, which stands with the frame or, where all share it, with the file."""
    shared = dataset.SharedFunctionalGroupsSequence[0]
    return getattr(group if keyword in group else shared, keyword)[0]


def _position(group: Any) -> list[float] | None:
    sequence = getattr(group, "PlanePositionSequence", None)
    return [float(v) for v in sequence[0].ImagePositionPatient] if sequence else None
