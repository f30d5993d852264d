"""DeLong's and Obuchowski's covariance against their definitions by pairs, and against simulation."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from core.evaluation.results.estimates import estimate_of
from core.evaluation.statistics.delong import auc_covariance, placements


def kernel(truth, score):
    positives, negatives = score[truth], score[~truth]
    return (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)


def by_pairs(truth, scores, patient_index):
    """Obuchowski 1997, equations as written: sums by patient of the components, then S10, S01 and S11."""
    m, n = truth.sum(), (~truth).sum()
    n_patients = np.unique(patient_index)
    sums10, sums01 = [], []
    for score in scores:
        grid = kernel(truth, score)
        theta = grid.mean()
        above, below = grid.mean(1) - theta, grid.mean(0) - theta
        sums10.append([above[patient_index[truth] == p].sum() for p in n_patients])
        sums01.append([below[patient_index[~truth] == p].sum() for p in n_patients])
    i10, i01, both = len(np.unique(patient_index[truth])), len(np.unique(patient_index[~truth])), len(n_patients)
    a, b = np.array(sums10), np.array(sums01)
    s10, s01 = i10 / ((i10 - 1) * m) * a @ a.T, i01 / ((i01 - 1) * n) * b @ b.T
    s11 = both / (both - 1) * a @ b.T
    return s10 / m + s01 / n + (s11 + s11.T) / (m * n)


def example(seed, n=80, digits=None, models=3):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.4
    scores = rng.normal(size=(models, n)) + truth
    return truth, scores if digits is None else np.round(scores, digits), rng.integers(0, n // 3, n)


@pytest.mark.parametrize("digits", [None, 0])
@pytest.mark.parametrize("seed", range(4))
def test_covariance_of_clustered_cases_is_that_by_pairs(seed, digits):
    truth, scores, patient_index = example(seed, digits=digits)
    aucs, covariance = auc_covariance(truth, scores, patient_index)
    assert aucs == pytest.approx([roc_auc_score(truth, score) for score in scores], abs=1e-12)
    assert covariance == pytest.approx(by_pairs(truth, scores, patient_index), abs=1e-12)


@pytest.mark.parametrize("digits", [None, 0])
def test_covariance_of_single_cases_is_delongs(digits):
    truth, scores, _ = example(7, digits=digits)
    rows = [kernel(truth, score) for score in scores]
    s10 = np.cov([grid.mean(1) for grid in rows]) / truth.sum()
    s01 = np.cov([grid.mean(0) for grid in rows]) / (~truth).sum()
    assert auc_covariance(truth, scores)[1] == pytest.approx(s10 + s01, abs=1e-12)


def test_placements_are_fractions_of_the_other_kind():
    truth, scores, _ = example(3, digits=0)
    above, below = placements(truth, scores[0])
    grid = kernel(truth, scores[0])
    assert above == pytest.approx(grid.mean(1))
    assert below == pytest.approx(grid.mean(0))


def test_order_of_cases_does_not_matter():
    truth, scores, patient_index = example(5, digits=0)
    turn = np.random.default_rng(0).permutation(len(truth))
    assert auc_covariance(truth[turn], scores[:, turn], patient_index[turn])[1] == pytest.approx(
        auc_covariance(truth, scores, patient_index)[1], abs=1e-14
    )


def test_copies_of_a_patients_image_add_nothing():
    truth, scores, _ = example(6, models=1)
    once = auc_covariance(truth, scores)[1]
    copied = auc_covariance(np.tile(truth, 4), np.tile(scores, 4), np.tile(np.arange(80), 4))[1]
    assert copied == pytest.approx(once, rel=1e-12)


def test_one_kind_of_cases_has_no_auc():
    aucs, covariance = auc_covariance(np.ones(4, bool), np.ones((2, 4)))
    assert np.isnan(aucs).all()
    assert np.isnan(covariance).all()


def test_one_patient_of_a_kind_has_no_variance():
    aucs, covariance = auc_covariance(np.array([True, True, False, False]), np.eye(4)[:1], np.array([0, 0, 1, 2]))
    assert aucs == pytest.approx([0.75])
    assert np.isnan(covariance).all()


def test_interval_by_patients_is_wider_where_their_images_are_alike():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(60), 4)
    truth = np.repeat(rng.random(60) < 0.5, 4)
    score = np.repeat(rng.normal(size=60), 4) + truth + 0.2 * rng.normal(size=240)
    plain, clustered = estimate_of("roc_auc", truth, score), estimate_of("roc_auc", truth, score, patients)
    assert clustered.high - clustered.low > 1.7 * (plain.high - plain.low)
    assert (plain.method, clustered.method) == (
        "DeLong, score interval",
        "DeLong, clustered by patient, score interval",
    )


def clustered_study(rng, patients=60, images=3):
    """Two models on patients of whom some images show the finding; true AUCs are known."""
    patient_index = np.repeat(np.arange(patients), images)
    truth = rng.random(len(patient_index)) < np.repeat(rng.beta(1, 1.5, patients), images)
    shared = np.repeat(rng.normal(size=patients), images)
    noise = [np.repeat(rng.normal(size=patients), images) for _ in range(2)]
    scores = np.stack(
        [
            gain * truth + shared + own + rng.normal(size=len(patient_index))
            for gain, own in zip((2, 1), noise, strict=True)
        ]
    )
    return truth, scores, patient_index


def test_clustered_interval_of_a_difference_covers_the_truth_as_often_as_it_says():
    # Pairs of images of one patient, which fraction their patient's part, are one of 60 pairs: their AUC is slightly
    # higher than that of others. The truth is taken from one very large study.
    aucs = auc_covariance(*clustered_study(np.random.default_rng(99), 100_000))[0]
    truth, tp, plain = aucs[0] - aucs[1], 0, 0
    for seed in range(400):
        kinds, scores, patient_index = clustered_study(np.random.default_rng(seed))
        for by_patient in (True, False):
            found, covariance = auc_covariance(kinds, scores, patient_index if by_patient else None)
            error = math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
            inside = abs(found[0] - found[1] - truth) <= 1.96 * error
            tp, plain = tp + (inside and by_patient), plain + (inside and not by_patient)
    low, high = stats.binom.ppf((0.001, 0.999), 400, 0.95)
    assert low <= tp <= high
    assert tp > plain
