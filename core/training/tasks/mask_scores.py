"""What a compiled model for segmentation does on images with masks: rows by case and label, and every number.

Everything is measured on the scan's own pixels: probabilities go back from the model's grid as they do for a user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.evaluation.metrics.masks import dice, hausdorff_95
from core.evaluation.metrics.pixel_counts import BINS, area_of_counts, average_precisions, count_scores
from core.evaluation.results.case_scores import mask_measures
from core.evaluation.results.estimates import estimate_of
from core.evaluation.statistics.intervals import Estimate, percentile_interval
from core.explain.trust.localisation import mean_estimate
from core.inference.bundle import Bundle
from core.keras_process.model.split import probabilities
from core.training.data.masked_images import MaskedCase, prepare_image, read_masks
from core.training.recipe.schema import Recipe
from core.training.tasks.results import AT, ATTRIBUTE, Choices, Result

#: Columns of the rows that hold `count_scores`.
OWN, OTHER = "scores_of_label", "scores_of_rest"

#: Fewest cases for a line of its own in a table of subgroups.
SUBGROUP_MINIMUM = 5


@dataclass(frozen=True, eq=False)
class ScoredMasks:
    """What the model says of one image, with the truth.

    Attributes:
        case: Which.
        masks: (labels, rows, columns) truth on the scan's own pixels.
        probability: (labels, rows, columns) float32 on the same.
        second: (labels, rows, columns) a second observer's masks, or None.
        features: (D,) float32.
    """

    case: MaskedCase
    masks: NDArray[np.bool_]
    probability: NDArray[np.float32]
    second: NDArray[np.bool_] | None
    features: NDArray[np.float32]


def score_masks(bundle: Bundle, case: MaskedCase, recipe: Recipe) -> ScoredMasks:
    """Run one image through the compiled model, and its probabilities back onto the scan's pixels."""
    prepared = prepare_image(case, recipe)
    output = bundle.run(prepared.batch, outputs=("logits", "features"))
    assert output.features is not None  # a U-Net has a spatial layer
    found = probabilities(output.logits[0], "sigmoid" if recipe.units == 1 else "softmax")
    planes = found if recipe.units == 1 else found[..., 1:]
    on_scan = np.stack([prepared.geometry.to_scan(plane) for plane in np.moveaxis(planes, -1, 0)])
    second = read_masks(case.second, recipe) if case.second else None
    return ScoredMasks(case, read_masks(case.mask, recipe), on_scan, second, output.features[0])


def predicted(probability: NDArray[np.floating], threshold: float) -> NDArray[np.bool_]:
    """The mask: where the probability reaches the threshold, both as float32."""
    return np.asarray(np.asarray(probability, np.float32) >= np.float32(threshold))


def counts_of(scored: Sequence[ScoredMasks]) -> NDArray[np.int64]:
    """(images, labels, 2, bins), what thresholds and temperature are chosen from."""
    return np.stack(
        [
            np.stack([count_scores(truth, found) for truth, found in zip(one.masks, one.probability, strict=True)])
            for one in scored
        ]
    )


def rows_of(one: ScoredMasks, recipe: Recipe, choices: Choices) -> list[dict[str, Any]]:
    """One row a label of one image. Dice is NaN where neither mask has a pixel; distances are in pixels."""
    rows = []
    for index, label in enumerate(recipe.foreground):
        truth, mask = one.masks[index], predicted(one.probability[index], choices.of(label))
        common, true, found = int((truth & mask).sum()), int(truth.sum()), int(mask.sum())
        counts = count_scores(truth, one.probability[index])
        row = {
            "case": one.case.name, "patient": one.case.patient, "split": one.case.split, "label": label,
            "pixels": truth.size, "true_pixels": true, "predicted_pixels": found, "intersection": common,
            "true_empty": not true, "predicted_empty": not found, "dice": dice(truth, mask),
            "average_precision": area_of_counts(counts[None, :, :]),
        }  # fmt: skip
        if recipe.distances:
            row["hausdorff_95"] = hausdorff_95(truth, mask, (1.0, 1.0))
        if recipe.masked.second:
            row |= _second_columns(truth, None if one.second is None else one.second[index])
        row |= {OWN: counts[0].tolist(), OTHER: counts[1].tolist()}
        rows.append(row | {ATTRIBUTE + name: value for name, value in one.case.attributes.items()})
    return rows


def _second_columns(truth: NDArray[np.bool_], second: NDArray[np.bool_] | None) -> dict[str, Any]:
    if second is None:
        return {"second_pixels": -1, "second_intersection": -1, "second_dice": float("nan")}
    common, marked = int((truth & second).sum()), int(second.sum())
    return {
        "second_pixels": marked,
        "second_intersection": common,
        "second_dice": dice(truth, second),
    }


def stored_counts(rows: pd.DataFrame) -> NDArray[np.int64]:
    """(rows, 2, bins) scores of pixels as stored."""
    both = [np.stack(rows[column].to_list()) for column in (OWN, OTHER)]
    return np.stack(both, axis=1).astype(np.int64) if len(rows) else np.zeros((0, 2, BINS), np.int64)


def _pooled_area(rows: pd.DataFrame) -> Estimate:
    counts = stored_counts(rows).astype(np.float64)
    people, owner = np.unique(rows["patient"].to_numpy(str), return_inverse=True)
    summed = np.zeros((len(people), *counts.shape[1:]))
    np.add.at(summed, owner, counts)

    def evaluate(drawn: NDArray[np.float32]) -> NDArray[np.float64]:
        own, other = (drawn.T @ summed[:, which] for which in (0, 1))
        return average_precisions(own, other)

    value = area_of_counts(counts.astype(np.int64))
    return percentile_interval(value, evaluate, len(people), len(rows), 2000, 0)


def _mean(rows: pd.DataFrame, values: pd.Series) -> Estimate:
    return mean_estimate(values.to_numpy(np.float64), rows["patient"].to_numpy(str))


def _metric(name: str) -> Callable[[pd.DataFrame], Estimate]:
    """A metric of `core.evaluation` from stored rows of one label, with the interval that pages show."""

    def evaluate(rows: pd.DataFrame) -> Estimate:
        measures, patients = mask_measures(rows), rows["patient"].to_numpy(str)
        return estimate_of(name, rows["true_pixels"].to_numpy(), measures, patients)

    return evaluate


def _by_patient(rows: pd.DataFrame) -> Estimate:
    sums = rows.groupby("patient")[["intersection", "true_pixels", "predicted_pixels"]].sum().reset_index()
    whole = sums["true_pixels"] + sums["predicted_pixels"]
    sums = sums[whole > 0]
    return _mean(sums, 2.0 * sums["intersection"] / whole[whole > 0])


def _second_dice(rows: pd.DataFrame) -> Estimate:
    defined = rows[~rows["true_empty"] & rows["second_dice"].notna()]
    return _mean(defined, defined["second_dice"])


def _false_area(rows: pd.DataFrame) -> Estimate:
    empty = rows[rows["true_empty"]]
    return _mean(empty, empty["predicted_pixels"] / empty["pixels"])


@dataclass(frozen=True)
class MaskMetric:
    """One number of a label from its rows.

    Attributes:
        title: For people, with the convention.
        function: From the rows of one label.
        needs: Column without which there is no such number.
        empties: Whether it is about images without the label.
        several: Whether it says something only where patients have several images.
    """

    title: str
    function: Callable[[pd.DataFrame], Estimate]
    needs: str = "dice"
    empties: bool = False
    several: bool = False


#: By the type in the card's model-index, the main one first.
MASK_METRICS: Mapping[str, MaskMetric] = {
    "dice": MaskMetric("Dice, mean of the images with the label", _metric("mask_dice")),
    "dice_patient": MaskMetric(
        "Dice of all images of a patient together, mean of the patients", _by_patient, several=True
    ),
    "pixel_average_precision": MaskMetric(
        "Average precision of the pixels, mean of the images with the label", _metric("mask_average_precision")
    ),
    "pixel_average_precision_pooled": MaskMetric(
        "Average precision of the pixels of all images together", _pooled_area
    ),
    "hausdorff_95_pixels": MaskMetric(
        "Hausdorff distance of the outlines in pixels, 95th percentile, mean of the images with both",
        _metric("mask_hausdorff_95_pixels"),
        needs="hausdorff_95",
    ),
    "second_observer_dice": MaskMetric(
        "Dice of the second observer against the first, same images", _second_dice, needs="second_dice"
    ),
    "empty_called_empty": MaskMetric(
        "Fraction of the images without the label where nothing is segmented", _metric("mask_left_empty"), empties=True
    ),
    "false_area": MaskMetric(
        "Fraction of the image falsely segmented, mean of the images without the label", _false_area, empties=True
    ),
}


def estimate_rows(table: pd.DataFrame, labels: Iterable[str]) -> dict[str, Estimate]:
    """Every metric that applies, of every label; nothing for images without the label where there are none."""
    names = list(labels)
    parts = {label: table[table["label"] == label] for label in names}
    found = {}
    for name, metric in MASK_METRICS.items():
        for label in names:
            rows = parts[label]
            if _applies(metric, rows):
                found[f"{name}{AT}{label}"] = metric.function(rows)
    return found


def _applies(metric: MaskMetric, rows: pd.DataFrame) -> bool:
    if metric.needs not in rows.columns or not rows[metric.needs].notna().any():
        return False
    if metric.several and rows["patient"].nunique() == len(rows):
        return False
    return not metric.empties or bool(rows["true_empty"].any())


def measure_split(scored: Sequence[ScoredMasks], recipe: Recipe, choices: Choices, split: str) -> Result:
    """The rows of a split and every number from them."""
    table = pd.DataFrame([row for one in scored for row in rows_of(one, recipe, choices)])
    return Result(recipe.masked, split, table, None, estimate_rows(table, recipe.foreground))


def mask_subgroups(table: pd.DataFrame, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Dice and the fraction of rightly empty images for each value of each attribute, of each label.

    Groups with fewer than `SUBGROUP_MINIMUM` images are left out.
    """
    found = []
    for column in [name for name in table.columns if str(name).startswith(ATTRIBUTE)]:
        for label in labels:
            own = table[table["label"] == label]
            for value, rows in own[own[column] != ""].groupby(column):
                if len(rows) < SUBGROUP_MINIMUM:
                    continue
                group = f"{str(column).removeprefix(ATTRIBUTE)}: {value}"
                found.append(
                    {
                        "label": label,
                        "group": group,
                        "pictures": len(rows),
                        "patients": rows["patient"].nunique(),
                        "dice": MASK_METRICS["dice"].function(rows),
                        "empty_called_empty": MASK_METRICS["empty_called_empty"].function(rows),
                    }
                )
    return found
