"""Who trains, validates and tests."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from core.training.data.folds import deal, splits
from core.training.data.studies import StudyCases
from core.training.recipe.reading import load_recipe, recipe_files
from core.training.recipe.schema import Folds, InvalidRecipe

pytestmark = pytest.mark.keras


@pytest.fixture
def recipe():
    whole = load_recipe(recipe_files()["heart-cine-gru"])
    return replace(whole, labels=("a", "b", "c"), cross_validation=Folds(5, 0.2, 1))


@pytest.fixture
def cases():
    """40 patients with one to three cases each; the third class is rare."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), rng.integers(1, 4, 40))
    target = np.where(patients % 4 == 0, 2, patients % 2)
    count = len(patients)
    return StudyCases(
        case_ids=np.array([f"c{n}" for n in range(count)]),
        patients=np.array([f"p{n}" for n in patients]),
        arrays={},
        class_index=target.astype(np.int64),
        split=np.full(count, "train"),
        attributes=pd.DataFrame(index=range(count)),
    )


def test_no_patient_is_in_two_splits_and_each_is_tested_once(recipe, cases):
    found = splits(recipe, cases)
    tested = np.sum([split == "test" for split in found], axis=0)
    assert (tested == 1).all()
    for split in found:
        homes = {name: set(cases.patients[split == name]) for name in ("train", "val", "test")}
        assert not homes["train"] & homes["test"]
        assert not homes["train"] & homes["val"]
        assert not homes["val"] & homes["test"]


def test_folds_are_alike_in_size_and_classes(cases):
    patients = dict(zip(cases.patients.tolist(), cases.class_index.tolist(), strict=True))
    stacks = deal(patients, 5, 0)
    for target in range(3):
        counts = np.bincount([stacks[name] for name, own in patients.items() if own == target], minlength=5)
        assert np.ptp(counts) <= 1
    assert np.ptp(np.bincount(list(stacks.values()))) <= 1


def test_patient_in_two_splits_of_a_loader_is_refused(recipe, cases):
    split = np.array(["train", "val", "test"])[np.arange(len(cases)) % 3]
    with pytest.raises(InvalidRecipe, match="is in two splits"):
        splits(replace(recipe, cross_validation=None), dataclasses.replace(cases, split=split))


def test_split_without_one_of_the_classes_is_refused(recipe, cases):
    few = cases.part(cases.class_index < 2)
    with pytest.raises(InvalidRecipe, match="Not every label occurs in"):
        splits(recipe, few)
