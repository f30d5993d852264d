"""Labelled images of a recipe, brought onto the model's grid the same way as an uploaded scan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.inference.prepare import prepare
from core.models.card import InputSpec
from core.scan import Scan, answered_frame
from core.training.data import medmnist
from core.training.data.bands import band
from core.training.data.near_duplicates import GROUP, NUMBER, with_groups
from core.training.data.opened import open_image
from core.training.data.splitting import divide
from core.training.data.tables import read_table as read_csv_table
from core.training.recipe.schema import SPLITS, InvalidRecipe, Recipe
from core.training.recipe.sources import Source


@dataclass(frozen=True)
class LabelledCase:
    """One image.

    Attributes:
        name: Path within the source's folder.
        path: Where it lies.
        patient: Whom it shows; the image's own name where the source does not say.
        target: Index of the class, -1 where the source has no labels; 0 or 1 for each label of a multilabel task.
        split: train, val or test.
        attributes: Further columns, as text.
    """

    name: str
    path: Path
    patient: str
    target: int | tuple[int, ...]
    split: str
    attributes: dict[str, str] = field(default_factory=dict)

    def has(self, index: int) -> bool:
        """Whether the label at this place is true of it."""
        return bool(self.target[index]) if isinstance(self.target, tuple) else self.target == index


def read_table(source: Source, data: Path) -> list[dict[str, str]]:
    """The rows of the source's table that the recipe wants, every column as text.

    Raises:
        InvalidRecipe: The table is not there, or lacks a column that the recipe names.
    """
    path = data / source.folder / source.table
    rows, columns = medmnist.read_rows(path) if path.suffix == medmnist.SUFFIX else read_csv_table(path)
    if source.near_duplicates:
        columns += [GROUP, NUMBER]
    wanted = {source.file, source.label, source.patient, source.split, *source.attributes}
    wanted |= {*source.label_columns, *source.keep, *source.leave_out, *source.at_least}
    wanted = (wanted | ({source.division.order} if source.division else set())) - {""}
    if missing := wanted - set(columns):
        raise InvalidRecipe(
            f"{source.folder}/{source.table} has {', '.join(columns)}, and lacks {', '.join(sorted(missing))}",
            "correct the recipe",
        )
    rows = [row for row in rows if _counts(source, row)]
    if source.near_duplicates:
        paths = [data / source.folder / (source.prefix + row[source.file]) for row in rows]
        rows = with_groups(rows, paths, source.label, source.near_duplicates)
    return rows


def _counts(source: Source, row: dict[str, str]) -> bool:
    """Whether the recipe wants this row."""
    return (
        all(row[column] in texts for column, texts in source.keep.items())
        and not any(row[column] in texts for column, texts in source.leave_out.items())
        and all(float(row[column] or "-inf") >= least for column, least in source.at_least.items())
    )


def _splits(source: Source, rows: Sequence[dict[str, str]]) -> list[str]:
    """The split of each row, by its column, by the recipe's division, or both."""
    found = [source.only_split or (row[source.split] if source.split else "test") for row in rows]
    if source.division is None or source.only_split:
        return found
    open_rows = [row for row, split in zip(rows, found, strict=True) if not source.split or split == "train"]
    group = source.patient or source.file
    homes = divide(source.division, _by_rarest_finding(source, open_rows), group, source.label)
    return [
        homes[row[group]] if not source.split or split == "train" else split
        for row, split in zip(rows, found, strict=True)
    ]


def _by_rarest_finding(source: Source, rows: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Rows of a multilabel task get, as the class to divide by, their rarest finding, so that it is in every split."""
    if not source.label_columns:
        return list(rows)
    rarest_first = sorted(source.label_columns, key=lambda column: sum(row[column] == "1" for row in rows))
    return [
        {**row, source.label: next((column for column in rarest_first if row[column] == "1"), "none")} for row in rows
    ]


def _target(source: Source, labels: Sequence[str], row: dict[str, str]) -> int | tuple[int, ...] | None:
    """What is true of a row; None where it is to be left out."""
    if source.label_columns:
        columns = {label: column for column, label in source.label_columns.items()}
        return tuple(_present(source, column, row[column]) for column in (columns[label] for label in labels))
    if not source.label:
        return -1
    text = row[source.label]
    found = source.classes.get(text)
    if found is None:
        found = next((label for part, label in source.contains.items() if part in text), None)
    return None if found is None else list(labels).index(found)


def _present(source: Source, column: str, text: str) -> int:
    """1 or 0.

    Raises:
        InvalidRecipe: The cell says something else, which must not pass as absent.
    """
    if text not in {"0", "1"}:
        raise InvalidRecipe("0 or 1 for every finding", f"{text!r} in {column} of {source.folder}", "correct the table")
    return int(text)


def load_cases(source: Source, labels: Sequence[str], data: Path) -> list[LabelledCase]:
    """The rows of a source that have one of the labels, in the order of the table.

    Raises:
        InvalidRecipe: The table does not fit the recipe, or a patient is in two splits.
    """
    cases = []
    rows = read_table(source, data)
    for row, split in zip(rows, _splits(source, rows), strict=True):
        target = _target(source, labels, row)
        if target is None:
            continue
        name = source.prefix + row[source.file]
        patient = row[source.patient] if source.patient else name
        attributes = {column: _attribute(source, column, row[column]) for column in source.attributes}
        cases.append(LabelledCase(name, data / source.folder / name, patient, target, split, attributes))
    _check_splits(source, cases)
    return cases


def _attribute(source: Source, column: str, text: str) -> str:
    return band(text, source.bands[column]) if column in source.bands else text


def _check_splits(source: Source, cases: Iterable[LabelledCase]) -> None:
    home: dict[str, str] = {}
    for case in cases:
        if case.split not in SPLITS:
            raise InvalidRecipe("a split of train, val or test", f"{case.split!r} in {source.folder}", "name it so")
        if home.setdefault(case.patient, case.split) != case.split:
            raise InvalidRecipe(
                f"{case.patient} is in two splits, {home[case.patient]} and {case.split} of {source.folder}",
                "split by patient",
            )


def shrunken(scan: Scan, side: int) -> Scan:
    """The frame that stands for a file squashed to a square of so many pixels, in the scan's own grey levels.

    Shrinking averages over areas, so that nothing of the fine detail survives as a false pattern.
    """
    small = cv2.resize(scan.pixels[answered_frame(scan)].astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    levels = np.rint(small) if np.issubdtype(scan.pixels.dtype, np.integer) else small
    return replace(scan, pixels=levels.astype(scan.pixels.dtype)[None])


def prepare_case(path: Path, spec: InputSpec, shrink: int = 0) -> NDArray[np.float32]:
    """(rows, columns, channels) float32: the frame that stands for a file, on the model's grid.

    Args:
        path: The file.
        spec: The grid.
        shrink: Side of a smaller square to go through; 0 for none.
    """
    scan = open_image(path)
    if shrink:
        scan = shrunken(scan, shrink)
    return prepare(scan, spec, [answered_frame(scan)]).batch[spec.name][0]


def prepare_cases(paths: Sequence[Path], spec: InputSpec, threads: int = 2) -> NDArray[np.float16]:
    """(cases, rows, columns, channels) float16 for training.

    Half precision errs by at most 2.5e-4 between 0 and 1, less than the rounding to 256 grey levels in the files.
    """
    with ThreadPoolExecutor(threads) as pool:
        images = pool.map(lambda path: prepare_case(path, spec).astype(np.float16), paths)
        return np.stack(list(images))


def split_cases(recipe: Recipe, data: Path) -> dict[str, list[LabelledCase]]:
    """The cases of the recipe's own data by split.

    Raises:
        InvalidRecipe: A split is empty or lacks one of the classes.
    """
    cases = load_cases(recipe.images, recipe.labels, data)
    parts = {split: [case for case in cases if case.split == split] for split in SPLITS}
    for split, part in parts.items():
        # A rare finding may be missing from a small validation or test split; the card then says "not defined".
        needs_all = recipe.task != "multilabel" or split == "train"
        if not part or (needs_all and not all(any(case.has(k) for case in part) for k in range(len(recipe.labels)))):
            raise InvalidRecipe(f"The split {split} lacks one of the labels", "check the split column")
    return parts
