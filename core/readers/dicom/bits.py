"""Stored values whose header says too few bits, another sign or another place of the bits (PS3.5 8.1.1).

Bits Stored, High Bit and Pixel Representation say how a word is to be read. Old files keep overlays in the bits that
are left (PS3.5 8.1.2), which must be taken off; careless writers keep values there, which must not. Which it is shows
in the image: neighbours are alike in the right reading, and jump by powers of two in the wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.readers.dicom.image import Image
from core.readers.dicom.layout import Layout
from core.readers.dicom.overlays import embedded_bits
from core.readers.values import smallest_dtype

Pixels = NDArray[np.generic]
#: Frames that are looked at to decide for all.
_LOOKED_AT = 3
#: Values each side of the gap must show, before unsigned values are taken for signed ones.
_DISTINCT = 16


@dataclass(frozen=True, eq=False)
class Stored:
    """Stored values, settled.

    Attributes:
        pixels: (frames, rows, columns).
        low: Lowest value.
        high: Highest value.
        ends: Lowest and highest value that can be.
        padding: Stored value of pixels outside the image, or None.
        warnings: What the header says wrong.
    """

    pixels: Pixels
    low: float
    high: float
    ends: tuple[float, float]
    padding: float | None = None
    warnings: list[str] = field(default_factory=list)


def settle(
    pixels: Pixels, images: Sequence[Image], ranges: Sequence[tuple[float, float]], padding: float | None
) -> Stored:
    """Take whole words for what they mean.

    Args:
        pixels: (frames, rows, columns) whole words as their layouts' type; changed in place.
        images: Their frames.
        ranges: Lowest and highest word of each frame.
        padding: Pixel Padding Value as the file states it.

    Returns:
        The values; the same array where the header is right, which costs nothing.
    """
    layout = images[0].layout
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    if layout.is_float or layout.allocated == 1:
        return Stored(pixels, low, high, (low, high), padding)
    ends = layout.stored_range
    work = _Work(pixels, images, list(ranges), padding)
    said = _unextended(work) + _placed(work) + _beyond(work) + _wrapped(work)
    low, high = min(low for low, _ in work.ranges), max(high for _, high in work.ranges)
    return Stored(work.pixels, low, high, (min(low, ends[0]), max(high, ends[1])), work.padding, said)


@dataclass(eq=False)
class _Work:
    """What the steps change."""

    pixels: Pixels
    images: Sequence[Image]
    ranges: list[tuple[float, float]]
    padding: float | None

    @property
    def layout(self) -> Layout:
        return self.images[0].layout

    def worst(self, frames: Sequence[int]) -> list[int]:
        """The frames that reach farthest out."""
        return sorted(frames, key=lambda n: -max(abs(end) for end in self.ranges[n]))[:_LOOKED_AT]

    def put(self, number: int, frame: Pixels) -> None:
        self.pixels[number] = frame
        self.ranges[number] = float(frame.min()), float(frame.max())


def _roughness(frame: NDArray[np.int64], outside: NDArray[np.bool_] | None = None) -> float:
    """Mean difference of neighbours, but for those at pixels outside the image."""
    total, count = 0.0, 0
    for axis in (0, 1):
        steps = np.abs(np.diff(frame, axis=axis))
        if outside is not None:
            near = outside[1:] | outside[:-1] if axis == 0 else outside[:, 1:] | outside[:, :-1]
            steps = steps[~near]
        total, count = total + float(steps.sum()), count + steps.size
    return total / max(count, 1)


def _masked(frame: NDArray[np.int64], layout: Layout, shift: int = 0) -> NDArray[np.int64]:
    """The stored bits alone, with their sign."""
    values = (frame >> shift) & ((1 << layout.stored) - 1)
    return values - ((values >> (layout.stored - 1)) << layout.stored) if layout.signed else values


def _unextended(work: _Work) -> list[str]:
    """Compressed frames are unsigned, the header says signed: was a sign meant?"""
    depths = {image.decoder.extended for image in work.images}
    negative = [n for n, (low, _) in enumerate(work.ranges) if low < 0]
    if depths == {0} or not negative:
        return []
    rough = [0.0, 0.0]
    for n in work.worst(negative):
        depth = work.images[n].decoder.extended
        if depth:
            frame = work.pixels[n].astype(np.int64)
            rough[0] += _roughness(frame)
            rough[1] += _roughness(frame & ((1 << depth) - 1))
    if rough[1] >= rough[0]:
        return []
    if max(depths) >= work.layout.allocated:
        work.pixels = work.pixels.astype(np.int32)
    for n in negative:
        depth = work.images[n].decoder.extended
        if depth:
            work.put(n, (work.pixels[n].astype(np.int64) & ((1 << depth) - 1)).astype(work.pixels.dtype))
    return ["The header says that values are signed, the compressed images say that they are not, and are right."]


def _placed(work: _Work) -> list[str]:
    """Stored bits that do not begin with the lowest one."""
    layout = work.layout
    shift = 0 if layout.encapsulated else layout.high_bit + 1 - layout.stored
    if shift <= 0:
        return []
    looked_at = [work.pixels[n].astype(np.int64) for n in work.worst(range(len(work.pixels)))]
    below = any((frame & ((1 << shift) - 1)).any() for frame in looked_at)
    above = any((frame >> layout.stored & ((1 << shift) - 1)).any() for frame in looked_at)
    overlaid = embedded_bits(work.images[0].file) & ((1 << shift) - 1)
    if below and not above:
        return [f"High Bit {layout.high_bit} in the header does not fit the pixels, which begin with the lowest bit."]
    for n in range(len(work.pixels)):
        frame = work.pixels[n].astype(np.int64)
        work.put(n, _masked(frame, work.images[n].layout, shift).astype(work.pixels.dtype))
    if below and not overlaid:
        return [f"Bits below the {layout.stored} that the header states are set; they are left out."]
    return []


def _beyond(work: _Work) -> list[str]:
    """Words with more bits than are stored."""
    ranges = [image.layout.stored_range for image in work.images]
    beyond = [n for n, (low, high) in enumerate(work.ranges) if low < ranges[n][0] or high > ranges[n][1]]
    if not beyond:
        return []
    layout, size = work.layout, 1 << work.layout.allocated
    outside = None if work.padding is None else int(work.padding) % size
    frames = [work.pixels[n].astype(np.int64) for n in work.worst(beyond)]
    padded = [np.zeros(frame.shape, bool) if outside is None else frame % size == outside for frame in frames]
    cut, said = _judged(frames, padded, layout, embedded_bits(work.images[0].file))
    if outside is not None and not layout.signed and outside > layout.stored_range[1]:
        _lower_padding(work, outside, cut)
    elif cut:
        for n in beyond:
            frame = work.pixels[n].astype(np.int64)
            values = _masked(frame, work.images[n].layout)
            if outside is not None:
                values = np.where(frame % size == outside, frame, values)
            work.put(n, values.astype(work.pixels.dtype))
    return said


def _judged(
    frames: Sequence[NDArray[np.int64]],
    padded: Sequence[NDArray[np.bool_]],
    layout: Layout,
    overlaid: int,
) -> tuple[bool, list[str]]:
    """Whether to take the stored bits alone, and what to say.

    Args:
        frames: Whole words of the frames that reach farthest out.
        padded: Where they are padding.
        layout: Of them all.
        overlaid: Bits that the header says hold overlays.
    """
    inner = [frame[~away] for frame, away in zip(frames, padded, strict=True)]
    full = (1 << layout.stored) - 1
    if all(_lie_within(values, *layout.stored_range) for values in inner):
        return False, []
    if overlaid & ~full and all(_lie_within(values & ~overlaid, 0, full) for values in inner):
        return True, []
    if layout.signed and _may_be_zero_filled(inner, layout):
        if _is_smoother_cut(frames, padded, layout):
            return True, []
        return False, ["The header says that values are signed, the pixels are not; they are read as unsigned."]
    if _are_graphics(frames, padded, layout):
        return True, [f"Bits beyond the {layout.stored} of the header are set, as old overlays do; they are left out."]
    return False, [
        f"The pixels hold more than the {layout.stored} bits of the header; all {layout.allocated} are read."
    ]


def _may_be_zero_filled(inner: Sequence[NDArray[np.int64]], layout: Layout) -> bool:
    """Whether signed values may have zeros above their sign, as DICOM allows: hardly any has ones."""
    values = np.concatenate(inner)
    top = layout.stored_range[1]
    return bool(values.max() < 1 << layout.stored) and (values < 0).sum() < 0.05 * (values > top).sum()


def _is_smoother_cut(frames: Sequence[NDArray[np.int64]], padded: Sequence[NDArray[np.bool_]], layout: Layout) -> bool:
    """Whether neighbours are more alike in the stored bits alone than in whole words."""
    pairs = list(zip(frames, padded, strict=True))
    cut = sum(_roughness(_masked(frame, layout), away) for frame, away in pairs)
    return cut <= sum(_roughness(frame, away) for frame, away in pairs)


def _lie_within(values: NDArray[np.int64], low: int, high: int) -> bool:
    return not values.size or bool(low <= values.min() and values.max() <= high)


def _are_graphics(frames: Sequence[NDArray[np.int64]], padded: Sequence[NDArray[np.bool_]], layout: Layout) -> bool:
    """Whether the image goes on under the bits beyond, as it does under lines and letters.

    Where a pixel with such bits meets one without, the stored bits of both are then as alike as anywhere; those of a
    value that has grown too large are not.
    """
    edges, plain, added = [], [], set[int]()
    for frame, away in zip(frames, padded, strict=True):
        inner = _masked(frame, layout)
        extra = (frame != inner) & ~away
        added |= set(np.unique((frame - inner)[extra])[:3].tolist()) | ({0} if (~extra & ~away).any() else set())
        for axis in (0, 1):
            steps = np.abs(np.diff(inner, axis=axis))
            first, second = (extra[:-1], extra[1:]) if axis == 0 else (extra[:, :-1], extra[:, 1:])
            gone = away[:-1] | away[1:] if axis == 0 else away[:, :-1] | away[:, 1:]
            edges.append(steps[(first != second) & ~gone])
            plain.append(steps[~first & ~second & ~gone])
    if len(added) == 1:
        return True  # the same bits in every pixel mean nothing
    across, along = np.concatenate(edges), np.concatenate(plain)
    if not len(across):
        return _is_smoother_cut(frames, padded, layout)
    usual = float(np.median(along)) if len(along) else 0.0
    return float(np.median(across)) <= max(4.0 * usual, 0.02 * (1 << layout.stored))


def _lower_padding(work: _Work, outside: int, cut: bool) -> None:
    """Pixels outside the image become the lowest value instead of one above all others, which would be white."""
    size = 1 << work.layout.allocated
    lowered = outside - size if outside >= size // 2 else -1
    values = np.empty(work.pixels.shape, np.int64 if size > 1 << 16 else np.int32)
    for n, frame in enumerate(work.pixels):
        wide = frame.astype(np.int64)
        padded = wide % size == outside
        values[n] = np.where(padded, lowered, _masked(wide, work.images[n].layout) if cut else wide)
        work.ranges[n] = float(values[n].min()), float(values[n].max())
    low, high = min(low for low, _ in work.ranges), max(high for _, high in work.ranges)
    fitting = smallest_dtype(low, high)
    work.pixels, work.padding = values.astype(fitting) if fitting.kind in "iu" else values, float(lowered)


def _wrapped(work: _Work) -> list[str]:
    """Unsigned values of CT and MR that are low, or very high, and never between: negative ones without their sign."""
    layout = work.layout
    half = 1 << (layout.stored - 1)
    if layout.signed or layout.allocated < 16 or max(high for _, high in work.ranges) < half:
        return []
    if work.images[0].file.text("Modality") not in {"CT", "MR", "PT", "NM"}:
        return []
    chosen = work.worst([n for n, (_, high) in enumerate(work.ranges) if high >= half])
    frames = [work.pixels[n].astype(np.int64) for n in chosen]
    for frame in frames:
        inner = frame if work.padding is None else frame[frame != work.padding]
        upper, lower = np.unique(inner[inner >= half]), np.unique(inner[inner < half])
        if min(len(upper), len(lower)) < _DISTINCT or upper[0] < 1.5 * half or lower[-1] >= half // 2 * 1.5:
            return []
        turned = np.where(frame >= half, frame - 2 * half, frame)
        if _roughness(turned) >= 0.5 * _roughness(frame):
            return []
    kind = np.dtype(f"i{work.pixels.dtype.itemsize}")
    values = np.empty(work.pixels.shape, kind)
    for n, frame in enumerate(work.pixels):
        wide = frame.astype(np.int64)
        values[n] = np.where(wide >= half, wide - 2 * half, wide)
        work.ranges[n] = float(values[n].min()), float(values[n].max())
    work.pixels = values
    if work.padding is not None and work.padding >= half:
        work.padding -= 2 * half
    return ["The header says that values are unsigned, but they are negative in part; they are read as signed."]
