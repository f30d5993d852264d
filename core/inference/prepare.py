"""From a scan to what a model eats, and the way back for heatmaps.

The model gets what its training pipeline gave it, whatever window the viewer shows. The way back is the exact inverse
of the crop, letterbox or stretch, so a heatmap lies on the pixels that caused it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import IncompatibleInput
from core.models.card import InputSpec
from core.scan import (
    FrameWindows,
    Scan,
    Step,
    VoiTable,
    Window,
    grey_levels,
    percentile_window,
    window_at,
    window_text,
)

#: A crop that keeps less than one part in this many is refused; resampling the rest would only fill the memory.
MOST_CROPPED = 32


@dataclass(frozen=True)
class Geometry:
    """Axis-aligned affine from the model's grid to the scan's pixels: `scan = scale * model + offset`.

    Coordinates are those of pixel centres, (row, column).

    Attributes:
        model_size: (rows, columns) of the model's input.
        scan_size: (rows, columns) of the scan.
        scale: Scan pixels a model pixel, (row, column).
        offset: Scan coordinate of the centre of the model's pixel 0, (row, column).
        view: (top, left, bottom, right) in model pixels that hold the scan; the rest is padding.
    """

    model_size: tuple[int, int]
    scan_size: tuple[int, int]
    scale: tuple[float, float]
    offset: tuple[float, float]
    view: tuple[int, int, int, int]

    def to_scan(self, grid: NDArray[np.floating], size: tuple[int, int] | None = None) -> NDArray[np.float32]:
        """Draw a heatmap of any resolution, which covers the model's input evenly, on the scan's pixels.

        Interpolation is bilinear between the true centres of the cells. Pixels that the model did not see are 0.

        Args:
            grid: (cells down, cells across).
            size: (rows, columns) of the result over the whole scan; None for the scan's own.

        Returns:
            (rows, columns) float32.
        """
        rows, columns = size or self.scan_size
        down = self._weights(0, rows, grid.shape[0])
        across = self._weights(1, columns, grid.shape[1])
        return (down @ grid.astype(np.float32) @ across.T).astype(np.float32)

    def _weights(self, axis: int, pixels: int, cells: int) -> NDArray[np.float32]:
        """(pixels, cells) interpolation weights along one axis; rows of zeros where the model saw nothing."""
        at_scan = (np.arange(pixels) + 0.5) * self.scan_size[axis] / pixels - 0.5
        at_model = (at_scan - self.offset[axis]) / self.scale[axis]
        at_cell = np.clip((at_model + 0.5) * cells / self.model_size[axis] - 0.5, 0, cells - 1)
        lower = np.minimum(np.floor(at_cell).astype(int), max(cells - 2, 0))
        fraction = at_cell - lower
        weights = np.zeros((pixels, cells), np.float32)
        index = np.arange(pixels)
        weights[index, lower] = 1 - fraction
        if cells > 1:
            weights[index, lower + 1] = fraction
        weights[(at_model < -0.5) | (at_model > self.model_size[axis] - 0.5)] = 0
        return weights


@dataclass(frozen=True)
class Way:
    """Where one image among several inputs came from.

    Attributes:
        geometry: The way back.
        frames: Which frames of its scan the batch holds, in order; those of a sequence follow one another.
        digest: Of its scan.
    """

    geometry: Geometry
    frames: tuple[int, ...]
    digest: str


@dataclass(frozen=True, eq=False)
class Prepared:
    """What goes into a model.

    Attributes:
        batch: Input name to (N, rows, columns, channels) float32, with an axis of frames after the first for a sequence
            or a volume, or (N, features) for a table.
        geometry: The way back.
        frames: Which frames of the scan the batch holds, in order.
        provenance: What was done on top of the scan's own provenance.
        ways: For a model with several inputs, the way of each image that was given; `geometry` and `frames` are those
            of the first.
        left_out: Names of the inputs and facts that the model had to do without.
    """

    batch: dict[str, NDArray[np.float32]]
    geometry: Geometry
    frames: tuple[int, ...]
    provenance: tuple[Step, ...]
    ways: Mapping[str, Way] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def of_image(self, name: str) -> Prepared:
        """What was prepared, with the way back of another image; unchanged where there is only one."""
        way = self.ways.get(name)
        return self if way is None else replace(self, geometry=way.geometry, frames=way.frames)


def plan_geometry(scan_size: tuple[int, int], pixel_aspect: float, spec: InputSpec) -> Geometry:
    """Where the scan comes to lie on the model's grid.

    Args:
        scan_size: (rows, columns).
        pixel_aspect: Height of a scan pixel over its width; letterbox and crop keep the true shape.
        spec: The input's contract.

    Raises:
        IncompatibleInput: A strip so thin that its crop would be next to nothing of it.
    """
    rows, columns = scan_size
    model_rows, model_columns = spec.size
    height, width = rows * pixel_aspect, float(columns)
    if spec.resize == "stretch":
        inner_rows, inner_columns = model_rows, model_columns
    else:
        fit = min if spec.resize == "letterbox" else max
        zoom = fit(model_rows / height, model_columns / width)
        inner_rows, inner_columns = max(1, round(height * zoom)), max(1, round(width * zoom))
        if max(inner_rows / model_rows, inner_columns / model_columns) > MOST_CROPPED:
            raise IncompatibleInput(
                f"An image of {rows} × {columns} pixels is far longer than wide",
                "cut out the part to be read",
            )
    top, left = (model_rows - inner_rows) // 2, (model_columns - inner_columns) // 2
    scale = (rows / inner_rows, columns / inner_columns)
    offset = ((0.5 - top) * scale[0] - 0.5, (0.5 - left) * scale[1] - 0.5)
    view = (max(top, 0), max(left, 0), min(top + inner_rows, model_rows), min(left + inner_columns, model_columns))
    return Geometry(spec.size, scan_size, scale, offset, view)


def place_on_grid(levels: NDArray[np.float32], geometry: Geometry) -> NDArray[np.float32]:
    """Resample (rows, columns[, 3]) onto the model's grid; padding is 0."""
    top, left, bottom, right = geometry.view
    # The part of the scan under the view, cut on whole pixels so that nothing outside bleeds in by the filter.
    inner = tuple(round(n / s) for n, s in zip(geometry.scan_size, geometry.scale, strict=True))
    shrinking = geometry.scale[0] >= 1 or geometry.scale[1] >= 1
    resized = cv2.resize(levels, (inner[1], inner[0]), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    resized = resized.reshape(*inner, *levels.shape[2:])  # OpenCV drops an axis of one channel
    first_row = max(0, (inner[0] - geometry.model_size[0] + 1) // 2)
    first_column = max(0, (inner[1] - geometry.model_size[1] + 1) // 2)
    placed = np.zeros((*geometry.model_size, *levels.shape[2:]), np.float32)
    placed[top:bottom, left:right] = resized[
        first_row : first_row + bottom - top, first_column : first_column + right - left
    ]
    return placed


def _to_channels(image: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """(rows, columns) or (rows, columns, 3) to (rows, columns, channels); grey by ITU-R BT.601 luma."""
    if image.ndim == 2:
        return np.repeat(image[..., None], channels, axis=-1)
    if channels == 3:
        return image
    return (image @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]


def _levels(scan: Scan, index: int, window: Window | VoiTable | None, channels: int) -> NDArray[np.float32]:
    """One frame from 0 to 1: (rows, columns), or (rows, columns, 3) where the model takes colour."""
    if window is None:
        levels = (scan.frame(index) / 255.0).astype(np.float32)
        return levels if channels == 3 else _to_channels(levels, channels)[..., 0]
    if scan.pixels.dtype == np.uint8:  # each of 256 values once, instead of every pixel
        table = np.nan_to_num(grey_levels(np.arange(256, dtype=np.float32), window))
        return cv2.LUT(np.ascontiguousarray(scan.pixels[index]), table)
    return np.nan_to_num(grey_levels(scan.frame(index), window))


def input_windows(scan: Scan, spec: InputSpec, frames: Sequence[int]) -> list[Window | VoiTable | None]:
    """What makes grey levels of each frame for a model, as in its training; None for colour.

    The one place where this is decided, for what is uploaded, evaluated and trained on. Percentiles are those of the
    frame alone where the model knew one image at a time (`InputSpec.by_frame`), whatever else was opened with it.

    Args:
        scan: Any scan.
        spec: One image of a model's contract.
        frames: Which frames.
    """
    if scan.is_color:
        return [None] * len(frames)
    if spec.intensity == "window":
        assert spec.window is not None  # load_card checks it
        return [Window(*spec.window, "LINEAR", "the model's own")] * len(frames)
    if spec.intensity == "display" and scan.windows:
        return [window_at(scan.windows[0], index) for index in frames]
    if spec.by_frame:
        return [_frame_window(scan.pixels[index], scan.padding) for index in frames]
    return [percentile_window(scan.pixels, scan.padding)] * len(frames)


def _frame_window(pixels: NDArray[np.generic], padding: float | None) -> Window:
    """The percentiles of one frame; one of a single value, such as an empty slice of a volume, is black."""
    found = percentile_window(pixels, padding)
    if pixels.size and pixels.min() == pixels.max():
        return Window(float(pixels.flat[0]) + found.width / 2, found.width, found.function, found.name)
    return found


def prepare(scan: Scan, spec: InputSpec, frames: Sequence[int] | None = None) -> Prepared:
    """Bring frames of a scan onto the grid of one image of a model.

    Args:
        scan: Any scan; whether it is the right kind is `core.models.compatibility`'s question.
        spec: An input that is an image; of a sequence or a volume the frames are given one by one.
        frames: Which frames; None for all.

    Raises:
        IncompatibleInput: The input is a table, or a frame index does not exist.
    """
    if not spec.is_image:
        raise IncompatibleInput(f"The input {spec.name!r} is a {spec.kind}, and takes no image", "choose another model")
    chosen = tuple(range(scan.frames)) if frames is None else tuple(frames)
    if any(not 0 <= index < scan.frames for index in chosen):
        raise IncompatibleInput(f"The scan has no other frames than 1 to {scan.frames}", "move the slider")
    geometry = plan_geometry((scan.rows, scan.columns), scan.pixel_aspect, spec)
    windows = input_windows(scan, spec, chosen)
    low, high = spec.value_range
    batch = np.empty((len(chosen), *spec.size, spec.channels), np.float32)
    for position, (index, window) in enumerate(zip(chosen, windows, strict=True)):
        levels = _levels(scan, index, window, spec.channels)
        placed = _to_channels(place_on_grid(levels, geometry), spec.channels)
        batch[position] = placed.reshape(*spec.size, spec.channels) * (high - low) + low
    return Prepared({spec.name: batch}, geometry, chosen, _provenance(scan, spec, windows))


def _provenance(scan: Scan, spec: InputSpec, windows: Sequence[Window | VoiTable | None]) -> tuple[Step, ...]:
    rows, columns = spec.size
    how = {
        "stretch": "stretched to the model's shape",
        "letterbox": "whole image, black borders",
        "crop": "centre cut out",
    }[spec.resize]
    used = tuple(window for window in windows if window is not None)
    levels = f"grey levels by {_window_words(scan, spec, used)}" if used else "colour"
    return (
        Step("Model's grey levels", f"{levels}, as in training; the viewer's window does not change them"),
        Step("Model's grid", f"{scan.rows} × {scan.columns} to {rows} × {columns} pixels, {how}"),
    )


def _window_words(scan: Scan, spec: InputSpec, windows: tuple[Window | VoiTable, ...]) -> str:
    first, same = windows[0], len(set(windows)) == 1
    if spec.intensity == "percentile" or (spec.intensity == "display" and not scan.windows):
        words = f"the 0.5th to the 99.5th percentile of {_range_words(scan, spec, len(windows))}"
        if same and isinstance(first, Window):
            words += f", {first.center - first.width / 2:g} to {first.center + first.width / 2:g}"
        return words
    if not same:
        return f"the file's windows, {window_text(FrameWindows(windows))}"
    if isinstance(first, Window):
        return f"window centre {first.center:g}, width {first.width:g}, {first.function}"
    return "the file's VOI table"


def _range_words(scan: Scan, spec: InputSpec, frames: int) -> str:
    if scan.frames == 1:
        return "this image"
    if not spec.by_frame:
        return "the whole scan"
    return "this frame" if frames == 1 else "each frame by itself"
