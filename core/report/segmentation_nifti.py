"""Outlines as a NIfTI label map: 0 is background, k the k-th label of the model."""

from __future__ import annotations

import gzip

import numpy as np
from numpy.typing import NDArray

from core.errors import IncompatibleInput
from core.report.text import printable
from core.scan import Scan
from core.segmentation.originals import Originals
from core.segmentation.outline import Segmentation

#: NIfTI's codes for where coordinates come from: unknown, and aligned to something else.
_UNKNOWN, _SCANNER, _ALIGNED = 0, 1, 2


def label_map(segmentation: Segmentation) -> NDArray[np.uint8]:
    """(frames, rows, columns) numbers of labels, 0 for background.

    Where masks overlap, the label with the largest probability is taken: one voxel holds one number.
    """
    maps = []
    for position in range(len(segmentation.frames)):
        best = np.zeros(segmentation.geometry.scan_size, np.float32)
        numbers = np.zeros(segmentation.geometry.scan_size, np.uint8)
        for label in range(len(segmentation.labels)):
            probability = segmentation.probability(position, label)
            here = segmentation.mask(position, label) & (probability > best)
            numbers[here], best[here] = label + 1, probability[here]
        maps.append(numbers)
    return np.stack(maps)


def nifti_note(scan: Scan, originals: Originals | None) -> str:
    """Where in space the exported mask lies, in one sentence for people."""
    if originals is not None and originals.affine is not None:
        return "The mask lies voxel on voxel on the original, in its place in the scanner."
    if scan.source == "NIfTI":
        return "The mask has the scan's voxel size and axes, turned to RAS; its origin is not kept and set to 0."
    return "The mask has the scan's pixel size; where it lies in the scanner is not kept."


def as_nifti(segmentation: Segmentation, scan: Scan, originals: Originals | None = None) -> bytes:
    """The label map of the whole scan as a gzipped NIfTI-1 file.

    Without the original file its affine has the spacing on its diagonal (1 where it is not known), x from left to
    right, y from back to front, as the scan is shown. The file then says by its codes what is not known.

    Args:
        segmentation: Of all frames.
        scan: Gives the spacing.
        originals: The scan's own files, whose voxels and place the mask then takes over.

    Raises:
        IncompatibleInput: Not all frames were outlined.
    """
    from nibabel import Nifti1Image
    from nibabel.orientations import apply_orientation, io_orientation, ornt_transform

    if segmentation.frames != tuple(range(scan.frames)):
        raise IncompatibleInput("an outline of the whole scan", "one of a part", "let all slices be read first")
    voxels = label_map(segmentation).swapaxes(0, 2)
    code, affine = _ALIGNED if scan.source == "NIfTI" else _UNKNOWN, _diagonal(scan)
    place = originals.affine if originals is not None and scan.axis != "time" else None
    if place is not None:
        affine, code = place, _SCANNER
    if place is None or scan.source == "NIfTI":
        # The reader turns both axes of a slice round to show it as a radiologist sees it; this turns them back.
        voxels = voxels[::-1, ::-1]
    if place is not None and scan.source == "NIfTI":
        upright = np.array([[axis, 1] for axis in range(3)])
        voxels = apply_orientation(voxels, ornt_transform(upright, io_orientation(affine)))
    if scan.axis == "time":
        voxels = voxels[:, :, None, :]  # x, y, one slice, time
    image = Nifti1Image(np.ascontiguousarray(voxels), affine)
    image.set_qform(affine, code=code)
    image.set_sform(affine, code=code)
    image.header.set_xyzt_units("mm", "msec")
    if scan.axis == "time" and scan.frame_time_ms:
        image.header.set_zooms((*image.header.get_zooms()[:3], scan.frame_time_ms))
    names = ", ".join(f"{number} {label}" for number, label in enumerate(segmentation.labels, start=1))
    image.header["descrip"] = printable(f"ScanLens: {names}", "ascii")[:79].encode()
    return gzip.compress(image.to_bytes(), compresslevel=6, mtime=0)


def _diagonal(scan: Scan) -> NDArray[np.float64]:
    row, column = scan.spacing_mm or (scan.pixel_aspect, 1.0)
    return np.diag([column, row, scan.slice_spacing_mm or 1.0, 1.0])
