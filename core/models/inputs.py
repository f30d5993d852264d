"""What a model has to be given: images, sequences, volumes, and facts about the patient.

One entry of `inputs:` in a card or a recipe becomes one `InputSpec`. Nothing here touches a scan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal, get_args

InputKind = Literal["image", "volume", "sequence", "table"]
Resize = Literal["stretch", "letterbox", "crop"]
#: Numbers that a model may take for one case; a CT volume of 512 × 512 × 128 has half of it.
MOST_NUMBERS = 1 << 26

Intensity = Literal["display", "percentile", "window"]
RangeOf = Literal["frame", "scan"]


@dataclass(frozen=True)
class FeatureSpec:
    """One fact about the patient.

    Attributes:
        name: Column of the table.
        title: For people.
        unit: Of the number, `""` for none.
        low: Smallest number the model has any ground for.
        high: Largest.
        choices: Answer for people to the number the model gets; empty where the fact is a number.
        reference: What the model gets where the fact is unknown, and what fractions are measured from: the training
            mean.
    """

    name: str
    title: str
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    choices: Mapping[str, float] = field(default_factory=dict)
    reference: float = 0.0

    @property
    def range_words(self) -> str:
        """E.g. `"18 to 100 years"` or `"female or male"`."""
        if self.choices:
            return " or ".join(self.choices)
        return f"{self.low:g} to {self.high:g}{f' {self.unit}' if self.unit else ''}"


@dataclass(frozen=True)
class InputSpec:
    """One input of a model.

    Attributes:
        name: Name of the Keras input.
        kind: What the user has to bring.
        size: (rows, columns) on the model's grid, (0, 0) for a table.
        channels: 1 or 3, 0 for a table.
        value_range: Values of black and white on the model's grid.
        intensity: How modality values become that range: `display` by the file's own VOI transform, `percentile`
            by the 0.5th and 99.5th percentile, `window` by the fixed `window` (center, width).
        range_of: What percentiles are taken of, as in training: each `frame` by itself, so that an answer does not
            depend on which other slices were opened, or the whole `scan`. None for frames of an image and for the whole
            scan of a sequence or a volume.
        resize: How the scan's shape becomes the model's.
        modality: DICOM modalities the model was trained on.
        body_part: Body parts in lower case, empty where any will do.
        window: (center, width) in modality units for `intensity="window"`.
        title: For people.
        frames: Frames of a sequence or slices of a volume on the model's grid; 1 for an image.
        describe: Words in lower case by which a series is recognised as this input.
        lies: How its images lay in training, in words; `""` where the plane says it.
        optional: Whether the model was trained to go without it.
        absent: Value that fills an image that is left out.
        features: Facts of a table, in the order of its columns.
    """

    name: str
    kind: InputKind
    size: tuple[int, int]
    channels: int
    value_range: tuple[float, float]
    intensity: Intensity
    resize: Resize
    modality: tuple[str, ...]
    body_part: tuple[str, ...] = ()
    window: tuple[float, float] | None = None
    title: str = ""
    frames: int = 1
    describe: tuple[str, ...] = ()
    lies: str = ""
    optional: bool = False
    absent: float = 0.0
    features: tuple[FeatureSpec, ...] = ()
    range_of: RangeOf | None = None

    @property
    def by_frame(self) -> bool:
        """Whether percentiles are those of a frame by itself."""
        return self.kind == "image" if self.range_of is None else self.range_of == "frame"

    @property
    def is_image(self) -> bool:
        """Whether it has rows and columns."""
        return self.kind != "table"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the model's input without the axis of cases, e.g. (224, 224, 3) or (features,)."""
        if self.kind == "table":
            return (len(self.features),)
        image = (*self.size, self.channels)
        return image if self.kind == "image" else (self.frames, *image)


def choice(value: Any, allowed: Any, what: str) -> Any:
    """One of the values of a Literal.

    Raises:
        ValueError: It is none of them.
    """
    if value not in get_args(allowed):
        raise ValueError(f"{what} {value!r}, not one of {', '.join(get_args(allowed))}")
    return value


def names(value: Any, what: str) -> tuple[str, ...]:
    """A list of texts; a bare text would otherwise fall into its letters.

    Raises:
        ValueError: It is no list.
    """
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f"{what} that is not a list")
    return tuple(str(name) for name in value)


def _feature(entry: Mapping[str, Any]) -> FeatureSpec:
    name = str(entry["name"])
    choices = {str(answer): float(number) for answer, number in (entry.get("choices") or {}).items()}
    numbers = list(choices.values()) or [float(entry["low"]), float(entry["high"])]
    low, high = min(numbers), max(numbers)
    reference = float(entry.get("reference", (low + high) / 2))
    if not low < high or not low <= reference <= high:
        raise ValueError(f"feature {name!r} with bounds or reference that do not fit together")
    title = str(entry.get("title", name.capitalize()))
    return FeatureSpec(name, title, str(entry.get("unit", "")), low, high, choices, reference)


def _table(entry: Mapping[str, Any]) -> InputSpec:
    features = tuple(_feature(feature) for feature in entry["features"])
    if not features or len({feature.name for feature in features}) != len(features):
        raise ValueError(f"input {entry.get('name')!r} without features, or with one twice")
    return InputSpec(
        name=str(entry["name"]),
        kind="table",
        size=(0, 0),
        channels=0,
        value_range=(0.0, 1.0),
        intensity="display",
        resize="stretch",
        modality=(),
        title=str(entry.get("title", "About the patient")),
        optional=bool(entry.get("optional", False)),
        features=features,
    )


def input_spec(entry: Mapping[str, Any]) -> InputSpec:
    """One entry of `inputs:` in a card or a recipe.

    Raises:
        KeyError: A key is missing.
        ValueError: A value is out of bounds.
    """
    kind = choice(entry["kind"], InputKind, "kind")
    if kind == "table":
        return _table(entry)
    rows, columns = (int(v) for v in entry["size"])
    low, high = (float(v) for v in entry.get("range", (0.0, 1.0)))
    channels, frames = int(entry["channels"]), int(entry.get("frames", 1))
    if channels not in {1, 3} or min(rows, columns) < 1 or not high > low or not isfinite(high - low):
        raise ValueError(f"input {entry.get('name')!r} with size, channels or range out of bounds")
    if rows * columns * channels * frames > MOST_NUMBERS:
        raise ValueError(
            f"input {entry.get('name')!r} of {frames} × {rows} × {columns} × {channels} numbers, more than the "
            f"{MOST_NUMBERS:,} that one case may have"
        )
    if (frames > 1) != (kind in {"sequence", "volume"}):
        raise ValueError(f"input {entry.get('name')!r} of kind {kind} with {frames} frames")
    intensity = choice(entry.get("intensity", "display"), Intensity, "intensity")
    window = tuple(float(v) for v in entry["window"]) if "window" in entry else None
    if intensity == "window" and (window is None or len(window) != 2):
        raise ValueError(f"input {entry.get('name')!r} with intensity window, but no [center, width]")
    return InputSpec(
        name=str(entry["name"]),
        kind=kind,
        size=(rows, columns),
        channels=channels,
        value_range=(low, high),
        intensity=intensity,
        resize=choice(entry["resize"], Resize, "resize"),
        modality=names(entry.get("modality", ()), "modality"),
        body_part=tuple(part.lower() for part in names(entry.get("body_part", ()), "body_part")),
        window=(window[0], window[1]) if window else None,
        title=str(entry.get("title", str(entry["name"]).replace("_", " ").capitalize())),
        frames=frames,
        describe=tuple(word.lower() for word in names(entry.get("describe", ()), "describe")),
        lies=str(entry.get("lies", "")),
        optional=bool(entry.get("optional", False)),
        absent=float(entry.get("absent", low)),
        range_of=choice(entry["range_of"], RangeOf, "range_of") if "range_of" in entry else None,
    )
