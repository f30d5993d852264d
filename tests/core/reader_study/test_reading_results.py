"""One reader and a class against the model, by numbers that can be counted by hand."""

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from core.evaluation.statistics.intervals import wilson
from core.reader_study.class_results import class_result
from core.reader_study.results import paired, reader_result

#: Truth is 11110000, the model says 11010100.
WITHOUT, AIDED = "10110010", "11010100"


@pytest.fixture
def result(plan, make_reader):
    return reader_result(plan, make_reader(WITHOUT, AIDED).answers, resamples=200)


def test_sensitivity_and_specificity_without_and_with_are_counted_with_wilsons_interval(result, plan):
    assert result.without.counts.sensitivity == wilson(3, 4)
    assert result.without.counts.specificity == wilson(3, 4)
    assert result.aided.counts.sensitivity == result.model.counts.sensitivity == wilson(3, 4)
    assert result.aided.seconds == 2.0
    assert result.roc.operating.sensitivity == wilson(3, 4)
    assert result.model.auc.value == pytest.approx(
        roc_auc_score([1] * 4 + [0] * 4, [0.9, 0.8, 0.3, 0.7, 0.2, 0.6, 0.1, 0.4])
    )


def test_agreement_with_the_model_is_cohens_kappa(result):
    model = [int(c) for c in "11010100"]
    assert result.without.kappa.value == pytest.approx(cohen_kappa_score(model, [int(c) for c in WITHOUT]))
    assert result.aided.kappa.value == 1.0


def test_changes_of_mind_are_counted_for_better_and_worse_with_mcnemars_exact_test(result):
    # Better: cases 2 and 7. Worse: cases 3 and 6.
    assert (result.change.only_first, result.change.only_second) == (2, 2)
    assert result.change.p == 1.0
    assert result.change.value == 0.0


def test_following_the_model_into_its_mistakes_is_told_from_being_put_right(result):
    reliance = result.reliance
    assert (reliance.misled.value, reliance.misled.n) == (1.0, 2)
    assert (reliance.put_right.value, reliance.put_right.n) == (1.0, 2)
    assert (reliance.followed_wrong.value, reliance.shared_wrong.value) == (1.0, 0.0)


def test_only_cases_that_were_read_both_times_count(plan, make_reader):
    reader = make_reader("1011", "11")
    assert paired(plan, reader.answers).places.tolist() == [0, 1]
    nothing = reader_result(plan, make_reader("10", "").answers, resamples=50)
    assert math.isnan(nothing.aided.counts.sensitivity.value)
    assert math.isnan(nothing.change.p)


def test_the_mean_of_a_class_counts_each_reader_the_same(plan, make_reader):
    readers = [make_reader(WITHOUT, AIDED, 1), make_reader("11110000", "11110000", 2), make_reader("0", "0", 3)]
    found = class_result(plan, readers, resamples=100)
    accuracy = found.measures["accuracy"]
    assert accuracy.without.value == pytest.approx((0.75 + 1.0 + 0.0) / 3)
    assert accuracy.model.value == 0.75
    assert found.readers == 3
    first = found.cases[0]
    assert (first.readers, first.without, first.aided) == (3, 2, 2)
    assert (found.misled.value, found.misled.n) == (0.5, 4)
    assert math.isnan(found.measures["specificity"].readers[0][2])


def test_the_intervals_of_a_class_are_those_of_a_plain_loop_over_readers_and_cases(plan, make_reader):
    readers = [make_reader(WITHOUT, AIDED, 1), make_reader("11100001", "11110001", 2), make_reader("0111", "1111", 3)]
    found = class_result(plan, readers, resamples=300, seed=5).measures["accuracy"]
    random = np.random.default_rng(5)
    people, cases = (random.multinomial(n, np.full(n, 1 / n), 300) for n in (3, 8))
    reads = [paired(plan, reader.answers) for reader in readers]
    gains, leads = [], []
    for resample in range(300):
        drawn = np.repeat(np.arange(8), cases[resample])
        fractions = []
        for read in np.repeat(np.array(reads, object), people[resample]):
            place = {int(case): k for k, case in enumerate(read.places)}
            here = [place[case] for case in drawn.tolist() if case in place]
            if here:
                right = [np.mean((said == read.truth)[here]) for said in (read.without, read.aided)]
                fractions.append(right)
        means = np.mean(fractions, axis=0)
        gains.append(means[1] - means[0])
        leads.append(means[1] - np.mean((plan.predicted == plan.truth)[drawn]))
    assert (found.gain.low, found.gain.high) == pytest.approx(tuple(np.percentile(gains, (2.5, 97.5))))
    assert (found.lead.low, found.lead.high) == pytest.approx(tuple(np.percentile(leads, (2.5, 97.5))))


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_readers_have_no_interval(plan, make_reader, count):
    found = class_result(plan, [make_reader(WITHOUT, AIDED)] * count, resamples=50)
    assert math.isnan(found.measures["accuracy"].aided.low)
    assert found.readers == count
