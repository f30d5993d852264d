"""Counts of scores stand for the pixels: Dice, precision and recall, thresholds, temperature follow from them."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from core.evaluation.metrics.masks import dice
from core.evaluation.metrics.pixel_counts import BORDERS, area_of_counts, count_scores, dice_by_border, pixel_log_loss
from core.training.tasks.mask_choices import best_temperature, best_threshold, choose_masks, mean_dice  # fmt: skip


def image(seed, fraction=0.1, sharp=2.0):
    rng = np.random.default_rng(seed)
    truth = rng.random((60, 50)) < fraction
    logits = sharp * (2.0 * truth - 1.0) + rng.normal(0, 2.0, truth.shape)
    return truth, 1 / (1 + np.exp(-logits))


def test_dice_of_counts_is_that_of_the_mask_at_each_border():
    truth, probability = image(0)
    found = dice_by_border(count_scores(truth, probability))
    for place in (10, 60, 80, 120):
        threshold = 1 / (1 + np.exp(-BORDERS[place]))
        assert found[place] == pytest.approx(dice(truth, probability >= threshold))


def test_average_precision_of_counts_is_nearly_that_of_the_scores():
    images = [image(seed) for seed in range(3)]
    counts = np.stack([count_scores(truth, probability) for truth, probability in images])
    truth, score = (np.concatenate([pair[which].ravel() for pair in images]) for which in (0, 1))
    assert area_of_counts(counts) == pytest.approx(average_precision_score(truth, score), abs=0.01)


def test_average_precision_without_the_label_is_not_defined():
    assert np.isnan(area_of_counts(count_scores(np.zeros((4, 4), bool), np.full((4, 4), 0.3))[None]))


def test_threshold_is_the_middle_of_the_best_and_separates():
    truth = np.zeros((1, 10), bool)
    truth[0, :3] = True
    counts = count_scores(truth, np.where(truth, 0.8, 0.2))[None]
    assert best_threshold(counts, "pooled_dice") == pytest.approx(0.5, abs=0.03)


def test_mean_dice_wants_images_without_the_label_to_stay_empty():
    shown, empty = np.ones((2, 2), bool), np.zeros((2, 2), bool)
    counts = np.stack([count_scores(shown, np.full((2, 2), 0.6)), count_scores(empty, np.full((2, 2), 0.3))])
    found = mean_dice(counts)
    at = {cut: found[np.searchsorted(BORDERS, np.log(cut / (1 - cut)))] for cut in (0.2, 0.45, 0.8)}
    assert at == pytest.approx({0.2: 0.5, 0.45: 1.0, 0.8: 0.5})


def test_temperature_mends_answers_that_are_too_sure():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, 40_000)
    truth = rng.random(40_000) < 1 / (1 + np.exp(-logits))
    counts = count_scores(truth, 1 / (1 + np.exp(-2 * logits)))
    temperature = best_temperature(counts)
    assert temperature == pytest.approx(2.0, rel=0.1)
    assert pixel_log_loss(counts, temperature) < pixel_log_loss(counts)


def test_choices_name_the_split_and_have_a_threshold_for_each_label():
    counts = np.stack([[count_scores(*image(seed)), count_scores(*image(seed + 9))] for seed in range(4)])
    choices = choose_masks(counts, ["a", "b"], "pooled_dice", 3)
    assert set(choices.thresholds) == {"a", "b"}
    assert "validation split, 4 images of 3 patients" in choices.source
