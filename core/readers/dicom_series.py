"""Sort frames into images, volumes and sequences by geometry and time, not by name or number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.readers.dicom_picture import Picture
from core.scan import Axis

#: Modalities whose single files are slices of something, also where they lack positions.
_TOMOGRAPHIC = {"CT", "MR", "PT", "OCT", "SEG", "RTDOSE"}
_CINE = {"US", "XA", "RF", "IVUS", "ES", "XC", "GM", "SM", "OP"}
#: Positions nearer than this, in mm, are the same; headers carry about six digits.
_SAME_PLACE = 0.01


@dataclass(frozen=True, eq=False)
class Group:
    """Frames that make one scan, in order.

    Attributes:
        pictures: The frames.
        axis: What the order means.
        label: What tells it from others of its series, e.g. `"time point 2 of 10"`, or `""`.
        slice_spacing: Distance of slices in mm, or None.
        frame_time: Time between frames in ms, or None.
        warnings: What is uneven.
    """

    pictures: tuple[Picture, ...]
    axis: Axis
    label: str = ""
    slice_spacing: float | None = None
    frame_time: float | None = None
    warnings: tuple[str, ...] = field(default=())


def group_pictures(pictures: Iterable[Picture]) -> list[Group]:
    """Every frame into exactly one group; groups in order of their first file."""
    alike: dict[Hashable, list[Picture]] = defaultdict(list)
    planes: dict[Hashable, list[NDArray[np.float64]]] = defaultdict(list)
    for picture in pictures:
        key = _kind(picture)
        alike[key, _plane(picture, planes[key])].append(picture)
    return [group for members in alike.values() for group in _resolve(members)]


def _kind(picture: Picture) -> Hashable:
    """What frames of one scan have in common, but for their plane."""
    file, layout = picture.file, picture.layout
    modality = file.text("Modality")
    slices = layout.frames == 1 and (modality in _TOMOGRAPHIC or picture.position is not None)
    echo = picture.number("MREchoSequence", "EffectiveEchoTime") or file.number("EchoTime")
    return (
        patient_key(picture),
        file.text("StudyInstanceUID"),
        file.text("SeriesInstanceUID"),
        0 if slices else id(file),
        (layout.rows, layout.columns, layout.is_color, layout.photometric == "MONOCHROME1"),
        file.text("ImageType") if layout.frames == 1 else picture.text("MRImageFrameTypeSequence", "FrameType"),
        picture.text("FrameContentSequence", "StackID"),
        None if echo is None else round(echo, 1),
        diffusion_weight(picture),
        picture.numbers("PixelMeasuresSequence", "PixelSpacing"),
    )


def patient_key(picture: Picture) -> int:
    """A number that differs between patients; it lives as long as the call and is shown nowhere."""
    return hash((picture.file.text("PatientID"), picture.file.text("PatientName")))


def diffusion_weight(picture: Picture) -> float | None:
    """The b-value in s/mm², standard or as Siemens and GE write it."""
    b_value = picture.number("MRDiffusionSequence", "DiffusionBValue")
    if b_value is not None:
        return b_value
    for tag in ((0x0019, 0x100C), (0x0043, 0x1039)):
        try:
            raw = picture.file.dataset[tag].value if tag in picture.file.dataset else None
            if raw is not None:
                return float(raw if isinstance(raw, str | int | float) else raw[0]) % 1_000_000
        except (KeyError, TypeError, ValueError, IndexError):
            continue
    return None


def _plane(picture: Picture, known: list[NDArray[np.float64]]) -> int:
    """Number of the orientation among those of the series, within about half a degree."""
    axes = picture.orientation
    if axes is None:
        return -1
    for number, other in enumerate(known):
        if np.abs(axes - other).max() < 0.01:
            return number
    known.append(axes)
    return len(known) - 1


def _resolve(members: list[Picture]) -> list[Group]:
    """Frames of one kind and plane into volumes and sequences."""
    members, repeated = _without_copies(members)
    warnings = [f"{_count(repeated, 'image was', 'images were')} uploaded twice and opened once."] if repeated else []
    if len(members) == 1:
        return [Group(tuple(members), "single", slice_spacing=_thickness(members[0]), warnings=tuple(warnings))]
    places = [picture.position for picture in members]
    known = [place for place in places if place is not None]
    if len(known) < len(members):
        return [_without_places(members, warnings)]
    rows = _by_place(members, known)
    if len(rows) == 1:
        return [_sequence(sorted(members, key=_moment), warnings)]
    if len(rows) == len(members):
        return [_volume([row[0] for row in rows], warnings)]
    return _repeated_places(rows, warnings)


def _without_copies(members: list[Picture]) -> tuple[list[Picture], int]:
    unique: dict[Hashable, Picture] = {}
    for picture in members:
        unique.setdefault((picture.digest, picture.index), picture)
    return list(unique.values()), len(members) - len(unique)


def _by_place(members: list[Picture], places: list[float]) -> list[list[Picture]]:
    """Frames at the same place together, places in order."""
    order = sorted(range(len(members)), key=lambda n: (places[n], members[n].instance))
    rows: list[list[Picture]] = []
    last = None
    for n in order:
        if last is None or places[n] - last > _SAME_PLACE:
            rows.append([])
        rows[-1].append(members[n])
        last = places[n]
    return rows


#: What may tell frames at one place apart, in order of trust; the first is that of a beating heart.
_TIMES: tuple[tuple[str, Callable[[Picture], float | None]], ...] = (
    ("phase", lambda p: p.number("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime")),
    ("phase", lambda p: p.file.number("TriggerTime")),
    ("point", lambda p: p.number("FrameContentSequence", "TemporalPositionIndex")),
    ("point", lambda p: p.file.number("TemporalPositionIdentifier")),
    ("point", lambda p: p.file.number("AcquisitionNumber")),
    ("point", lambda p: _clock(p.file.text("AcquisitionTime"))),
    ("point", lambda p: _clock(p.file.text("ContentTime"))),
)


def _repeated_places(rows: list[list[Picture]], warnings: list[str]) -> list[Group]:
    """Several places, each seen several times: a sequence for each place of a heart, else a volume for each time."""
    if len({len(row) for row in rows}) == 1:
        for kind, moment in _TIMES:
            moments = [[moment(picture) for picture in row] for row in rows]
            if all(None not in row and len(set(row)) == len(row) for row in moments):
                ordered = [sorted(row, key=lambda p: moment(p) or 0.0) for row in rows]
                return _split(ordered, kind, warnings)
    shared = sum(len(row) - 1 for row in rows)
    note = f"{_count(shared, 'slice shares', 'slices share')} the position of another; all are kept, in their order."
    return [_volume([picture for row in rows for picture in row], [*warnings, note])]


def _split(rows: list[list[Picture]], kind: str, warnings: list[str]) -> list[Group]:
    if kind == "phase":
        total = len(rows)
        return [_sequence(row, warnings, f"slice {n} of {total}") for n, row in enumerate(rows, start=1)]
    total = len(rows[0])
    columns = zip(*rows, strict=True)
    return [_volume(list(column), warnings, f"time point {n} of {total}") for n, column in enumerate(columns, start=1)]


def _volume(members: list[Picture], warnings: list[str], label: str = "") -> Group:
    places = np.array([picture.position for picture in members], dtype=np.float64)
    gaps = np.diff(places)
    gaps = gaps[gaps > _SAME_PLACE]
    spacing = float(np.median(gaps)) if len(gaps) else None
    warnings = list(warnings)
    if spacing:
        uneven = int((np.abs(gaps - spacing) > max(0.05 * spacing, _SAME_PLACE)).sum())
        if uneven:
            warnings.append(
                f"The slices are not evenly spaced: {_count(uneven, 'gap differs', 'gaps differ')} from "
                f"{spacing:.3g} mm, the largest is {gaps.max():.3g} mm; slices may be missing."
            )
    return Group(tuple(members), "slice", label, spacing, warnings=tuple(warnings))


def _sequence(members: list[Picture], warnings: list[str], label: str = "") -> Group:
    return Group(tuple(members), "time", label, frame_time=_frame_time(members), warnings=tuple(warnings))


def _without_places(members: list[Picture], warnings: list[str]) -> Group:
    """Frames whose position is not known: stored order in one file, else slice location or instance number."""
    first = members[0]
    if first.layout.frames > 1:
        members = sorted(members, key=lambda p: p.index)
        time = _frame_time(members)
        if time is not None or first.file.text("Modality") in _CINE:
            return Group(tuple(members), "time", frame_time=time, warnings=tuple(warnings))
        return Group(tuple(members), "slice", slice_spacing=_thickness(first), warnings=tuple(warnings))
    locations = [picture.file.number("SliceLocation") for picture in members]
    if None not in locations and len(set(locations)) == len(members):
        ordered = [members[n] for n in np.argsort(np.array(locations, np.float64))]
        note = "The slices are in order of Slice Location, because their positions are missing."
    else:
        ordered = sorted(members, key=lambda p: p.instance)
        note = "The slices are in order of their numbers, because their positions are missing; check the order."
    return Group(tuple(ordered), "slice", slice_spacing=_thickness(first), warnings=(*warnings, note))


def _moment(picture: Picture) -> tuple[float, ...]:
    """Order in time, then by number."""
    moments = (moment(picture) for _, moment in _TIMES)
    return (next((m for m in moments if m is not None), 0.0), picture.instance)


def _frame_time(members: Sequence[Picture]) -> float | None:
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
    delays = [_TIMES[0][1](picture) or _TIMES[1][1](picture) for picture in members]
    known = np.array([delay for delay in delays if delay is not None], np.float64)
    gaps = np.diff(np.sort(known))
    return float(np.median(gaps)) if len(gaps) and np.median(gaps) > 0 else None


def _thickness(picture: Picture) -> float | None:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        value = picture.number("PixelMeasuresSequence", keyword)
        if value and value > 0:
            return value
    return None


def _clock(time: str) -> float | None:
    """Seconds since midnight of a DICOM time."""
    digits = time.partition("\\")[0].replace(":", "")
    try:
        return int(digits[:2]) * 3600.0 + int(digits[2:4] or 0) * 60.0 + float(digits[4:] or 0)
    except ValueError:
        return None


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
