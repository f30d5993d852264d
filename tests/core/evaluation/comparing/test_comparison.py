"""Comparisons of two models against references and by what must be true of them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score, roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar

from core.errors import ScanLensError
from core.evaluation.comparison.ranking import (
    TESTS,
    compare,
    compare_all,
    compare_unpaired,
    corrected,
)
from core.evaluation.statistics.delong import auc_covariance
from core.evaluation.statistics.intervals import wilson
from core.evaluation.statistics.resampling import patient_counts
from core.evaluation.statistics.significance import holm, normal_p
from core.evaluation.statistics.student import expanded_level


def answers(found, index):
    """Part of the cases of a finding."""
    names = ("truth", "score", "calibrated", "patients", "cases")
    return replace(found, **{name: getattr(found, name)[index] for name in names})


@pytest.mark.parametrize("digits", [None, 1])
def test_delong_is_the_difference_by_its_standard_error(pair, digits):
    a, b = pair(digits=digits)
    found = compare(a, b)
    aucs, covariance = auc_covariance(a.truth, np.stack([a.score, b.score]))
    error = math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert found.value == pytest.approx(roc_auc_score(a.truth, a.score) - roc_auc_score(a.truth, b.score))
    assert found.value == aucs[0] - aucs[1]
    # Wald's interval, but for the ends of the scale that the limits of each AUC know of.
    assert (found.low, found.high) == pytest.approx(
        (found.value - 1.97 * error, found.value + 1.97 * error), abs=0.1 * error
    )
    assert found.p == pytest.approx(normal_p((aucs[0] - aucs[1]) / error), rel=0.4)
    assert (found.n, found.test) == (200, "DeLong's test")


def test_delong_of_clustered_cases_says_so(pair):
    assert compare(*pair(n_patients=60)).test.startswith("DeLong's test, clustered by patient (Obuchowski 1997")


@pytest.mark.parametrize("metric", ["roc_auc", "f1"])
def test_bootstrap_draws_the_same_patients_for_both_models(pair, metric):
    a, b = pair(n_patients=70)
    one, two = (roc_auc_score, roc_auc_score) if metric == "roc_auc" else (f1_score, f1_score)
    n_patients, patient_index = np.unique(a.patients, return_inverse=True)
    gaps = []
    for block in patient_counts(len(n_patients), 50, seed=0):
        for resample in block.T[:, patient_index].astype(int):
            pick = np.repeat(np.arange(200), resample)
            scores = [x.score[pick] if metric == "roc_auc" else x.score[pick] >= 0.5 for x in (a, b)]
            gaps.append(one(a.truth[pick], scores[0]) - two(a.truth[pick], scores[1]))
    found = compare(a, b, "bootstrap", metric, resamples=50)
    beyond = 100 * expanded_level(len(n_patients))
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(gaps, (beyond, 100 - beyond))), abs=1e-6)
    assert "p by inversion of the expanded percentile interval" in found.test


def test_bootstrap_and_delong_agree_on_plain_data(pair):
    a, b = pair(n=600)
    one, two = compare(a, b), compare(a, b, "bootstrap")
    assert (one.low, one.high) == pytest.approx((two.low, two.high), abs=0.01)


def test_mcnemar_equals_statsmodels(pair):
    a, b = pair()
    right = [(x.score >= 0.5) == x.truth for x in (a, b)]
    table = [[sum(right[0] & right[1]), sum(right[0] & ~right[1])], [sum(~right[0] & right[1]), 0]]
    found = compare(a, b, "mcnemar", "accuracy")
    assert found.p == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert found.value == pytest.approx(right[0].mean() - right[1].mean())
    assert found.low < found.value < found.high
    assert "exact" in found.test


def test_mcnemar_of_the_sensitivity_counts_the_cases_with_the_finding(pair):
    a, b = pair()
    assert compare(a, b, "mcnemar-mid-p", "sensitivity").n == a.truth.sum()
    assert compare(a, b, "mcnemar-mid-p", "specificity").n == (~a.truth).sum()


def test_mcnemar_takes_patients_for_the_units_where_they_have_several_images(pair):
    found = compare(*pair(n_patients=50), "mcnemar", "accuracy")
    assert found.test == "McNemar's test by Agresti and Min 2005, clustered by patient (50 patients)"
    once, copied = pair(n=60), pair(n=60)
    copied = [
        replace(
            one,
            **{name: np.tile(getattr(one, name), 5) for name in ("truth", "score", "calibrated", "patients")},
            cases=np.arange(300),
        )
        for one in copied
    ]
    alone, five = compare(*once, "mcnemar", "accuracy"), compare(*copied, "mcnemar", "accuracy")
    assert (five.low, five.high) == pytest.approx((alone.low, alone.high), abs=0.02)


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "sensitivity", "ppv", "f1"])
def test_p_is_below_a_twentieth_just_where_the_interval_leaves_out_no_difference(pair, metric):
    for seed in range(30):
        a, b = pair(n=60, n_patients=20, seed=seed)
        found = compare(a, b, metric=metric, resamples=400)
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_clustered_mcnemar_has_a_p_that_goes_with_its_interval(pair):
    for seed in range(30):
        found = compare(*pair(n=60, n_patients=20, seed=seed), "mcnemar", "accuracy")
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_difference_of_fractions_of_lone_patients_is_newcombes_tenth_method(finding):
    # Newcombe 1998, but with t and without his correction of φ: 36 + 2 against 36 + 12 of 60.
    truth = np.ones(60, bool)
    both, first, second = np.arange(60) < 36, np.arange(60) < 38, (np.arange(60) < 36) | (np.arange(60) >= 48)
    found = compare(finding(truth, first), finding(truth, second), metric="sensitivity")
    (p1, p2), at = (38 / 60, 48 / 60), stats.t.ppf(0.975, 59)
    phi = np.corrcoef(first, second)[0, 1]
    l1, u1 = wilson(38, 60, at).low, wilson(38, 60, at).high
    l2, u2 = wilson(48, 60, at).low, wilson(48, 60, at).high
    down = math.sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2))
    up = math.sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2))
    assert both.sum() == 36
    assert (found.low, found.high) == pytest.approx((p1 - p2 - down, p1 - p2 + up))
    assert found.test == "Newcombe's method"


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "sensitivity", "specificity"])
def test_two_perfect_models_differ_by_nothing_but_not_for_sure(finding, metric):
    truth = np.arange(20) % 2 == 1
    found = compare(finding(truth, 0.2 + 0.6 * truth), finding(truth, 0.1 + 0.8 * truth), metric=metric)
    assert (found.value, found.p) == (0.0, 1.0)
    assert -0.5 < found.low < -0.02
    assert found.high == pytest.approx(-found.low)


def test_models_that_answer_alike_are_not_known_to_be_the_same(finding):
    truth = np.arange(20) % 2 == 1
    score = np.where(np.arange(20) == 3, 0.2, 0.2 + 0.6 * truth)
    found = compare(finding(truth, score), finding(truth, score), metric="accuracy")
    assert found.low < -0.01 < 0.01 < found.high


def test_mcnemar_interval_covers_the_difference_as_often_as_it_says(finding):
    rng, covered = np.random.default_rng(0), 0
    for _ in range(400):
        truth = np.ones(60, bool)
        joint = rng.choice(4, 60, p=[0.6, 0.2, 0.1, 0.1])
        found = compare(finding(truth, joint <= 1), finding(truth, (joint % 2) == 0), "mcnemar", "accuracy")
        covered += found.low <= 0.8 - 0.7 <= found.high
    assert 0.925 <= covered / 400 <= 0.985


def test_permutation_agrees_with_every_swap_of_few_patients(finding):
    rng = np.random.default_rng(3)
    truth = np.array([1, 0] * 4, bool)
    a, b = finding(truth, rng.normal(size=8) + truth), finding(truth, rng.normal(size=8))
    ranks = [np.argsort(np.argsort(x.score)) for x in (a, b)]
    gaps = []
    for code in range(2**8):
        swap = np.array([code >> k & 1 for k in range(8)], bool)
        gaps.append(
            roc_auc_score(truth, np.where(swap, ranks[1], ranks[0]))
            - roc_auc_score(truth, np.where(swap, ranks[0], ranks[1]))
        )
    exact = np.mean(np.abs(gaps) >= abs(gaps[0]) - 1e-9)
    assert compare(a, b, "permutation", resamples=4000).p == pytest.approx(exact, abs=0.03)


def test_permutation_does_not_depend_on_the_scale_of_a_score(pair, finding):
    a, b = pair()
    stretched = finding(b.truth, b.score**9)
    assert compare(a, stretched, "permutation", resamples=300).p == compare(a, b, "permutation", resamples=300).p


def test_permutation_keeps_its_level_where_models_are_alike_and_patients_clustered(finding):
    small = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        patient_index, truth = np.repeat(np.arange(25), 3), np.repeat(rng.random(25) < 0.5, 3)
        scores = [np.repeat(rng.normal(size=25), 3) + truth + 0.3 * rng.normal(size=75) for _ in range(2)]
        small += (
            compare(*(finding(truth, score, patient_index) for score in scores), "permutation", resamples=199).p <= 0.05
        )
    assert 2 <= small <= 20


def test_a_model_does_not_differ_from_itself(pair):
    a, _ = pair()
    for test in TESTS:
        found = compare(a, a, test, "accuracy" if "mcnemar" in test or test == "newcombe" else "roc_auc", resamples=100)
        assert (found.value, found.p) == (0.0, 1.0)


@pytest.mark.parametrize("metric", ["roc_auc", "brier", "mcc", "calibration_slope"])
def test_turning_the_pair_round_turns_the_difference(pair, metric):
    a, b = pair()
    one, two = compare(a, b, metric=metric, resamples=200), compare(b, a, metric=metric, resamples=200)
    assert (one.value, one.low, one.high, one.p) == pytest.approx((-two.value, -two.high, -two.low, two.p), abs=1e-9)
    assert one.better == 1 - two.better


def test_only_common_cases_count_whatever_their_order(pair):
    a, b = pair()
    turn = np.random.default_rng(1).permutation(200)
    found = compare(answers(a, slice(0, 150)), answers(b, turn[turn >= 20]))
    expected = compare(answers(a, slice(20, 150)), answers(b, slice(20, 150)))
    assert (found.value, found.p, found.n) == (pytest.approx(expected.value), pytest.approx(expected.p), 130)
    assert found.note == "On the 130 cases that both have scored, of 150 and 180."


def test_same_cases_in_another_order_are_paired_by_name(pair):
    a, b = pair()
    turn = np.random.default_rng(1).permutation(200)
    assert compare(a, answers(b, turn)).p == pytest.approx(compare(a, b).p)


def test_case_without_a_score_is_left_out_and_said(pair):
    a, b = pair()
    score = a.score.copy()
    score[3] = np.nan
    found = compare(replace(a, score=score, calibrated=score), b)
    assert found.n == 199
    assert "199 cases" in found.note


def test_truths_that_contradict_each_other_are_refused(pair):
    a, b = pair()
    wrong = b.truth.copy()
    wrong[5] = ~wrong[5]
    with pytest.raises(ScanLensError, match="true of 1 of 200 common cases differs, first of case 5"):
        compare(a, replace(b, truth=wrong))


def test_nothing_in_common_is_not_defined(pair):
    a, b = pair()
    found = compare(a, replace(b, cases=np.array([f"other {k}" for k in range(200)], object)))
    assert found.n == 0
    assert math.isnan(found.p)


def test_test_that_does_not_fit_is_refused(pair):
    with pytest.raises(ScanLensError, match="DeLong's test does not compare F1: choose paired bootstrap"):
        compare(*pair(), "delong", "f1")
    with pytest.raises(ScanLensError, match="There is no test called 'luck'"):
        compare(*pair(), "luck")


def test_unpaired_delong_adds_the_variances(pair):
    a, b = pair()[0], pair(seed=9, n=300)[0]
    found = compare_unpaired(a, b)
    error = math.sqrt(sum(auc_covariance(x.truth, x.score[None])[1][0, 0] for x in (a, b)))
    assert found.p == pytest.approx(normal_p(found.value / error), rel=0.05)
    assert found.n == 500
    boot = compare_unpaired(a, b, "bootstrap")
    assert (boot.low, boot.high) == pytest.approx((found.low, found.high), abs=0.02)


def test_all_pairs_are_corrected_together(evaluation):
    found = compare_all(
        [evaluation(model, data, gain=gain) for data in "xy" for model, gain in (("a", 2), ("b", 1), ("c", 0.3))],
        "Pneumonia",
    )
    assert len(found) == 6
    assert [pair.difference.corrected for pair in found] == pytest.approx(holm([pair.difference.p for pair in found]))
    assert {pair.difference.comparisons for pair in found} == {6}


def test_pair_that_cannot_be_compared_leaves_the_others(evaluation):
    wrong = evaluation("c")
    flipped = replace(wrong, scores=replace(wrong.scores, y_true=1 - wrong.scores.y_true))
    found = compare_all([evaluation("a"), evaluation("b"), flipped], "Pneumonia")
    assert [pair.difference is None for pair in found] == [False, True, True]
    assert found[0].difference.comparisons == 1
    assert "common cases differs" in found[1].problem


def test_pair_whose_metric_is_undefined_does_not_count_as_a_comparison(pair, finding):
    a, b = pair()
    lone = finding([1, 1], [0.2, 0.8])
    found = corrected([compare(a, b), compare(lone, lone), compare(a, b)])
    assert [difference.comparisons for difference in found] == [2, 2, 2]
    assert math.isnan(found[1].corrected)
