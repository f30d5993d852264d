"""A model in one line: what it is for, what it takes, how well it was measured to do, how large it is.

Everything comes from the card and from the sizes of the bundle's files; no model is opened.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.models.card import ModelCard
from core.models.inputs import InputSpec

#: The metric of a card that sums a model up, by task, with its title; the first that is defined is taken.
MAIN_METRICS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "binary": (("roc_auc", "AUC"),),
    "multiclass": (("roc_auc_macro", "AUC, mean of classes"), ("accuracy_multiclass", "Accuracy")),
    "ordinal": (("kappa_quadratic", "Quadratic kappa"), ("accuracy_multiclass", "Accuracy")),
    "multilabel": (("roc_auc_labels", "AUC, mean of findings"),),
    "segmentation": (("dice_patient", "Dice by patient"), ("dice", "Dice by image")),
}
#: Metrics of a card that say which fraction of the cases got an answer.
ANSWERED = ("answered_fraction", "answered")

#: Regions of the body in the order of the page, with the body parts of cards that lie in them.
REGIONS: Mapping[str, frozenset[str]] = {
    "Chest": frozenset({"chest", "thorax", "lung"}),
    "Heart": frozenset({"heart", "cardiac"}),
    "Head": frozenset({"brain", "head", "skull"}),
    "Eye": frozenset({"eye", "retina"}),
    "Teeth and jaw": frozenset({"jaw", "teeth", "tooth", "dental", "mandible", "maxilla"}),
    "Breast": frozenset({"breast"}),
    "Abdomen and pelvis": frozenset({"abdomen", "liver", "kidney", "pelvis", "prostate", "colon"}),
    "Limbs": frozenset(
        {"extremity", "arm", "hand", "wrist", "elbow", "shoulder", "hip", "leg", "knee", "ankle", "foot", "joint"}
    ),
    "Skin": frozenset({"skin"}),
}
#: Where no body part is named: the modality that is of one region only (DICOM PS3.3 C.7.3.1.1.1).
_BY_MODALITY = {"OP": "Eye", "OPT": "Eye", "OCT": "Eye", "PX": "Teeth and jaw", "IO": "Teeth and jaw", "MG": "Breast"}
OTHER, WITHOUT_IMAGES = "Other", "Without images"


@dataclass(frozen=True)
class Headline:
    """One measured number of a card.

    Attributes:
        title: Of the metric, for people.
        label: What it is of, `""` for all labels together.
        dataset: On what it was measured, for people.
        value: NaN where it is not defined.
        low: Lower end of the 95 % interval, NaN where there is none.
        high: Upper end.
        n: Cases, 0 where the card does not say.
    """

    title: str
    label: str
    dataset: str
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Result:
    """What a card says of one split of one dataset.

    Attributes:
        dataset: For people.
        split: train, val, test or the card's own word.
        kind: Where the images come from as the model sees it: internal, external, stress or unknown.
        headlines: Its main metric, at least one number: one for each label of a segmentation.
        answered: Fraction of the cases that got an answer, None where the card does not say.
    """

    dataset: str
    split: str
    kind: str
    headlines: tuple[Headline, ...]
    answered: float | None


@dataclass(frozen=True)
class Overview:
    """A line of the table of models.

    Attributes:
        card: The model.
        region: Key of `REGIONS`, or `OTHER` or `WITHOUT_IMAGES`.
        task: What kind of answer it gives, for people.
        inputs: What it takes, for people.
        inside: Its main metric on the test set from where it was trained, a number for each label of a segmentation.
        outside: The same on a test set from elsewhere, of several on the largest.
        n_outside: Test sets from elsewhere on which it was measured.
        answered: Fraction of the cases of the inner test set that got an answer, None where the card does not say.
        size_bytes: Of the compiled model.
    """

    card: ModelCard
    region: str
    task: str
    inputs: str
    inside: tuple[Headline, ...]
    outside: tuple[Headline, ...]
    n_outside: int
    answered: float | None
    size_bytes: int


def overview(card: ModelCard) -> Overview:
    """Sum a model up."""
    results = [result for result in measured(card) if result.split == "test"]
    inner = [result for result in results if result.kind == "internal"]
    outer = [result.headlines for result in results if result.kind == "external"]
    inside = inner[0].headlines if inner else ()
    outside = max(outer, key=lambda found: found[0].n, default=())
    answered = next((result.answered for result in inner if result.answered is not None), _answered_own(card))
    return Overview(
        card, region_of(card), task_words(card), input_words(card.inputs), inside, outside, len(outer), answered,
        size_of(card),
    )  # fmt: skip


def measured(card: ModelCard) -> list[Result]:
    """What a card says of its main metric, in its own order; datasets on which it was not measured are left out."""
    found = []
    for model in card.front_matter.get("model-index") or []:  # which `load_card` has brought into shape
        for result in model.get("results") or []:
            headlines, dataset = _main(card, result), result["dataset"]
            if headlines:
                split, kind = str(dataset.get("split") or ""), str(dataset.get("kind") or "unknown")
                found.append(Result(str(dataset.get("name") or ""), split, kind, headlines, _answered(result)))
    return found


def region_of(card: ModelCard) -> str:
    """Which part of the body a model reads, as a heading."""
    images = [spec for spec in card.inputs if spec.kind != "table"]
    if not images:
        return WITHOUT_IMAGES
    parts = {part for spec in images for part in spec.body_part}
    counts = {region: len(parts & known) for region, known in REGIONS.items()}
    best = max(counts, key=lambda region: counts[region])
    if counts[best]:
        return best
    return next((_BY_MODALITY[kind] for spec in images for kind in spec.modality if kind in _BY_MODALITY), OTHER)


def task_words(card: ModelCard) -> str:
    """What kind of answer a model gives.

    Example:
        `"Yes or no: Pneumonia"`, `"One of 4 classes"`, `"Grade, 5 steps"`, `"5 findings"`, `"Segmentation: Lesion"`.
    """
    if card.task == "binary":
        return f"Yes or no: {card.labels[1]}"
    if card.task == "multilabel":
        return f"{len(card.labels)} findings" if len(card.labels) > 1 else f"Finding: {card.labels[0]}"
    if card.task == "segmentation":
        marked = card.labels[1:] or card.labels
        return f"Segmentation: {marked[0]}" if len(marked) == 1 else f"Segmentation of {len(marked)} labels"
    return f"Grade, {len(card.labels)} steps" if card.task == "ordinal" else f"One of {len(card.labels)} classes"


def input_words(inputs: Iterable[InputSpec]) -> str:
    """What a model takes, alike inputs counted together.

    Example:
        >>> from core.models.inputs import input_spec
        >>> grey = {"kind": "image", "size": [64, 64], "channels": 1, "resize": "stretch"}
        >>> input_words([input_spec({"name": "flair", **grey}), input_spec({"name": "pre", **grey})])
        '2 grey images, 64 × 64'
    """
    counted = Counter(map(_input, inputs))
    return "; ".join(f"{n} {_plural(noun, n)}{size}" for (noun, size), n in counted.items())


def _input(spec: InputSpec) -> tuple[str, str]:
    """(noun, size)."""
    if spec.kind == "table":
        facts = len(spec.features)
        return (f"table of {facts} fact{'' if facts == 1 else 's'}", "")
    colour = "grey" if spec.channels == 1 else "colour"
    rows, columns = spec.size
    if spec.kind == "image":
        return (f"{colour} image", f", {rows} × {columns}")
    frames = "slices" if spec.kind == "volume" else "frames"
    return (f"{colour} {spec.kind}", f", {spec.frames} {frames} of {rows} × {columns}")


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 or noun.startswith("table") else f"{noun}s"


def size_of(card: ModelCard) -> int:
    """Bytes of the compiled model, 0 where it is not there."""
    try:
        return (card.folder / "model.onnx").stat().st_size
    except OSError:
        return 0


def size_text(size: int) -> str:
    """Bytes as people read them.

    Example:
        >>> size_text(2_930_932), size_text(480_000_000), size_text(4_800), size_text(0)
        ('2.9 MB', '480 MB', '5 kB', '')
    """
    if size < 1e5:
        return f"{math.ceil(size / 1e3)} kB" if size else ""
    return f"{size / 1e6:.{0 if size >= 1e8 else 1}f} MB"


def _main(card: ModelCard, result: Mapping[str, Any]) -> tuple[Headline, ...]:
    """The first main metric that is defined, of each label where it was measured by label."""
    measured = [
        tuple(_headline(title, metric, result) for metric in result["metrics"] if metric["type"] == name)
        for name, title in MAIN_METRICS[card.task]
    ]
    defined = (found for found in measured if any(not math.isnan(one.value) for one in found))
    return next(defined, next(filter(None, measured), ()))


def _headline(title: str, metric: Mapping[str, Any], result: Mapping[str, Any]) -> Headline:
    cases = metric.get("n")
    return Headline(
        title, str(metric.get("label") or ""), str(result["dataset"].get("name") or ""),
        _number(metric.get("value")), _number(metric.get("low")), _number(metric.get("high")),
        cases if isinstance(cases, int) else 0,
    )  # fmt: skip


def _answered(result: Mapping[str, Any]) -> float | None:
    found = (metric.get("value") for metric in result["metrics"] if metric["type"] in ANSWERED)
    return next((float(value) for value in found if isinstance(value, int | float) and 0 <= value <= 1), None)


def _answered_own(card: ModelCard) -> float | None:
    """The fraction of its own test scans that a model did not withhold its answer on, as far as the card says it."""
    for entry in card.answered:
        withheld, cases = _number(entry.get("withheld")), _number(entry.get("n"))
        if entry.get("role") == "own" and 0 <= withheld <= cases and cases > 0:
            return 1 - withheld / cases
    return None


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else math.nan
