"""Which column of a table is which input of a model: images, masks and facts about the patient.

They stand beside the labels in the one mapping of a dataset's words to a model's, see `core.datasets.labels.mapping`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.datasets.dataset import Case, Dataset
from core.datasets.labels.mapping import COLUMN, VALUE, UnknownLabel
from core.datasets.labels.missing import is_missing
from core.datasets.tables.columns import file_name_rank, role_of, words_of
from core.errors import IncompatibleInput
from core.models.card import FeatureSpec, InputSpec, ModelCard

#: What a column of masks of all labels is for, and one of a single label.
MASK, MASK_OF = "mask", "mask of "


@dataclass(frozen=True)
class Target:
    """Something that a column may hold for a model.

    Attributes:
        name: In the mapping: of an input, of a feature, `MASK`, or `MASK_OF` and a label.
        title: For people.
        is_file: Whether its cells name files.
        needed: Whether every case must have it.
    """

    name: str
    title: str
    is_file: bool
    needed: bool


def targets_of(card: ModelCard) -> tuple[Target, ...]:
    """Everything that a column may hold for a model, in the order of its card."""
    found = []
    for spec in card.inputs:
        if spec.is_image:
            found.append(Target(spec.name, spec.title, True, not spec.optional))
        found += [Target(feature.name, feature.title, False, False) for feature in spec.features]
    if card.task == "segmentation":
        found.append(Target(MASK, "Mask", True, False))
        if len(card.labels) > 2:
            found += [Target(MASK_OF + label, f"Mask of {label}", True, False) for label in card.labels[1:]]
    return tuple(found)


def columns_in(mapping: Mapping[str, str]) -> dict[str, str]:
    """Target to its column, as a mapping says; what is left out is not in it."""
    return {target: key.removeprefix(COLUMN) for key, target in mapping.items() if key.startswith(COLUMN) and target}


def values_in(mapping: Mapping[str, str]) -> dict[int, str]:
    """Value of a mask to the label that it means, `""` for none, as a mapping says."""
    return {int(key.removeprefix(VALUE)): label for key, label in mapping.items() if key.startswith(VALUE)}


#: Names of an input that say nothing of what is in it.
_PLAIN = ("image", "images", "input", "picture", "scan", "x")


def match_columns(card: ModelCard, dataset: Dataset) -> dict[str, str]:
    """Target to the column that is called so; each column serves once, and what no heading names is left out.

    The image of a model with one needs no column: it is the one that the dataset was opened by.
    """
    pairs, images = [], [spec for spec in card.inputs if spec.is_image]
    own = dataset.table.column if dataset.table is not None and len(images) == 1 else ""
    for place, target in enumerate(targets_of(card)):
        offered = dataset.image_columns if target.is_file else dataset.columns
        for at, column in enumerate(offered):
            if not target.is_file and column in dataset.image_columns:
                continue
            if own and target.name == images[0].name and (column == own or target.name in _PLAIN):
                continue
            rank = _alike(card, target, column)
            if rank:
                pairs.append((-rank, place, at, target.name, column))
    found: dict[str, str] = {}
    for *_, name, column in sorted(pairs):
        if name not in found and column not in found.values():
            found[name] = column
    if any(name.startswith(MASK_OF) for name in found):
        found.pop(MASK, None)
    return found


def _alike(card: ModelCard, target: Target, column: str) -> int:
    """How well a heading names a target; 0 for not at all."""
    words = set(words_of(column))
    is_mask = file_name_rank(column) == 3
    if target.name == MASK:
        return 0 if not is_mask else 3 if words & {"mask", "segmentation"} == words else 1
    if target.name.startswith(MASK_OF):
        wanted = set(words_of(target.name.removeprefix(MASK_OF)))
        return 2 if is_mask and wanted <= words else 0
    if is_mask:
        return 0
    for spec in card.inputs:
        if spec.name == target.name:
            return _names_image(spec, words, column)
        for feature in spec.features:
            if feature.name == target.name:
                return _names_feature(feature, words, column)
    return 0


def _names_image(spec: InputSpec, words: set[str], column: str) -> int:
    own = set(words_of(spec.name))
    if set(words_of(column)) == own:
        return 3
    if own <= words:
        return 2
    return int(any(set(words_of(said)) <= words for said in (*spec.describe, spec.title)))


def _names_feature(feature: FeatureSpec, words: set[str], column: str) -> int:
    own = set(words_of(feature.name))
    if words == own:
        return 4
    if role_of(column) == feature.name:
        return 3
    if own <= words or set(words_of(feature.title)) <= words:
        return 2
    # "educ" for education; never "weight" for height.
    return int(any(len(word) >= 4 and name.startswith(word) for word in words for name in own))


def input_map(
    card: ModelCard,
    dataset: Dataset,
    before: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The part of a mapping that is about columns and masks: what headings say, then what was chosen before, then now.

    Args:
        card: Of the model.
        dataset: The dataset that the columns belong to.
        before: An earlier mapping of this dataset and model; columns that are no longer there do not count.
        columns: Target to its column as it is said now, `""` for none.
        values: Value of a mask to its label as it is said now, `""` for none.

    Raises:
        UnknownLabel: What is said names something that the dataset or the model does not have.
    """
    earlier = {t: c for t, c in columns_in(before or {}).items() if c in dataset.columns}
    found = earlier or match_columns(card, dataset)
    for target, column in (columns or {}).items():
        found = {name: one for name, one in found.items() if name != target and one != column}
        if column:
            found[target] = column
    meant = {f"{VALUE}{value}": label for value, label in values_in(before or {}).items()}
    for value, label in (values or {}).items():
        if not value.strip().isdigit():
            raise UnknownLabel(f"The value {value!r} of the mask is no whole number", "write it as VALUE=LABEL")
        meant[f"{VALUE}{int(value)}"] = label
    mapping = {f"{COLUMN}{column}": target for target, column in found.items()} | meant
    check_columns(mapping, card, dataset)
    return mapping


def columns_words(card: ModelCard, mapping: Mapping[str, str]) -> str:
    """`"FLAIR from 'flair', Age from 'age_years'"`; `""` where no column is read."""
    titles = {target.name: target.title for target in targets_of(card)}
    return ", ".join(f"{titles.get(name, name)} from {column!r}" for name, column in columns_in(mapping).items())


def check_columns(mapping: Mapping[str, str], card: ModelCard, dataset: Dataset) -> None:
    """Refuse columns that the dataset lacks, and targets and labels that the model lacks.

    Raises:
        UnknownLabel: One of them.
    """
    known = {target.name: target for target in targets_of(card)}
    for name, column in columns_in(mapping).items():
        if name not in known:
            raise UnknownLabel(
                f"{card.title} has no input {name} among {', '.join(known)}", "correct the column's meaning"
            )
        offered = dataset.image_columns if known[name].is_file else dataset.columns
        if column not in offered:
            what = "a column that names files" if known[name].is_file else "a column of the table"
            raise UnknownLabel(f"{what} for {known[name].title} ({', '.join(offered) or 'none'})", column, "choose one")
    wrong = sorted(set(values_in(mapping).values()) - {"", *card.labels[1:]})
    if wrong:
        raise UnknownLabel(
            f"{card.title} has no label {wrong[0]} among {', '.join(card.labels[1:])}",
            "correct what the value of the mask means",
        )


def lacking(card: ModelCard, dataset: Dataset, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Titles of what must have a column and has none, and cannot be had without one."""
    images = [spec for spec in card.inputs if spec.is_image]
    own = len(images) == 1 and dataset.has_images
    missing = [spec.title for spec in images if not own and not spec.optional and spec.name not in columns]
    for spec in card.inputs:
        if not spec.is_image and not spec.optional and not any(f.name in columns for f in spec.features):
            missing.append(spec.title)
    given = own or any(spec.name in columns for spec in images)
    if images and not missing and not given and not any(name in columns for name in _features(card)):
        missing.append(" or ".join(spec.title for spec in images))
    if card.task == "segmentation" and MASK not in columns:
        single = [label for label in card.labels[1:] if MASK_OF + label not in columns]
        if len(single) == len(card.labels) - 1:
            missing.append("a column of masks")
        elif single:
            missing.append(f"a column of masks of {', '.join(single)}")
    return tuple(missing)


def _features(card: ModelCard) -> Iterable[str]:
    return (feature.name for spec in card.inputs for feature in spec.features)


def missing_in(card: ModelCard, dataset: Dataset, case: Case, columns: Mapping[str, str]) -> tuple[str, ...]:
    """Titles of what one case lacks and must have; `lacking` has nothing to say of the columns themselves."""
    missing, given = [], False
    for spec in card.inputs:
        if spec.is_image:
            there = (
                _has(dataset, case, columns[spec.name])
                if spec.name in columns
                else dataset.has_images and _is_only_image(card, spec)
            )
        else:
            there = dataset.table is not None and any(
                feature.name in columns and not is_missing(dataset.table.cell(case, columns[feature.name]))
                for feature in spec.features
            )
        given = given or there
        if not there and not spec.optional:
            missing.append(spec.title)
    if not missing and not given:
        missing.append("any input")
    masks = [column for name, column in columns.items() if name == MASK or name.startswith(MASK_OF)]
    if card.task == "segmentation" and not any(_has(dataset, case, column) for column in masks):
        missing.append("a mask")
    return tuple(missing)


def _has(dataset: Dataset, case: Case, column: str) -> bool:
    return dataset.table is not None and dataset.table.has(case, column)


def _is_only_image(card: ModelCard, spec: InputSpec) -> bool:
    return [other.name for other in card.inputs if other.is_image] == [spec.name]


_NUMBER = re.compile(r"([+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?)\s*([^\W\d_]*)\.?")
#: DICOM's ages in weeks, months and days (PS3.5 6.2, AS) as years.
_AGES = {"y": 1.0, "m": 1 / 12, "w": 7 / 365.25, "d": 1 / 365.25}


def parse_fact(feature: FeatureSpec, cell: str) -> float | None:
    """A cell as the number that a model knows a fact by; None where it is empty or says that it is not known.

    Answers may be words (`female`, `F`), of which the beginning is enough where it fits one answer only, or the
    model's own numbers. Bounds are checked where the model is asked.

    Raises:
        IncompatibleInput: The cell says something else.

    Example:
        >>> sex = FeatureSpec("sex", "Sex", choices={"female": 0.0, "male": 1.0})
        >>> parse_fact(sex, "F"), parse_fact(sex, "1"), parse_fact(sex, "n/a")
        (0.0, 1.0, None)
        >>> parse_fact(FeatureSpec("age", "Age", "years", 18, 100), "063Y")
        63.0
    """
    text = cell.strip()
    if is_missing(text):
        return None
    if feature.choices:
        said = text.casefold()
        fitting = [number for answer, number in feature.choices.items() if answer.casefold() == said]
        fitting = fitting or [n for answer, n in feature.choices.items() if answer.casefold().startswith(said)]
        if len(fitting) == 1:
            return fitting[0]
    found = _NUMBER.fullmatch(text)
    if found is not None:
        number, unit = float(found[1].replace(",", ".")), found[2].casefold()
        if not unit or feature.unit.casefold().startswith(unit) or unit.startswith(feature.unit.casefold()):
            return number
        if feature.unit.startswith("year") and unit in _AGES:
            return number * _AGES[unit]
    raise IncompatibleInput(f"{feature.title.lower()} as {feature.range_words}", repr(text), "correct the table")
