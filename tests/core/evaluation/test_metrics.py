"""Our metrics against scikit-learn, and where they are undefined."""

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from core.evaluation.metrics.registry import METRICS, midranks, usable

REFERENCE = {
    "roc_auc": lambda y, s, t: reference.roc_auc_score(y, s),
    "average_precision": lambda y, s, t: reference.average_precision_score(y, s),
    "sensitivity": lambda y, s, t: reference.recall_score(y, s >= t),
    "specificity": lambda y, s, t: reference.recall_score(y, s >= t, pos_label=0),
    "ppv": lambda y, s, t: reference.precision_score(y, s >= t),
    "npv": lambda y, s, t: reference.precision_score(y, s >= t, pos_label=0),
    "accuracy": lambda y, s, t: reference.accuracy_score(y, s >= t),
    "balanced_accuracy": lambda y, s, t: reference.balanced_accuracy_score(y, s >= t),
    "f1": lambda y, s, t: reference.f1_score(y, s >= t),
    "brier": lambda y, s, t: reference.brier_score_loss(y, s),
    "log_loss": lambda y, s, t: reference.log_loss(y, s),
    "mcc": lambda y, s, t: reference.matthews_corrcoef(y, s >= t),
    "kappa_binary": lambda y, s, t: reference.cohen_kappa_score(y, s >= t),
    "partial_auc": lambda y, s, t: reference.roc_auc_score(y, s, max_fpr=0.1),
}


BINARY = [name for name, metric in METRICS.items() if metric.answers == "binary"]

#: Better answers can be worse calibrated: too cautious.
ORDERED = [name for name in BINARY if METRICS[name].target is None and name != "ece_top_label_binary"]


def example(kind, seed=0, n=300):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.3
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + truth)))
    if kind == "ties":
        score = np.round(score, 1).clip(0.05, 0.95)
    return truth, score


@pytest.mark.parametrize("kind", ["distinct", "ties"])
@pytest.mark.parametrize("name", REFERENCE)
def test_metric_equals_scikit_learn(name, kind):
    truth, score = example(kind)
    expected = REFERENCE[name](truth, score, 0.5)
    assert METRICS[name].function(truth, score, 0.5) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", BINARY)
def test_metric_does_not_depend_on_the_order_of_cases(name):
    truth, score = example("ties")
    order = np.random.default_rng(1).permutation(len(truth))
    function = METRICS[name].function
    assert function(truth[order], score[order], 0.5) == pytest.approx(function(truth, score, 0.5), abs=1e-12)


@pytest.mark.parametrize("name", ORDERED)
def test_metric_gets_better_when_the_answers_do(name):
    truth, score = example("distinct", n=2000)
    better = np.where(truth, score + (1 - score) / 2, score / 2)
    metric = METRICS[name]
    before, after = (metric.function(truth, s, 0.5) for s in (score, better))
    assert after > before if metric.higher_is_better else after < before


@pytest.mark.parametrize("name", BINARY)
def test_metric_leaves_out_cases_without_a_score(name):
    truth, score = example("distinct")
    holed = np.append(score, [np.nan, np.nan])
    function = METRICS[name].function
    assert function(np.append(truth, [True, False]), holed, 0.5) == function(truth, score, 0.5)


@pytest.mark.parametrize("name", BINARY)
def test_metric_of_no_cases_is_not_a_number(name):
    assert math.isnan(METRICS[name].function([], [], 0.5))


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("roc_auc", [1, 1]), ("roc_auc", [0, 0]), ("average_precision", [0, 0]), ("sensitivity", [0, 0]),
        ("specificity", [1, 1]), ("balanced_accuracy", [1, 1]), ("mcc", [1, 1]), ("partial_auc", [0, 0]),
        ("partial_auc_raw", [1, 1]), ("calibration_slope", [1, 1]), ("calibration_intercept", [0, 0]),
    ],
)  # fmt: skip
def test_metric_without_one_class_is_not_a_number(name, truth):
    assert math.isnan(METRICS[name].function(truth, [0.2, 0.8], 0.5))


def test_predictive_value_without_such_decisions_is_not_a_number():
    assert math.isnan(METRICS["ppv"].function([0, 1], [0.1, 0.2], 0.5))
    assert math.isnan(METRICS["npv"].function([0, 1], [0.8, 0.9], 0.5))


def test_auc_of_equal_scores_is_one_half():
    assert METRICS["roc_auc"].function([0, 1, 1, 0, 1], [0.7] * 5, 0.5) == 0.5


def test_auc_of_two_cases_is_all_or_nothing():
    assert METRICS["roc_auc"].function([0, 1], [0.1, 0.9], 0.5) == 1.0
    assert METRICS["roc_auc"].function([1, 0], [0.1, 0.9], 0.5) == 0.0


def test_score_on_the_threshold_is_positive():
    assert METRICS["sensitivity"].function([1], [0.5], 0.5) == 1.0


def test_calibration_error_is_that_of_the_positive_class():
    # Ten cases at 0.05, one of them positive; ten at 0.95, all positive: gaps of 0.05 in both bins.
    truth, score = [1] + [0] * 9 + [1] * 10, [0.05] * 10 + [0.95] * 10
    assert METRICS["ece"].function(truth, score, 0.5) == pytest.approx(0.05)


def test_brier_score_is_of_one_class_only():
    assert METRICS["brier"].function([1, 0], [0.0, 0.0], 0.5) == 0.5


def test_log_loss_of_a_sure_error_is_finite():
    assert math.isfinite(METRICS["log_loss"].function([1], [0.0], 0.5))


def test_equal_values_share_their_rank():
    assert midranks(np.array([3.0, 1.0, 3.0])).tolist() == [2.5, 1.0, 2.5]


def test_arrays_of_different_length_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        usable([0, 1], [0.5])
