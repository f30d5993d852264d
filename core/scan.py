"""The scan as the rest of the product sees it, and how its numbers become grey values.

The order is DICOM's (PS3.3 C.11): modality transform, then VOI window or table, then inversion for
MONOCHROME1. Readers do the first and turn MONOCHROME1 round *exactly* (see `inverted_window`), so everything
behind them works in one sense: higher is brighter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.overlay_planes import OverlayPlane

Axis = Literal["single", "slice", "time"]
WindowFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]

#: Usual reading windows for CT in HU, (center, width).
CT_PRESETS: dict[str, tuple[float, float]] = {
    "Lung": (-600.0, 1500.0),
    "Bone": (400.0, 1800.0),
    "Brain": (40.0, 80.0),
    "Soft tissue": (40.0, 400.0),
}


@dataclass(frozen=True)
class Window:
    """A VOI window in modality units (DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3)."""

    center: float
    width: float
    function: WindowFunction = "LINEAR"
    name: str = ""


@dataclass(frozen=True, eq=False)
class VoiTable:
    """A VOI LUT (DICOM PS3.3 C.11.2.1.1).

    Attributes:
        first: Modality value that maps to `table[0]`; values below and above are clamped.
        table: (entries,) float32 in [0, 1].
    """

    first: float
    table: NDArray[np.float32]
    name: str = ""


@dataclass(frozen=True)
class FrameWindows:
    """The VOI transform of each frame, where a file or a series gives its frames different ones (PS3.3 C.11.2).

    Attributes:
        each: One for each frame, in their order.
        name: What the file calls them, or `""`.
    """

    each: tuple[Window | VoiTable, ...]
    name: str = ""


#: How the grey values of a scan are shown: the same for all frames, or each frame's own.
Voi = Window | VoiTable | FrameWindows


@dataclass(frozen=True)
class Step:
    """One transform that was applied, for people to read: `Step("Rescale", "slope 1, intercept -1024 (HU)")`."""

    name: str
    detail: str


Plane = Literal["axial", "coronal", "sagittal"]


@dataclass(frozen=True)
class Grid:
    """How a scan's pixels lie in the voxels of the file they came from, so that a mask finds the way back.

    Attributes:
        digest: sha256 of the file.
        plane: The plane that the slices are nearest to; `core.planes.VIEWS` has the sides that its axes run to.
        shape: Voxels along the stored axes.
        axes: The stored axis, 0 to 2, that became frames, rows and columns.
        reversed: For frames, rows and columns whether they run against the stored axis.
        level: The slice, counted as shown, that alone became a sequence; None where all slices are there.
        is_known: Whether the file says how the patient lies.
        tilt: The most, in degrees, by which an axis of the voxels leans away from the patient's own.
    """

    digest: str
    plane: Plane
    shape: tuple[int, int, int]
    axes: tuple[int, int, int]
    reversed: tuple[bool, bool, bool]
    level: int | None = None
    is_known: bool = True
    tilt: float = 0.0


@dataclass(frozen=True, eq=False)
class Scan:
    """Pixels of one image, volume or sequence, without anything that names the patient.

    Attributes:
        pixels: (frames, rows, columns) in modality units, or (frames, rows, columns, 3) uint8 RGB. The type is
            the smallest of uint8, int16, uint16 and float32 that holds the values exactly; take frames as
            float32 with `frame`.
        axis: What the first axis is: one image, slices through a volume, or time.
        digest: sha256 of the source bytes, hexadecimal.
        source: The format, e.g. `"DICOM"`.
        title: One line for people without identifiers, e.g. `"CT series, 120 slices, 1.25 mm"`.
        modality: DICOM's code (`CT`, `MR`, `DX`, …) or `""` where the file does not say.
        body_part: DICOM's Body Part Examined in lower case, or `""`.
        spacing_mm: (row, column) distance of pixel centres, or None where unknown.
        pixel_aspect: Height of a pixel over its width; images are shown and analysed with square pixels.
        slice_spacing_mm: Distance of slices along their normal, or None.
        slice_origins_mm: (slices, 3) where the first pixel of each slice lies from that of the first one: along the
            normal, down the columns, across the rows. Slices may lie unevenly, aslant (a tilted gantry) or
            at a shared place. None where the file does not say or the frames are no slices.
        overlays: Graphics and marked regions that lie beside the pixels; empty where there are none.
        frame_time_ms: Time between frames of a sequence, or None.
        units: `"HU"` or whatever the modality values are in, `""` where unknown.
        windows: What the file suggests for display, best first; a VOI table comes before windows. Where frames differ,
            an entry is `FrameWindows` and holds that of each; `window_at` takes one frame's.
        padding: Modality value of pixels outside the image, to be left out of statistics, or None.
        facts: Further facts that identify nobody (view, kernel, sequence …), for "about this scan".
        provenance: Each transform that was applied, in order.
        warnings: Sentences about what could not be read right, to be shown beside the image.
        patient: Tells whether two series are of one patient, and nothing else: a keyed hash whose key is drawn anew by
            each process; `""` where the file does not say.
        age_years: The patient's age when the image was made, in years and fractions; None where the file does not say.
        sex: `"F"`, `"M"` or `"O"` as DICOM codes it (PS3.3 C.7.1.1), `""` where the file does not say.
        orientation: Directions (left, back, head) along a row and down a column, six numbers, or None (DICOM PS3.3
            C.7.6.2.1.1, Image Orientation (Patient)).
        grid: How the pixels lie in the file's voxels, for formats that keep a volume in voxels (NIfTI), or None.
    """

    pixels: NDArray[np.generic]
    axis: Axis
    digest: str
    source: str
    title: str
    modality: str = ""
    body_part: str = ""
    spacing_mm: tuple[float, float] | None = None
    pixel_aspect: float = 1.0
    slice_spacing_mm: float | None = None
    frame_time_ms: float | None = None
    slice_origins_mm: NDArray[np.float64] | None = None
    overlays: tuple[OverlayPlane, ...] = ()
    units: str = ""
    windows: tuple[Voi, ...] = ()
    padding: float | None = None
    facts: dict[str, str] = field(default_factory=dict)
    provenance: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()
    patient: str = ""
    age_years: float | None = None
    sex: str = ""
    orientation: tuple[float, ...] | None = None
    grid: Grid | None = None

    @property
    def frames(self) -> int:
        """Number of frames or slices."""
        return int(self.pixels.shape[0])

    @property
    def rows(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[1])

    @property
    def columns(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[2])

    @property
    def is_color(self) -> bool:
        """Whether the pixels are RGB."""
        return self.pixels.ndim == 4

    def frame(self, index: int) -> NDArray[np.float32]:
        """Frame `index` as (rows, columns) or (rows, columns, 3) float32."""
        return self.pixels[index].astype(np.float32)


def apply_window(
    pixels: NDArray[np.generic], center: float, width: float, function: WindowFunction = "LINEAR"
) -> NDArray[np.float32]:
    """Map modality values to [0, 1].

    LINEAR uses `center - 0.5` and `width - 1`, so that width 1 is a step at `center - 0.5`; LINEAR_EXACT uses both
    as they are; SIGMOID never clips. DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3.

    Args:
        pixels: Any shape, modality units.
        center: Window centre.
        width: At least 1 for LINEAR, above 0 for the others.
        function: DICOM's VOI LUT Function.

    Returns:
        Same shape, float32 in [0, 1].

    Raises:
        ValueError: The width is not legal for the function.

    Example:
        >>> apply_window(np.array([-1.0, 0.0, 1.0]), center=0.5, width=1).tolist()
        [0.0, 0.0, 1.0]
    """
    values = np.asarray(pixels, dtype=np.float32)
    if width <= 0 or (function == "LINEAR" and width < 1):
        least = "1 or more" if function == "LINEAR" else "above 0"
        raise ValueError(f"Expected a width of {least} for {function}. Received {width}.")
    if function == "SIGMOID":
        # Clipped at ±60, where the result is 0 or 1 in float32 anyway, so that exp cannot overflow.
        return (1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - center) / width, -60.0, 60.0)))).astype(np.float32)
    if function == "LINEAR":
        center, width = center - 0.5, width - 1.0
    if width == 0:
        return (values > center).astype(np.float32)
    return np.clip((values - np.float32(center)) / np.float32(width) + np.float32(0.5), 0.0, 1.0)


def apply_table(pixels: NDArray[np.generic], table: VoiTable) -> NDArray[np.float32]:
    """Map modality values of any shape through a VOI table to [0, 1]; values outside take its ends.

    DICOM PS3.3 C.11.2.1.1.
    """
    index = np.clip(np.asarray(pixels, dtype=np.float32) - table.first, 0, len(table.table) - 1)
    return table.table[index.astype(np.int64)]


def inverted_window(window: Window | VoiTable, pivot: float) -> Window | VoiTable:
    """The window that shows `pivot - pixels` exactly as `1 - window(pixels)`.

    MONOCHROME1 must be turned round after the window (PS3.3 C.7.6.3.1.2). Turning the pixels at reading and the
    window with them gives the same grey values. LINEAR is not symmetric about its centre, hence the `+ 1`.
    """
    if isinstance(window, VoiTable):
        return VoiTable(pivot - window.first - (len(window.table) - 1), (1.0 - window.table)[::-1].copy(), window.name)
    if window.function == "LINEAR" and window.width == 1:
        # The step stays open below its edge; turned round it must take its edge in, the next float below does that.
        edge = np.nextafter(np.float32(pivot - window.center + 0.5), np.float32(-np.inf))
        return Window(float(edge) + 0.5, window.width, window.function, window.name)
    shift = 1.0 if window.function == "LINEAR" else 0.0
    return Window(pivot - window.center + shift, window.width, window.function, window.name)


def percentile_window(pixels: NDArray[np.generic], padding: float | None = None) -> Window:
    """A window from the 0.5th to the 99.5th percentile, with padding and non-finite values left out.

    At most about 250,000 evenly spaced pixels are looked at, so that a volume costs as little as an image.
    """
    step = max(1, pixels.size // 250_000)
    while math.gcd(step, pixels.size) > 1:  # a step with a divisor of the width would see some columns only
        step += 1
    if (counted := _byte_percentiles(pixels.reshape(-1)[::step], padding)) is not None:
        return Window(sum(counted) / 2, counted[1] - counted[0], "LINEAR_EXACT", "Full range")
    sample = pixels.reshape(-1)[::step].astype(np.float32)
    keep = np.isfinite(sample)
    if padding is not None:
        keep &= sample != padding
    if not keep.any():
        return Window(0.5, 1.0, "LINEAR_EXACT", "Full range")
    low, high = (float(v) for v in np.percentile(sample[keep], (0.5, 99.5)))
    if high <= low:  # nearly constant image: fall back to its extremes, then to a unit step around its value
        low, high = float(sample[keep].min()), float(sample[keep].max())
    if high <= low:
        half = max(0.5, abs(low) * 1e-3)  # wide enough that float32 still tells both ends apart
        low, high = low - half, low + half
    return Window((low + high) / 2, high - low, "LINEAR_EXACT", "Full range")


def _byte_percentiles(sample: NDArray[np.generic], padding: float | None) -> tuple[float, float] | None:
    """The 0.5th and 99.5th percentile of bytes by counting, a tenth of the time that sorting takes.

    Returns:
        None where they differ in type, are the same, or lie between two values, which is left to interpolation.
    """
    if sample.dtype != np.uint8:
        return None
    counts = np.bincount(sample, minlength=256)
    if padding is not None and padding in range(256):
        counts[int(padding)] = 0
    upto = np.cumsum(counts)
    places = [fraction * (int(upto[-1]) - 1) for fraction in (0.005, 0.995)]
    around = [np.searchsorted(upto, (place - 1, place + 2), side="right") for place in places]
    (low, next_low), (high, next_high) = around
    return (float(low), float(high)) if low == next_low < high == next_high < 256 else None


def window_choices(scan: Scan) -> dict[str, Voi]:
    """All windows worth offering for a grey scan, by the name shown to people; the default is first."""
    choices: dict[str, Voi] = {}
    for number, window in enumerate(scan.windows, start=1):
        name = window.name or ("From the file" if number == 1 else f"From the file {number}")
        choices.setdefault(name, window)
    automatic = percentile_window(scan.pixels, scan.padding)
    choices[automatic.name] = automatic
    if scan.units == "HU":
        for name, (center, width) in CT_PRESETS.items():
            choices[name] = Window(center, width, "LINEAR", name)
    return choices


def default_window(scan: Scan) -> Voi:
    """What the file suggests, else the percentiles."""
    return scan.windows[0] if scan.windows else percentile_window(scan.pixels, scan.padding)


def answered_frame(scan: Scan) -> int:
    """The frame that stands for a stack where one answer is wanted: the middle one, the later of two.

    Training, evaluation, cards, pages and the command line all ask here, so that they answer by the same image.
    """
    return scan.frames // 2


def window_at(window: Voi, index: int) -> Window | VoiTable:
    """The VOI transform of one frame.

    Args:
        window: Of a scan.
        index: Frame from 0.

    Example:
        >>> window_at(FrameWindows((Window(40.0, 400.0), Window(50.0, 350.0))), 1).center
        50.0
    """
    return window.each[index] if isinstance(window, FrameWindows) else window


def windows_of_frames(windows: tuple[Voi, ...], frames: Sequence[int]) -> tuple[Voi, ...]:
    """The suggestions for a scan that is made of some frames of another.

    Args:
        windows: Of the whole scan.
        frames: Which of its frames go into the new one, in their order.
    """
    return tuple(
        FrameWindows(tuple(window.each[index] for index in frames), window.name)
        if isinstance(window, FrameWindows)
        else window
        for window in windows
    )


def window_text(window: Voi) -> str:
    """The window in words, e.g. `"centre 40, width 400"`, or the range of both where each frame has its own."""
    if isinstance(window, Window):
        return f"centre {_plain(window.center)}, width {_plain(window.width)}"
    if isinstance(window, VoiTable):
        return "the file's grey table"
    plain = [each for each in window.each if isinstance(each, Window)]
    if not plain:
        return "the file's grey table of each frame"
    centers, widths = [each.center for each in plain], [each.width for each in plain]
    tables = ", or its grey table" if len(plain) < len(window.each) else ""
    return f"each frame's own, centre {_span(centers)}, width {_span(widths)}{tables}"


def _span(values: list[float]) -> str:
    low, high = _plain(min(values)), _plain(max(values))
    return low if low == high else f"{low} to {high}"


def _plain(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def grey_levels(pixels: NDArray[np.generic], window: Window | VoiTable) -> NDArray[np.float32]:
    """Modality values to [0, 1], in their shape, through either kind of VOI transform."""
    if isinstance(window, VoiTable):
        return apply_table(pixels, window)
    return apply_window(pixels, window.center, window.width, window.function)


def display_frame(scan: Scan, index: int, window: Voi | None = None, invert: bool = False) -> NDArray[np.uint8]:
    """One frame as people see it.

    Args:
        scan: The scan.
        index: Frame from 0.
        window: None for the scan's default, which is this frame's own where frames differ; colour ignores it.
        invert: Turn dark and bright round, on top of what the file asks for.

    Returns:
        (rows, columns) or (rows, columns, 3) uint8.
    """
    if scan.is_color:
        image = np.asarray(scan.pixels[index], dtype=np.uint8)
    else:
        levels = grey_levels(scan.pixels[index], window_at(window or default_window(scan), index))
        image = (np.nan_to_num(levels) * 255.0 + 0.5).astype(np.uint8)
    return 255 - image if invert else image
