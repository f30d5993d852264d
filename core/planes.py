"""The planes in which a volume can be cut, and how a slice of each lies on the screen.

A slice is seen as radiologists see it: axial from the feet, coronal from the front, sagittal from the patient's left.
An oblique plane takes the view of the one it is nearest to, so it is never mirrored, however its voxels are stored.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.scan import Grid, Plane, Scan, Step

#: For frames, rows and columns of each plane the side of the patient that they run to (DICOM PS3.3 C.7.6.1.1.1).
VIEWS: dict[Plane, str] = {"axial": "SPL", "coronal": "PIL", "sagittal": "RIP"}
PLANES: tuple[Plane, ...] = tuple(VIEWS)
#: Sides of the patient as directions to the right, front and head.
SIDES: dict[str, tuple[int, int, int]] = {
    "R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1),
}  # fmt: skip
#: The axis (right, front, head) that stands on each plane.
_NORMALS: dict[Plane, int] = {"axial": 2, "coronal": 1, "sagittal": 0}
#: Head starts for planes halfway between two: rounding must not decide, and the more usual plane is the better guess.
_HEAD_START: dict[Plane, float] = {"axial": 2e-3, "coronal": 1e-3, "sagittal": 0.0}
#: A normal with as much to the side and to the front, and no more to the head, is of a plane of the heart.
_LEANS, _UPRIGHT_LIMIT = 0.3, 0.8
#: Voxels are taken as equally long on all sides within this fraction.
_EQUAL = 0.02
#: A slice distance of so many pixels tells the plane whatever else the header says.
_THICK = 1.5
#: A volume whose longest and shortest voxel side differ by no more than this factor is offered in all planes.
_CUTTABLE = 1.5


def view_axes(plane: Plane) -> NDArray[np.float64]:
    """(3, 3); rows are the directions (right, front, head) of frames, rows and columns.

    Example:
        >>> view_axes("axial").tolist()
        [[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]]
    """
    return np.array([SIDES[side] for side in VIEWS[plane]], np.float64)


def opposite(side: str) -> str:
    """The other side of the patient: `"L"` for `"R"`."""
    return "LRPAIS"["RLAPSI".index(side)]


def acquired_axis(shape: tuple[int, ...], spacing: tuple[float, float, float], noted: int | None = None) -> int | None:
    """The stored axis along which slices were acquired, or None where nothing tells it.

    In this order: an axis with a single slice; one whose slices are much farther apart than the pixels; what the file
    notes; the axis that differs from two equal ones, because pixels are square; the longest.

    Args:
        shape: Voxels along each axis.
        spacing: Their distances in mm, 0 where unknown.
        noted: The axis that the file notes.

    Example:
        >>> acquired_axis((12, 256, 256), (4.0, 0.9, 0.9)), acquired_axis((512, 512, 90), (0.8, 0.8, 0.5))
        (0, 2)
    """
    single = [axis for axis in range(3) if shape[axis] == 1]
    if len(single) == 1:
        return single[0]
    low, middle, high = sorted(range(3), key=lambda axis: spacing[axis])
    if spacing[low] <= 0:
        return noted
    if spacing[high] >= _THICK * spacing[middle]:
        return high
    if noted is not None:
        return noted
    if spacing[high] <= (1 + _EQUAL) * spacing[low]:
        return None
    return low if spacing[high] <= (1 + _EQUAL) * spacing[middle] else high


def layout(
    directions: NDArray[np.float64], acquired: int | None
) -> tuple[Plane, tuple[int, int, int], tuple[bool, bool, bool]]:
    """Which stored axes become frames, rows and columns, and which of them are turned round.

    The outcome depends on how the voxels lie in the patient and not on how they are stored.

    Args:
        directions: (3, 3); column k is the direction (right, front, head) of stored axis k, of length 1.
        acquired: The axis along which slices were acquired; None for the plane that is nearest to axial.

    Returns:
        The plane, the stored axes, and whether each runs against the stored one.
    """
    if acquired is None:
        # Turned to the head, so that two that are equally near are told apart by how they lean, not by their order.
        upward = [normal * np.sign(normal[2]) for normal in _normals(directions).T]
        acquired = max(range(3), key=lambda axis: float(upward[axis] @ (1e-4, 1e-3, 1.0)))
    across, down = (axis for axis in range(3) if axis != acquired)
    normal = np.abs(_normals(directions)[:, acquired])
    plane = _nearest(normal)
    reference = view_axes(plane)
    forward = 1.0 if directions[:, acquired] @ reference[0] > 0 else -1.0
    best, found = -np.inf, None
    for (row, column), row_sign, column_sign in itertools.product(
        ((across, down), (down, across)), (1.0, -1.0), (1.0, -1.0)
    ):
        to_bottom, to_right = row_sign * directions[:, row], column_sign * directions[:, column]
        # A mirror image never scores best: the plane's own view is within 55 degrees, or 72 for one of the heart.
        # The second term decides between two that are equally near, again so that rounding does not.
        score = to_right @ reference[2] + to_bottom @ reference[1] + 1e-3 * (to_right @ reference[1])
        if score > best:
            best, found = score, (row, row_sign, column, column_sign)
    assert found is not None  # there were eight
    row, row_sign, column, column_sign = found
    return plane, (acquired, row, column), (forward < 0, row_sign < 0, column_sign < 0)


def _nearest(normal: NDArray[np.float64]) -> Plane:
    """The plane whose view a slice gets, by the absolute values (right, front, head) of its normal.

    A slice that leans to the side and to the front alike is one of the heart: its short axis is looked at with the head
    up in every patient, though in some its normal points more to the feet than to any side.
    """
    leans = min(normal[:2]) >= _LEANS and normal[2] <= _UPRIGHT_LIMIT
    return max(PLANES[int(leans) :], key=lambda name: float(normal[_NORMALS[name]]) + _HEAD_START[name])


def _normals(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3); column k stands on the plane of the other two axes, of length 1."""
    columns = [np.cross(directions[:, (k + 1) % 3], directions[:, (k + 2) % 3]) for k in range(3)]
    return np.stack([column / np.linalg.norm(column) for column in columns], axis=1)


def upright_grid(plane: Plane) -> Grid:
    """The grid of voxels that run to the right, front and head."""
    axes = [next(axis for axis in range(3) if SIDES[side][axis]) for side in VIEWS[plane]]
    backwards = [sum(SIDES[side]) < 0 for side in VIEWS[plane]]
    return Grid("", plane, (0, 0, 0), (axes[0], axes[1], axes[2]), (backwards[0], backwards[1], backwards[2]))


def to_frames(voxels: NDArray[np.generic], grid: Grid) -> NDArray[np.generic]:
    """(x, y, z, …) as stored to (frames, rows, columns, …), a view."""
    rest = range(3, voxels.ndim)
    turned = voxels.transpose(*grid.axes, *rest)
    return turned[tuple(slice(None, None, -1 if back else None) for back in grid.reversed)]


def to_voxels(frames: NDArray[np.generic], grid: Grid) -> NDArray[np.generic]:
    """The way back: (frames, rows, columns, …) to (x, y, z, …) as stored, a view."""
    turned = frames[tuple(slice(None, None, -1 if back else None) for back in grid.reversed)]
    order = [grid.axes.index(axis) for axis in range(3)]
    return turned.transpose(*order, *range(3, frames.ndim))


def plane_choices(scan: Scan) -> tuple[Plane, ...]:
    """The planes in which a volume can be shown, its own first; only one where its voxels are far from cubes."""
    if scan.grid is None:
        return ()
    own = scan.grid.plane
    sizes = (*(scan.spacing_mm or ()), scan.slice_spacing_mm or 0.0)
    if scan.axis != "slice" or len(sizes) < 3 or min(sizes) <= 0 or max(sizes) > _CUTTABLE * min(sizes):
        return (own,)
    return (own, *(plane for plane in PLANES if plane != own))


def in_plane(scan: Scan, plane: Plane) -> Scan:
    """A volume cut along another plane; nothing is resampled.

    Args:
        scan: One for which `plane_choices` offers the plane.
        plane: Axial, coronal or sagittal, as far as the voxels' own axes are.
    """
    grid = scan.grid
    if grid is None or plane == grid.plane:
        return scan
    have, want = VIEWS[grid.plane], VIEWS[plane]
    source = [next(k for k in range(3) if have[k] in {side, opposite(side)}) for side in want]
    turned = [have[k] != side for k, side in zip(source, want, strict=True)]
    pixels = scan.pixels.transpose(*source, *range(3, scan.pixels.ndim))
    pixels = np.ascontiguousarray(pixels[tuple(slice(None, None, -1 if back else None) for back in turned)])
    sizes = (scan.slice_spacing_mm or 0.0, *(scan.spacing_mm or (0.0, 0.0)))
    frame_mm, row_mm, column_mm = (sizes[k] for k in source)
    axes = tuple(grid.axes[k] for k in source)
    backwards = tuple(grid.reversed[k] != back for k, back in zip(source, turned, strict=True))
    return replace(
        scan,
        pixels=pixels,
        digest=hashlib.sha256(f"{scan.digest} {plane}".encode()).hexdigest(),
        title=scan.title.replace(
            volume_title(scan.source, scan.frames, sizes[0]), volume_title(scan.source, len(pixels), frame_mm)
        ),
        spacing_mm=(row_mm, column_mm),
        pixel_aspect=row_mm / column_mm,
        slice_spacing_mm=frame_mm,
        facts=scan.facts | {"Matrix": f"{pixels.shape[1]} × {pixels.shape[2]}", "Plane": plane},
        provenance=(*scan.provenance, Step("Plane", f"{plane}, cut from {grid.plane} slices without resampling")),
        grid=replace(grid, plane=plane, axes=axes, reversed=backwards),  # type: ignore[arg-type]
    )


def volume_title(source: str, slices: int, slice_mm: float) -> str:
    """`"NIfTI volume, 160 slices, 1 mm"`."""
    return f"{source} volume, {slices} slices" + (f", {slice_mm:.4g} mm" if slice_mm > 0 else "")
