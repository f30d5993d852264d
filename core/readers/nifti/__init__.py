"""NIfTI-1, NIfTI-2 and Analyze 7.5: scaled, in the plane they were acquired in, as a radiologist sees it, in memory.

How a slice lies on the screen is `core.planes`' business. Four dimensions become one volume for each time point, up to
`VOLUMES`; beyond that, the first volume and the middle slice over time.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import ScanLensError, UnsupportedScan
from core.planes import VIEWS, acquired_axis, layout, opposite, to_frames, volume_title
from core.readers.nifti.header import (
    FIRST_VOXEL,
    Header,
    frame_time_of,
    recognised,
    scaling_of,
    slice_axis_of,
    voxels_of,
)
from core.readers.nifti.place import Place, place_of
from core.readers.opening import Opening
from core.readers.source import Source
from core.readers.values import LARGEST_EXACT, smallest_dtype
from core.scan import Grid, Scan, Step, Window

#: Time points that become volumes of their own.
VOLUMES = 10
#: Pixels smaller than this, in mm, or so many times longer than wide are an error of the header.
_SMALLEST, _LONGEST = 1e-5, 100

Pixels = NDArray[np.generic]


def accepts(head: bytes, name: str) -> bool:  # noqa: ARG001 - names say nothing
    """Whether this is a NIfTI or an Analyze header."""
    return recognised(head) is not None


def read(sources: Sequence[Source], opening: Opening) -> list[Scan]:
    """Volumes and sequences of each file."""
    scans: list[Scan] = []
    for number, source in enumerate(sources):
        opening.advance(number / len(sources), f"Reading volume {number + 1:,} of {len(sources):,}")
        partner = partner_of(source, opening.strangers)
        if partner is not None:
            opening.strangers.remove(partner)
        with opening.guarded(source.name, what="NIfTI file"):
            scans += _scans_of(_open(source, partner, opening), opening)
    return scans


def partner_of(source: Source, others: Sequence[Source]) -> Source | None:
    """The file of voxels that belongs to a header of its own: the same name, but for its ending."""
    path = PurePosixPath(source.name.replace("\\", "/"))
    for other in others:
        there = PurePosixPath(other.name.replace("\\", "/"))
        if there.suffix.lower() == ".img" and there.with_suffix("") == path.with_suffix(""):
            return other
    return None


def digest_of(source: Source, partner: Source | None = None) -> str:
    """sha256 of a file, or of a header and its voxels one after the other."""
    digest = hashlib.sha256(source.data)
    if partner is not None:
        digest.update(partner.data)
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class _Image:
    """A file's array as a view on its bytes, with what its header says.

    Attributes:
        frames: (slices, rows, columns, times[, 3]) stored values in the plane of acquisition.
        spacing: Of slices, rows and columns in mm, 0 where unknown.
        scale: Slope and intercept.
        time: Milliseconds between time points, or None.
        grid: The way back.
    """

    frames: Pixels
    spacing: tuple[float, float, float]
    scale: tuple[float, float]
    time: float | None
    grid: Grid
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]
    windows: tuple[Window, ...]

    @property
    def times(self) -> int:
        """Number of time points."""
        return int(self.frames.shape[3])


def _scans_of(image: _Image, opening: Opening) -> list[Scan]:
    slices, times = image.frames.shape[0], image.times
    if times == 1:
        return [_scan(image, image.frames[:, :, :, 0], "", opening)]
    if slices == 1:
        return [_sequence(image, 0, opening)]
    if times <= VOLUMES:
        return [_scan(image, image.frames[:, :, :, n], f"time point {n + 1} of {times}", opening) for n in range(times)]
    return [
        _scan(image, image.frames[:, :, :, 0], f"time point 1 of {times}", opening),
        _sequence(image, slices // 2, opening),
    ]


def _open(source: Source, partner: Source | None, opening: Opening) -> _Image:
    header, doubts = _header(source, partner)
    data = source.data if partner is None else partner.data
    voxels = voxels_of(header, len(data))
    place = place_of(header)
    stored = np.frombuffer(data, voxels.dtype, math.prod(voxels.shape), voxels.start)
    stored, more = _plain(stored.reshape(voxels.shape, order="F"), opening)
    plane, axes, turned = layout(place.directions, acquired_axis(voxels.shape, place.spacing, slice_axis_of(header)))
    grid = Grid(
        digest_of(source, partner), plane, voxels.shape[:3], axes, turned, is_known=bool(place.form), tilt=_tilt(place)
    )
    warnings = [*doubts, *voxels.warnings, *place.warnings, *more]
    scale = scaling_of(header, warnings)
    spacing = (place.spacing[axes[0]], place.spacing[axes[1]], place.spacing[axes[2]])
    steps = (
        Step("Decoding", f"{_format_words(header)}, {_kind_words(voxels.dtype)}"),
        Step(
            "Rescale",
            "none in the file; stored values" if scale == (1.0, 0.0) else "slope {:g}, intercept {:g}".format(*scale),
        ),
        Step("Orientation", _orientation_words(place, grid)),
    )
    frames = to_frames(stored, grid)
    return _Image(frames, spacing, scale, frame_time_of(header), grid, steps, tuple(warnings), _windows(header))


def _header(source: Source, partner: Source | None) -> tuple[Header, list[str]]:
    """The header, taken for one with its voxels behind it where they are there although it says otherwise."""
    header = recognised(source.head)
    assert header is not None  # `accepts` looked
    if partner is not None:
        return replace(header, is_pair=True), []
    if header.version and header.is_pair and len(source.data) > FIRST_VOXEL[header.version]:
        doubt = "The header says that the voxels are in another file; they were read from this one."
        return replace(header, is_pair=False), [doubt]
    if header.version == 0 and (marked := _as_nifti(source)) is not None:
        return marked, ["The mark of a NIfTI file is missing from the header; the file was read as one."]
    if header.version == 0:
        raise UnsupportedScan(
            "The Analyze header came without its data", "add its .img file, both in one zip or at once"
        )
    if header.is_pair:
        raise UnsupportedScan("The NIfTI header came without its data", "add its .img file, both in one zip or at once")
    return header, []


def _as_nifti(source: Source) -> Header | None:
    """A header of Analyze's form as NIfTI's, where its voxels are behind it, which Analyze never has."""
    header = recognised(source.head[:344] + b"n+1\0" + source.head[348:])
    try:
        return header if header is not None and voxels_of(header, len(source.data)).start >= header.size else None
    except ScanLensError:
        return None


def _plain(stored: NDArray[Any], opening: Opening) -> tuple[Pixels, list[str]]:
    """Real numbers, or (…, 3) colours: of RGBA the alpha is left out, of complex numbers the magnitude is taken."""
    if stored.dtype.names:
        opening.claim(3 * stored.size)
        return np.stack([np.asarray(stored[name]) for name in "RGB"], axis=-1), []
    if stored.dtype.kind == "c":
        opening.claim(4 * stored.size)
        with opening.passing(stored.dtype.itemsize // 2 * stored.size):
            return np.abs(stored).astype(np.float32), ["The voxels are complex numbers; their magnitude is shown."]
    return stored, []


def _format_words(header: Header) -> str:
    return f"NIfTI-{header.version}" if header.version else "Analyze 7.5"


def _kind_words(dtype: np.dtype[Any]) -> str:
    return "".join(dtype.names) if dtype.names else dtype.name


def _orientation_words(place: Place, grid: Grid) -> str:
    """E.g. `"RAS (sform) to axial slices, seen from the feet, the patient's right on the left"`."""
    # Each stored axis gets a side of its own, the nearest that the plane's view leaves it.
    sides = dict(zip(grid.axes, zip(VIEWS[grid.plane], grid.reversed, strict=True), strict=True))
    codes = "".join(opposite(side) if back else side for side, back in (sides[axis] for axis in range(3)))
    view = {
        "axial": "anterior up, the patient's right on the left",
        "coronal": "head up, the patient's right on the left",
        "sagittal": "head up, anterior on the left",
    }[grid.plane]
    tilt = f"; up to {grid.tilt:.0f}° oblique, not resampled" if grid.tilt >= 1 else ""
    form = f", from the {place.form}" if place.form else ""
    return f"{codes} to {grid.plane} slices, {view}{form}{tilt}"


def _tilt(place: Place) -> float:
    return math.degrees(math.acos(min(1.0, float(np.abs(place.directions).max(axis=0).min()))))


def _windows(header: Header) -> tuple[Window, ...]:
    low, high = header.number("cal_min"), header.number("cal_max")
    if header.version == 0 or not (math.isfinite(low) and math.isfinite(high) and high > low):
        return ()
    return (Window((low + high) / 2, high - low, "LINEAR_EXACT", "From the file"),)


def _scan(image: _Image, slices: Pixels, label: str, opening: Opening) -> Scan:
    """(slices, rows, columns[, 3]) to a scan."""
    axis: Literal["single", "slice"] = "single" if len(slices) == 1 else "slice"
    start = volume_title("NIfTI", len(slices), image.spacing[0]) if axis == "slice" else f"NIfTI image, {_size(slices)}"
    return _finish(image, slices, axis, ", ".join(filter(None, [start, label])), label, None, opening)


def _sequence(image: _Image, level: int, opening: Opening) -> Scan:
    """One slice over time."""
    frames = np.moveaxis(image.frames[level], 2, 0)
    slices = len(image.frames)
    label = "" if slices == 1 else f"slice {level + 1} of {slices}"
    title = ", ".join(filter(None, ["NIfTI sequence", f"{len(frames)} frames", label]))
    return _finish(image, frames, "time", title, label, level, opening)


def _size(frames: Pixels) -> str:
    return f"{frames.shape[1]} × {frames.shape[2]}"


def _finish(
    image: _Image, frames: Pixels, axis: Any, title: str, label: str, level: int | None, opening: Opening
) -> Scan:
    pixels, warnings = _exact(frames, image.scale, opening)
    slice_mm, *spacing = image.spacing
    usable = min(spacing) > _SMALLEST and max(spacing) <= _LONGEST * min(spacing)
    if not usable and min(spacing) > 0:
        warnings.append("The header says pixels of {:.3g} × {:.3g} mm, which cannot be; left out.".format(*spacing))
    if axis == "slice" and image.times > VOLUMES:
        warnings.append("Of the time points the first is opened as a volume, the others in the middle slice only.")
    windows, doubts = _fitting(image.windows, pixels)
    digest = image.grid.digest
    voxel = " × ".join(f"{size:.4g}" for size in (spacing[1], spacing[0], slice_mm))
    return Scan(
        pixels=pixels,
        axis=axis,
        digest=hashlib.sha256(f"{digest} {label} {axis}".encode()).hexdigest() if label else digest,
        source="NIfTI",
        title=title,
        spacing_mm=(spacing[0], spacing[1]) if usable else None,
        pixel_aspect=spacing[0] / spacing[1] if usable else 1.0,
        slice_spacing_mm=slice_mm if slice_mm > _SMALLEST and axis == "slice" else None,
        frame_time_ms=image.time if axis == "time" else None,
        windows=windows,
        facts={"Matrix": _size(frames), "Voxel": f"{voxel} mm"} | {"Plane": image.grid.plane},
        provenance=(*image.steps, Step("Resampling", "none; stored voxels")),
        warnings=(*image.warnings, *warnings, *doubts),
        grid=replace(image.grid, level=level),
    )


def _fitting(windows: tuple[Window, ...], pixels: Pixels) -> tuple[tuple[Window, ...], list[str]]:
    """The file's window, unless all values lie on one side of it."""
    if pixels.ndim == 4 or not windows:
        return (), []
    low, high = windows[0].center - windows[0].width / 2, windows[0].center + windows[0].width / 2
    if float(np.nanmax(pixels)) <= low or float(np.nanmin(pixels)) >= high:
        return (), ["The window in the header lies beside all values; it was left out."]
    return windows, []


def _exact(frames: Pixels, scale: tuple[float, float], opening: Opening) -> tuple[Pixels, list[str]]:
    """A contiguous copy in the smallest type that holds the scaled values exactly."""
    slope, intercept = scale
    if frames.ndim == 4:
        opening.claim(frames.size)
        return np.ascontiguousarray(frames, dtype=np.uint8), []
    dtype: np.dtype[np.generic] = np.dtype(np.float32)
    largest = 0.0
    if frames.dtype.kind in "iu":
        ends = [float(end) * slope + intercept for end in (frames.min(), frames.max())]
        if slope.is_integer() and intercept.is_integer():
            dtype, largest = smallest_dtype(min(ends), max(ends)), max(map(abs, ends))
    opening.claim(frames.size * dtype.itemsize)
    pixels = np.empty(frames.shape, dtype)
    widened = frames[0].size * (0 if scale == (1.0, 0.0) else 16)  # a frame twice as 64-bit numbers
    finite = frames.size if dtype.kind == "f" else 0  # a byte for each, whether it is a number
    with opening.passing(max(widened, finite)), np.errstate(over="ignore", invalid="ignore"):
        for number, frame in enumerate(frames):
            opening.stop_if_asked()
            if scale == (1.0, 0.0):
                pixels[number] = frame
            else:
                pixels[number] = frame.astype(np.float64) * slope + intercept
        some_are_none = dtype.kind == "f" and not np.isfinite(pixels).all()
    if some_are_none:
        return pixels, ["Some voxels are not numbers; they are shown black."]
    if dtype.kind == "f" and largest > LARGEST_EXACT:
        return pixels, [f"Values beyond {LARGEST_EXACT:,} are rounded to 24 bits."]
    return pixels, []
