"""Recipes of models with several inputs: one YAML file a model in `core/training/recipes/studies/`.

What they share with recipes of pictures (schedule, augmentation, prose of the card) is read by the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from core.bounded import parse_yaml, read_text
from core.models.card import InputSpec, Task, input_spec
from core.training.recipe.schema import (
    RECIPES,
    Augmentation,
    InvalidRecipe,
    Schedule,
    Source,
    ThresholdRule,
    known_keys,
    read_schedule,
    read_source,
)

STUDY_RECIPES = RECIPES / "studies"

Change = Literal["shuffle", "freeze", "reverse"]


@dataclass(frozen=True)
class StudyData:
    """Where studies come from.

    Attributes:
        loader: Name in `LOADERS`.
        folder: Folder below the data folder.
        name: Short name, used in file names.
        title: Name for people.
        options: What the loader wants to know.
        bands: Attribute that is a number to the borders of its groups.
        combined: Further subgroups, each by the texts that several attributes have together.
        noun: What a case is called, in the plural.
    """

    loader: str
    folder: str
    name: str
    title: str
    options: Mapping[str, Any] = field(default_factory=dict)
    bands: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    combined: tuple[Mapping[str, str], ...] = ()
    noun: str = "studies"

    @property
    def source(self) -> Source:
        """The same for code that only wants to name the data."""
        return Source(self.name, self.folder, "", "", self.title, combined=self.combined, noun=self.noun)


@dataclass(frozen=True)
class Folds:
    """Cross-validation by patient; each fold is the test set of one training.

    Attributes:
        folds: How many.
        val: Share of the patients outside the test fold that validate.
        seed: Of the deal.
    """

    folds: int = 5
    val: float = 0.15
    seed: int = 0


@dataclass(frozen=True)
class Variant:
    """A measurement with changed inputs.

    Attributes:
        name: For people and file names, e.g. `frames shuffled`.
        input: Sequence whose frames change.
        change: `shuffle` in an order drawn for each case, `freeze` at the first frame, `reverse`.
        leave_out: Inputs or features that the model has to do without.
    """

    name: str
    input: str = ""
    change: Change | None = None
    leave_out: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """The name for a file."""
        return "-".join(self.name.lower().split())


@dataclass(frozen=True)
class Timing:
    """How sequences vary in training.

    Attributes:
        start: Largest shift of the first frame, the cycle being closed; in frames either way.
        fewest: Frames that are left of a sequence in half of the cases, at least; those are then repeated to the full
            number, so that repeated frames, which come from short scans, tell nothing. 0 for never.
    """

    start: int = 0
    fewest: int = 0


@dataclass(frozen=True)
class Frozen:
    """The beginning of a network that stays as a warm start left it.

    Attributes:
        layers: The last layers of that beginning, whose outputs are computed once.
        variations: Variations of each case that are computed.
    """

    layers: tuple[str, ...]
    variations: int = 12


@dataclass(frozen=True)
class StudyRecipe:
    """One model from data to card.

    Attributes:
        slug: Name of the file and of the bundle.
        title: Short name for people.
        summary: One sentence: what it answers.
        task: binary, multiclass or ordinal.
        labels: Names of the classes.
        data: Where it learns.
        inputs: The input contracts.
        input_entries: The same as written, for the card.
        architecture: Name for `architectures.registry`.
        parameters: Keyword arguments of the builder.
        explain_layer: Layer whose activations heatmaps are drawn from, `""` for a model without pictures.
        warm_start: Name in `WARM_STARTS`, `""` for none.
        frozen: What a warm start is left as it is, or None.
        augmentation: How pictures vary; the pictures of a study move together.
        timing: How sequences vary.
        schedule: How long and how fast; `doubt` is label smoothing.
        keep: `best` on the validation split, or `last`, where the split is too small to choose by.
        average: Share of the old in a running mean of the weights, taken after each epoch, which is what is judged and
            kept; 0 for the weights themselves.
        seed: Of everything that is drawn.
        folds: Cross-validation, or None where the loader's split holds.
        missing: Input or feature to the chance of being left out in training.
        variants: Measurements with changed inputs.
        threshold_rule: As for pictures.
        threshold_value: As for pictures.
        others: Pictures the similarity check has to refuse.
        card: Prose, licence and the like, as written.
        derived: Always empty; recipes of pictures have it.
    """

    slug: str
    title: str
    summary: str
    task: Task
    labels: tuple[str, ...]
    data: StudyData
    inputs: tuple[InputSpec, ...]
    input_entries: tuple[Mapping[str, Any], ...]
    architecture: str
    parameters: Mapping[str, Any]
    explain_layer: str
    warm_start: str
    frozen: Frozen | None
    augmentation: Augmentation
    timing: Timing
    schedule: Schedule
    keep: Literal["best", "last"]
    average: float
    seed: int
    folds: Folds | None
    missing: Mapping[str, float]
    variants: tuple[Variant, ...]
    threshold_rule: ThresholdRule
    threshold_value: float
    others: tuple[Source, ...]
    card: Mapping[str, Any]
    derived: Mapping[str, Any] = field(default_factory=dict)

    @property
    def localise(self) -> tuple[()]:
        """Nothing: recipes of pictures may name marked regions."""
        return ()

    def input(self, name: str) -> InputSpec:
        """The contract of one input."""
        return next(spec for spec in self.inputs if spec.name == name)


def _data(entry: Mapping[str, Any]) -> StudyData:
    known = known_keys(StudyData, entry, "data")
    known["bands"] = {name: tuple(borders) for name, borders in known.get("bands", {}).items()}
    return StudyData(**known)


def _variant(entry: Mapping[str, Any], inputs: tuple[InputSpec, ...]) -> Variant:
    variant = Variant(**known_keys(Variant, entry, "a variant"))
    sequences = {spec.name for spec in inputs if spec.kind in {"sequence", "volume"}}
    if variant.change is not None and (variant.input not in sequences or variant.change not in get_args(Change)):
        raise ValueError(f"variant {variant.name!r} with change {variant.change!r} of {variant.input!r}")
    if (variant.change is None) != bool(variant.leave_out):
        raise ValueError(f"variant {variant.name!r} that changes nothing, or in two ways")
    _check_parts(variant.leave_out, inputs, f"variant {variant.name!r}")
    return variant


def parts(inputs: tuple[InputSpec, ...]) -> set[str]:
    """Names of all inputs and features: what can be left out."""
    return {spec.name for spec in inputs} | {feature.name for spec in inputs for feature in spec.features}


def _check_parts(names: Any, inputs: tuple[InputSpec, ...], what: str) -> None:
    if strangers := set(names) - parts(inputs):
        raise ValueError(f"{what} with {', '.join(sorted(strangers))}, which is no input or feature")


def _parse(slug: str, entry: Mapping[str, Any]) -> StudyRecipe:
    labels, entries = tuple(entry["labels"]), tuple(entry["inputs"])
    inputs = tuple(input_spec(each) for each in entries)
    threshold, weights = entry.get("threshold", {}), entry.get("weights", {})
    folds, missing = entry.get("cross_validation"), entry.get("missing", {}) or {}
    if entry["task"] not in {"binary", "multiclass", "ordinal"}:
        raise ValueError(f"task {entry['task']!r}")
    if threshold.get("rule", "youden") not in get_args(ThresholdRule) or weights.get("keep", "best") not in {
        "best",
        "last",
    }:
        raise ValueError("a threshold rule or kept weights that do not exist")
    _check_parts(missing, inputs, "missing")
    return StudyRecipe(
        slug=slug,
        title=entry["title"],
        summary=entry["summary"],
        task=entry["task"],
        labels=labels,
        data=_data(entry["data"]),
        inputs=inputs,
        input_entries=entries,
        architecture=entry["architecture"]["name"],
        parameters=entry["architecture"].get("parameters", {}),
        explain_layer=entry.get("explain_layer") or "",
        warm_start=entry.get("warm_start", ""),
        frozen=Frozen(**known_keys(Frozen, entry["frozen"], "frozen")) if entry.get("frozen") else None,
        augmentation=Augmentation(**known_keys(Augmentation, entry.get("augmentation", {}), "augmentation")),
        timing=Timing(**known_keys(Timing, entry.get("timing", {}), "timing")),
        schedule=read_schedule(entry["schedule"]),
        keep=weights.get("keep", "best"),
        average=float(weights.get("average", 0.0)),
        seed=int(entry["seed"]),
        folds=None if not folds or folds == "none" else Folds(**known_keys(Folds, folds, "cross_validation")),
        missing={name: float(chance) for name, chance in missing.items()},
        variants=tuple(_variant(each, inputs) for each in entry.get("variants", ())),
        threshold_rule=threshold.get("rule", "youden"),
        threshold_value=float(threshold.get("value", 0.95)),
        others=tuple(read_source(other, labels) for other in entry.get("similarity", {}).get("others", ())),
        card=entry["card"],
    )


def load_study_recipe(path: Path) -> StudyRecipe:
    """Read one recipe; its slug is the file's name.

    Raises:
        InvalidRecipe: Something is missing, misspelt or contradictory.
    """
    try:
        return _parse(path.stem, parse_yaml(read_text(path)))
    except (OSError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        fault = f"no {error}" if isinstance(error, KeyError) else str(error).replace("\n", " ")
        raise InvalidRecipe(
            f"a complete recipe in {path.name}", fault, "compare it with studies/heart-cine-gru.yaml"
        ) from error
