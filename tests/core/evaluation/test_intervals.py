"""Intervals against published values, scikit-learn and simulation."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from core.evaluation.intervals import bootstrap, delong, patient_counts, proportion, wilson
from core.evaluation.metrics import METRICS


def example(n=400, seed=0, digits=None):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.4
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + 1.2 * truth)))
    return truth, score if digits is None else np.round(score, digits), rng.integers(0, n // 3, n)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 7), (81, 263), (10, 10)])
def test_wilson_equals_scipy(k, n):
    expected = stats.binomtest(k, n).proportion_ci(method="wilson")
    estimate = wilson(k, n)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_proportion_without_cases_is_not_defined():
    estimate = wilson(0, 0)
    assert math.isnan(estimate.value)
    assert math.isnan(estimate.low)


def test_proportion_counts_the_right_cases():
    estimate = proportion("sensitivity", [1, 1, 1, 0], [0.9, 0.8, 0.1, 0.9], 0.5)
    assert (estimate.value, estimate.n) == (2 / 3, 3)


def test_delong_variance_equals_its_definition_by_pairs():
    truth, score, _ = example(60, digits=1)
    positives, negatives = score[truth], score[~truth]
    kernel = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
    error = math.sqrt(kernel.mean(1).var(ddof=1) / len(positives) + kernel.mean(0).var(ddof=1) / len(negatives))
    auc = kernel.mean()
    half = 1.959963984540054 * error / (auc * (1 - auc))
    centre = math.log(auc / (1 - auc))
    estimate = delong(truth, score)
    assert estimate.value == pytest.approx(auc)
    assert estimate.low == pytest.approx(1 / (1 + math.exp(half - centre)))
    assert estimate.high == pytest.approx(1 / (1 + math.exp(-half - centre)))


def test_delong_of_perfect_or_one_sided_scores_has_no_interval():
    assert math.isnan(delong([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]).low)
    assert math.isnan(delong([1, 1], [0.1, 0.9]).value)


@pytest.mark.parametrize("digits", [None, 1])
def test_fast_auc_folds_equal_scikit_learn_on_the_same_draws(digits):
    truth, score, patients = example(200, digits=digits)
    people, owner = np.unique(patients, return_inverse=True)
    resamples = [
        roc_auc_score(np.repeat(truth, c), np.repeat(score, c))
        for block in patient_counts(len(people), 60, seed=3)
        for c in block.T[:, owner].astype(int)
    ]
    estimate = bootstrap("roc_auc", truth, score, patients, resamples=60, seed=3)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(np.percentile(resamples, (2.5, 97.5))), abs=1e-6)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.answers == "binary"])
def test_bootstrap_folds_equal_the_metric_on_repeated_cases(name):
    truth, score, patients = example(150, seed=2)
    people, owner = np.unique(patients, return_inverse=True)
    resamples = [
        METRICS[name].function(np.repeat(truth, c), np.repeat(score, c), 0.4)
        for block in patient_counts(len(people), 40, seed=7)
        for c in block.T[:, owner].astype(int)
    ]
    estimate = bootstrap(name, truth, score, patients, 0.4, resamples=40, seed=7)
    assert estimate.value == METRICS[name].function(truth, score, 0.4)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(np.percentile(resamples, (2.5, 97.5))), abs=1e-6)


def test_every_fold_draws_as_many_patients_as_there_are():
    blocks = list(patient_counts(37, 60, seed=0))
    assert [block.shape[1] for block in blocks] == [25, 25, 10]
    assert all((block.sum(0) == 37).all() for block in blocks)


def test_copies_of_one_patient_do_not_narrow_the_interval():
    truth, score, _ = example(120)
    single = bootstrap("roc_auc", truth, score, np.arange(120), seed=1)
    copied = bootstrap("roc_auc", np.tile(truth, 5), np.tile(score, 5), np.tile(np.arange(120), 5), seed=1)
    assert (copied.low, copied.high) == pytest.approx((single.low, single.high), abs=1e-6)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    covered = 0
    for seed in range(60):
        truth, score, _ = example(250, seed=seed)
        estimate = bootstrap("roc_auc", truth, score, resamples=300, seed=seed)
        covered += estimate.low <= stats.norm.cdf(1.2 / math.sqrt(2)) <= estimate.high
    assert 50 <= covered <= 60


def test_bootstrap_leaves_out_cases_without_a_score():
    truth, score, patients = example(100)
    holed = bootstrap("roc_auc", np.append(truth, True), np.append(score, np.nan), np.append(patients, 9999))
    assert holed == bootstrap("roc_auc", truth, score, patients)


def test_metric_that_is_undefined_has_no_interval():
    estimate = bootstrap("specificity", [1, 1, 1], [0.2, 0.6, 0.9])
    assert math.isnan(estimate.value)
    assert math.isnan(estimate.high)


def test_rare_class_that_often_drops_out_leaves_no_interval():
    estimate = bootstrap("roc_auc", [1, 0, 0, 0], [0.9, 0.1, 0.2, 0.3])
    assert estimate.value == 1.0
    assert math.isnan(estimate.low)


def test_share_of_all_cases_has_an_interval_below_one():
    estimate = bootstrap("sensitivity", [1, 1, 1, 1, 0], [0.9, 0.8, 0.7, 0.9, 0.1], ["a", "a", "b", "c", "d"])
    assert (estimate.value, estimate.high) == (1.0, 1.0)
    assert estimate.low == wilson(3, 3).low
    assert estimate.method == "Wilson on 3 patients"
