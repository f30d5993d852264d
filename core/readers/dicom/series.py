"""Sort frames into images, volumes and sequences by geometry and time, not by name or number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from core.readers.dicom.alike import complement, sorted_alike
from core.readers.dicom.copies import distinct, without_copies
from core.readers.dicom.diffusion import unclaimed_weight
from core.readers.dicom.image import Image
from core.readers.dicom.stacks import (
    blocks_of,
    in_rows,
    is_even_below,
    places_of,
    same_place,
    stack_warnings,
)
from core.scan import Axis

#: Modalities whose single files are slices of something, also where they lack positions.
_TOMOGRAPHIC = {"CT", "MR", "PT", "OCT", "SEG", "RTDOSE"}
_CINE = {"US", "XA", "RF", "IVUS", "ES", "XC", "GM", "SM", "OP"}


@dataclass(frozen=True, eq=False)
class Group:
    """Frames that make one scan, in order.

    Attributes:
        images: The frames.
        axis: What the order means.
        label: What tells it from others of its series, e.g. `"time point 2 of 10"`, or `""`.
        slice_spacing: Distance of slices in mm, or None.
        frame_time: Time between frames in ms, or None.
        warnings: What is uneven.
        places: (frames, 3) of slices in mm, see `places_of`; None where they are unknown or the frames are no slices.
    """

    images: tuple[Image, ...]
    axis: Axis
    label: str = ""
    slice_spacing: float | None = None
    frame_time: float | None = None
    warnings: tuple[str, ...] = field(default=())
    places: NDArray[np.float64] | None = None


def group_images(images: Iterable[Image], asked: Callable[[], None] = lambda: None) -> list[Group]:
    """Every frame into exactly one group; groups in order of their first file.

    Args:
        images: Frames in the order of the upload.
        asked: Called again and again; raises `Cancelled` to leave.
    """
    kept, copies = without_copies(images, _facts_of_time, asked)
    alike: dict[Hashable, list[Image]] = defaultdict(list)
    for image in kept:
        alike[_kind(image)].append(image)
    groups = []
    for members in alike.values():
        parts, notes = complement(sorted_alike(members, asked), asked)
        for part in parts:
            asked()
            warnings = copies.warnings(part) + (notes if part is parts[0] else [])
            groups += _resolve(part, warnings)
    return groups


def _kind(image: Image) -> Hashable:
    """What frames of one scan have in common to the letter."""
    file, layout = image.file, image.layout
    slices = layout.frames == 1 and (file.text("Modality") in _TOMOGRAPHIC or image.is_placed)
    return (
        patient_key(image),
        file.text("StudyInstanceUID"),
        file.text("SeriesInstanceUID"),
        0 if slices else id(file),
        (layout.rows, layout.columns, layout.is_color, layout.photometric == "MONOCHROME1"),
        image.text("FrameContentSequence", "StackID"),
    )


def patient_key(image: Image) -> int:
    """A number that differs between patients; it lives as long as the call and is shown nowhere.

    Case, blanks and empty parts of a name say nothing about who it is.
    """
    said = (image.file.text("PatientID"), image.file.text("PatientName"))
    return hash(tuple(" ".join(words.replace("^", " ").replace("=", " ").upper().split()) for words in said))


def _facts_of_time(image: Image) -> Hashable:
    return (image.instance, *(moment(image) for _, moment in _TIMES))


def _resolve(members: list[Image], warnings: list[str]) -> list[Group]:
    """Frames of one kind and plane into volumes and sequences."""
    if len(members) == 1:
        return [Group(tuple(members), "single", slice_spacing=members[0].thickness, warnings=tuple(warnings))]
    places = places_of(members)
    if places is None:
        return [_without_places(members, warnings)]
    blocks = blocks_of(places, max(members[0].spacing, default=0.0))
    if len(blocks) > 1:
        said = f"The series holds {len(blocks)} blocks of slices beside each other, which are opened apart."
        groups = []
        for number, block in enumerate(blocks, start=1):
            inside = _stack([members[n] for n in block], places[block], [*warnings, *([said] if number == 1 else [])])
            groups += [
                replace(group, label=_joined(f"block {number} of {len(blocks)}", group.label)) for group in inside
            ]
        return groups
    return _stack(members, places, warnings)


def _joined(*words: str) -> str:
    return ", ".join(word for word in words if word)


def _stack(members: list[Image], places: NDArray[np.float64], warnings: list[str]) -> list[Group]:
    """Slices that lie on each other, some perhaps at the same place."""
    if len(members) == 1:
        return [Group(tuple(members), "single", slice_spacing=members[0].thickness, warnings=tuple(warnings))]
    tolerance = same_place(members)
    instances = [image.instance for image in members]
    rows = in_rows(places[:, 0], instances, tolerance)
    if len(rows) == 1 and len(members) > 2 and is_even_below(places[:, 0]):
        tolerance = 0.0
        rows = in_rows(places[:, 0], instances, tolerance)
    if len(rows) == 1:
        return [_sequence(sorted(members, key=_moment), warnings)]
    seen = [[_Seen(members[n], places[n]) for n in row] for row in rows]
    if len(rows) == len(members):
        return [_volume([row[0] for row in seen], warnings, tolerance=tolerance)]
    return _repeated_places(seen, warnings, tolerance)


@dataclass(frozen=True, eq=False)
class _Seen:
    """An image and its place (3,)."""

    image: Image
    place: NDArray[np.float64]


#: What may tell frames at one place apart, in order of trust; the first is that of a beating heart.
_TIMES: tuple[tuple[str, Callable[[Image], float | None]], ...] = (
    ("phase", lambda p: p.number("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime")),
    ("phase", lambda p: p.file.number("TriggerTime")),
    ("point", lambda p: p.number("FrameContentSequence", "TemporalPositionIndex")),
    ("point", lambda p: p.file.number("TemporalPositionIdentifier")),
    ("point", lambda p: p.file.number("AcquisitionNumber")),
    ("point", lambda p: _clock(p.file.text("AcquisitionTime"))),
    ("point", lambda p: _clock(p.file.text("ContentTime"))),
)


def _repeated_places(rows: list[list[_Seen]], warnings: list[str], tolerance: float) -> list[Group]:
    """Several places, each seen several times: a sequence for each place of a heart, else a volume for each time."""
    for kind, moment in _TIMES:
        moments = [[moment(seen.image) for seen in row] for row in rows]
        if any(None in row or len(set(row)) < len(row) for row in moments):
            continue
        ordered = [sorted(row, key=lambda seen: moment(seen.image) or 0.0) for row in rows]
        if len({len(row) for row in rows}) == 1:
            return _split(ordered, kind, warnings, tolerance)
        columns = _unfinished(rows, moments)
        if kind == "point" and columns:
            return _points(columns, warnings, tolerance)
    rows, copied = _without_same_pixels(rows)
    if copied:
        warnings = [*warnings, f"{_count(copied, 'image is', 'images are')} there twice and opened once."]
    if all(len(row) == 1 for row in rows):
        return [_volume([row[0] for row in rows], warnings, tolerance=tolerance)]
    if len({len(row) for row in rows}) == 1:
        return _told_apart(rows, warnings, tolerance)
    shared = sum(len(row) - 1 for row in rows)
    note = f"{_count(shared, 'slice shares', 'slices share')} the position of another; all are kept, in their order."
    return [_volume([seen for row in rows for seen in row], [*warnings, note], tolerance=tolerance)]


def _without_same_pixels(rows: list[list[_Seen]]) -> tuple[list[list[_Seen]], int]:
    kept = []
    for row in rows:
        images = set(map(id, distinct([seen.image for seen in row])))
        kept.append([seen for seen in row if id(seen.image) in images])
    return kept, sum(map(len, rows)) - sum(map(len, kept))


def _unfinished(rows: list[list[_Seen]], moments: list[list[float | None]]) -> list[list[_Seen]]:
    """The volume of each time point, where all but the last are whole: a run that was stopped; else nothing."""
    columns: dict[float, list[_Seen]] = defaultdict(list)
    for row, times in zip(rows, moments, strict=True):
        for seen, time in zip(row, times, strict=True):
            columns[time or 0.0].append(seen)
    ordered = [columns[time] for time in sorted(columns)]
    return ordered if all(len(column) == len(rows) for column in ordered[:-1]) else []


def _told_apart(rows: list[list[_Seen]], warnings: list[str], tolerance: float) -> list[Group]:
    """Each place equally often, without a time: by b-values without a maker's name if they fit, else by number."""
    weights = [[unclaimed_weight(seen.image.file) for seen in row] for row in rows]
    first = set(weights[0])
    if None not in first and len(first) == len(rows[0]) and all(set(row) == first for row in weights):
        note = "The b-values stand in elements without their maker's name; they are taken because they fit the slices."
        by_weight = [dict(zip(each, row, strict=True)) for row, each in zip(rows, weights, strict=True)]
        ordered = sorted(weight for weight in first if weight is not None)
        columns = [[row[weight] for row in by_weight] for weight in ordered]
        labels = [f"b {weight:.4g}" for weight in ordered]
    else:
        total = len(rows[0])
        note = f"Nothing in the files but their numbers tells the {total} images at each place apart; check the order."
        columns = [list(column) for column in zip(*rows, strict=True)]
        labels = [f"image {n} of {total} at each place" for n in range(1, total + 1)]
    return [_volume(column, [*warnings, note], label, tolerance) for column, label in zip(columns, labels, strict=True)]


def _split(rows: list[list[_Seen]], kind: str, warnings: list[str], tolerance: float) -> list[Group]:
    if kind == "phase":
        total = len(rows)
        return [
            _sequence([seen.image for seen in row], warnings, f"slice {n} of {total}")
            for n, row in enumerate(rows, start=1)
        ]
    return _points([list(column) for column in zip(*rows, strict=True)], warnings, tolerance)


def _points(columns: list[list[_Seen]], warnings: list[str], tolerance: float) -> list[Group]:
    total = len(columns)
    return [
        _volume(column, warnings, f"time point {n} of {total}", tolerance) for n, column in enumerate(columns, start=1)
    ]


def _volume(members: list[_Seen], warnings: list[str], label: str = "", tolerance: float = 0.0) -> Group:
    if len(members) == 1:
        return Group((members[0].image,), "single", label, members[0].image.thickness, warnings=tuple(warnings))
    places = np.array([seen.place for seen in members])
    gaps = np.diff(places[:, 0])
    gaps = gaps[gaps > tolerance]
    spacing = float(np.median(gaps)) if len(gaps) else None
    said = stack_warnings(places, members[0].image, gaps, spacing)
    images = tuple(seen.image for seen in members)
    return Group(images, "slice", label, spacing, warnings=(*warnings, *said), places=places)


def _sequence(members: list[Image], warnings: list[str], label: str = "") -> Group:
    return Group(tuple(members), "time", label, frame_time=_frame_time(members), warnings=tuple(warnings))


def _without_places(members: list[Image], warnings: list[str]) -> Group:
    """Frames whose position is not known: stored order in one file, else slice location or instance number."""
    first = members[0]
    if first.layout.frames > 1:
        members = sorted(members, key=lambda p: p.index)
        time = _frame_time(members)
        if time is not None or first.file.text("Modality") in _CINE:
            return Group(tuple(members), "time", frame_time=time, warnings=tuple(warnings))
        return Group(tuple(members), "slice", slice_spacing=first.thickness, warnings=tuple(warnings))
    locations = [image.file.number("SliceLocation") for image in members]
    if None not in locations and len(set(locations)) == len(members):
        ordered = [members[n] for n in np.argsort(np.array(locations, np.float64))]
        note = "The slices are in order of Slice Location, because their positions are missing."
    else:
        ordered = sorted(members, key=lambda p: p.instance)
        note = "The slices are in order of their numbers, because their positions are missing; check the order."
    said = stack_warnings(None, first, np.empty(0), None)
    return Group(tuple(ordered), "slice", slice_spacing=first.thickness, warnings=(*warnings, note, *said))


def _moment(image: Image) -> tuple[float, ...]:
    """Order in time, then by number."""
    moments = (moment(image) for _, moment in _TIMES)
    return (next((m for m in moments if m is not None), 0.0), image.instance)


def _frame_time(members: Sequence[Image]) -> float | None:
    """Milliseconds between frames, as stated or from trigger times (PS3.3 C.7.6.5)."""
    file = members[0].file
    stated = file.number("FrameTime")
    if stated and stated > 0:
        return stated
    steps = [step for step in file.numbers("FrameTimeVector")[1:] if step > 0]
    if steps:
        return float(np.median(steps))
    for keyword in ("RecommendedDisplayFrameRate", "CineRate"):
        rate = file.number(keyword)
        if rate and rate > 0:
            return 1000.0 / rate
    delays = [_TIMES[0][1](image) or _TIMES[1][1](image) for image in members]
    known = np.array([delay for delay in delays if delay is not None], np.float64)
    gaps = np.diff(np.sort(known))
    return float(np.median(gaps)) if len(gaps) and np.median(gaps) > 0 else None


def _clock(time: str) -> float | None:
    """Seconds since midnight of a DICOM time."""
    digits = time.partition("\\")[0].replace(":", "")
    try:
        return int(digits[:2]) * 3600.0 + int(digits[2:4] or 0) * 60.0 + float(digits[4:] or 0)
    except ValueError:
        return None


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
