"""Recipes of outlines: everything that makes a segmentation model, as data.

One YAML file a model in `core/training/recipes/segmentations/`. It names the pictures with their masks and their split,
the input contract, the U-Net, augmentation, schedule and seed, and the prose of the card.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from core.bounded import parse_yaml, read_regular
from core.models.card import InputSpec, input_spec
from core.training.data.splitting import Division
from core.training.recipe.schema import RECIPES, Augmentation, InvalidRecipe, Source

SEGMENTATIONS = RECIPES / "segmentations"

ThresholdRule = Literal["pooled_dice", "mean_dice"]


@dataclass(frozen=True)
class MaskedPictures:
    """Pictures with masks in a folder with a CSV table. Patterns name columns in braces, e.g. `"{image}_mask.png"`.

    Attributes:
        name: Short name, used in file names.
        title: Name for people.
        folder: Folder below the data folder.
        table: CSV file in that folder.
        file: Pattern of the picture's path.
        mask: Pattern of the mask's path.
        patient: Pattern of whom it shows; where that comes to nothing, the picture stands for itself.
        split: Column with the split, `""` where `division` says all.
        splits: Texts of that column to train, val or test, where they are others.
        bits: Label to the bit of the mask that means it; without, any value above 0 is the only label.
        second: Pattern of a second observer's mask; `""`, or a row that comes to nothing, for none.
        group: Column of the kinds that `division` divides one by one.
        division: How to take validation, and where the table names no split the test part as well.
        attributes: Columns to keep beside the scores, for results by subgroup.
        bands: Attribute that is a number to the borders of its groups.
        leave_out: Column to texts it must not have.
    """

    name: str
    title: str
    folder: str
    table: str
    file: str
    mask: str
    patient: str = ""
    split: str = ""
    splits: Mapping[str, str] = field(default_factory=dict)
    bits: Mapping[str, int] = field(default_factory=dict)
    second: str = ""
    group: str = ""
    division: Division | None = None
    attributes: tuple[str, ...] = ()
    bands: Mapping[str, Sequence[float]] = field(default_factory=dict)
    leave_out: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class OutlineSchedule:
    """The course of training: one warm-up round, then a half cosine down to 0.

    Attributes:
        rounds: How many times the validation split is asked.
        steps: Steps a round.
        batch: Pictures, or cut-outs of them, a step.
        learning_rate: At its highest.
        patience: Rounds without a better result on the validation split after which training ends.
        cut: Side of the square cut-outs in pixels of the model's grid; 0 for whole pictures.
        on_label: Share of the cut-outs, or of the pictures, that are drawn to show a label, each label as often as any
            other; the rest is drawn anywhere.
        weight_decay: Decoupled, of AdamW.
        weights: Of the pixels of each label in the cross-entropy, the background first; empty for 1 each.
    """

    rounds: int
    steps: int
    batch: int
    learning_rate: float
    patience: int = 6
    cut: int = 0
    on_label: float = 0.5
    weight_decay: float = 0.0
    weights: tuple[float, ...] = ()


@dataclass(frozen=True)
class OutlineRecipe:
    """One outline model from data to card.

    Attributes:
        slug: Name of the file and of the bundle.
        title: Short name for people.
        summary: One sentence: what it outlines.
        labels: Names; the first is the background.
        data: Pictures with masks.
        input: The input contract.
        input_entry: The same as written, for the card.
        parameters: Keyword arguments of `architectures.unet.unet`.
        explain_layer: Layer whose activations heatmaps and features are taken from.
        augmentation: How pictures vary.
        upside_down: Whether pictures are also turned by quarters and mirrored up and down.
        schedule: How long and how fast.
        seed: Of everything that is drawn.
        threshold_rule: What the validation split chooses the thresholds by: `pooled_dice` of all its pixels together,
            or `mean_dice` of its pictures, where one without the label counts 1 if nothing is called and 0 otherwise.
        distances: Whether distances between outlines are measured.
        others: Pictures the similarity check has to refuse.
        alike: Pictures it should let pass, from elsewhere.
        card: Prose, licence and the like, as written.
        soften: Divides the logits of the trained network once and for all. Where they are very large, the rounding of
            the sums before them shows in the probabilities, and no two programs agree on them to 1e-5.
        sha256: Of the file.
    """

    slug: str
    title: str
    summary: str
    labels: tuple[str, ...]
    data: MaskedPictures
    input: InputSpec
    input_entry: Mapping[str, Any]
    parameters: Mapping[str, Any]
    explain_layer: str
    augmentation: Augmentation
    upside_down: bool
    schedule: OutlineSchedule
    seed: int
    threshold_rule: ThresholdRule
    distances: bool
    others: tuple[Source, ...]
    alike: tuple[Source, ...]
    card: Mapping[str, Any]
    soften: float = 1.0
    sha256: str = ""

    @property
    def foreground(self) -> tuple[str, ...]:
        """The labels but the background."""
        return self.labels[1:]

    @property
    def units(self) -> int:
        """Output channels of the network: one speaks for two labels."""
        return 1 if len(self.labels) == 2 else len(self.labels)


def _known(cls: type, entry: Mapping[str, Any], what: str) -> dict[str, Any]:
    """`entry` as keyword arguments of `cls`, lists as tuples; a misspelt key is an error and not silently ignored."""
    unknown = set(entry) - {item.name for item in fields(cls)}
    if unknown:
        raise ValueError(f"{what} with unknown {', '.join(sorted(unknown))}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}


def _data(entry: Mapping[str, Any], foreground: Sequence[str]) -> MaskedPictures:
    known = _known(MaskedPictures, entry, "data")
    if "division" in known:
        known["division"] = Division(**_known(Division, known["division"], "a division"))
    data = MaskedPictures(**known)
    if not data.split and data.division is None:
        raise ValueError("data without a split column or a division")
    if set(data.bits) != (set(foreground) if data.bits or len(foreground) > 1 else set()):
        raise ValueError("bits of the masks that are not the labels")
    return data


def _parse(slug: str, entry: Mapping[str, Any]) -> OutlineRecipe:
    labels, similarity = tuple(entry["labels"]), entry.get("similarity", {})
    rule = entry.get("threshold", {}).get("rule", "pooled_dice")
    if len(labels) < 2 or rule not in get_args(ThresholdRule):
        raise ValueError(f"labels {labels} with threshold rule {rule!r}")
    schedule = OutlineSchedule(**_known(OutlineSchedule, entry["schedule"], "schedule"))
    if schedule.weights and len(schedule.weights) != len(labels):
        raise ValueError("weights that are not one for each label")
    return OutlineRecipe(
        slug=slug,
        title=entry["title"],
        summary=entry["summary"],
        labels=labels,
        data=_data(entry["data"], labels[1:]),
        input=input_spec(entry["input"]),
        input_entry=entry["input"],
        parameters=entry.get("network", {}),
        explain_layer=entry["explain_layer"],
        augmentation=Augmentation(**_known(Augmentation, entry.get("augmentation", {}), "augmentation")),
        upside_down=bool(entry.get("upside_down", False)),
        schedule=schedule,
        seed=int(entry["seed"]),
        threshold_rule=rule,
        distances=bool(entry.get("distances", False)),
        others=tuple(Source(**_known(Source, other, "a source")) for other in similarity.get("others", ())),
        alike=tuple(Source(**_known(Source, other, "a source")) for other in similarity.get("alike", ())),
        card=entry["card"],
        soften=float(entry.get("soften", 1.0)),
    )


def load_outline_recipe(path: Path) -> OutlineRecipe:
    """Read one recipe; its slug is the file's name.

    Raises:
        InvalidRecipe: Something is missing, misspelt or contradictory.
    """
    try:
        content = read_regular(path)
        recipe = _parse(path.stem, parse_yaml(content.decode("utf-8")))
    except (OSError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        fault = f"no {error}" if isinstance(error, KeyError) else str(error).replace("\n", " ")
        raise InvalidRecipe(
            f"a complete recipe of outlines in {path.name}", fault, "compare it with glioma-outline.yaml"
        ) from error
    return OutlineRecipe(**{**vars(recipe), "sha256": hashlib.sha256(content).hexdigest()})
