"""Who is shown by which case, and shares by patient."""

import numpy as np
import pytest
from scipy import stats

from core.evaluation.statistics.intervals import wilson
from core.evaluation.statistics.patients import (
    clustered,
    count,
    patient_indices,
    same_cases,
)
from core.evaluation.statistics.proportions import patient_wilson


@pytest.mark.parametrize("kind", [object, str])
def test_patient_indices_are_numbered_as_numpy_does(kind):
    names = np.array(["b", "a", "c", "b", "a"], kind)
    assert patient_indices(names).tolist() == np.unique(names, return_inverse=True)[1].tolist()
    assert patient_indices(np.array([7, 3, 7])).tolist() == [1, 0, 1]


def test_unknown_patients_are_not_one_patient():
    found = patient_indices(np.array(["", "a", "", "a", None], object))
    assert count(found) == 4
    assert found[1] == found[3]
    assert sorted(set(found.tolist())) == [0, 1, 2, 3]


def test_clustered_means_several_cases_of_someone():
    assert clustered(np.array([0, 1, 1]))
    assert not clustered(np.array([2, 0, 1]))
    assert not clustered(np.empty(0, np.intp))


def test_common_cases_keep_the_order_of_the_first():
    here, there = same_cases(np.array(["a", "b", "c", "d"]), np.array(["d", "x", "b"]))
    assert here.tolist() == [1, 3]
    assert there.tolist() == [2, 0]


def test_fraction_of_single_cases_is_wilsons():
    right = np.array([True] * 8 + [False] * 2)
    assert patient_wilson(right, np.arange(10)) == wilson(8, 10)


def test_fraction_of_copied_cases_is_as_sure_as_that_of_one_copy():
    right = np.random.default_rng(0).random(50) < 0.7
    once, copied = wilson(int(right.sum()), 50), patient_wilson(np.tile(right, 6), np.tile(np.arange(50), 6))
    # t with 49 degrees of freedom instead of 299: as Korn and Graubard have it, a little wider than 50 lone patients.
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high), abs=0.006)
    assert copied.low < once.low
    assert copied.high > once.high
    assert copied.method == "Wilson, 50 patients"


def test_fraction_of_few_patients_has_the_trials_of_korn_and_graubard():
    right, patient_index = np.array([1, 1, 0, 1, 1, 1, 0, 0, 1, 1], bool), np.repeat(np.arange(5), 2)
    fraction = right.mean()
    variance = 5 / 4 * ((np.bincount(patient_index, right - fraction)) ** 2).sum() / 100
    trials = fraction * (1 - fraction) / variance
    assert trials < 10
    trials *= (stats.t.ppf(0.975, 9) / stats.t.ppf(0.975, 4)) ** 2
    found = patient_wilson(right, patient_index)
    expected = wilson(fraction * trials, trials)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    # Degrees of freedom are those of the study, where some patients have no case that counts.
    more = patient_wilson(right, patient_index, everyone=40)
    assert found.low < more.low < more.high < found.high


def test_fraction_of_all_cases_counts_patients():
    found = patient_wilson(np.ones(12, bool), np.repeat(np.arange(4), 3))
    assert (found.value, found.low) == (1.0, wilson(4, 4).low)


def test_fraction_of_no_cases_is_not_defined():
    assert np.isnan(patient_wilson(np.empty(0, bool), np.empty(0, np.intp)).value)


def test_interval_of_a_clustered_fraction_covers_it_as_often_as_it_says():
    covered = plain = 0
    for seed in range(500):
        rng = np.random.default_rng(seed)
        right = rng.random(160) < np.repeat(rng.beta(2.4, 0.6, 40), 4)
        found, naive = patient_wilson(right, np.repeat(np.arange(40), 4)), wilson(int(right.sum()), 160)
        covered += found.low <= 0.8 <= found.high
        plain += naive.low <= 0.8 <= naive.high
    assert stats.binom.ppf(0.001, 500, 0.95) <= covered
    assert plain < stats.binom.ppf(0.001, 500, 0.95)
