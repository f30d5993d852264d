"""Curves against scikit-learn and against loops over resampled cases."""

import math

import numpy as np
import pytest
from sklearn import calibration, metrics

from core.evaluation.results.calibration_curve import calibration_curve
from core.evaluation.results.curves import precision_recall_curve, roc_curve, score_distribution
from core.evaluation.results.decision_curve import net_benefit
from core.evaluation.results.estimates import estimate_of
from core.evaluation.results.operating_point import confusion_of, threshold_sweep
from core.evaluation.results.prevalence import ppv_npv_at, predictive_values
from core.evaluation.statistics.resampling import patient_counts
from core.evaluation.statistics.student import expanded_level


def resampled(found, resamples, seed=0):
    """Truth and score of each resample, by repeating cases."""
    n_patients, patient_index = np.unique(found.patients, return_inverse=True)
    for block in patient_counts(len(n_patients), resamples, seed):
        for resample in block.T[:, patient_index].astype(int):
            yield np.repeat(found.truth, resample), np.repeat(found.score, resample)


def ends(found):
    """Percentiles between which 95 % lie, expanded for few patients."""
    beyond = 100 * expanded_level(len(np.unique(found.patients)))
    return beyond, 100 - beyond


@pytest.mark.parametrize("digits", [None, 1])
def test_roc_curve_has_the_vertices_of_scikit_learn(pair, digits):
    found = pair(digits=digits)[0]
    x, y, _ = metrics.roc_curve(found.truth, found.score, drop_intermediate=False)
    curve = roc_curve(found, resamples=100)
    assert metrics.auc(curve.false_positive_rate, curve.sensitivity) == pytest.approx(metrics.auc(x, y))
    assert {(a, b) for a, b in zip(curve.false_positive_rate, curve.sensitivity, strict=True)} <= set(
        zip(x, y, strict=True)
    )
    assert curve.auc == estimate_of("roc_auc", found.truth, found.score)


def test_roc_curve_is_reached_at_its_thresholds(pair):
    found = pair()[0]
    curve = roc_curve(found, resamples=100)
    for threshold, rate in zip(curve.threshold, curve.sensitivity, strict=True):
        assert (found.score >= threshold)[found.truth].mean() == pytest.approx(rate)


def test_roc_band_is_that_of_resampled_patients(pair):
    found = pair(n=150, digits=1, n_patients=60)[0]
    curve = roc_curve(found, resamples=100)
    grid = curve.band.x
    rows = []
    for truth, score in resampled(found, 100):
        x, y, _ = metrics.roc_curve(truth, score, drop_intermediate=False)
        rows.append(np.interp(grid, x, y))
    low, high = np.percentile(rows, ends(found), axis=0)
    # Where the curve rises straight up, numpy's answer for the one point depends on what stands before it.
    inner = grid > 0
    assert curve.band.low[inner] == pytest.approx(low[inner], abs=1e-9)
    assert curve.band.high[inner] == pytest.approx(high[inner], abs=1e-9)


@pytest.mark.parametrize("digits", [None, 1])
def test_precision_recall_curve_has_the_steps_of_scikit_learn(pair, digits):
    found = pair(digits=digits)[0]
    curve = precision_recall_curve(found, resamples=100)
    area = (np.diff(curve.recall) * curve.precision[1:]).sum()
    assert area == pytest.approx(metrics.average_precision_score(found.truth, found.score))
    assert curve.average_precision.value == pytest.approx(area)
    precision, recall, _ = metrics.precision_recall_curve(found.truth, found.score)
    points = set(zip(np.round(recall, 9), np.round(precision, 9), strict=True))
    ours = zip(np.round(curve.recall[1:], 9), np.round(curve.precision[1:], 9), strict=True)
    assert set(ours) <= points
    assert curve.prevalence == found.truth.mean()


def test_precision_band_is_that_of_resampled_patients(pair):
    found = pair(n=150, digits=1)[0]
    curve = precision_recall_curve(found, resamples=100)
    rows = []
    for truth, score in resampled(found, 100):
        precision, recall, _ = metrics.precision_recall_curve(truth, score)
        turned = recall[::-1][1:], precision[::-1][1:]
        rows.append(turned[1][np.searchsorted(turned[0], curve.band.x - 1e-12)])
    low, high = np.percentile(rows, ends(found), axis=0)
    assert curve.band.low == pytest.approx(low, abs=1e-9)
    assert curve.band.high == pytest.approx(high, abs=1e-9)


def test_curves_of_many_points_are_thinned_and_keep_their_ends(pair):
    curve = roc_curve(pair(n=20_000)[0], resamples=100)
    assert len(curve.sensitivity) <= 2000
    assert (curve.false_positive_rate[0], curve.sensitivity[-1]) == (0.0, 1.0)


def test_calibration_bins_are_those_of_scikit_learn(pair):
    found = pair(n=500)[0]
    curve = calibration_curve(found)
    observed, mean = calibration.calibration_curve(found.truth, found.score, n_bins=10)
    full = [part for part in curve.bins if part.n]
    assert [part.observed.value for part in full] == pytest.approx(observed)
    assert [part.mean for part in full] == pytest.approx(mean)
    assert sum(part.n for part in curve.bins) == 500
    assert all(part.observed.low <= part.observed.value <= part.observed.high for part in full)


def test_calibration_takes_the_calibrated_probabilities(finding, pair):
    plain = pair()[0]
    found = finding(plain.truth, plain.score, calibrated=plain.score / 2)
    assert max(part.high for part in calibration_curve(found).bins if part.n) <= 0.6
    assert not calibration_curve(found, calibrated=False).calibrated


def test_smooth_calibration_uses_every_case_once(pair):
    found = pair(n=400, digits=1)[0]
    curve = calibration_curve(found)
    assert (np.diff(curve.smooth_x) > 0).all()
    assert 3 <= len(curve.smooth_x) <= 20


def test_confusion_counts_at_a_threshold(finding):
    found = confusion_of(finding([1, 1, 1, 0, 0], [0.9, 0.6, 0.2, 0.6, 0.1]), 0.6)
    counts = found.true_positives, found.false_positives, found.true_negatives, found.false_negatives
    assert counts == (2, 1, 1, 1)
    assert (found.sensitivity.value, found.specificity.value) == (pytest.approx(2 / 3), 0.5)
    assert (found.ppv.value, found.npv.value, found.accuracy.value) == (pytest.approx(2 / 3), 0.5, 0.6)


def test_sweep_holds_the_confusion_of_each_threshold(pair):
    found = pair(n_patients=70)[0]
    sweep = threshold_sweep(found)
    at = confusion_of(found, float(sweep.thresholds[37]))
    assert (sweep.sensitivity[37], sweep.sensitivity_band.low[37]) == (at.sensitivity.value, at.sensitivity.low)
    assert (sweep.specificity[37], sweep.specificity_band.high[37]) == (at.specificity.value, at.specificity.high)


def test_distribution_counts_every_case(pair):
    found = score_distribution(pair()[0])
    assert found.with_finding.sum() + found.without.sum() == found.n == 200


def test_net_benefit_is_its_definition(pair):
    found = pair(digits=2)[0]
    curve = net_benefit(found, resamples=100)
    for place in (4, 30, 80):
        threshold = curve.thresholds[place]
        tp, fp = ((found.score >= threshold) & found.truth).mean(), ((found.score >= threshold) & ~found.truth).mean()
        assert curve.net_benefit[place] == pytest.approx(tp - fp * threshold / (1 - threshold))
        prevalence = found.truth.mean()
        assert curve.treat_all[place] == pytest.approx(prevalence - (1 - prevalence) * threshold / (1 - threshold))


def test_net_benefit_band_is_that_of_resampled_patients(pair):
    found = pair(n=120, digits=2, n_patients=50)[0]
    curve = net_benefit(found, resamples=100)
    threshold = curve.thresholds[24]
    values = [
        ((score >= threshold) & truth).mean() - ((score >= threshold) & ~truth).mean() * threshold / (1 - threshold)
        for truth, score in resampled(found, 100)
    ]
    assert (curve.band.low[24], curve.band.high[24]) == pytest.approx(tuple(np.percentile(values, ends(found))))


def test_predictive_values_follow_bayes_rule():
    ppv, npv = predictive_values(0.9, 0.8, [0.0, 0.5, 1.0])
    assert ppv.tolist() == pytest.approx([0.0, 0.45 / 0.55, 1.0])
    assert npv.tolist() == pytest.approx([1.0, 0.4 / 0.45, 0.0])


def test_predictive_values_at_the_observed_prevalence_are_those_of_the_cases(pair):
    found = pair()[0]
    at, own = ppv_npv_at(found, [found.truth.mean()], resamples=200), confusion_of(found)
    assert (at.ppv[0], at.npv[0]) == pytest.approx((own.ppv.value, own.npv.value))
    assert at.ppv_band.low[0] < at.ppv[0] < at.ppv_band.high[0]


def test_perfect_specificity_does_not_make_a_ppv_certain(finding):
    truth = [1] * 20 + [0] * 20
    found = ppv_npv_at(finding(truth, [0.9] * 15 + [0.2] * 5 + [0.1] * 20), [0.01])
    assert found.ppv[0] == 1.0
    assert found.ppv_band.low[0] < 0.2
    assert found.ppv_band.high[0] == 1.0  # the value lies in its own band


def test_value_without_calls_is_not_defined():
    assert math.isnan(predictive_values(0.0, 1.0, 0.3)[0])
