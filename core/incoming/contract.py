"""What a model's card will promise, as far as a person has to agree on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import InvalidCard
from core.models.card import InputSpec, Task


@dataclass(frozen=True)
class Contract:
    """The part of a card that the file cannot say alone.

    Attributes:
        title: Short name for people.
        task: What kind of answer the model gives.
        labels: Names of the classes, in the order of the outputs. A single output speaks for the second of two.
        inputs: One entry an input.
        summary: One sentence: what it answers, for whom; made from title and labels where it is empty.
        threshold: Probability of the second label from which on it is predicted (binary, segmentation), else None.
        training_modality: What the model saw, in words for a refusal, e.g. `"a chest radiograph"`.
        population: Whom it was trained on, in words.
        license: SPDX-like identifier.
        non_commercial: Whether the licence forbids commercial use.
        explain_layer: Layer to draw heatmaps from, None for the last that has a spatial output.
        reading: What is put in front of the model, see `core.keras_process.model.reading`.
    """

    title: str
    task: Task
    labels: tuple[str, ...]
    inputs: tuple[InputSpec, ...]
    summary: str = ""
    threshold: float | None = 0.5
    training_modality: str = ""
    population: str = ""
    license: str = "unknown"
    non_commercial: bool = False
    explain_layer: str | None = None
    reading: str = ""

    def check(self) -> None:
        """Look for what is missing.

        Raises:
            InvalidCard: Something is missing or contradicts the rest; the sentence says what.
        """
        if not self.title.strip():
            raise InvalidCard("The model has no name", "type one")
        names = [label.strip() for label in self.labels]
        if not names or not all(names) or len(set(names)) != len(names):
            raise InvalidCard("one name for each class, each of them once", ", ".join(names) or "none", "name them")
        if self.task == "binary" and len(names) != 2:
            raise InvalidCard("two labels for a yes-or-no question", f"{len(names)}", "name both answers")
        if self.task in {"binary", "segmentation"} and not 0 <= (self.threshold or 0.0) <= 1:
            raise InvalidCard("a threshold from 0 to 1", f"{self.threshold:g}", "correct it")
        if not self.inputs:
            raise InvalidCard("The model has no input", "choose another file")


@dataclass(frozen=True)
class Proposal:
    """A draft of the contract.

    Attributes:
        contract: As far as it is known, the rest filled with the likeliest.
        known: Field to the sentence that says how it is known.
        open: Fields that only a person can complete.
        layers: Layers from which heatmaps may be drawn, the last first.
    """

    contract: Contract
    known: Mapping[str, str] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()


def input_entry(spec: InputSpec) -> dict[str, Any]:
    """One entry of `inputs:` in a card, the way back of `core.models.inputs.input_spec`."""
    if spec.kind == "table":
        return {
            "name": spec.name, "kind": "table", "title": spec.title, "optional": spec.optional,
            "features": [_feature(feature) for feature in spec.features],
        }  # fmt: skip
    entry: dict[str, Any] = {
        "name": spec.name,
        "kind": spec.kind,
        "size": list(spec.size),
        "channels": spec.channels,
        "range": [float(value) for value in spec.value_range],
        "intensity": spec.intensity,
        "resize": spec.resize,
        "modality": list(spec.modality),
        "body_part": list(spec.body_part),
        "title": spec.title or spec.name,
    }
    if spec.frames > 1:
        entry["frames"] = spec.frames
    if spec.window is not None:
        entry["window"] = list(spec.window)
    if spec.range_of is not None:
        entry["range_of"] = spec.range_of
    if spec.describe:
        entry["describe"] = list(spec.describe)
    return entry


def _feature(feature: Any) -> dict[str, Any]:
    entry = {"name": feature.name, "title": feature.title, "unit": feature.unit, "reference": feature.reference}
    return {
        **entry,
        **({"choices": dict(feature.choices)} if feature.choices else {"low": feature.low, "high": feature.high}),
    }
