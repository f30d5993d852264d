"""NIfTI-1 and NIfTI-2: scaled, turned to axial slices as a radiologist sees them, in memory.

A volume is shown from its lowest slice to its highest, anterior up and the patient's right on the left. Four dimensions
become one volume for each time point, up to `VOLUMES`; beyond that, the first volume and the middle slice over time.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from nibabel import Nifti1Header, Nifti2Header
from nibabel.orientations import aff2axcodes, apply_orientation, io_orientation
from numpy.typing import NDArray

from core.errors import UnreadableScan, UnsupportedScan
from core.readers.opening import Opening
from core.readers.source import Source
from core.readers.values import smallest_dtype
from core.scan import Scan, Step, Window

#: Time points that become volumes of their own.
VOLUMES = 10
_MILLIMETRES = {"meter": 1000.0, "mm": 1.0, "micron": 0.001}
_MILLISECONDS = {"sec": 1000.0, "msec": 1.0, "usec": 0.001}
_MAGIC = {348: (b"n+1\0", b"ni1\0"), 540: (b"n+2\0", b"ni2\0")}

Pixels = NDArray[np.generic]


def accepts(head: bytes, name: str) -> bool:  # noqa: ARG001 - names say nothing
    """Whether this is a NIfTI header, or an Analyze header, which gets its own sentence."""
    return _size_of_header(head) in _MAGIC and len(head) >= 348


def _size_of_header(head: bytes) -> int:
    """348 or 540 in either byte order; 0 for anything else."""
    orders: tuple[Literal["little", "big"], ...] = ("little", "big")
    for order in orders:
        size = int.from_bytes(head[:4], order)
        at, length = (40, 2) if size == 348 else (16, 8)
        if size in _MAGIC and 1 <= int.from_bytes(head[at : at + length], order) <= 7:
            return size
    return 0


def read(sources: Sequence[Source], opening: Opening) -> list[Scan]:
    """Volumes and sequences of each file."""
    scans: list[Scan] = []
    for number, source in enumerate(sources):
        opening.advance(number / len(sources), f"Reading volume {number + 1:,} of {len(sources):,}")
        with opening.guarded(source.name, what="NIfTI file"):
            scans += _scans_of(source, opening)
    return scans


@dataclass(frozen=True, eq=False)
class _Image:
    """A file's array as a view on its bytes, with what its header says.

    Attributes:
        data: (x, y, z, times[, 3]) stored values, turned to RAS.
        spacing: (x, y, z) in mm.
        scale: Slope and intercept.
        time: Milliseconds between time points, or None.
    """

    data: Pixels
    spacing: tuple[float, float, float]
    scale: tuple[float, float]
    time: float | None
    digest: str
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]
    windows: tuple[Window, ...]


def _scans_of(source: Source, opening: Opening) -> list[Scan]:
    image = _open(source)
    times = image.data.shape[3]
    if times == 1:
        return [_scan(image, image.data[:, :, :, 0], "", opening)]
    if image.data.shape[2] == 1:
        return [_sequence(image, 0, opening)]
    if times <= VOLUMES:
        return [_scan(image, image.data[:, :, :, n], f"time point {n + 1} of {times}", opening) for n in range(times)]
    return [
        _scan(image, image.data[:, :, :, 0], f"time point 1 of {times}", opening),
        _sequence(image, image.data.shape[2] // 2, opening),
    ]


def _open(source: Source) -> _Image:
    header = _header(source)
    data = _array(header, source)
    affine = header.get_best_affine()
    if not np.isfinite(affine).all() or np.linalg.matrix_rank(affine[:3, :3]) < 3:
        affine, known = header.get_base_affine(), False
    else:
        known = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
    turn = io_orientation(affine)
    zooms = [abs(float(z)) for z in header.get_zooms()[:3]] + [1.0] * 3
    spacing = [0.0, 0.0, 0.0]
    for axis, (target, _) in enumerate(turn):
        spacing[int(target)] = zooms[axis]
    units, clock = _units(header)
    millimetres = _MILLIMETRES.get(units, 1.0)
    step = float(header["pixdim"][4]) * _MILLISECONDS.get(clock, 0.0)
    codes = "".join(str(code) for code in aff2axcodes(affine))
    scale, scale_step, warnings = _scale(header)
    if not known:
        warnings.append("The file does not say how the patient lies; left and right are a guess.")
    steps = (
        Step("Decoding", f"NIfTI-{2 if isinstance(header, Nifti2Header) else 1}, {header.get_data_dtype().name}"),
        scale_step,
        Step("Orientation", f"{codes} to axial slices, anterior up, the patient's right on the left{_tilt(affine)}"),
    )
    return _Image(
        apply_orientation(data, turn), (spacing[0] * millimetres, spacing[1] * millimetres, spacing[2] * millimetres),
        scale, step if step > 0 else None, hashlib.sha256(source.data).hexdigest(), steps, tuple(warnings),
        _windows(header),
    )  # fmt: skip


def _header(source: Source) -> Any:
    size = _size_of_header(source.head)
    magic = source.head[344:348] if size == 348 else source.head[4:8]
    if magic not in _MAGIC[size]:
        raise UnsupportedScan("a NIfTI file", "an Analyze header", "convert it to NIfTI")
    if magic[1:2] == b"i":
        raise UnsupportedScan("a NIfTI file with its data", "a header alone", "convert the pair to one .nii file")
    kind = Nifti1Header if size == 348 else Nifti2Header
    try:
        return kind.from_fileobj(io.BytesIO(bytes(source.data[:size])), check=False)
    except Exception as error:  # nibabel raises many kinds for a broken header
        raise UnreadableScan("a whole NIfTI file", "a broken header", "export it again") from error


def _array(header: Any, source: Source) -> Pixels:
    """(x, y, z, times[, 3]) as a view, checked against the bytes that are there."""
    try:
        shape = tuple(int(n) for n in header.get_data_shape())
        dtype, start = header.get_data_dtype(), int(header.get_data_offset())
    except Exception as error:
        raise UnreadableScan("a whole NIfTI file", "a broken header", "export it again") from error
    while len(shape) > 4 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) == 5 and shape[3] == 1:  # vectors at each place are read like time points
        shape = (*shape[:3], shape[4])
    if not 2 <= len(shape) <= 4 or min(shape) < 1 or dtype.kind not in "iufV" or dtype.itemsize > 8:
        received = f"{len(shape)} of {dtype.name}" if dtype.kind != "V" else f"{len(shape)}"
        raise UnsupportedScan("two to four dimensions of plain numbers", received, "export one volume")
    size = math.prod(shape) * dtype.itemsize
    if size > len(source.data) - start:
        raise UnreadableScan("a whole NIfTI file", "one that is cut short", "copy or export it again")
    flat = np.frombuffer(source.data, dtype, math.prod(shape), start)
    data = flat.reshape((*shape, 1, 1)[: max(4, len(shape))], order="F")
    return data if dtype.kind != "V" else _colours(data)


def _colours(data: Pixels) -> Pixels:
    """RGB24 and RGBA32 come as records; alpha is left out."""
    names = data.dtype.names or ()
    if names[:3] != ("R", "G", "B"):
        raise UnsupportedScan("plain numbers or RGB", "another kind of voxel", "export one volume")
    return np.stack([np.asarray(data[name]) for name in names[:3]], axis=-1)  # type: ignore[call-overload]


def _scale(header: Any) -> tuple[tuple[float, float], Step, list[str]]:
    """Slope and intercept; a slope of 0 means none (NIfTI-1 standard, scl_slope)."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not math.isfinite(slope):
        return (1.0, 0.0), Step("Rescale", "none in the file; stored values"), []
    if not math.isfinite(intercept):
        return (1.0, 0.0), Step("Rescale", "none; the file's is broken"), ["The scaling in the file is broken."]
    return (slope, intercept), Step("Rescale", f"slope {slope:g}, intercept {intercept:g}"), []


def _tilt(affine: NDArray[np.float64]) -> str:
    """Words on how far the slices are from axial; they are shown as stored, not resampled."""
    columns = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    angle = math.degrees(math.acos(min(1.0, float(np.abs(columns).max(axis=0).min()))))
    return f"; up to {angle:.0f}° oblique, not resampled" if angle >= 1 else ""


def _units(header: Any) -> tuple[str, str]:
    try:
        space, clock = header.get_xyzt_units()
    except KeyError:  # a code of no unit
        return "unknown", "unknown"
    return str(space), str(clock)


def _windows(header: Any) -> tuple[Window, ...]:
    low, high = float(header["cal_min"]), float(header["cal_max"])
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return ()
    return (Window((low + high) / 2, high - low, "LINEAR_EXACT", "From the file"),)


def _scan(image: _Image, volume: Pixels, label: str, opening: Opening) -> Scan:
    """(x, y, z[, 3]) in RAS to a scan of axial slices."""
    slices = volume[::-1, ::-1].swapaxes(0, 2)
    axis = "single" if len(slices) == 1 else "slice"
    words = f"{len(slices)} slices, {image.spacing[2]:.4g} mm" if axis == "slice" else _size(slices)
    title = ", ".join(filter(None, ["NIfTI volume" if axis == "slice" else "NIfTI image", words, label]))
    return _finish(image, slices, axis, title, label, opening)


def _sequence(image: _Image, level: int, opening: Opening) -> Scan:
    """One slice over time."""
    frames = np.moveaxis(image.data[::-1, ::-1, level], 2, 0).swapaxes(1, 2)
    depth = image.data.shape[2]
    label = "" if depth == 1 else f"slice {level + 1} of {depth}"
    title = ", ".join(filter(None, ["NIfTI sequence", f"{len(frames)} frames", label]))
    return _finish(image, frames, "time", title, label, opening)


def _size(frames: Pixels) -> str:
    return f"{frames.shape[1]} × {frames.shape[2]}"


def _finish(image: _Image, frames: Pixels, axis: Any, title: str, label: str, opening: Opening) -> Scan:
    pixels, warnings = _exact(frames, image.scale, opening)
    spacing = (image.spacing[1], image.spacing[0])
    usable = min(spacing) > 1e-4
    if label.startswith("time point 1 of") and axis != "time" and image.data.shape[3] > VOLUMES:
        warnings.append("Of the time points the first is opened as a volume, the others in the middle slice only.")
    return Scan(
        pixels=pixels,
        axis=axis,
        digest=hashlib.sha256(f"{image.digest} {label} {axis}".encode()).hexdigest() if label else image.digest,
        source="NIfTI",
        title=title,
        spacing_mm=spacing if usable else None,
        pixel_aspect=spacing[0] / spacing[1] if usable else 1.0,
        slice_spacing_mm=image.spacing[2] if image.spacing[2] > 1e-4 and axis == "slice" else None,
        frame_time_ms=image.time if axis == "time" else None,
        windows=() if pixels.ndim == 4 else image.windows,
        facts={"Matrix": _size(frames), "Voxel": " × ".join(f"{v:.4g}" for v in image.spacing) + " mm"},
        provenance=(*image.steps, Step("Resampling", "none; stored voxels")),
        warnings=(*image.warnings, *warnings),
    )


def _exact(frames: Pixels, scale: tuple[float, float], opening: Opening) -> tuple[Pixels, list[str]]:
    """A contiguous copy in the smallest type that holds the scaled values exactly."""
    slope, intercept = scale
    if frames.ndim == 4:
        opening.claim(frames.size)
        return np.ascontiguousarray(frames, dtype=np.uint8), []
    dtype: np.dtype[np.generic] = np.dtype(np.float32)
    if frames.dtype.kind in "iu" and slope.is_integer() and intercept.is_integer():
        ends = [float(end) * slope + intercept for end in (frames.min(), frames.max())]
        dtype = smallest_dtype(min(ends), max(ends))
    opening.claim(frames.size * dtype.itemsize)
    pixels = np.empty(frames.shape, dtype)
    for number, frame in enumerate(frames):
        opening.stop_if_asked()
        if scale == (1.0, 0.0):
            pixels[number] = frame
        else:
            pixels[number] = frame.astype(np.float64) * slope + intercept
    if dtype.kind == "f" and not np.isfinite(pixels).all():
        return pixels, ["Some voxels are not numbers; they are shown black."]
    return pixels, []
