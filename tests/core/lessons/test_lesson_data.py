from pathlib import Path

import numpy as np
import pytest

from core.datasets.dataset import Case, Dataset
from core.errors import UnreadableScan
from core.lessons.training.data import (
    UnfitDataset,
    added_set,
    cases_to_watch,
    digits_set,
    divide,
    lesions_set,
    rare_classes,
)
from core.scan import Scan


@pytest.fixture(scope="module")
def digits():
    return digits_set()


@pytest.fixture(scope="module")
def lesions():
    return lesions_set(300)


def patients(lesson_set, part):
    return set(lesson_set.patients[part])


def test_honest_division_shares_no_patient_and_loses_no_image(lesions):
    division = divide(lesions)
    parts = (division.train, division.val, division.test)
    assert sorted(np.concatenate(parts)) == list(range(300))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not patients(lesions, parts[one]) & patients(lesions, parts[other])


def test_leak_reaches_validation_and_never_the_test_part(lesions, digits):
    honest, leaky = divide(lesions), divide(lesions, leak=True)
    np.testing.assert_array_equal(np.sort(honest.test), np.sort(leaky.test))
    assert not patients(lesions, leaky.train) & patients(lesions, leaky.test)
    assert len(patients(lesions, leaky.train) & patients(lesions, leaky.val)) > len(patients(lesions, leaky.val)) / 2
    for division in (leaky, divide(digits, leak=True)):
        assert np.isin(division.val, division.train).mean() == pytest.approx(0.5, abs=0.01)
        assert not np.isin(division.test, division.train).any()
        assert "Leak" in " ".join(division.words)


def test_rare_class_is_a_tenth_in_training_and_unchanged_in_the_test_part(lesions, digits):
    honest, rare = divide(lesions), divide(lesions, rare=True)
    before, after = (np.bincount(lesions.labels[division.train], minlength=2) for division in (honest, rare))
    assert after[0] == before[0]
    assert after[1] == pytest.approx(before[1] / 10, abs=1)
    np.testing.assert_array_equal(honest.test, rare.test)
    assert rare_classes(digits) == (5, 6, 7, 8, 9)


def test_few_leaves_few_training_images(digits):
    assert len(divide(digits, few=60).train) == 60


def test_digits_look_like_mnist(digits):
    assert digits.images.shape == (1797, 28, 28)
    assert digits.names == tuple("0123456789")
    assert not digits.knows_patients


def test_watched_cases_are_of_the_validation_part_and_show_truth_first(lesions):
    division = divide(lesions)
    cases = cases_to_watch(lesions, division.val)
    assert len(cases) == len(set(cases)) == 6
    assert np.isin(cases, division.val).all()
    assert lesions.labels[cases[0]] == 1
    assert set(lesions.labels[cases]) == {0, 1}


def dataset(count=80, labels=("ill", "well"), broken=(), multilabel=False):
    cases = tuple(Case(f"c{n}", (labels[n % len(labels)],), f"p{n // 2}") for n in range(count))

    def read(case):
        number = int(case.name[1:])
        if number in broken:
            raise UnreadableScan("an image", "none", "check the file")
        pixels = np.full((1, 40, 30), number % 200, np.uint8)
        return Scan(pixels, "single", str(number), "test", "Test", modality="DX", body_part="chest")

    return Dataset("set", "A set", Path("/nowhere"), "test", cases, labels, multilabel, read)


def test_added_set_keeps_its_patients_kind_and_classes_and_leaves_out_what_cannot_be_read():
    found = added_set(dataset(broken={3, 4}), lambda *_: None, lambda: False)
    assert found.images.shape == (78, 64, 64)
    assert found.knows_patients
    assert found.modality == ("DX",)
    assert found.body_part == ("chest",)
    assert found.names == ("ill", "well")


def test_large_set_is_drawn_from():
    assert len(added_set(dataset(400), lambda *_: None, lambda: False, most=100).labels) == 100


@pytest.mark.parametrize(
    ("unfit", "words"),
    [
        (dataset(multilabel=True), "several findings"),
        (dataset(20), "Only 20 cases"),
        (dataset(labels=("one",)), "1 classes"),
    ],
)
def test_unfit_set_is_refused_in_words(unfit, words):
    with pytest.raises(UnfitDataset, match=words):
        added_set(unfit, lambda *_: None, lambda: False)
