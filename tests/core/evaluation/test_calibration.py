"""Temperature and threshold do what they promise."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from core.evaluation.metrics.calibration import choose_threshold, fit_temperature, sigmoid
from core.evaluation.metrics.registry import METRICS, sensitivity, specificity


def overconfident(n=4000, factor=3.0):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, n)
    return rng.random(n) < sigmoid(logits), logits * factor


def test_temperature_finds_by_how_much_logits_were_stretched():
    truth, logits = overconfident()
    assert fit_temperature(truth, logits) == pytest.approx(3.0, rel=0.1)


def test_temperature_is_the_minimum_that_scipy_finds():
    truth, logits = overconfident(500)

    def loss(beta):
        return np.logaddexp(0, np.where(truth, -logits, logits) * beta).mean()

    expected = minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-9}).x
    assert 1 / fit_temperature(truth, logits) == pytest.approx(expected, abs=1e-4)


def test_temperature_improves_calibration_and_keeps_the_order():
    truth, logits = overconfident()
    calibrated = sigmoid(logits / fit_temperature(truth, logits))
    assert METRICS["ece"].function(truth, calibrated, 0.5) < METRICS["ece"].function(truth, sigmoid(logits), 0.5) / 3
    assert (np.argsort(calibrated) == np.argsort(logits)).all()


def test_temperature_of_one_class_stays_one():
    assert fit_temperature([1, 1], [2.0, 3.0]) == 1.0


def test_sigmoid_of_large_logits_does_not_overflow():
    with np.errstate(all="raise"):
        assert sigmoid([-1e4, 0.0, 1e4]).tolist() == [0.0, 0.5, 1.0]


def test_youden_threshold_is_the_best_of_all_cuts():
    rng = np.random.default_rng(1)
    truth = rng.random(300) < 0.3
    score = np.round(rng.normal(size=300) + truth, 1)
    chosen = choose_threshold(truth, score)
    best = max(
        sensitivity(truth, score, threshold) + specificity(truth, score, threshold) for threshold in np.unique(score)
    )
    assert sensitivity(truth, score, chosen) + specificity(truth, score, chosen) == pytest.approx(best)


def test_threshold_for_a_sensitivity_is_the_highest_that_reaches_it():
    rng = np.random.default_rng(2)
    truth = rng.random(500) < 0.3
    score = rng.normal(size=500) + truth
    chosen = choose_threshold(truth, score, "sensitivity", 0.9)
    higher = score[score > chosen].min() + 1e-9
    assert sensitivity(truth, score, chosen) >= 0.9 > sensitivity(truth, score, higher)


def test_threshold_lies_between_two_scores():
    assert choose_threshold([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9]) == pytest.approx(0.4)


def test_threshold_needs_both_classes():
    with pytest.raises(ValueError, match="one kind only"):
        choose_threshold([1, 1], [0.2, 0.4])


def test_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="Received 'luck'"):
        choose_threshold([0, 1], [0.2, 0.4], "luck")
