"""Model cards: what a model expects, promises and was measured to do, read from `models/<slug>/README.md`.

The front matter is a Hugging Face model card with one key of our own, `scanlens:`, which holds the contract. Nothing
here opens a model file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from core.errors import InvalidCard

Task = Literal["binary", "multiclass", "multilabel", "ordinal", "segmentation"]
InputKind = Literal["image", "volume", "sequence", "table"]
Resize = Literal["stretch", "letterbox", "crop"]
Intensity = Literal["display", "percentile", "window"]


@dataclass(frozen=True)
class InputSpec:
    """One input of a model.

    Attributes:
        name: Name of the Keras input.
        kind: What the user has to bring.
        size: (rows, columns) on the model's grid.
        channels: 1 or 3.
        value_range: Values of black and white on the model's grid.
        intensity: How modality values become that range: `display` by the file's own VOI transform, `percentile`
            by the 0.5th and 99.5th percentile, `window` by the fixed `window` (center, width).
        resize: How the scan's shape becomes the model's.
        modality: DICOM modalities the model was trained on.
        body_part: Body parts in lower case, empty where any will do.
        window: (center, width) in modality units for `intensity="window"`.
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


@dataclass(frozen=True)
class ModelCard:
    """The contract of one bundle.

    Attributes:
        slug: Name of the folder.
        folder: Where the bundle lies.
        title: Short name for people, e.g. `"Pneumonia, chest X-ray"`.
        summary: One sentence: what it answers, for whom.
        task: What kind of answer the model gives.
        labels: Names of the classes. A binary model may have one output unit for two labels; its probability is that
            of `labels[1]`.
        inputs: One entry an input.
        threshold: Probability of `labels[1]` from which on the decision is `labels[1]` (binary), else None.
        threshold_from: How and on which split it was chosen.
        temperature: Divides the logits before the final activation to calibrate them; from the validation split.
        explain_layer: Name of the layer whose activations heatmaps are drawn from.
        sha256: File name to hash, for each file of the bundle but the card.
        license: SPDX-like identifier of the weights' licence.
        non_commercial: Whether the licence of the data forbids commercial use.
        training_modality: What the model saw, in words for a refusal, e.g. `"a chest radiograph"`.
        out_of_distribution: Facts on the similarity check as measured, e.g. `{"roc_auc": 0.98, …}`.
        front_matter: The whole front matter.
        text: The card's body in Markdown.
        thresholds: Probability from which on a finding is called, for each label of a multilabel model, and for the
            name of `derived`; else empty.
        derived: A yes-or-no question that follows from the classes, as `name` and the `labels` that mean yes; its
            probability is the sum of theirs. Empty where there is none.
    """

    slug: str
    folder: Path
    title: str
    summary: str
    task: Task
    labels: tuple[str, ...]
    inputs: tuple[InputSpec, ...]
    threshold: float | None
    threshold_from: str
    temperature: float
    explain_layer: str
    sha256: Mapping[str, str]
    license: str
    non_commercial: bool
    training_modality: str
    out_of_distribution: Mapping[str, Any] = field(default_factory=dict)
    front_matter: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    derived: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The metrics of the card's model-index, flattened: name, type, value, low, high, n, dataset, split."""
        rows = []
        for model in self.front_matter.get("model-index") or []:
            for result in model.get("results") or []:
                dataset = result.get("dataset") or {}
                for metric in result.get("metrics") or []:
                    rows.append({**metric, "dataset": dataset.get("name", ""), "split": dataset.get("split", "")})
        return rows


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The YAML between the first two `---` lines, and what follows.

    Raises:
        ValueError: There is no front matter, or it is not a mapping.
    """
    parts = text.split("---\n", 2)
    if len(parts) != 3 or parts[0].strip():
        raise ValueError("no front matter between two lines of ---")
    matter = yaml.safe_load(parts[1])
    if not isinstance(matter, dict):
        raise ValueError("front matter that is not a mapping")
    return matter, parts[2].lstrip("\n")


def _choice(value: Any, allowed: Any, what: str) -> Any:
    if value not in get_args(allowed):
        raise ValueError(f"{what} {value!r}, not one of {', '.join(get_args(allowed))}")
    return value


def _names(value: Any, what: str) -> tuple[str, ...]:
    """A list of texts; a bare text would otherwise fall into its letters."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f"{what} that is not a list")
    return tuple(str(name) for name in value)


def input_spec(entry: Mapping[str, Any]) -> InputSpec:
    """One entry of `inputs:` in a card or a recipe.

    Raises:
        KeyError: A key is missing.
        ValueError: A value is out of bounds.
    """
    rows, columns = (int(v) for v in entry["size"])
    low, high = (float(v) for v in entry.get("range", (0.0, 1.0)))
    channels = int(entry["channels"])
    if channels not in {1, 3} or min(rows, columns) < 1 or high <= low:
        raise ValueError(f"input {entry.get('name')!r} with size, channels or range out of bounds")
    intensity = _choice(entry.get("intensity", "display"), Intensity, "intensity")
    window = tuple(float(v) for v in entry["window"]) if "window" in entry else None
    if intensity == "window" and (window is None or len(window) != 2):
        raise ValueError(f"input {entry.get('name')!r} with intensity window, but no [center, width]")
    return InputSpec(
        name=str(entry["name"]),
        kind=_choice(entry["kind"], InputKind, "kind"),
        size=(rows, columns),
        channels=channels,
        value_range=(low, high),
        intensity=intensity,
        resize=_choice(entry["resize"], Resize, "resize"),
        modality=_names(entry.get("modality", ()), "modality"),
        body_part=tuple(part.lower() for part in _names(entry.get("body_part", ()), "body_part")),
        window=(window[0], window[1]) if window else None,
    )


def _derived(contract: Mapping[str, Any], labels: Sequence[str]) -> dict[str, Any]:
    entry = contract.get("derived") or {}
    if not entry:
        return {}
    name, members = str(entry["name"]), _names(entry["labels"], "derived labels")
    if not members or not set(members) < set(labels) or name not in contract.get("thresholds", {}):
        raise ValueError("a derived question whose labels are not some of the model's, or without a threshold")
    return {"name": name, "labels": members}


def _thresholds(contract: Mapping[str, Any], task: str, labels: Sequence[str]) -> dict[str, float]:
    found = {str(label): float(value) for label, value in (contract.get("thresholds") or {}).items()}
    if task == "multilabel" and not set(labels) <= set(found):
        raise ValueError("a multilabel task without a threshold for each label")
    if not all(0 <= value <= 1 for value in found.values()):
        raise ValueError("a threshold outside 0 to 1")
    return found


def load_card(folder: Path) -> ModelCard:
    """Read the card of one bundle.

    Raises:
        InvalidCard: The card is missing or breaks the contract; the sentence names the model and the fault.
    """
    try:
        matter, text = split_front_matter((folder / "README.md").read_text(encoding="utf-8"))
        contract = matter["scanlens"]
        labels, inputs = _names(contract["labels"], "labels"), tuple(input_spec(entry) for entry in contract["inputs"])
        task = _choice(contract["task"], Task, "task")
        if task == "binary" and (len(labels) != 2 or contract.get("threshold") is None):
            raise ValueError("a binary task without two labels and a threshold")
        threshold = None if contract.get("threshold") is None else float(contract["threshold"])
        temperature = float(contract.get("temperature", 1.0))
        if not labels or not inputs or not 0 <= (threshold or 0.0) <= 1 or not 0 < temperature < float("inf"):
            raise ValueError("no labels, no inputs, a threshold outside 0 to 1 or a temperature that is not above 0")
        thresholds, derived = _thresholds(contract, task, labels), _derived(contract, labels)
        return ModelCard(
            slug=folder.name,
            folder=folder,
            title=str(contract["title"]),
            summary=str(contract["summary"]),
            task=task,
            labels=labels,
            inputs=inputs,
            threshold=threshold,
            threshold_from=str(contract.get("threshold_from", "")),
            temperature=temperature,
            explain_layer=str(contract["explain_layer"]),
            sha256=dict(contract["sha256"]),
            license=str(matter.get("license", "unknown")),
            non_commercial=bool(contract.get("non_commercial", False)),
            training_modality=str(contract["training_modality"]),
            out_of_distribution=dict(contract.get("out_of_distribution", {})),
            front_matter=matter,
            text=text,
            thresholds=thresholds,
            derived=derived,
        )
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError) as error:
        fault = f"no {error}" if isinstance(error, KeyError) else str(error).replace("\n", " ")
        if isinstance(error, OSError):  # its own text holds the machine's path
            fault = "no file that can be read"
        raise InvalidCard(
            f"a complete model card in {folder.name}/README.md", fault, "compare it with CONTRIBUTING.md"
        ) from error


def load_cards(folder: Path) -> tuple[dict[str, ModelCard], list[InvalidCard]]:
    """Read every bundle below `folder`.

    Returns:
        Cards by slug in order of title, and what was wrong with the others; one bad card hides no good one.
    """
    cards, faults = [], []
    for path in sorted(folder.glob("*/README.md")):
        try:
            cards.append(load_card(path.parent))
        except InvalidCard as fault:
            faults.append(fault)
    return {card.slug: card for card in sorted(cards, key=lambda card: card.title)}, faults
