"""p-values against scipy, statsmodels and published examples."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from core.evaluation.statistics.intervals import percentiles
from core.evaluation.statistics.significance import (
    chi_squared_p,
    holm,
    inversion_p,
    mcnemar_p,
    normal_p,
)


@pytest.mark.parametrize("z", [-6.0, -1.3, 0.0, 0.2, 1.96, 9.0])
def test_normal_p_equals_scipy(z):
    assert normal_p(z) == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-12)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 10, 31])
@pytest.mark.parametrize("statistic", [0.0, 0.01, 1.0, 4.4, 17.0, 200.0])
def test_chi_squared_p_equals_scipy(statistic, freedom):
    assert chi_squared_p(statistic, freedom) == pytest.approx(stats.chi2.sf(statistic, freedom), rel=1e-10)


@pytest.mark.parametrize(("b", "c"), [(0, 1), (3, 3), (1, 7), (12, 5), (40, 80), (0, 30), (700, 640)])
def test_exact_mcnemar_equals_statsmodels(b, c):
    expected = mcnemar([[50, b], [c, 50]], exact=True).pvalue
    assert mcnemar_p(b, c) == pytest.approx(min(expected, 1.0), rel=1e-9)


@pytest.mark.parametrize(("b", "c"), [(0, 1), (3, 3), (1, 7), (12, 5), (40, 80)])
def test_mid_p_takes_away_the_probability_of_what_was_seen(b, c):
    seen = stats.binom.pmf(b, b + c, 0.5)
    expected = 1 - seen / 2 if b == c else stats.binomtest(b, b + c).pvalue - seen
    assert mcnemar_p(b, c, mid=True) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_the_published_example():
    # Airway hyper-responsiveness before and after transplantation (Bentur 2009), as Fagerland et al. 2013 have it.
    assert mcnemar_p(1, 7) == pytest.approx(0.0703, abs=5e-5)
    assert mcnemar_p(1, 7, mid=True) == pytest.approx(0.0391, abs=5e-5)


def test_models_that_never_differ_have_a_p_of_one():
    assert mcnemar_p(0, 0) == mcnemar_p(0, 0, mid=True) == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_holm_equals_statsmodels(seed):
    p = np.round(np.random.default_rng(seed).random(9) ** 3, 2)
    assert holm(list(p)) == pytest.approx(multipletests(p, method="holm")[1].tolist())


def test_holm_does_not_count_what_was_not_tested():
    assert holm([0.02, math.nan, 0.03])[::2] == pytest.approx([0.04, 0.04])
    assert math.isnan(holm([0.02, math.nan])[1])
    assert holm([]) == []


def test_inversion_p_agrees_with_the_percentile_interval():
    for n_patients in (8, 12, 20, 1000):
        for mean in (0.9, 1.0, 1.1, 1.3, 2.0):
            drawn = np.random.default_rng(0).normal(mean, 0.5, 40_000)
            low, _ = percentiles(drawn, n_patients)
            assert (inversion_p(drawn, n_patients) < 0.05) == (low > 0)
            expected = 2 * stats.t.sf(2 * mean * math.sqrt((n_patients - 1) / n_patients), n_patients - 1)
            assert inversion_p(drawn, n_patients) == pytest.approx(expected, rel=0.2, abs=3e-3)


def test_inversion_p_is_never_zero_and_one_where_all_resamples_are_equal():
    assert inversion_p(np.ones(999), 10_000) == pytest.approx(2 / 1000, rel=0.01)
    assert inversion_p(np.zeros(50), 10) == 1.0
    assert math.isnan(inversion_p(np.array([np.nan]), 10))
    assert math.isnan(inversion_p(np.ones(9), 1))
