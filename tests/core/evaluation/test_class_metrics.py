"""Metrics of several classes and several findings against scikit-learn, and where they are undefined."""

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from core.evaluation.metrics.multiclass import confusion_matrix
from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.estimates import FRACTIONS, estimate_of
from core.evaluation.statistics.intervals import patient_counts
from core.evaluation.statistics.student import expanded_level

CLASSES = [name for name, metric in METRICS.items() if metric.answers == "multiclass"]
LABELS = [name for name, metric in METRICS.items() if metric.answers == "multilabel"]
ONE_HOT = np.eye(3)

REFERENCE = {
    "roc_auc_macro": lambda y, s: reference.roc_auc_score(y, s, multi_class="ovr", average="macro"),
    "roc_auc_weighted": lambda y, s: reference.roc_auc_score(y, s, multi_class="ovr", average="weighted"),
    "average_precision_macro": lambda y, s: reference.average_precision_score(ONE_HOT[y], s, average="macro"),
    "average_precision_weighted": lambda y, s: reference.average_precision_score(ONE_HOT[y], s, average="weighted"),
    "mcc_multiclass": lambda y, s: reference.matthews_corrcoef(y, s.argmax(1)),
    "f1_weighted": lambda y, s: reference.f1_score(y, s.argmax(1), average="weighted"),
    "roc_auc_labels_weighted": lambda y, s: reference.roc_auc_score(y, s, average="weighted"),
    "average_precision_labels_weighted": lambda y, s: reference.average_precision_score(y, s, average="weighted"),
    "accuracy_multiclass": lambda y, s: reference.accuracy_score(y, s.argmax(1)),
    "balanced_accuracy_multiclass": lambda y, s: reference.balanced_accuracy_score(y, s.argmax(1)),
    "kappa": lambda y, s: reference.cohen_kappa_score(y, s.argmax(1)),
    "kappa_quadratic": lambda y, s: reference.cohen_kappa_score(y, s.argmax(1), weights="quadratic"),
    "f1_macro": lambda y, s: reference.f1_score(y, s.argmax(1), average="macro"),
    "brier_multiclass": lambda y, s: np.mean(np.sum((s - ONE_HOT[y]) ** 2, axis=1)),
    "log_loss_multiclass": lambda y, s: reference.log_loss(y, s, labels=[0, 1, 2]),
    "roc_auc_labels": lambda y, s: reference.roc_auc_score(y, s, average="macro"),
    "average_precision_labels": lambda y, s: reference.average_precision_score(y, s, average="macro"),
    "brier_labels": lambda y, s: np.mean([reference.brier_score_loss(y[:, k], s[:, k]) for k in range(3)]),
    "log_loss_labels": lambda y, s: np.mean([reference.log_loss(y[:, k], s[:, k]) for k in range(3)]),
}


def example(name, kind="distinct", n=300):
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, n)
    if METRICS[name].answers == "multilabel":
        truth = rng.random((n, 3)) < [0.5, 0.2, 0.1]
        score = 1 / (1 + np.exp(-(rng.normal(size=(n, 3)) + truth)))
        return truth, np.round(score, 1).clip(0.05, 0.95) if kind == "ties" else score
    weight = np.exp(rng.normal(size=(n, 3)) + ONE_HOT[truth])
    if kind == "ties":
        weight = np.round(weight).clip(1, 4)
    return truth, weight / weight.sum(1, keepdims=True)


def value(name, truth, score):
    return METRICS[name].function(truth, score, 0.5)


@pytest.mark.parametrize("kind", ["distinct", "ties"])
@pytest.mark.parametrize("name", REFERENCE)
def test_metric_equals_scikit_learn(name, kind):
    truth, score = example(name, kind)
    assert value(name, truth, score) == pytest.approx(REFERENCE[name](truth, score), abs=1e-12)


@pytest.mark.parametrize("name", CLASSES + LABELS)
def test_metric_does_not_depend_on_the_order_of_cases(name):
    truth, score = example(name, "ties")
    order = np.random.default_rng(1).permutation(len(truth))
    assert value(name, truth[order], score[order]) == pytest.approx(value(name, truth, score), abs=1e-12)


@pytest.mark.parametrize("name", [name for name in CLASSES + LABELS if name != "ece_top_label"])
def test_metric_gets_better_when_the_answers_do(name):
    truth, score = example(name)
    goal = truth if METRICS[name].answers == "multilabel" else ONE_HOT[truth]
    before, after = value(name, truth, score), value(name, truth, (score + goal) / 2)
    assert after > before if METRICS[name].higher_is_better else after < before


@pytest.mark.parametrize("name", CLASSES + LABELS)
def test_metric_leaves_out_cases_without_a_score(name):
    truth, score = example(name)
    holed = np.concatenate([score, [[0.2, np.nan, 0.1]]])
    assert value(name, np.concatenate([truth, truth[:1]]), holed) == value(name, truth, score)


@pytest.mark.parametrize("name", CLASSES + LABELS)
def test_metric_of_no_cases_is_not_a_number(name):
    assert math.isnan(value(name, [], []))


@pytest.mark.parametrize("name", ["roc_auc_macro", "balanced_accuracy_multiclass", "f1_macro"])
def test_what_needs_every_class_is_not_a_number_without_one(name):
    score = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    assert math.isnan(value(name, [0, 1, 1], score))


def test_what_needs_no_class_is_defined_without_one():
    score = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    assert value("accuracy_multiclass", [0, 1, 1], score) == pytest.approx(2 / 3)
    assert math.isfinite(value("kappa_quadratic", [0, 1, 1], score))


def test_kappa_of_one_class_only_is_not_a_number():
    assert math.isnan(value("kappa", [0, 0], [[0.9, 0.1], [0.8, 0.2]]))


def test_quadratic_kappa_of_two_cases_punishes_distance():
    far = value("kappa_quadratic", [0, 2, 1], [[1, 0, 0], [1, 0, 0], [0, 1, 0]])
    near = value("kappa_quadratic", [0, 2, 1], [[1, 0, 0], [0, 1, 0], [0, 1, 0]])
    assert far < near < 1


def test_equal_scores_are_worth_one_half():
    assert value("roc_auc_macro", [0, 1, 2], np.full((3, 3), 1 / 3)) == 0.5
    assert value("roc_auc_labels", [[0, 1], [1, 0]], np.full((2, 2), 0.4)) == 0.5


def test_two_cases_are_all_or_nothing():
    assert value("roc_auc_macro", [0, 1], [[0.9, 0.1], [0.2, 0.8]]) == 1.0
    assert value("accuracy_multiclass", [0, 1], [[0.1, 0.9], [0.8, 0.2]]) == 0.0


def test_mean_over_findings_leaves_out_those_that_are_undefined():
    truth, score = [[1, 0], [0, 0], [1, 0]], [[0.9, 0.3], [0.1, 0.2], [0.8, 0.9]]
    assert value("roc_auc_labels", truth, score) == 1.0
    assert math.isnan(value("roc_auc_labels", [[0, 0], [0, 0]], [[0.9, 0.3], [0.1, 0.2]]))


def test_calibration_error_is_that_of_the_top_label():
    # Ten sure answers at 0.95, all right; ten at 0.65, five right: gaps of 0.05 and 0.15.
    score = [[0.95, 0.03, 0.02]] * 10 + [[0.65, 0.2, 0.15]] * 10
    assert value("ece_top_label", [0] * 15 + [1] * 5, score) == pytest.approx(0.1)


def test_confusion_matrix_has_the_truth_in_its_rows():
    matrix = confusion_matrix([0, 0, 2], [[1, 0, 0], [0, 0, 1], [0, 0, 1]])
    assert matrix.tolist() == [[1, 0, 1], [0, 0, 0], [0, 0, 1]]


def test_class_without_a_column_is_refused():
    with pytest.raises(ValueError, match="indices below 2"):
        value("kappa", [0, 2], [[0.5, 0.5], [0.5, 0.5]])


@pytest.mark.parametrize("name", [name for name in CLASSES + LABELS if name not in FRACTIONS])
def test_interval_is_that_of_repeating_the_cases_of_drawn_patients(name):
    truth, score = example(name, "ties", n=90)
    patients = np.arange(90) // 3
    found = estimate_of(name, truth, score, patients, resamples=200)
    resamples = np.concatenate(list(patient_counts(30, 200, 0)), axis=1)
    repeated = [np.repeat(np.arange(90), resample[patients].astype(int)) for resample in resamples.T]
    beyond = 100 * expanded_level(30)
    values = [value(name, truth[cases], score[cases]) for cases in repeated]
    low, high = np.nanpercentile(values, (beyond, 100 - beyond))
    assert found.value == value(name, truth, score)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-6)
    assert found.method == "patient bootstrap, 200 resamples, expanded percentiles"


def test_perfect_accuracy_gets_an_interval_of_patients():
    found = estimate_of("accuracy_multiclass", [0, 1, 2, 2], ONE_HOT[[0, 1, 2, 2]], ["a", "a", "b", "b"], resamples=50)
    assert found.high == 1.0 > found.low
    assert found.method == "Wilson, 2 patients"


def test_undefined_metric_has_no_interval():
    found = estimate_of("roc_auc_macro", [0, 1], [[0.5, 0.3, 0.2], [0.2, 0.7, 0.1]], resamples=20)
    assert math.isnan(found.value)
    assert math.isnan(found.low)


def test_binary_metric_is_refused():
    with pytest.raises(ValueError, match="binary answers for roc_auc"):
        estimate_of("roc_auc", [0, 1], [[0.5, 0.5], [0.2, 0.8]])
