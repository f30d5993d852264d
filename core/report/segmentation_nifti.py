"""Outlines as a NIfTI label map: 0 is background, k the k-th label of the model."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import IncompatibleInput
from core.inference.masks import Segmentation
from core.planes import to_voxels, upright_grid
from core.readers.nifti.header import Header
from core.report.text import printable
from core.scan import Grid, Scan
from core.segmentation.originals import Originals

#: NIfTI's codes for where coordinates come from: unknown, and aligned to something else.
_UNKNOWN, _SCANNER, _ALIGNED = 0, 1, 2
#: Fields of a NIfTI header that say where its voxels lie, but for pixdim.
_PLACING = (
    "qform_code", "sform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z",
    "srow_x", "srow_y", "srow_z", "dim_info",
)  # fmt: skip


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
    if originals is not None and (originals.affine is not None or originals.nifti is not None):
        return "The mask lies voxel on voxel on the original, in its place in the scanner."
    if scan.source == "NIfTI":
        return "The mask has the scan's voxel size and axes, turned to RAS; its origin is not kept and set to 0."
    return "The mask has the scan's pixel size; where it lies in the scanner is not kept."


def as_nifti(segmentation: Segmentation, scan: Scan, originals: Originals | None = None) -> bytes:
    """The label map of the whole scan as a gzipped NIfTI file.

    Without the original file its voxels run to the right, front and head with the spacing on the diagonal of the affine
    (1 where it is not known). The file then says by its codes what is not known.

    Args:
        segmentation: Of all frames.
        scan: Gives the spacing and, for a NIfTI scan, the way back to the voxels as they are stored.
        originals: The scan's own files, whose voxels and place the mask then takes over.

    Raises:
        IncompatibleInput: Not all frames were outlined.
    """
    if segmentation.frames != tuple(range(scan.frames)):
        raise IncompatibleInput("Only a part of the scan was segmented yet", "let all slices be read first")
    frames: NDArray[Any] = label_map(segmentation)
    if originals is not None and originals.nifti is not None and scan.grid is not None:
        image = _on_the_original(frames, scan, scan.grid, originals.nifti)
    else:
        image = _in_space(frames, scan, originals.affine if originals is not None and scan.axis != "time" else None)
    names = ", ".join(f"{number} {label}" for number, label in enumerate(segmentation.labels, start=1))
    image.header["descrip"] = printable(f"ScanLens: {names}", "ascii")[:79].encode()
    return gzip.compress(image.to_bytes(), compresslevel=6, mtime=0)


def _on_the_original(frames: NDArray[Any], scan: Scan, grid: Grid, header: Header) -> Any:
    """Voxels in the order of the file, placed by its own fields as they are.

    Whatever a program makes of the original's quaternion, matrix and units, it makes of the mask's.
    """
    from nibabel import Nifti1Image, Nifti2Image

    if scan.axis == "time":
        whole = np.zeros((grid.shape[grid.axes[0]], *frames.shape[1:], len(frames)), np.uint8)
        whole[grid.level or 0] = np.moveaxis(frames, 0, -1)
        frames = whole
    voxels = np.ascontiguousarray(to_voxels(frames, grid))
    kind = Nifti2Image if header.version == 2 else Nifti1Image
    fields = kind.header_class()
    fields.set_data_dtype(np.uint8)
    fields.set_data_shape(voxels.shape)
    if header.version:  # Analyze says nothing of the place
        for name in (*_PLACING, "xyzt_units"):
            fields[name] = header.fields[name]
    fields["pixdim"][: voxels.ndim + 1] = header.fields["pixdim"][: voxels.ndim + 1]
    return kind(voxels, None, fields)  # with an affine, nibabel would write the fields anew


def _in_space(frames: NDArray[Any], scan: Scan, place: Any) -> Any:
    """Voxels along columns, rows and slices where a DICOM series places them, else along right, front and head."""
    from nibabel import Nifti1Image

    row, column = scan.spacing_mm or (scan.pixel_aspect, 1.0)
    sizes = (scan.slice_spacing_mm or 1.0, row, column)
    noted = 2
    if scan.axis == "time":
        frames = np.moveaxis(frames, 0, -1)[None]  # one slice, rows, columns, time
    if place is not None:
        code, affine, voxels = _SCANNER, place, frames.swapaxes(0, 2)
    else:
        grid = upright_grid(scan.grid.plane if scan.grid else "axial")
        code, voxels, noted = _ALIGNED if scan.source == "NIfTI" else _UNKNOWN, to_voxels(frames, grid), grid.axes[0]
        affine = np.diag([*(sizes[grid.axes.index(axis)] for axis in range(3)), 1.0])
    image = Nifti1Image(np.ascontiguousarray(voxels), affine)
    image.set_qform(affine, code=code)
    image.set_sform(affine, code=code)
    image.header.set_dim_info(slice=noted)
    image.header.set_xyzt_units("mm", "msec")
    if scan.axis == "time" and scan.frame_time_ms:
        image.header.set_zooms((*image.header.get_zooms()[:3], scan.frame_time_ms))
    return image
