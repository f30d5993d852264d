"""Recipes: everything that makes a model, as data. One YAML file a model in `core/training/recipes/`.

A recipe names the data and their split, the input contract, the network, augmentation, schedule and seed, and the prose
of the card. What comes out of it (numbers, hashes) is written by `python -m core.training`, never by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from core.bounded import parse_yaml, read_text
from core.errors import ScanLensError
from core.models.card import InputSpec, Task, input_spec
from core.training.data.marked_regions import Truth
from core.training.data.splitting import Division

RECIPES = Path(__file__).parents[1] / "recipes"

SPLITS = ("train", "val", "test")

ThresholdRule = Literal["youden", "sensitivity"]

Monitor = Literal["auc", "log_loss", "kappa_quadratic"]


class InvalidRecipe(ScanLensError):
    """A recipe lacks something or contradicts itself."""


@dataclass(frozen=True)
class Source:
    """Labelled pictures in a folder with a CSV table.

    Attributes:
        name: Short name, used in file names.
        title: Name for people.
        folder: Folder below the data folder.
        table: CSV file in that folder, or an archive in MedMNIST's layout (see `data/medmnist.py`).
        file: Column with the path of the picture; `prefix` goes before it.
        label: Column with the class; `""` where only the pictures matter, and for a multilabel task.
        label_columns: Column to label, of a multilabel task; a cell says 1 or 0.
        patient: Column that names the patient, `""` where each picture stands for itself.
        split: Column with train, val or test, or `""` where `only_split` names the one split all rows are in.
        classes: Text of the label column to label of the recipe; rows with other texts are left out.
        contains: Part of the label column's text to label, tried where `classes` has no entry.
        attributes: Columns to keep beside the scores, for results by subgroup.
        combined: Further subgroups, each by the texts that several of these columns have together.
        bands: Attribute that is a number to the borders of its groups, e.g. age to 40 and 60.
        keep: Column to the texts it must have; other rows are left out.
        leave_out: Column to texts it must not have.
        at_least: Column to the smallest number it must have.
        division: How to divide what the split column does not: all rows, or those in train where there is one.
        look_alikes: Correlation above which two pictures of a class are one group, for a set without patients; adds the
            columns `similarity_group` and `number` (see `near_duplicates.py`). 0 where the table has what it needs.
        shrink: Side in pixels of a square that every picture is squashed to before anything else; 0 for none.
        kind: `internal` where the training hospital made the pictures, `stress` where they are its pictures made
            harder, else `external`.
        noun: What a case is called on the card, in the plural.
    """

    name: str
    folder: str
    table: str
    file: str
    title: str = ""
    label: str = ""
    label_columns: Mapping[str, str] = field(default_factory=dict)
    patient: str = ""
    split: str = ""
    only_split: str = ""
    prefix: str = ""
    classes: Mapping[str, str] = field(default_factory=dict)
    contains: Mapping[str, str] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    combined: tuple[Mapping[str, str], ...] = ()
    bands: Mapping[str, Sequence[float]] = field(default_factory=dict)
    keep: Mapping[str, Sequence[str]] = field(default_factory=dict)
    leave_out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    at_least: Mapping[str, float] = field(default_factory=dict)
    division: Division | None = None
    look_alikes: float = 0.0
    shrink: int = 0
    kind: Literal["internal", "external", "stress"] = "internal"
    noun: str = "pictures"


@dataclass(frozen=True)
class Augmentation:
    """How pictures vary in training; everything is drawn uniformly within ± the value.

    Attributes:
        rotation: Degrees.
        shift: Share of the side.
        zoom: Share of the size.
        aspect: Share by which height and width change against each other.
        brightness: Share of the grey range that is added.
        contrast: Share by which the distance from the mean grey changes.
        gamma: Exponent between `exp(-gamma)` and `exp(gamma)`.
        blur: Chance that detail is lost by going through a grid of 0.4 to 0.9 of the size.
        noise: Largest standard deviation of added Gaussian noise, as a share of the grey range.
        cover: Chance that up to four patches along the border are filled with their own median, which hides markers.
        marker: Chance that a letter is drawn near the border, so that letters say nothing about the class.
        flip: Whether left and right are exchanged in half of the cases.
    """

    rotation: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    aspect: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    cover: float = 0.0
    marker: float = 0.0
    flip: bool = False


@dataclass(frozen=True)
class Phase:
    """Part of a schedule with its own optimizer: a warm-up over one epoch, then a half cosine down to 0.

    Attributes:
        epochs: How many.
        learning_rate: At its highest.
        trainable: `all`, `head` (only `logits`), or `from:<layer>` (that layer and everything after it).
    """

    epochs: int
    learning_rate: float
    trainable: str = "all"


@dataclass(frozen=True)
class Schedule:
    """The course of training.

    Attributes:
        phases: One after another.
        batch: Pictures a step.
        patience: Epochs of a phase without a better result on the validation split after which the phase ends.
        monitor: What is better there: `auc`, or `log_loss` where the AUC is too near 1 to tell epochs apart, or
            `kappa_quadratic` where errors by several grades are what matters.
        weight_decay: Decoupled, of AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101).
        class_weights: Whether rare classes weigh more, so that each class weighs the same in sum; a number between 0
            and 1 goes only so far, as an exponent of the weights.
        neighbours: For an ordinal task, width in grades of a Gaussian that spreads each target over the grades beside
            it, so that an error by one grade costs less than one by several; 0 for targets of one grade.
        doubt: For a multilabel task, share of each target that is replaced by how common the finding is, so that labels
            known to be unreliable are not learned by heart; in recipes of studies label smoothing of the classes.
    """

    phases: tuple[Phase, ...]
    batch: int = 32
    patience: int = 10
    monitor: Monitor = "auc"
    weight_decay: float = 0.0
    class_weights: bool | float = True
    neighbours: float = 0.0
    doubt: float = 0.0

    @property
    def epochs(self) -> int:
        """Epochs of all phases together, if none ends early."""
        return sum(phase.epochs for phase in self.phases)


@dataclass(frozen=True)
class Recipe:
    """One model from data to card.

    Attributes:
        slug: Name of the file and of the bundle.
        title: Short name for people.
        summary: One sentence: what it answers.
        task: What kind of answer.
        labels: Names of the classes.
        data: Where it learns, with a split by patient.
        evaluate: What else it is measured on.
        input: The input contract.
        input_entry: The same as written, for the card.
        architecture: Name in `ARCHITECTURES`.
        parameters: Keyword arguments of the builder.
        explain_layer: Layer whose activations heatmaps are drawn from.
        augmentation: How pictures vary.
        schedule: How long and how fast.
        seed: Of everything that is drawn.
        threshold_rule: `youden`, or `sensitivity` for the highest threshold that reaches `threshold_value`.
        threshold_value: The sensitivity to reach.
        others: Pictures the similarity check has to refuse.
        alike: Pictures it should let pass, from elsewhere.
        card: Prose, licence and the like, as written.
        derived: A yes-or-no question that follows from the classes: its `name`, and the `labels` that mean yes. Its
            threshold is chosen by the same rule; empty for none.
        localise: Marked regions to measure heatmaps against.
    """

    slug: str
    title: str
    summary: str
    task: Task
    labels: tuple[str, ...]
    data: Source
    evaluate: tuple[Source, ...]
    input: InputSpec
    input_entry: Mapping[str, Any]
    architecture: str
    parameters: Mapping[str, Any]
    explain_layer: str
    augmentation: Augmentation
    schedule: Schedule
    seed: int
    threshold_rule: ThresholdRule
    threshold_value: float
    others: tuple[Source, ...]
    alike: tuple[Source, ...]
    card: Mapping[str, Any]
    derived: Mapping[str, Any] = field(default_factory=dict)
    localise: tuple[Truth, ...] = ()

    @property
    def inputs(self) -> tuple[InputSpec, ...]:
        """The input contracts, as recipes of several inputs have them."""
        return (self.input,)

    @property
    def input_entries(self) -> tuple[Mapping[str, Any], ...]:
        """The same as written."""
        return (self.input_entry,)


def known_keys(cls: type, entry: Mapping[str, Any], what: str) -> dict[str, Any]:
    """`entry` as keyword arguments of `cls`, lists as tuples; a misspelt key is an error and not silently ignored."""
    unknown = set(entry) - {item.name for item in fields(cls)}
    if unknown:
        raise ValueError(f"{what} with unknown {', '.join(sorted(unknown))}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}


def read_source(entry: Mapping[str, Any], labels: tuple[str, ...]) -> Source:
    """A source as a recipe writes it.

    Raises:
        ValueError: It contradicts itself or the labels.
    """
    known = known_keys(Source, entry, "a source")
    if "division" in known:
        known["division"] = Division(**known_keys(Division, known["division"], "a division"))
    source = Source(**known)
    named = {*source.classes.values(), *source.contains.values(), *source.label_columns.values()}
    strangers = named - set(labels)
    if strangers:
        raise ValueError(f"classes of {source.name!r} that are no labels: {', '.join(sorted(strangers))}")
    if strangers := {column for group in source.combined for column in group} - set(source.attributes):
        raise ValueError(f"combined subgroups of {source.name!r} by no attribute: {', '.join(sorted(strangers))}")
    return source


def _truth(entry: Mapping[str, Any], labels: tuple[str, ...]) -> Truth:
    truth = Truth(**known_keys(Truth, entry, "marked regions"))
    if strangers := {*truth.labels, *truth.others_are} - set(labels):
        raise ValueError(f"labels of marked regions {truth.name!r} that are no labels: {', '.join(sorted(strangers))}")
    return truth


def read_schedule(entry: Mapping[str, Any]) -> Schedule:
    """A schedule as a recipe writes it.

    Raises:
        ValueError: It has no epochs, no learning rate or an unknown monitor.
    """
    known = known_keys(Schedule, entry, "schedule")
    phases = tuple(Phase(**known_keys(Phase, phase, "a phase")) for phase in known.pop("phases"))
    if not phases or any(phase.epochs < 1 or phase.learning_rate <= 0 for phase in phases):
        raise ValueError("a schedule without epochs or learning rate")
    schedule = Schedule(phases, **known)
    if schedule.monitor not in get_args(Monitor):
        raise ValueError(f"monitor {schedule.monitor!r}")
    return schedule


def _derived(entry: Mapping[str, Any], labels: tuple[str, ...]) -> dict[str, Any]:
    derived = dict(entry.get("derived") or {})
    if not derived:
        return {}
    if entry["task"] not in {"multiclass", "ordinal"} or set(derived) != {"name", "labels"}:
        raise ValueError("a derived question without name and labels, or for a task that is not of classes")
    if not derived["labels"] or not set(derived["labels"]) < set(labels) or derived["name"] in labels:
        raise ValueError(f"a derived question {derived['name']!r} whose labels are not some of the recipe's")
    return derived


def _check_data(data: Source, task: str, labels: tuple[str, ...]) -> None:
    named = data.label_columns if task == "multilabel" else data.classes if data.label else {}
    if not (data.split or data.division) or set(named.values()) != set(labels):
        raise ValueError("data without label column, split column or pictures for every label")


def _parse(slug: str, entry: Mapping[str, Any]) -> Recipe:
    labels = tuple(entry["labels"])
    threshold, similarity = entry.get("threshold", {}), entry.get("similarity", {})
    rule = threshold.get("rule", "youden")
    if entry["task"] not in get_args(Task) or rule not in get_args(ThresholdRule):
        raise ValueError(f"task {entry['task']!r} with threshold rule {rule!r}")
    data = read_source(entry["data"], labels)
    _check_data(data, entry["task"], labels)
    return Recipe(
        slug=slug,
        title=entry["title"],
        summary=entry["summary"],
        task=entry["task"],
        labels=labels,
        data=data,
        evaluate=tuple(read_source(other, labels) for other in entry.get("evaluate", ())),
        input=input_spec(entry["input"]),
        input_entry=entry["input"],
        architecture=entry["architecture"]["name"],
        parameters=entry["architecture"].get("parameters", {}),
        explain_layer=entry["explain_layer"],
        augmentation=Augmentation(**known_keys(Augmentation, entry.get("augmentation", {}), "augmentation")),
        schedule=read_schedule(entry["schedule"]),
        seed=int(entry["seed"]),
        threshold_rule=rule,
        threshold_value=float(threshold.get("value", 0.95)),
        others=tuple(read_source(other, labels) for other in similarity.get("others", ())),
        alike=tuple(read_source(other, labels) for other in similarity.get("alike", ())),
        card=entry["card"],
        derived=_derived(entry, labels),
        localise=tuple(_truth(other, labels) for other in entry.get("localise", ())),
    )


def load_recipe(path: Path) -> Recipe:
    """Read one recipe; its slug is the file's name.

    Raises:
        InvalidRecipe: Something is missing, misspelt or contradictory.
    """
    try:
        return _parse(path.stem, parse_yaml(read_text(path)))
    except (OSError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        fault = f"no {error}" if isinstance(error, KeyError) else str(error).replace("\n", " ")
        raise InvalidRecipe(
            f"a complete recipe in {path.name}", fault, "compare it with pneumonia-chest-xray.yaml"
        ) from error


def load_recipes(folder: Path = RECIPES) -> dict[str, Recipe]:
    """All recipes of a folder by slug.

    Raises:
        InvalidRecipe: One of them is not right.
    """
    return {path.stem: load_recipe(path) for path in sorted(folder.glob("*.yaml"))}
