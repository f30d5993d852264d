"""Groups of an attribute, and whether a metric differs between them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from core.errors import ScanLensError
from core.evaluation.results.attribute_groups import attribute_groups
from core.evaluation.results.estimates import estimate, estimate_of
from core.evaluation.results.questions import answer, taken
from core.evaluation.results.subgroups import attributes, by_attribute
from core.evaluation.statistics.delong import auc_covariance


def grouped(values, attribute="age"):
    found = attribute_groups(attribute, np.array(values, object))
    return [found.names[k] if k >= 0 else "" for k in found.index]


def test_ages_are_parted_at_fixed_years():
    ages = ["0", "17", "18", "39", "40", "59.5", "60", "80", "", "101"]
    expected = ["0–17", "0–17", "18–39", "18–39", "40–59", "40–59", "60–79", "80+", "", "80+"]
    assert grouped(ages) == expected


def test_ages_as_dicom_writes_them():
    assert grouped(["063Y", "018M", "003W", "020Y"]) == ["60–79", "0–17", "0–17", "18–39"]


def test_other_numbers_are_parted_into_quarters():
    found = attribute_groups("width", np.array([str(k) for k in range(100)], object))
    assert np.bincount(found.index).tolist() == [25, 25, 25, 25]
    assert found.names[0] == "up to 24.75"


def test_few_numbers_stay_as_they_are_and_in_their_order():
    assert attribute_groups("grade", np.array(["10", "2", "2", "1"], object)).names == ("1", "2", "10")


def test_rare_words_are_put_together():
    values = [f"site {k}" for k in range(20)] + [f"site {k}" for k in range(11)]
    found = attribute_groups("site", np.array(values, object))
    assert len(found.names) == 12
    assert found.names[-1] == "other (9 values)"


def test_unknown_values_are_in_no_group():
    assert grouped(["F", "", "nan", None, "M"], "sex") == ["F", "", "", "", "M"]


@pytest.fixture
def study(evaluation):
    def make(worse=0.0, n=600, seed=0):
        rng = np.random.default_rng(seed)
        found = evaluation(n=n, gain=2.0)
        site = rng.choice(["A", "B", "C"], n)
        logits = np.where(site == "C", found.scores.logits + worse * rng.normal(size=n), found.scores.logits)
        return replace(
            found, scores=replace(found.scores, logits=logits), attributes={"site": site, "empty": np.full(n, "")}
        )

    return make


@pytest.mark.parametrize("metric", ["roc_auc", "sensitivity", "brier"])
def test_rows_are_the_metric_of_each_group(study, metric):
    found = by_attribute(study(), "Pneumonia", metric, "site", resamples=200)
    assert [row.name for row in found.rows] == ["A", "B", "C"]
    assert sum(row.cases for row in found.rows) == found.whole.cases == 600
    assert found.fewest == min(row.cases for row in found.rows)
    chosen = study().attributes["site"] == "B"
    cases = taken(answer(study(), "Pneumonia"), metric).part(chosen)
    assert found.rows[1].estimate == estimate(cases, 200)


def test_interaction_of_aucs_is_cochrans_q_on_the_logit_scale(study):
    found = by_attribute(study(worse=2.0), "Pneumonia", "roc_auc", "site")
    whole, effects, variances = study(worse=2.0), [], []
    sites = np.asarray(whole.attributes["site"])
    for row in found.rows:
        kept, value = sites == row.name, row.estimate.value
        answers = whole.finding("Pneumonia")
        covariance = auc_covariance(answers.truth[kept], answers.score[kept][None])[1]
        effects.append(math.log(value / (1 - value)))
        variances.append(covariance[0, 0] / (value * (1 - value)) ** 2)
    q = combine_effects(np.array(effects), np.array(variances)).q
    assert found.p == pytest.approx(stats.chi2.sf(q, 2), rel=1e-4)


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "brier"])
def test_a_group_that_is_worse_is_found(study, metric):
    assert by_attribute(study(worse=6.0), "Pneumonia", metric, "site", resamples=300).p < 0.001


@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "brier", "mcc"])
def test_groups_that_are_alike_differ_no_more_often_than_they_may(evaluation, metric):
    small = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        found = evaluation(n=240, gain=1.5)
        truth = rng.random(240) < 0.5
        scores = replace(found.scores, y_true=truth.astype(int), logits=rng.normal(size=240) + 1.5 * truth - 0.7)
        found = replace(found, scores=scores, attributes={"site": rng.choice(["A", "B", "C"], 240)})
        small += by_attribute(found, "Pneumonia", metric, "site", resamples=150).p < 0.05
    assert small <= stats.binom.ppf(0.999, 120, 0.05)


def test_patients_in_several_groups_are_allowed_for(study):
    found = study()
    patients = np.repeat(np.arange(200), 3)
    joint = replace(found, scores=replace(found.scores, patients=patients))
    result = by_attribute(joint, "Pneumonia", "roc_auc", "site", resamples=200)
    assert result.test.startswith("Wald test")
    assert 0.0 <= result.p <= 1.0


def test_group_without_one_kind_of_cases_stays_out_of_the_test(study):
    found = study()
    site = np.where(found.scores.y_true == 1, found.attributes["site"], "A")
    lone = replace(found, attributes={"site": site})
    result = by_attribute(lone, "Pneumonia", "roc_auc", "site")
    assert math.isnan(result.p)
    assert "Too few cases for the test in B, C" in result.note


def test_cases_without_a_score_leave_their_attribute_behind(study):
    found = study()
    logits = found.scores.logits.copy()
    logits[found.attributes["site"] == "A"] = np.nan
    result = by_attribute(replace(found, scores=replace(found.scores, logits=logits)), "Pneumonia", "roc_auc", "site")
    assert [row.name for row in result.rows] == ["B", "C"]
    kept = found.attributes["site"] == "B"
    assert result.rows[0].estimate == estimate_of("roc_auc", found.scores.y_true[kept], logits[kept])


def test_attribute_that_nobody_has_is_an_empty_table(study):
    found = by_attribute(study(), "Pneumonia", "roc_auc", "empty")
    assert (found.rows, found.fewest, found.unknown) == ((), 0, 600)
    assert found.note == "No case has a value."
    assert attributes(study()) == ("site",)


def test_unknown_attribute_is_refused(study):
    with pytest.raises(ScanLensError, match="Expected one of site, empty, received shoe"):
        by_attribute(study(), "Pneumonia", "roc_auc", "shoe")
