import dataclasses
from pathlib import Path

import pytest

from core.datasets.dataset import Case, Dataset


@pytest.fixture
def clinic():
    return Dataset(
        name="clinic",
        title="Clinic",
        location=Path("somewhere") / "clinic",
        layout="folder",
        cases=(Case("a.png", ("ill",)), Case("b.png", ("well",))),
        labels=("well", "ill"),
        multilabel=False,
        read=lambda case: None,
        options={"patient": "id"},
    )


def test_a_dataset_is_remembered_with_its_answers_and_maps(store, clinic):
    store.remember(clinic, {"finder": {"ill": "Ill", "well": ""}})
    (found,) = store.datasets()
    assert (found.name, found.title, found.location, found.layout) == ("clinic", "Clinic", clinic.location, "folder")
    assert (found.options, found.labels, found.cases, found.digest) == ({"patient": "id"}, ("well", "ill"), 2, "")
    assert found.maps == {"finder": {"ill": "Ill", "well": ""}}


def test_remembered_again_it_is_brought_up_to_date_and_keeps_its_maps(store, clinic):
    store.remember(clinic, {"finder": {"ill": "Ill"}, "other": {"ill": "Bad"}})
    store.remember(dataclasses.replace(clinic, digest="d" * 64, fingerprint="f" * 64), {"other": {"ill": "Worse"}})
    (found,) = store.datasets()
    assert (found.digest, found.fingerprint) == ("d" * 64, "f" * 64)
    assert found.maps == {"finder": {"ill": "Ill"}, "other": {"ill": "Worse"}}


def test_other_answers_for_the_same_place_are_another_dataset(store, clinic):
    store.remember(clinic)
    store.remember(dataclasses.replace(clinic, options={"patient": ""}))
    assert len(store.datasets()) == 2


def test_a_forgotten_dataset_is_gone_with_its_maps(store, clinic):
    store.remember(clinic, {"finder": {"ill": "Ill"}})
    store.forget(store.datasets()[0].id)
    assert store.datasets() == []
    store.remember(clinic)
    assert store.datasets()[0].maps == {}
