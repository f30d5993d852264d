"""Metrics of masks from what is stored of each image."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from core.evaluation.metrics.mask_cases import (
    MEASURES,
    dice_of,
    left_empty,
    measure_masks,
    pixel_average_precision,
)
from core.evaluation.metrics.masks import dice, hausdorff_95
from core.evaluation.metrics.registry import METRICS

MASKS = [name for name, metric in METRICS.items() if metric.answers == "mask"]


def box(top, left, bottom, right, size=(20, 24)):
    mask = np.zeros(size, bool)
    mask[top:bottom, left:right] = True
    return mask


def row(truth, mask, steps=(1.0, 1.0), in_mm=False, origins=None):
    return measure_masks(truth, mask, np.where(mask, 0.9, 0.1), steps, in_mm, origins)


def of(values, name):
    return values[MEASURES.index(name)]


def test_measures_of_an_image_are_those_of_its_masks():
    truth, mask = box(2, 3, 12, 13), box(4, 3, 14, 15)
    found = row(truth, mask, (0.5, 2.0), True)
    assert dice_of(found[None])[0] == pytest.approx(dice(truth, mask))
    assert of(found, "hausdorff_95_mm") == pytest.approx(hausdorff_95(truth, mask, (0.5, 2.0)))
    assert of(found, "hausdorff_95_pixels") == pytest.approx(hausdorff_95(truth, mask, (1.0, 1.0)))


def test_without_the_size_of_a_pixel_there_is_no_distance_in_mm():
    found = row(box(2, 3, 12, 13), box(4, 3, 14, 15))
    assert np.isnan(of(found, "hausdorff_95_mm"))
    assert of(found, "hausdorff_95_pixels") > 0


def test_a_film_has_overlap_and_no_distance():
    film = np.stack([box(2, 3, 12, 13)] * 3)
    found = row(film, film, ())
    assert dice_of(found[None])[0] == 1.0
    assert np.isnan(of(found, "hausdorff_95_pixels"))


def test_average_precision_of_pixels_agrees_with_scikit_learn():
    rng = np.random.default_rng(3)
    truth = rng.random((60, 50)) < 0.2
    score = 1 / (1 + np.exp(-(rng.normal(size=truth.shape) + 1.5 * truth)))
    wanted = average_precision_score(truth.ravel(), score.ravel())
    assert pixel_average_precision(truth, score) == pytest.approx(wanted, abs=0.01)
    assert np.isnan(pixel_average_precision(np.zeros((3, 3)), np.full((3, 3), 0.5)))


def test_images_without_the_label_count_only_where_nothing_should_be_marked():
    nothing = np.zeros((20, 24), bool)
    rows = np.stack([row(nothing, nothing), row(nothing, box(1, 1, 4, 4)), row(box(1, 1, 4, 4), nothing)])
    np.testing.assert_array_equal(left_empty(rows), [1.0, 0.0, np.nan])
    np.testing.assert_array_equal(dice_of(rows), [np.nan, np.nan, 0.0])
    assert METRICS["mask_left_empty"].function([0, 0, 9], rows, 0.5) == 0.5
    assert np.isnan(METRICS["mask_hausdorff_95_pixels"].function([0, 0, 9], rows, 0.5))


@pytest.mark.parametrize("name", MASKS)
def test_a_mask_metric_is_the_mean_over_the_images_where_it_is_defined(name):
    boxes = [box(2, 3, 12, 13), box(4, 3, 14, 15), np.zeros((20, 24), bool)]
    rows = np.stack([row(truth, mask, (0.5, 0.5), True) for truth in boxes for mask in boxes])
    order = np.random.default_rng(0).permutation(len(rows))
    value = METRICS[name].function(rows[:, 1], rows, 0.5)
    assert METRICS[name].function(rows[order, 1], rows[order], 0.5) == pytest.approx(value)
    assert np.isfinite(value)
    assert np.isnan(METRICS[name].function([], np.empty((0, len(MEASURES))), 0.5))
