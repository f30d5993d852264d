"""A model is suggested for a dataset only where its images are of a kind that it knows."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.datasets.dataset import Case, Dataset
from core.errors import UnreadableScan
from core.inference.kinds import KINDS
from core.inference.recognise import FOLDER, Recognition
from core.inference.recognise_dataset import LOOKED_AT, may_know, recognise_dataset, spread
from core.models.card import load_card
from core.scan import Scan


def cases(count):
    return tuple(Case(name=str(number), patient="", split="", labels=()) for number in range(count))


def found(*slugs):
    return [Recognition(KINDS.get(slug), "", 1.0, {}) for slug in slugs]


@pytest.fixture(scope="module")
def breast():
    return load_card(FOLDER.parents[2] / "models" / "breast-ultrasound")


def test_looked_at_are_the_first_the_last_and_some_between():
    chosen = [int(case.name) for case in spread(cases(1000))]
    assert len(chosen) == LOOKED_AT
    assert (chosen[0], chosen[-1]) == (0, 999)
    assert np.ptp(np.diff(chosen)) <= 1
    assert len(spread(cases(3))) == 3


def test_model_is_suggested_where_half_of_the_images_are_of_its_kind(breast):
    assert may_know(breast, found("breast-ultrasound", "breast-ultrasound", "", "fundus"))
    assert not may_know(breast, found("breast-ultrasound", "", "fundus"))
    assert not may_know(breast, found("", "", ""))
    assert not may_know(breast, [replace(each, agrees=False) for each in found("breast-ultrasound")])


def test_nothing_speaks_against_a_model_of_no_kinds_or_where_nothing_was_seen(breast):
    assert may_know(breast, [])
    assert may_know(replace(breast, kinds=()), found("fundus"))


def test_images_that_cannot_be_read_are_passed_over():
    def read(case):
        if case.name == "1":
            raise UnreadableScan("It is broken", "leave it out")
        return Scan(np.zeros((1, 32, 32), np.uint8), "single", "", "PNG", "")

    dataset = Dataset(
        name="d", title="d", location=Path("d"), layout="", cases=cases(3), labels=(), multilabel=False, read=read
    )
    assert len(recognise_dataset(dataset)) == 2
    assert recognise_dataset(SimpleNamespace(cases=cases(3), has_images=False)) == []
