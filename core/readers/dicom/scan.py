"""A group of frames to one `Scan`: decode on all cores, transform, and say what was done."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import UnreadableScan
from core.readers.dicom.bits import Stored, settle
from core.readers.dicom.image import Image
from core.readers.dicom.layout import Layout
from core.readers.dicom.overlays import embedded_masks, overlay_planes
from core.readers.dicom.series import Group
from core.readers.dicom.values import (
    Modality,
    is_inverted,
    modality_of,
    pivot_of,
    span_of,
    to_values,
)
from core.readers.dicom.voi import windows_of_frames
from core.readers.dicom.words import (
    body_part,
    facts_of,
    manner_warnings,
    modality_code,
    spacing_of,
    title_of,
)
from core.readers.opening import Opening
from core.scan import Scan, Step, Voi, percentile_window, window_text

_CORES = os.cpu_count() or 1
#: Bytes for each pixel of a frame while its values are found: twice as 64-bit numbers.
_CONVERTING = 16

#: Drawn anew by each process, so that nobody can find a patient by hashing names.
_PATIENT_KEY = os.urandom(32)


@dataclass(frozen=True, eq=False)
class _Decoded:
    """Stored values of the frames that could be decoded, and what came of the others."""

    pixels: NDArray[np.generic]
    images: tuple[Image, ...]
    ranges: tuple[tuple[float, float], ...]
    embedded: tuple[dict[int, NDArray[np.uint8]], ...]
    failures: dict[str, UnreadableScan]


def build_scan(group: Group, opening: Opening, start: float, fraction: float) -> Scan:
    """Decode and transform one group.

    Args:
        group: The frames in order.
        opening: Progress, limits and the list of skipped files.
        start: Progress so far, 0 to 1.
        fraction: How much of the whole this group is.

    Raises:
        UnreadableScan: No frame could be decoded; where some could, the others are named in `opening.skipped`.
        TooLarge: The upload would take too much memory.
        Cancelled: The user asked to stop.
    """
    decoded = _decode(group, opening, start, fraction)
    for name, failure in decoded.failures.items():
        opening.skip(name, failure, "are broken")
    first = decoded.images[0]
    warnings = list(group.warnings) + _cut_short(group)
    if "MOSAIC" in first.file.text("ImageType"):
        warnings.append("The image is a mosaic of slices, shown as one image.")
    lost = len(group.images) - len(decoded.images)
    if lost:
        warnings.append(f"{lost} of {len(group.images)} frames could not be decoded and are missing.")
    spacing, aspect, spacing_facts, spacing_warnings = spacing_of(first)
    if first.layout.is_color:
        values = _colour(decoded)
    else:
        with opening.passing(_CONVERTING * first.layout.rows * first.layout.columns):
            values = _grey(decoded, opening.claim)
    if not np.may_share_memory(values.pixels, decoded.pixels):
        opening.release(decoded.pixels.nbytes)  # goes when this returns
    axis = group.axis if len(decoded.images) > 1 else "single"
    facts = facts_of(group) | spacing_facts
    overlays, overlay_notes = overlay_planes(decoded.images, decoded.embedded)
    return Scan(
        pixels=values.pixels,
        axis=axis,
        digest=_digest(decoded.images),
        source="DICOM",
        title=title_of(Group(decoded.images, axis, group.label, group.slice_spacing, group.frame_time)),
        modality=modality_code(first),
        body_part=body_part(first),
        spacing_mm=spacing,
        pixel_aspect=aspect,
        slice_spacing_mm=group.slice_spacing,
        frame_time_ms=group.frame_time,
        slice_origins_mm=_origins(group, decoded.images),
        overlays=overlays,
        units=values.units,
        windows=values.windows,
        padding=values.padding,
        facts=facts,
        provenance=(Step("Decoding", _syntax_words(first)), *values.steps, Step("Resampling", "none; stored pixels")),
        warnings=(
            *warnings,
            *values.warnings,
            *_remarks(decoded.images),
            *overlay_notes,
            *spacing_warnings,
            *manner_warnings(group.images),
        ),
        patient=_patient_key(first),
        age_years=age_in_years(first.file.text("PatientAge")),
        sex=_sex(first),
        orientation=None if first.orientation is None else tuple(float(v) for v in first.orientation.ravel()),
    )


def _remarks(images: Sequence[Image]) -> list[str]:
    """What decoding found wrong with the headers, each once."""
    return list(dict.fromkeys(remark for image in images for remark in image.decoder.remarks))


def _origins(group: Group, images: Sequence[Image]) -> NDArray[np.float64] | None:
    """(frames, 3) places of the slices that were decoded, from the first of them on."""
    if group.places is None or len(images) < 2:
        return None
    kept = set(map(id, images))
    places = group.places[[id(image) in kept for image in group.images]]
    return np.asarray(places - places[0], np.float64)


def _patient_key(image: Image) -> str:
    """A keyed hash of what names the patient (PS3.3 C.7.1.1), for telling whether two series belong together."""
    said = [image.file.text(keyword) for keyword in ("PatientID", "PatientName", "PatientBirthDate")]
    if not any(said[:2]):
        return ""
    return hashlib.blake2b("\0".join(said).encode(), key=_PATIENT_KEY, digest_size=8).hexdigest()


def age_in_years(text: str) -> float | None:
    """A value of DICOM's AS (PS3.5 6.2), three digits and a unit, in years; None where it is none.

    Example:
        >>> age_in_years("054Y"), age_in_years("006M"), age_in_years(" 3Y"), age_in_years("old")
        (54.0, 0.5, 3.0, None)
    """
    found = re.fullmatch(r"\s*(\d{1,3})\s*([DWMY])\s*", text.upper())
    if found is None:
        return None
    days = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}[found[2]]
    return int(found[1]) * days / 365.25


def _sex(image: Image) -> str:
    code = image.file.text("PatientSex").strip().upper()
    return code if code in {"F", "M", "O"} else ""


def _decode(group: Group, opening: Opening, start: float, fraction: float) -> _Decoded:
    """Decode every frame into one array that is allocated once."""
    layout = group.images[0].layout
    dtype = np.dtype(np.uint8) if layout.is_color else np.result_type(*{p.layout.dtype for p in group.images})
    shape = (len(group.images), layout.rows, layout.columns, *((3,) if layout.is_color else ()))
    opening.claim(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize)
    pixels = np.empty(shape, dtype)
    with opening.passing(min(_CORES, len(group.images)) * _decoding(layout)):
        return _decode_into(pixels, group, opening, start, fraction)


def _decoding(layout: Layout) -> int:
    """Bytes that decoding a frame takes beside the frame itself: its samples twice, wider where they are converted."""
    samples = layout.rows * layout.columns * layout.samples
    wide = 16 if layout.is_color and (layout.stored > 8 or layout.photometric == "PALETTE COLOR") else 0
    return samples * (2 * max(1, layout.allocated // 8) + wide)


def _decode_into(
    pixels: NDArray[np.generic], group: Group, opening: Opening, start: float, fraction: float
) -> _Decoded:
    embedded: list[dict[int, NDArray[np.uint8]]] = [{} for _ in group.images]

    def one(number: int) -> tuple[int, float, float] | UnreadableScan:
        opening.stop_if_asked()
        image = group.images[number]
        try:
            frame = image.decoder(image.frame, image.index)
        except UnreadableScan as failure:
            return failure
        pixels[number] = frame
        embedded[number] = embedded_masks(image, frame)
        return number, float(frame.min()), float(frame.max())

    total, done = len(group.images), 0
    with ThreadPoolExecutor(min(_CORES, total)) as pool:
        futures: dict[Future[tuple[int, float, float] | UnreadableScan], int] = {
            pool.submit(one, number): number for number in range(total)
        }
        waiting = set(futures)
        try:
            while waiting:
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                done += len(finished)
                opening.advance(start + fraction * done / total, f"Decoding frame {done:,} of {total:,}")
                for future in finished:
                    future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return _sift(group, pixels, embedded, opening, {number: future.result() for future, number in futures.items()})


def _sift(
    group: Group,
    pixels: NDArray[np.generic],
    embedded: list[dict[int, NDArray[np.uint8]]],
    opening: Opening,
    results: dict[int, tuple[int, float, float] | UnreadableScan],
) -> _Decoded:
    """Leave out frames that failed."""
    good = [n for n in range(len(group.images)) if not isinstance(results[n], UnreadableScan)]
    failures = {group.images[n].file.name: r for n, r in results.items() if isinstance(r, UnreadableScan)}
    if not good:
        raise next(iter(failures.values()))
    ends = {result[0]: result[1:] for result in results.values() if not isinstance(result, UnreadableScan)}
    if len(good) < len(group.images):
        opening.claim(pixels[0].nbytes * len(good))  # a second array beside the first
    kept = pixels if len(good) == len(group.images) else pixels[good]
    return _Decoded(
        kept,
        tuple(group.images[n] for n in good),
        tuple(ends[n] for n in good),
        tuple(embedded[n] for n in good),
        failures,
    )


@dataclass(frozen=True, eq=False)
class _Values:
    """Pixels as the scan keeps them, and what belongs to them."""

    pixels: NDArray[np.generic]
    steps: list[Step]
    windows: tuple[Voi, ...] = ()
    padding: float | None = None
    units: str = ""
    warnings: tuple[str, ...] = ()


def _colour(decoded: _Decoded) -> _Values:
    return _Values(decoded.pixels, _colour_steps(decoded.images[0]))


def _grey(decoded: _Decoded, claim: Callable[[int], None]) -> _Values:
    """Modality values with their windows, padding and units; `claim` is told of bytes before they are allocated."""
    first = decoded.images[0]
    said, limit = _padding_of(first)
    stored = settle(decoded.pixels, decoded.images, decoded.ranges, said)
    padding, padded = _fill_padding(stored, limit if said is None or limit is None else limit - said)
    low, high = (stored.low, stored.high) if padding is None else (min(stored.low, padding), max(stored.high, padding))
    tables: dict[int, Modality] = {}  # a table is a file's, and may be larger than a frame
    modalities = []
    for image in decoded.images:
        modality = tables.get(id(image.file)) or modality_of(image, (stored.low, stored.high))
        if modality.table is not None:
            tables[id(image.file)] = modality
        modalities.append(modality)
    pivot = pivot_of(modalities[0], stored.ends) if is_inverted(first) else None
    span = span_of(modalities, stored.low, stored.high)
    values = to_values(stored.pixels, modalities, pivot, low, high, claim)
    steps = [_modality_step(modalities)]
    if padding is not None:
        padding = modalities[0](padding)
        padding = padding if pivot is None else pivot - padding
        words = f"pixels of value {padding:g} are outside the image"
        steps.append(Step("Padding", f"{words}, and {padded:,} more were set to it" if padded else words))
    if pivot is not None:
        steps.append(Step("Inversion", f"{_plain_sense(first)}: {pivot:g} minus the value, so that higher is brighter"))
    windows, warnings = windows_of_frames(
        decoded.images, span, pivot, lambda index: percentile_window(values[index : index + 1], padding)
    )
    if windows:
        steps.append(Step("Window for display", window_text(windows[0])))
    remarks = dict.fromkeys(remark for modality in modalities for remark in modality.remarks)
    return _Values(values, steps, windows, padding, modalities[0].units, (*stored.warnings, *remarks, *warnings))


def _plain_sense(image: Image) -> str:
    return "MONOCHROME1" if image.layout.photometric == "MONOCHROME1" else "Presentation LUT Shape INVERSE"


def _padding_of(image: Image) -> tuple[float | None, float | None]:
    """Pixel Padding Value and Range Limit as the file states them (PS3.3 C.7.5.1.1.2)."""
    keyword = "FloatPixelPadding" if image.layout.is_float else "PixelPadding"
    half = 1 << (image.layout.allocated - 1)
    value, limit = (
        end - 2 * half if end is not None and image.layout.signed and end >= half else end  # meant as signed
        for end in (image.file.number(f"{keyword}Value"), image.file.number(f"{keyword}RangeLimit"))
    )
    return value, limit


def _fill_padding(stored: Stored, reach: float | None) -> tuple[float | None, int]:
    """The stored padding value, after values up to the range limit were set to it.

    Args:
        stored: The values; changed in place.
        reach: From the padding value to the limit, or None.
    """
    padding = stored.padding
    if padding is None or not reach or not min(stored.low, stored.high) <= max(padding, padding + reach):
        return padding, 0
    count = 0
    for frame in stored.pixels:
        outside = (
            (frame >= min(padding, padding + reach)) & (frame <= max(padding, padding + reach)) & (frame != padding)
        )
        count += int(outside.sum())
        frame[outside] = padding
    return padding, count


def _modality_step(modalities: Sequence[Modality]) -> Step:
    first = modalities[0]
    units = f" ({first.units})" if first.units else ""
    if first.table is not None:
        return Step("Modality table", f"{len(first.table[1])} entries from {first.table[0]:g}{units}")
    if not first.stated:
        return Step("Rescale", "none in the file; stored values")
    if any((m.slope, m.intercept) != (first.slope, first.intercept) for m in modalities):
        slopes = [m.slope for m in modalities]
        return Step("Rescale", f"slope {min(slopes):.4g} to {max(slopes):.4g}, each frame its own{units}")
    return Step("Rescale", f"slope {first.slope:g}, intercept {first.intercept:g}{units}")


def _colour_steps(image: Image) -> list[Step]:
    layout, steps = image.layout, []
    if layout.photometric == "PALETTE COLOR":
        steps.append(Step("Palette", "stored values looked up in the file's palette"))
    elif image.decoder.converted or layout.photometric in {"YBR_RCT", "YBR_ICT"}:
        steps.append(Step("Colour", "luma and chroma to RGB, once"))
    if layout.stored > 8 and layout.samples == 3:
        steps.append(Step("Depth", f"{layout.stored} bits a colour to 8, full scale to full scale"))
    return steps


def _syntax_words(image: Image) -> str:
    name = image.file.syntax.name
    words = f"{name}, {image.layout.photometric.replace('_', ' ')}"
    return f"{words}; the file does not name a known transfer syntax" if image.file.guessed else words


def _cut_short(group: Group) -> list[str]:
    first = group.images[0]
    if first.layout.frames > 1:
        there = sum(image.file is first.file for image in group.images)
        if there < first.layout.frames and not group.label and first.decoder.whole < first.layout.frames:
            return [f"The file is cut short: {first.decoder.whole} of {first.layout.frames} frames are whole."]
    return []


def _digest(images: Sequence[Image]) -> str:
    """sha256 of the file, or of the files' digests and frame numbers where the scan is put together from several."""
    if len({image.digest for image in images}) == 1 and len(images) == images[0].layout.frames:
        return images[0].digest
    joined = "\n".join(f"{image.digest} {image.index}" for image in images)
    return hashlib.sha256(joined.encode()).hexdigest()
