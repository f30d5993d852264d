"""Calibration slope and intercept against statsmodels, and where they do not exist."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.metrics import auc, roc_curve

from core.evaluation.metrics.partial_auc import partial_auc, partial_auc_of_counts
from core.evaluation.metrics.recalibration import (
    calibration_intercept,
    calibration_slope,
    intercepts,
    logit,
    slopes,
)
from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.estimates import estimate_of
from core.evaluation.statistics.resampling import patient_counts


def example(seed, n=300, stretch=2.0, shift=0.7, digits=None):
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 1.5, n)
    truth = rng.random(n) < 1 / (1 + np.exp(-true))
    score = 1 / (1 + np.exp(-(true * stretch + shift)))
    return truth, score if digits is None else np.round(score, digits)


@pytest.mark.parametrize("digits", [None, 1])
@pytest.mark.parametrize("seed", range(4))
def test_slope_equals_statsmodels(seed, digits):
    truth, score = example(seed, digits=digits)
    expected = sm.Logit(truth.astype(float), sm.add_constant(logit(score))).fit(disp=0, maxiter=200).params[1]
    assert calibration_slope(truth, score) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_intercept_equals_statsmodels_with_an_offset(seed):
    truth, score = example(seed)
    model = sm.GLM(truth.astype(float), np.ones((300, 1)), family=sm.families.Binomial(), offset=logit(score))
    assert calibration_intercept(truth, score) == pytest.approx(model.fit().params[0], abs=1e-7)


def test_right_probabilities_have_slope_one_and_intercept_zero():
    truth, score = example(1, n=50_000, stretch=1.0, shift=0.0)
    assert calibration_slope(truth, score) == pytest.approx(1.0, abs=0.03)
    assert calibration_intercept(truth, score) == pytest.approx(0.0, abs=0.03)


@pytest.mark.parametrize(
    ("truth", "score"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.8]),  # parted
        ([1, 1, 0, 0], [0.1, 0.2, 0.7, 0.8]),  # parted the other way
        ([0, 1, 0, 1], [0.1, 0.5, 0.5, 0.8]),  # parted but for a tie
        ([0, 1, 0, 1], [0.4] * 4),
        ([1, 1, 1], [0.2, 0.4, 0.6]),
        ([0, 1], [0.2, 0.4]),
        ([1], [0.5]),
    ],
)
def test_slope_that_does_not_exist_is_not_a_number(truth, score):
    assert math.isnan(calibration_slope(truth, score))


def test_intercept_exists_where_scores_part_the_classes():
    assert math.isfinite(calibration_intercept([0, 0, 1, 1], [0.1, 0.2, 0.7, 0.8]))
    assert math.isnan(calibration_intercept([1, 1], [0.1, 0.2]))


def test_probabilities_of_exactly_zero_and_one_are_survived():
    truth, score = np.array([0, 1, 0, 1, 1, 0]), np.array([0.0, 1.0, 1.0, 0.0, 0.6, 0.4])
    assert math.isfinite(calibration_slope(truth, score))
    assert math.isfinite(calibration_intercept(truth, score))


@pytest.mark.parametrize("function", [slopes, intercepts])
def test_weights_are_repeated_cases(function):
    truth, score = example(3, n=60)
    weights = np.random.default_rng(0).integers(0, 4, (60, 5)).astype(np.float32)
    found = function(truth, logit(score), weights)
    expected = [
        function(np.repeat(truth, w), logit(np.repeat(score, w)), np.ones((w.sum(), 1)))[0]
        for w in weights.T.astype(int)
    ]
    assert found == pytest.approx(expected, abs=1e-7)


def test_fold_whose_scores_part_the_classes_is_left_undefined():
    truth, logits = np.array([False, True, False, True]), np.array([0.0, 1.0, 2.0, 3.0])
    found = slopes(truth, logits, np.array([[1, 1], [1, 1], [1, 0], [1, 1]], np.float32))
    assert math.isfinite(found[0])
    assert math.isnan(found[1])


def test_slope_has_an_interval():
    truth, score = example(0)
    found = estimate_of("calibration_slope", truth, score, resamples=200)
    assert found.low < 0.5 < found.high < 1.0


@pytest.mark.parametrize("digits", [None, 1])
@pytest.mark.parametrize("highest", [0.05, 0.1, 0.37, 1.0])
def test_raw_partial_area_equals_scikit_learns_curve_cut_off(highest, digits):
    truth, score = example(5, digits=digits)
    x, y, _ = roc_curve(truth, score, drop_intermediate=False)
    inner = x < highest
    threshold = np.append(x[inner], highest), np.append(y[inner], np.interp(highest, x, y))
    assert partial_auc(truth, score, highest=highest, standardised=False) == pytest.approx(auc(*threshold))


def test_standardised_area_of_chance_is_one_half_and_of_no_error_one():
    assert partial_auc([0, 1, 0, 1], [0.5] * 4) == pytest.approx(0.5)
    assert partial_auc([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]) == 1.0
    assert METRICS["partial_auc_raw"].function([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], 0.5) == pytest.approx(0.1)


def test_top_label_error_is_that_of_both_probabilities():
    truth, score = example(2, digits=2)
    both = np.stack([1 - score, score], axis=1)
    expected = METRICS["ece_top_label"].function(truth.astype(int), both, 0.5)
    assert METRICS["ece_top_label_binary"].function(truth, score, 0.5) == pytest.approx(expected)


def test_partial_area_of_resamples_looks_as_far_down_as_each_needs():
    rng = np.random.default_rng(0)
    truth = np.arange(60) >= 6
    score = np.round(rng.normal(size=60) + truth, 1)
    evaluate = partial_auc_of_counts(truth, score, np.arange(60))
    for counts in patient_counts(60, 100, seed=1):
        expected = [partial_auc(np.repeat(truth, w), np.repeat(score, w)) for w in counts.T.astype(int)]
        assert evaluate(counts) == pytest.approx(expected, nan_ok=True)
