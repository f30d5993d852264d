"""Rows by case and label, and the numbers that follow from them."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.metrics.pixel_counts import count_scores
from core.training.tasks.mask_scores import MASK_METRICS, OTHER, OWN, estimate_rows, mask_subgroups, predicted


def row(patient, truth, predicted, label="Disc", **more):
    truth, predicted = np.array(truth, bool), np.array(predicted, bool)
    common, total = int((truth & predicted).sum()), int(truth.sum() + predicted.sum())
    counts = count_scores(truth, np.where(predicted, 0.9, 0.1))
    return {
        "case": f"{patient}-{truth}-{predicted}", "patient": patient, "split": "test", "label": label,
        "pixels": truth.size, "true_pixels": int(truth.sum()), "predicted_pixels": int(predicted.sum()),
        "intersection": common, "true_empty": not truth.any(), "predicted_empty": not predicted.any(),
        "dice": 2 * common / total if total else np.nan, "average_precision": 0.5,
        OWN: counts[0].tolist(), OTHER: counts[1].tolist(), **more,
    }  # fmt: skip


ROWS = [
    row("p", [1, 1, 0, 0], [1, 0, 0, 0]),
    row("p", [0, 0, 0, 0], [0, 0, 1, 0]),
    row("q", [1, 0, 0, 0], [0, 0, 0, 0]),
    row("q", [0, 0, 0, 0], [0, 0, 0, 0]),
]


def test_missed_label_counts_0_and_empty_images_count_apart():
    found = estimate_rows(pd.DataFrame(ROWS), ["Disc"])
    assert found["dice@Disc"].value == pytest.approx((2 / 3 + 0) / 2)
    assert found["dice@Disc"].n == 2
    assert found["empty_called_empty@Disc"].value == 0.5
    assert found["false_area@Disc"].value == pytest.approx(0.25 / 2)


def test_dice_of_a_patient_pools_all_images_the_empty_ones_too():
    found = estimate_rows(pd.DataFrame(ROWS), ["Disc"])["dice_patient@Disc"]
    assert found.value == pytest.approx((2 * 1 / (2 + 2) + 0) / 2)
    assert found.n == 2


def test_metrics_that_do_not_apply_are_left_out():
    table = pd.DataFrame([row("p", [1, 0], [1, 0]), row("q", [1, 1], [1, 0])])
    names = {name.removesuffix("@Disc") for name in estimate_rows(table, ["Disc"])}
    assert names == {"dice", "pixel_average_precision", "pixel_average_precision_pooled"}
    seconds = pd.DataFrame([row("p", [1, 0], [1, 0], second_dice=0.75), row("q", [1, 1], [1, 0], second_dice=0.25)])
    assert estimate_rows(seconds, ["Disc"])["second_observer_dice@Disc"].value == 0.5


def test_interval_is_over_patients_and_holds_the_value():
    rng = np.random.default_rng(0)
    truth = rng.random((30, 400)) < 0.3
    table = pd.DataFrame([row(str(n // 2), each, each ^ (rng.random(400) < 0.2)) for n, each in enumerate(truth)])
    for name in ("dice", "pixel_average_precision_pooled"):
        estimate = MASK_METRICS[name].function(table)
        assert estimate.low < estimate.value < estimate.high
        assert estimate.method == "patient bootstrap, 2000 resamples, expanded percentiles"


def test_subgroups_need_enough_images():
    table = pd.DataFrame([row(str(n), [1, 0], [1, 0], attr_sex="F" if n < 6 else "M") for n in range(9)])
    assert [(group["group"], group["pictures"]) for group in mask_subgroups(table, ["Disc"])] == [("sex: F", 6)]


def test_mask_is_called_from_the_threshold_on_as_float32():
    cut = 0.437823
    assert predicted(np.array([cut, np.nextafter(np.float32(cut), np.float32(0))], np.float32), cut).tolist() == [
        True,
        False,
    ]
