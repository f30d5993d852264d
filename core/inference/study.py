"""A study: what a model is given of one patient, as scans and as facts; one scan is the usual case.

`prepare_study` makes the model's batch of it. What is missing and may be missing is filled as the model was trained to
go without it, and said; what must not be missing is asked for in one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.errors import IncompatibleInput
from core.inference.prepare import (
    Geometry,
    Prepared,
    Way,
    prepare,
)
from core.models.card import FeatureSpec, InputSpec, ModelCard
from core.models.compatibility import Compatibility, input_fit
from core.scan import Scan, Step

#: The way back of a model without images.
NOWHERE = Geometry((1, 1), (1, 1), (1.0, 1.0), (0.0, 0.0), (0, 0, 1, 1))


@dataclass(frozen=True, eq=False)
class Study:
    """What is known of one patient.

    Attributes:
        scans: Input name to its scan.
        facts: Feature name to the number the model knows it by, or None where it is unknown.
    """

    scans: Mapping[str, Scan] = field(default_factory=dict)
    facts: Mapping[str, float | None] = field(default_factory=dict)

    @classmethod
    def of(cls, card: ModelCard, scan: Scan) -> Study:
        """One scan as the first image of a model, and nothing else."""
        first = next((spec for spec in card.inputs if spec.is_image), card.inputs[0])
        return cls({first.name: scan})


def sample_frames(count: int, wanted: int) -> tuple[int, ...]:
    """Which of `count` frames stand for the `wanted` frames of a model: evenly, from the first to the last.

    Frames are repeated where there are too few and never blended, so that every frame the model sees is one of the
    scan.

    Example:
        >>> sample_frames(5, 3), sample_frames(2, 4)
        ((0, 2, 4), (0, 0, 1, 1))
    """
    # Half a frame goes down, to be the same on every machine.
    places = np.linspace(0, count - 1, wanted)
    return tuple(int(index) for index in np.ceil(places - 0.5 - 1e-9))


def check_fact(feature: FeatureSpec, value: float) -> float:
    """A fact within what the model has any ground for.

    Raises:
        IncompatibleInput: It is not; the sentence names the bounds.
    """
    allowed = value in feature.choices.values() if feature.choices else feature.low <= value <= feature.high
    if not allowed:
        raise IncompatibleInput(
            f"{feature.title.lower()} of {feature.range_words}", f"{value:g}", "correct it, or leave it unknown"
        )
    return float(value)


def table_row(spec: InputSpec, facts: Mapping[str, float | None]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """One row of a table and the titles of the facts that are not known.

    Args:
        spec: A table.
        facts: Feature name to number; None or nothing for unknown, which becomes the feature's reference.

    Returns:
        (features,) float32, and titles.

    Raises:
        IncompatibleInput: A fact is out of bounds, or all are unknown and the table must be there.
    """
    values = [facts.get(feature.name) for feature in spec.features]
    unknown = tuple(f.title for f, value in zip(spec.features, values, strict=True) if value is None)
    if len(unknown) == len(values) and not spec.optional:
        raise IncompatibleInput(f"Nothing is known of {spec.title}", f"say at least one of {', '.join(unknown)}")
    row = [
        feature.reference if value is None else check_fact(feature, value)
        for feature, value in zip(spec.features, values, strict=True)
    ]
    return np.asarray(row, np.float32), unknown


def missing_inputs(card: ModelCard, study: Study) -> tuple[str, ...]:
    """Titles of the inputs that must be there and are not."""
    absent = [spec for spec in card.inputs if spec.is_image and spec.name not in study.scans]
    unsaid = [
        spec
        for spec in card.inputs
        if not spec.is_image and all(study.facts.get(feature.name) is None for feature in spec.features)
    ]
    return tuple(spec.title for spec in card.inputs if spec in (*absent, *unsaid) and not spec.optional)


def study_fit(card: ModelCard, study: Study) -> Compatibility:
    """Whether the scans of a study are what a model was trained on: the first that is not, else what is unsaid."""
    inputs = {spec.name: spec for spec in card.inputs}
    fits = [input_fit(card, inputs[name], scan) for name, scan in study.scans.items()]
    told = [fit for fit in fits if not fit.fits] + [fit for fit in fits if fit.reason]
    return told[0] if told else Compatibility(True)


def main_scan(card: ModelCard, study: Study) -> Scan:
    """The scan that the masks of a model lie on: that of its first image, or the first that was given.

    Raises:
        IncompatibleInput: None was given, or the model takes a stack as one case.
    """
    given = [spec for spec in card.inputs if spec.is_image and spec.name in study.scans]
    if not given:
        raise IncompatibleInput(f"{card.title} needs a scan", "add it, or choose another model")
    if given[0].kind != "image":
        raise IncompatibleInput(
            f"{card.title} takes a {given[0].kind}, whose masks lie on no single image", "choose another model"
        )
    return study.scans[given[0].name]


def prepare_study(study: Study, card: ModelCard, frames: Sequence[int] | None = None) -> Prepared:
    """Bring everything that is known onto a model's inputs.

    Args:
        study: Images by input and facts by feature.
        card: The model's contract.
        frames: Frames of the images, each of which is a case with all other inputs beside it; None for all. A model
            with a sequence or a volume has one case.

    Raises:
        IncompatibleInput: An input is missing that must be there, a sequence has one frame, images differ in their
            number of frames, or a fact is out of bounds.
    """
    if missing := missing_inputs(card, study):
        raise IncompatibleInput(f"{card.title} lacks {', '.join(missing)}", "add it, or choose another model")
    if not study.scans and not any(value is not None for value in study.facts.values()):
        raise IncompatibleInput("Nothing was given to the model", "add an image or a fact")
    chosen = _cases(study, card, frames)
    batch: dict[str, NDArray[np.float32]] = {}
    ways: dict[str, Way] = {}
    steps: list[Step] = []
    left_out: list[str] = []
    for spec in card.inputs:
        if not spec.is_image:
            row, unknown = table_row(spec, study.facts)
            batch[spec.name] = np.repeat(row[None], len(chosen), axis=0)
            left_out += unknown
        elif spec.name in study.scans:
            scan = study.scans[spec.name]
            part = _image(scan, spec, chosen)
            batch[spec.name] = part.batch[spec.name]
            ways[spec.name] = Way(part.geometry, part.frames, scan.digest)
            prefix = f"{spec.title}: " if len(card.inputs) > 1 else ""
            steps += [Step(f"{prefix}{step.name}", step.detail) for step in part.provenance]
        else:
            batch[spec.name] = np.full((len(chosen), *spec.shape), spec.absent, np.float32)
            left_out.append(spec.title)
    first = next(iter(ways.values()), Way(NOWHERE, chosen, ""))
    return Prepared(batch, first.geometry, first.frames, tuple(steps), ways, tuple(left_out))


def _cases(study: Study, card: ModelCard, frames: Sequence[int] | None) -> tuple[int, ...]:
    """The frames that are cases; (0,) for a model with a sequence or a volume, or without images."""
    given = [spec for spec in card.inputs if spec.name in study.scans]
    images = [spec for spec in given if spec.kind == "image"]
    if not images or len(images) < len(given):
        return (0,)
    counts = {study.scans[spec.name].frames for spec in images}
    if len(counts) > 1:
        said = ", ".join(f"{spec.title} with {study.scans[spec.name].frames}" for spec in images)
        raise IncompatibleInput(
            f"The images differ in their number of slices: {said}", "choose series that belong together"
        )
    count = counts.pop()
    chosen = tuple(range(count)) if frames is None else tuple(frames)
    if any(not 0 <= index < count for index in chosen):
        raise IncompatibleInput(f"The scan has no other frames than 1 to {count}", "move the slider")
    return chosen


def _image(scan: Scan, spec: InputSpec, chosen: tuple[int, ...]) -> Prepared:
    """One image of the batch, with the axis of frames where it has one."""
    if spec.kind == "image":
        return prepare(scan, spec, chosen)
    if scan.frames < 2:
        what = "a sequence of two frames or more" if spec.kind == "sequence" else "a volume of two slices or more"
        raise IncompatibleInput(
            f"{spec.title} needs {what}, and one image was given", "open the whole series, or leave it out"
        )
    part = prepare(scan, spec, sample_frames(scan.frames, spec.frames))
    noun = "frames" if spec.kind == "sequence" else "slices"
    step = Step(f"Model's {noun}", f"{spec.frames} of {scan.frames} {noun}, evenly from the first to the last")
    return Prepared({spec.name: part.batch[spec.name][None]}, part.geometry, part.frames, (*part.provenance, step))
