"""Intervals against published values, scikit-learn and simulation."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.estimates import FRACTIONS, cases_of, estimate_of
from core.evaluation.results.resamples import resampled_values
from core.evaluation.statistics.auc_limits import PRIOR, auc_limits, hanley_mcneil
from core.evaluation.statistics.delong import auc_parts
from core.evaluation.statistics.intervals import percentiles, wilson
from core.evaluation.statistics.resampling import patient_counts
from core.evaluation.statistics.student import expanded_level


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


def test_fraction_counts_the_right_cases():
    found = estimate_of("sensitivity", [1, 1, 1, 0], [0.9, 0.8, 0.1, 0.9])
    assert (found.value, found.n, found.method) == (2 / 3, 3, "Wilson")


def test_auc_of_many_cases_has_the_interval_of_its_standard_error():
    truth, score, _ = example(4000, digits=1)
    positives, negatives = score[truth], score[~truth]
    kernel = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
    error = math.sqrt(kernel.mean(1).var(ddof=1) / len(positives) + kernel.mean(0).var(ddof=1) / len(negatives))
    found = estimate_of("roc_auc", truth, score)
    assert found.value == pytest.approx(kernel.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.01)
    assert (found.low, found.high) == pytest.approx(
        (found.value - 1.96 * error, found.value + 1.96 * error), abs=0.08 * error
    )


def test_score_interval_of_an_auc_ends_where_its_own_error_reaches_the_observed_one():
    truth = np.array([1] * 6 + [0] * 9, bool)
    score = np.array([9, 8, 7, 6.5, 4, 3, 5, 6, 2, 2, 1, 1, 0, 0, 0], float)
    parts = auc_parts(truth, score[None])
    limits, seen = auc_limits(parts, 0), parts.covariance[0, 0] / hanley_mcneil(parts.aucs[0], 6, 9)
    scale = (parts.freedom[0] * seen + PRIOR * max(seen, 1)) / (parts.freedom[0] + PRIOR)
    for end in limits.interval():
        reach = 1.959964 * math.sqrt(scale * hanley_mcneil(end, 6, 9))
        assert abs(end - parts.aucs[0]) == pytest.approx(reach, rel=1e-6)


def test_variance_of_hanley_and_mcneil_is_newcombes():
    # Newcombe 2006, part 2: with θ = 0.8, m = 20, n = 30 and N* = 24.
    expected = 0.8 * 0.2 * (1 + 24 * 0.2 / 1.2 + 24 * 0.8 / 1.8) / 600
    assert hanley_mcneil(0.8, 20, 30) == pytest.approx(expected)
    assert hanley_mcneil(0.2, 30, 20) == pytest.approx(expected)


@pytest.mark.parametrize("patients", [None, ["a", "a", "b", "c", "d", "d", "e", "f"]])
def test_perfect_auc_has_an_interval_that_ends_at_one(patients):
    found = estimate_of("roc_auc", [1, 1, 1, 1, 0, 0, 0, 0], [9, 8, 8, 7, 3, 2, 1, 1], patients)
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.3 < found.low < 0.8
    worst = estimate_of("roc_auc", [0, 0, 0, 0, 1, 1, 1, 1], [9, 8, 8, 7, 3, 2, 1, 1], patients)
    assert (worst.low, worst.high) == pytest.approx((0.0, 1 - found.low))


def test_perfect_auc_is_surer_with_more_patients_but_not_with_more_images_of_them():
    def low(patients, images):
        truth = np.repeat(np.arange(patients) % 2, images)
        return estimate_of("roc_auc", truth, truth, np.repeat(np.arange(patients), images)).low

    assert low(10, 1) < low(20, 1) < low(200, 1)
    assert low(10, 50) == pytest.approx(low(10, 1))


def test_auc_of_one_patient_of_a_kind_has_no_interval():
    assert math.isnan(estimate_of("roc_auc", [1, 1, 0, 0], [4, 2, 3, 1], ["a", "a", "b", "c"]).low)
    assert math.isnan(estimate_of("roc_auc", [1, 1], [0.1, 0.9]).value)


@pytest.mark.parametrize("digits", [None, 1])
def test_fast_aucs_of_resamples_equal_scikit_learn_on_the_same_draws(digits):
    truth, score, patients = example(200, digits=digits)
    n_patients, patient_index = np.unique(patients, return_inverse=True)
    expected = [
        roc_auc_score(np.repeat(truth, c), np.repeat(score, c))
        for block in patient_counts(len(n_patients), 60, seed=3)
        for c in block.T[:, patient_index].astype(int)
    ]
    found = resampled_values([cases_of("roc_auc", truth, score, patients)], 60, seed=3)[0]
    assert found == pytest.approx(expected, abs=1e-6)


OTHERS = [
    name for name, metric in METRICS.items() if metric.answers == "binary" and name not in (*FRACTIONS, "roc_auc")
]


@pytest.mark.parametrize("name", OTHERS)
def test_bootstrap_equals_the_metric_on_repeated_cases(name):
    truth, score, patients = example(150, seed=2)
    n_patients, patient_index = np.unique(patients, return_inverse=True)
    drawn = [
        METRICS[name].function(np.repeat(truth, c), np.repeat(score, c), 0.4)
        for block in patient_counts(len(n_patients), 40, seed=7)
        for c in block.T[:, patient_index].astype(int)
    ]
    estimate = estimate_of(name, truth, score, patients, 0.4, resamples=40, seed=7)
    beyond = 100 * expanded_level(len(n_patients))
    assert estimate.value == METRICS[name].function(truth, score, 0.4)
    assert (estimate.low, estimate.high) == pytest.approx(tuple(np.percentile(drawn, (beyond, 100 - beyond))), abs=1e-6)


def test_percentiles_are_expanded_to_t_for_few_patients():
    n, z = 12, stats.norm.rvs(size=200_000, random_state=0)
    low, high = percentiles(z * math.sqrt((n - 1) / n), n)
    assert (low, high) == pytest.approx((-stats.t.ppf(0.975, n - 1), stats.t.ppf(0.975, n - 1)), abs=0.03)
    assert percentiles(z, 100_000) == pytest.approx((-1.96, 1.96), abs=0.02)


def test_resamples_that_are_all_the_same_give_no_interval():
    found = estimate_of("f1", [1, 1, 1, 0, 0, 0], [0.9, 0.8, 0.7, 0.2, 0.1, 0.1], resamples=200)
    assert (found.value, math.isnan(found.low)) == (1.0, True)


def test_every_fold_draws_as_many_patients_as_there_are():
    blocks = list(patient_counts(37, 60, seed=0))
    assert [block.shape[1] for block in blocks] == [25, 25, 10]
    assert all((block.sum(0) == 37).all() for block in blocks)


def test_copies_of_one_patient_do_not_narrow_the_interval():
    truth, score, _ = example(120)
    single = estimate_of("brier", truth, score, np.arange(120), seed=1)
    copied = estimate_of("brier", np.tile(truth, 5), np.tile(score, 5), np.tile(np.arange(120), 5), seed=1)
    assert (copied.low, copied.high) == pytest.approx((single.low, single.high), abs=1e-6)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    covered = 0
    for seed in range(60):
        truth, score, _ = example(250, seed=seed)
        estimate = estimate_of("roc_auc", truth, score, resamples=300, seed=seed)
        covered += estimate.low <= stats.norm.cdf(1.2 / math.sqrt(2)) <= estimate.high
    assert 50 <= covered <= 60


def test_bootstrap_leaves_out_cases_without_a_score():
    truth, score, patients = example(100)
    holed = estimate_of("roc_auc", np.append(truth, True), np.append(score, np.nan), np.append(patients, 9999))
    assert holed == estimate_of("roc_auc", truth, score, patients)


def test_metric_that_is_undefined_has_no_interval():
    estimate = estimate_of("specificity", [1, 1, 1], [0.2, 0.6, 0.9])
    assert math.isnan(estimate.value)
    assert math.isnan(estimate.high)


def test_rare_class_that_often_drops_out_leaves_no_interval():
    estimate = estimate_of("average_precision", [1, 0, 0, 0], [0.9, 0.1, 0.2, 0.3])
    assert estimate.value == 1.0
    assert math.isnan(estimate.low)


def test_fraction_of_all_cases_has_an_interval_below_one():
    estimate = estimate_of("sensitivity", [1, 1, 1, 1, 0], [0.9, 0.8, 0.7, 0.9, 0.1], ["a", "a", "b", "c", "d"])
    assert (estimate.value, estimate.high) == (1.0, 1.0)
    assert estimate.low == wilson(3, 3).low
    assert estimate.method == "Wilson, 3 patients"
