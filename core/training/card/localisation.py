"""Heatmaps of a model against marked regions of images it never learned from: rows by case, and what they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.explain import EXPLAINERS
from core.explain.explanation import Explanation
from core.explain.request import Ask, KerasTasks
from core.explain.trust.localisation import (
    MEASURES,
    TOLERANCE,
    LocalisedCase,
    localise_explanation,
    summarise,
)
from core.inference.bundle import Bundle
from core.inference.prepare import prepare
from core.keras_process.client import KerasProcess
from core.scan import answered_frame
from core.training.data.images import LabelledCase, load_cases
from core.training.data.marked_regions import Marked, Row, masks, read_marked
from core.training.data.opened import open_image
from core.training.data.tables import read_table
from core.training.recipe.schema import Recipe
from core.training.recipe.sources import Truth
from core.training.tasks.results import Choices

if TYPE_CHECKING:
    import pandas as pd

#: The method that is measured; the one every bundle offers.
METHOD = "grad-cam"

#: Fewest maps for a line of its own beside that of all.
GROUP_MINIMUM = 5

UNSEEN = "unseen"


@dataclass(frozen=True, eq=False)
class Localised:
    """Maps of one set of marked regions.

    Attributes:
        truth: What was marked, and where that is stored.
        table: One row for each image, kind of mark and explained label.
        left_out: Why images with marks took no part, to how many.
    """

    truth: Truth
    table: pd.DataFrame
    left_out: Mapping[str, int]

    @property
    def file(self) -> str:
        """Path of the rows within the bundle."""
        return f"evaluations/{self.truth.name}--test--{METHOD}.parquet"

    def entry(self) -> dict[str, Any]:
        """What the card's front matter says of it."""
        table = self.table
        return {
            "name": self.truth.name,
            "title": self.truth.title,
            "method": METHOD,
            "tolerance": TOLERANCE,
            "n": int(table["case"].nunique()),
            "patients": int(table["patient"].nunique()),
            "empty": int(table["is_empty"].sum()),
            "left_out": dict(self.left_out),
            "scores": self.file,
            "parts": [_part_entry(name, part) for name, part in parts(table)],
        }


@dataclass(frozen=True)
class Chosen:
    """An image that may be measured on.

    Attributes:
        case: The image; its target is -1 where it is not among the recipe's own.
        marked: Its rows in the table of marks.
        own: Its row in the recipe's own table, empty where it is not among these.
        indices: The labels to explain, or for an image that is not the recipe's own those one of which is true.
    """

    case: LabelledCase
    marked: Marked
    own: Row
    indices: tuple[int, ...]

    def explained(self, probabilities: NDArray[np.floating]) -> tuple[int, ...]:
        """The labels to explain, given the (labels,) probabilities."""
        if self.case.split == UNSEEN:
            return (max(self.indices, key=lambda index: probabilities[index]),)
        return self.indices


def choose_images(recipe: Recipe, truth: Truth, data: Path) -> tuple[list[Chosen], dict[str, int]]:
    """Marked images that the model never learned from, and why others were left out, with counts."""
    source = recipe.images
    own = {case.name: case for case in load_cases(source, recipe.labels, data)}
    places: dict[tuple[str, ...], list[Row]] = {}
    for row in read_table(data / source.folder / source.table)[0]:
        places.setdefault(tuple(row[column] for column in truth.join.values()), []).append(row)
    chosen, left_out = [], Counter[str]()
    for marked in read_marked(truth, data):
        rows = places.get(marked.key, [])
        if not rows and truth.others_are:
            chosen.append(_unseen(recipe, truth, data, marked))
        elif not rows:
            left_out["not among the model's images"] += 1
        for own_row in rows:
            case = own.get(source.prefix + own_row[source.file])
            found = _labels_to_explain(recipe, truth, case)
            if isinstance(found, str):
                left_out[found] += 1
            elif case is not None:
                chosen.append(Chosen(case, marked, own_row, found))
    return chosen, dict(left_out)


def _labels_to_explain(recipe: Recipe, truth: Truth, case: LabelledCase | None) -> tuple[int, ...] | str:
    """Indices of the labels, or why there are none."""
    if case is None:
        return "left out of the model's data"
    if case.split != "test":
        return f"in the {case.split} split"
    true = tuple(k for k, label in enumerate(recipe.labels) if label in truth.labels and case.has(k))
    return true or "with another label"


def _unseen(recipe: Recipe, truth: Truth, data: Path, marked: Marked) -> Chosen:
    name = truth.file.format(**marked.rows[0])
    patient = marked.rows[0][truth.patient] if truth.patient else name
    case = LabelledCase(name, data / truth.folder / name, patient, -1, UNSEEN)
    return Chosen(case, marked, {}, tuple(recipe.labels.index(label) for label in truth.others_are))


def _is_called(recipe: Recipe, choices: Choices, probabilities: NDArray[np.floating], index: int) -> bool:
    """Whether the model says the label."""
    if recipe.task == "binary":
        threshold = 0.5 if choices.threshold is None else choices.threshold
        return bool(probabilities[1] >= threshold) == (index == 1)
    if recipe.task == "multilabel":
        return bool(probabilities[index] >= choices.thresholds.get(recipe.labels[index], 0.5))
    return int(np.argmax(probabilities)) == index


def explained_maps(
    bundle: Bundle, recipe: Recipe, chosen: Chosen, keras: KerasTasks | None = None
) -> Iterator[tuple[int, NDArray[np.float32], Explanation]]:
    """For each label to explain its index, the (labels,) probabilities, and the map, made the way the app makes it."""
    scan = open_image(chosen.case.path)
    prepared = prepare(scan, recipe.input, [answered_frame(scan)])
    output = bundle.run(prepared.batch)
    probabilities = bundle.probabilities(output.logits)[0]
    for index in chosen.explained(probabilities):
        yield (
            index,
            probabilities,
            EXPLAINERS[METHOD].function(bundle, prepared, Ask(index, output=output, keras=keras)),
        )


def measure_localisation(bundle: Bundle, recipe: Recipe, truth: Truth, choices: Choices, data: Path) -> Localised:
    """Grad-CAM of the labels that are true against what is marked.

    Args:
        bundle: The compiled model.
        recipe: Names the model's own images and their split.
        truth: What is marked where.
        choices: Thresholds, to tell images that were correct from missed ones.
        data: The data folder.
    """
    import pandas as pd

    chosen, left_out = choose_images(recipe, truth, data)
    keras = KerasProcess() if bundle.cam_weights is None else None
    rows, blank = [], 0
    try:
        for each in chosen:
            found: list[dict[str, Any]] = []
            for index, probabilities, explanation in explained_maps(bundle, recipe, each, keras):
                regions = masks(truth, each.marked, each.own, data, explanation.geometry.scan_size)
                predicted = _is_called(recipe, choices, probabilities, index)
                for name, region in regions.items():
                    measured = localise_explanation(explanation, 0, region)
                    found.append(_row(each.case, name, explanation.label, predicted, measured))
            blank += not found
            rows += found
    finally:
        if keras is not None:
            keras.close()
    if blank:
        left_out["with an empty mask"] = blank
    return Localised(truth, pd.DataFrame(rows), left_out)


def _row(case: LabelledCase, marks: str, label: str, predicted: bool, measured: LocalisedCase) -> dict[str, Any]:
    row: dict[str, Any] = {"case": case.name, "patient": case.patient, "split": case.split, "marks": marks}
    row |= {"label": label, "called": predicted, "is_empty": measured.is_empty, "area": measured.area}
    row |= asdict(measured.found)
    for yardstick in ("chance", "centre"):
        row |= {f"{yardstick}_{name}": value for name, value in asdict(getattr(measured, yardstick)).items()}
    return row | {f"attr_{name}": text for name, text in case.attributes.items()}


def group_rows(table: pd.DataFrame, group: Mapping[str, Any]) -> pd.DataFrame:
    """The rows that have what a part's `group` says, e.g. `{"marks": "fracture boxes", "predicted": True}`."""
    chosen = np.ones(len(table), bool)
    for column, value in group.items():
        chosen &= (table[column] == value).to_numpy()
    return table[chosen]


def parts(table: pd.DataFrame) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """All maps of each kind of mark; those of images correct, and missed; and by label if there are several.

    Yields:
        What the rows have in common, and the rows.
    """
    for marks in dict.fromkeys(table["marks"]) if len(table) else ():
        groups: list[dict[str, Any]] = [{"called": True}, {"called": False}]
        if table["label"].nunique() > 1:
            groups += [{"label": label} for label in dict.fromkeys(table["label"])]
        for group in ({}, *groups):
            part = group_rows(table, {"marks": marks, **group})
            if not group or len(part) >= GROUP_MINIMUM:
                yield {"marks": marks, **group}, part


def _part_entry(group: Mapping[str, Any], part: pd.DataFrame) -> dict[str, Any]:
    return {
        "group": dict(group),
        "n": len(part),
        "patients": int(part["patient"].nunique()),
        "area": _rounded(part["area"].mean()),
        "measures": measures(part),
    }


def measures(part: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Each of `MEASURES` over some rows, with interval, chance and centre, rounded to five places."""
    found = {}
    for name in MEASURES:
        summary = summarise(part[name], part[f"chance_{name}"], part[f"centre_{name}"], part["patient"])
        found[name] = {
            "value": _rounded(summary.found.value),
            "low": _rounded(summary.found.low),
            "high": _rounded(summary.found.high),
            "method": summary.found.method,
            "chance": _rounded(summary.chance),
            "centre": _rounded(summary.centre),
            "over_centre": _rounded(summary.over_centre.value),
            "over_centre_low": _rounded(summary.over_centre.low),
            "over_centre_high": _rounded(summary.over_centre.high),
        }
    return found


def _rounded(value: float) -> float:
    return round(float(value), 5)


def localisations(bundle: Bundle, recipe: Recipe, choices: Choices, data: Path) -> tuple[Localised, ...]:
    """`measure_localisation` for each set of marked regions that the recipe names."""
    return tuple(measure_localisation(bundle, recipe, truth, choices, data) for truth in recipe.localise)
