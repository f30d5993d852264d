"""Frames of one series that were taken alike, within what headers round: meaningless differences never part a stack."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.readers.dicom.diffusion import diffusion_weight
from core.readers.dicom.image import Image
from core.readers.dicom.stacks import places_of, same_place

#: Cosines that differ by less are one orientation: about half a degree.
_SAME_PLANE = 0.01
#: Orientations that frames are held against; frames of further ones stay alone. A radial scan has some hundred.
PLANES = 500
#: Parts of one plane that are tried in pairs.
PAIRED = 64
#: Relative and absolute difference up to which two stated values are one: of pixel spacing in mm (two digits of a pixel
#: of half a millimetre), echo time in ms, b-value in s/mm².
_SPACING, _ECHO, _WEIGHT = (0.005, 1e-6), (0.005, 0.06), (0.005, 1.0)


@dataclass(frozen=True)
class Facts:
    """What tells stacks of one series apart, as numbers of clusters; None where the file does not say.

    Attributes:
        plane: Orientation.
        echo: Echo time.
        weight: b-value.
        spacing: Pixel spacing down and across.
        image_type: Image Type or Frame Type.
    """

    plane: int
    echo: int | None
    weight: int | None
    spacing: tuple[int, int] | None
    image_type: str


Part = tuple[Facts, list[Image]]


def sorted_alike(images: Sequence[Image], asked: Callable[[], None] = lambda: None) -> list[Part]:
    """Parts that agree in every fact, in order of their first image.

    Args:
        images: Frames of one series.
        asked: Called for each; raises `Cancelled` to leave.
    """
    planes = _Planes()
    echoes = _clusters([_echo(image) for image in images], _ECHO)
    weights = _clusters([diffusion_weight(image) for image in images], _WEIGHT)
    pairs = [image.spacing if len(image.spacing) == 2 else None for image in images]
    down, across = (_clusters([None if pair is None else pair[axis] for pair in pairs], _SPACING) for axis in (0, 1))
    parts: dict[Facts, list[Image]] = defaultdict(list)
    for n, image in enumerate(images):
        asked()
        rows, columns = down[n], across[n]
        spacing = None if rows is None or columns is None else (rows, columns)
        parts[Facts(planes.number_of(image), echoes[n], weights[n], spacing, _image_type(image))].append(image)
    return list(parts.items())


def _echo(image: Image) -> float | None:
    return image.number("MREchoSequence", "EffectiveEchoTime") or image.file.number("EchoTime")


def _image_type(image: Image) -> str:
    """Image Type in one spelling: case, blanks and empty values at the end say nothing."""
    single = image.layout.frames == 1
    words = image.file.text("ImageType") if single else image.text("MRImageFrameTypeSequence", "FrameType")
    return "\\".join(word.strip().upper() for word in words.split("\\")).rstrip("\\")


def _clusters(values: Sequence[float | None], tolerance: tuple[float, float]) -> list[int | None]:
    """Number of the cluster of each value; a gap above the tolerance begins another one."""
    relative, absolute = tolerance
    number: dict[float, int] = {}
    last, count = None, -1
    for value in sorted({value for value in values if value is not None}):
        apart = last is None or value - last > max(relative * abs(value), absolute)
        count += apart
        number[value] = count
        last = value
    return [None if value is None else number[value] for value in values]


class _Planes:
    """The orientations seen so far, the first `PLANES` of which further frames are held against."""

    def __init__(self) -> None:
        self._known: NDArray[np.float64] = np.empty((PLANES, 2, 3))
        self._count = 0

    def number_of(self, image: Image) -> int:
        """Number of a frame's orientation; −1 where the file does not say."""
        axes = image.orientation
        if axes is None:
            return -1
        near = np.abs(self._known[: min(self._count, PLANES)] - axes).max(axis=(1, 2)) < _SAME_PLANE
        if near.any():
            return int(near.argmax())
        if self._count < PLANES:
            self._known[self._count] = axes
        self._count += 1
        return self._count - 1


def complement(parts: list[Part], asked: Callable[[], None] = lambda: None) -> tuple[list[list[Image]], list[str]]:
    """Put parts together that differ in nothing that matters and that only together make an even stack.

    So a slice that lacks its spacing, or that was marked as derived when it was compressed, stays in its series.
    Echoes, b-values, and magnitude against phase lie at the same places and stay apart.

    Args:
        parts: As `sorted_alike` gives them.
        asked: Called again and again; raises `Cancelled` to leave.

    Returns:
        The parts, and sentences on what was put together, and on what is beyond what can be sorted.
    """
    planes: dict[int, list[Part]] = defaultdict(list)
    for facts, images in parts:
        planes[facts.plane].append((facts, images))
    found: list[list[Image]] = []
    for plane, members in planes.items():
        found += [images for _, images in (members if plane == -1 else _joined(members, asked))]
    notes = []
    if len(found) < len(parts):
        notes.append(
            "Slices whose header differs in Image Type, or lacks a value of the others, complete the stack and are "
            "in it."
        )
    if len(planes) > PLANES:
        notes.append(f"The series holds slices in more than {PLANES} orientations; those of further ones open alone.")
    if any(plane != -1 and len(members) > PAIRED for plane, members in planes.items()):
        notes.append(
            f"The headers of this series part its slices into more than {PAIRED} kinds, each of which opens alone."
        )
    return found, notes


def _joined(parts: list[Part], asked: Callable[[], None]) -> list[Part]:
    """Parts of one plane, all put together if that makes a stack, else pair by pair."""
    if len(parts) < 2:
        return parts
    if _is_stack(parts):
        return [(parts[0][0], [image for _, images in parts for image in images])]
    if len(parts) > PAIRED:
        return parts
    left = dict(enumerate(parts))
    for number in sorted(left, key=lambda n: len(parts[n][1])):
        small = left[number]
        if small is not parts[number]:  # others were put into it
            continue
        for other, large in left.items():
            asked()
            if other != number and len(large[1]) >= len(small[1]) and _is_stack([large, small]):
                left[other] = (large[0], large[1] + small[1])
                del left[number]
                break
    return list(left.values())


def _is_stack(parts: Sequence[Part]) -> bool:
    """Whether parts state nothing that differs, and all their slices lie at places of their own, evenly."""
    facts = [fact for fact, _ in parts]
    stated = ([fact.echo for fact in facts], [fact.weight for fact in facts], [fact.spacing for fact in facts])
    if any(len({value for value in each if value is not None}) > 1 for each in stated):
        return False
    images = [image for _, members in parts for image in members]
    places = places_of(images)
    if places is None or len(images) < 3 or any(image.layout.frames > 1 for image in images):
        return False
    gaps = np.diff(np.sort(places[:, 0]))
    usual, tolerance = float(np.median(gaps)), same_place(images)
    return bool(gaps.min() > tolerance and (np.abs(gaps - usual) <= max(0.05 * usual, tolerance)).all())
