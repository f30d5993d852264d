"""Frames of one series that were taken alike, within what headers round: meaningless differences never part a stack."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.readers.dicom.diffusion import diffusion_weight
from core.readers.dicom.image import Picture
from core.readers.dicom.stacks import places_of, same_place

#: Cosines that differ by less are one orientation: about half a degree.
_SAME_PLANE = 0.01
#: Orientations that frames are held against; frames of further ones stay alone. A radial scan has some hundred.
_PLANES = 500
#: Parts of one plane that are tried in pairs.
_PAIRED = 64
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


Part = tuple[Facts, list[Picture]]


def sorted_alike(pictures: Sequence[Picture]) -> list[Part]:
    """Parts that agree in every fact, in order of their first picture."""
    planes: list[NDArray[np.float64]] = []
    echoes = _clusters([_echo(picture) for picture in pictures], _ECHO)
    weights = _clusters([diffusion_weight(picture) for picture in pictures], _WEIGHT)
    pairs = [picture.spacing if len(picture.spacing) == 2 else None for picture in pictures]
    down, across = (_clusters([None if pair is None else pair[axis] for pair in pairs], _SPACING) for axis in (0, 1))
    parts: dict[Facts, list[Picture]] = defaultdict(list)
    for n, picture in enumerate(pictures):
        rows, columns = down[n], across[n]
        spacing = None if rows is None or columns is None else (rows, columns)
        parts[Facts(_plane(picture, planes), echoes[n], weights[n], spacing, _image_type(picture))].append(picture)
    return list(parts.items())


def _echo(picture: Picture) -> float | None:
    return picture.number("MREchoSequence", "EffectiveEchoTime") or picture.file.number("EchoTime")


def _image_type(picture: Picture) -> str:
    """Image Type in one spelling: case, blanks and empty values at the end say nothing."""
    single = picture.layout.frames == 1
    words = picture.file.text("ImageType") if single else picture.text("MRImageFrameTypeSequence", "FrameType")
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


def _plane(picture: Picture, known: list[NDArray[np.float64]]) -> int:
    """Number of the orientation among those seen so far."""
    axes = picture.orientation
    if axes is None:
        return -1
    if known and (near := np.abs(np.array(known[:_PLANES]) - axes).max(axis=(1, 2)) < _SAME_PLANE).any():
        return int(near.argmax())
    known.append(axes)
    return len(known) - 1


def complement(parts: list[Part]) -> tuple[list[list[Picture]], str]:
    """Put parts together that differ in nothing that matters and that only together make an even stack.

    So a slice that lacks its spacing, or that was marked as derived when it was compressed, stays in its series.
    Echoes, b-values, and magnitude against phase lie at the same places and stay apart.

    Returns:
        The parts, and a sentence where some were put together, else `""`.
    """
    planes: dict[int, list[Part]] = defaultdict(list)
    for facts, pictures in parts:
        planes[facts.plane].append((facts, pictures))
    found: list[list[Picture]] = []
    for plane, members in planes.items():
        found += [pictures for _, pictures in (members if plane == -1 else _joined(members))]
    note = (
        "Slices whose header differs in Image Type, or lacks a value of the others, complete the stack and are in it."
    )
    return found, note if len(found) < len(parts) else ""


def _joined(parts: list[Part]) -> list[Part]:
    """Parts of one plane, all put together if that makes a stack, else pair by pair."""
    if len(parts) < 2 or _is_stack(parts):
        return [(parts[0][0], [picture for _, pictures in parts for picture in pictures])] if len(parts) > 1 else parts
    if len(parts) > _PAIRED:
        return parts
    left = list(parts)
    for small in sorted(parts, key=lambda part: len(part[1])):
        for large in left:
            if large is not small and small in left and len(large[1]) >= len(small[1]) and _is_stack([large, small]):
                left[left.index(large)] = (large[0], large[1] + small[1])
                left.remove(small)
                break
    return left


def _is_stack(parts: Sequence[Part]) -> bool:
    """Whether parts state nothing that differs, and all their slices lie at places of their own, evenly."""
    facts = [fact for fact, _ in parts]
    stated = ([fact.echo for fact in facts], [fact.weight for fact in facts], [fact.spacing for fact in facts])
    if any(len({value for value in each if value is not None}) > 1 for each in stated):
        return False
    pictures = [picture for _, members in parts for picture in members]
    places = places_of(pictures)
    if places is None or len(pictures) < 3 or any(picture.layout.frames > 1 for picture in pictures):
        return False
    gaps = np.diff(np.sort(places[:, 0]))
    usual, tolerance = float(np.median(gaps)), same_place(pictures)
    return bool(gaps.min() > tolerance and (np.abs(gaps - usual) <= max(0.05 * usual, tolerance)).all())
