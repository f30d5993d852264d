"""Model cards: what a model expects, promises and was measured to do, read from `models/<slug>/README.md`.

The front matter is a Hugging Face model card with one key of our own, `scanlens:`, which holds the contract. Nothing
here opens a model file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from core.bounded import parse_yaml, read_text
from core.errors import InvalidCard
from core.models.conformal import Conformal, read_conformal
from core.models.inputs import (
    FeatureSpec,
    InputSpec,
    choice,
    input_spec,
    names,
)
from core.models.population import Population, read_population

Task = Literal["binary", "multiclass", "multilabel", "ordinal", "segmentation"]

__all__ = [
    "FeatureSpec",
    "InputSpec",
    "ModelCard",
    "Task",
    "input_spec",
    "load_card",
    "load_cards",
    "split_front_matter",
]


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
        threshold: Probability of `labels[1]` from which on the decision is `labels[1]` (binary, or a segmentation with
            one outline), else None.
        threshold_from: How and on which split it was chosen.
        temperature: Divides the logits before the final activation to calibrate them; from the validation split.
        explain_layer: Name of the layer whose activations heatmaps are drawn from, `""` for a model without images.
        sha256: File name to hash, for each file of the bundle but the card.
        license: SPDX-like identifier of the weights' licence.
        non_commercial: Whether the licence of the data forbids commercial use.
        training_modality: What the model saw, in words for a refusal, e.g. `"a chest radiograph"`.
        out_of_distribution: Facts on the similarity check as measured, e.g. `{"roc_auc": 0.98, …}`.
        front_matter: The whole front matter.
        text: The card's body in Markdown.
        thresholds: Probability from which on a finding is called, for each label of a multilabel model, for each
            outline of a segmentation with several, and for the name of `derived`; else empty.
        derived: A yes-or-no question that follows from the classes, as `name` and the `labels` that mean yes; its
            probability is the sum of theirs. Empty where there is none.
        conformal: How prediction sets are made, and how often they held; None where the card does not say.
        population: Whom the model knows, as far as the card states it.
        shortcuts: What is known to lead its answers astray, one short sentence each, to be shown with the answer.
        threshold_range: Where 95 % of the thresholds lie that resamples of the validation split would have chosen, or
            None.
        answered: What was measured of withholding, see `core.training.card.answered`; empty where nothing was.
        kinds: Slugs of the kinds of image that the model knows, as `core.inference.kinds` has them, with `/variant`
            behind where it knows one variant only; empty where the card does not say.
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
    conformal: Conformal | None = None
    population: Population | None = None
    shortcuts: tuple[str, ...] = ()
    threshold_range: tuple[float, float] | None = None
    answered: tuple[Mapping[str, Any], ...] = ()
    kinds: tuple[str, ...] = ()

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
        ValueError: There is no front matter, it is not a mapping, or it passes the bounds of `core.bounded`.
    """
    parts = text.split("---\n", 2)
    if len(parts) != 3 or parts[0].strip():
        raise ValueError("no front matter between two lines of ---")
    matter = parse_yaml(parts[1])
    if not isinstance(matter, dict):
        raise ValueError("front matter that is not a mapping")
    return matter, parts[2].lstrip("\n")


def _well_shaped(index: Any) -> list[dict[str, Any]]:
    """The parts of a model-index that are what Hugging Face's format says; cards from elsewhere hold anything.

    Each metric that is left has a `type` in words and a `value` that is a number or None.
    """
    found = []
    for model in _mappings(index):
        results = []
        for result in _mappings(model.get("results")):
            metrics = [
                metric
                for metric in _mappings(result.get("metrics"))
                if isinstance(metric.get("type"), str) and isinstance(metric.get("value"), int | float | None)
            ]
            dataset = result.get("dataset")
            results.append({**result, "dataset": dataset if isinstance(dataset, dict) else {}, "metrics": metrics})
        found.append({**model, "results": results})
    return found


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _derived(contract: Mapping[str, Any], labels: Sequence[str]) -> dict[str, Any]:
    entry = contract.get("derived") or {}
    if not entry:
        return {}
    name, members = str(entry["name"]), names(entry["labels"], "derived labels")
    if not members or not set(members) < set(labels) or name not in contract.get("thresholds", {}):
        raise ValueError("a derived question whose labels are not some of the model's, or without a threshold")
    return {"name": name, "labels": members}


def _thresholds(contract: Mapping[str, Any], task: str, labels: Sequence[str]) -> dict[str, float]:
    found = {str(label): float(value) for label, value in (contract.get("thresholds") or {}).items()}
    if task == "multilabel" and not set(labels) <= set(found):
        raise ValueError("a multilabel task without a threshold for each label")
    several = task == "segmentation" and contract.get("threshold") is None
    if several and (len(labels) < 2 or set(found) != set(labels[1:])):
        raise ValueError("a segmentation without a threshold for each label but the background")
    if not all(0 <= value <= 1 for value in found.values()):
        raise ValueError("a threshold outside 0 to 1")
    return found


def _range(contract: Mapping[str, Any]) -> tuple[float, float] | None:
    ends = contract.get("threshold_range")
    if ends is None:
        return None
    low, high = (float(end) for end in ends)
    if not 0 <= low <= high <= 1:
        raise ValueError("a range of thresholds that does not run upwards between 0 and 1")
    return low, high


def load_card(folder: Path) -> ModelCard:
    """Read the card of one bundle.

    Raises:
        InvalidCard: The card is missing or breaks the contract; the sentence names the model and the fault.
    """
    try:
        matter, text = split_front_matter(read_text(folder / "README.md"))
        matter = {**matter, "model-index": _well_shaped(matter.get("model-index"))}
        contract = matter["scanlens"]
        labels, inputs = names(contract["labels"], "labels"), tuple(input_spec(entry) for entry in contract["inputs"])
        task = choice(contract["task"], Task, "task")
        if task == "binary" and (len(labels) != 2 or contract.get("threshold") is None):
            raise ValueError("a binary task without two labels and a threshold")
        threshold = None if contract.get("threshold") is None else float(contract["threshold"])
        temperature = float(contract.get("temperature", 1.0))
        if len({spec.name for spec in inputs}) != len(inputs):
            raise ValueError("two inputs of one name")
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
            conformal=read_conformal(contract, task, labels),
            population=read_population(contract),
            shortcuts=names(contract.get("shortcuts") or [], "shortcuts"),
            threshold_range=_range(contract),
            answered=tuple(_mappings(contract.get("answered"))),
            kinds=names(contract.get("kinds") or [], "kinds"),
        )
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
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
