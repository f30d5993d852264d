"""Loader and networks of the models that fuse several MRI sequences, on images drawn here."""

import cv2
import numpy as np
import pandas as pd
import pytest

from core.models.card import input_spec
from core.training.card import rivals as study_rivals
from core.training.data import lgg
from core.training.data.studies import LOADERS
from core.training.recipe.reading import load_recipe, recipe_files

RECIPES = [path for slug, path in recipe_files().items() if slug.startswith("glioma-") and slug != "glioma-outline"]
SIDE = 32


def contract(name):
    return input_spec(
        {
            "name": name, "kind": "image", "size": [SIDE, SIDE], "channels": 1, "intensity": "percentile",
            "resize": "letterbox",
        }
    )  # fmt: skip


INPUTS = tuple(contract(name) for name in lgg.SEQUENCES)


def row(name, patient, number, **changes):
    files = {sequence: f"{sequence}/{name}.png" for sequence in lgg.SEQUENCES}
    entry = {
        "id": name, "label": "tumour", "patient": patient, "slice": number, "n_slices": 9, **files, "age": 50,
        "sex": "F", "institution": "DU", "split": "train",
    }  # fmt: skip
    return entry | changes


@pytest.fixture
def folder(tmp_path):
    """Three slices of two patients; one lacks a sequence in the table, one has a black file for it."""
    rows = [
        row("a_1", "a", 1, label="no_tumour"),
        row("a_5", "a", 5, post=""),
        row("b_9", "b", 9, age="", sex="", split="valid"),
    ]
    rng = np.random.default_rng(0)
    for entry in rows:
        for sequence in lgg.SEQUENCES:
            if entry[sequence]:
                black = (entry["id"], sequence) == ("b_9", "pre")
                (tmp_path / sequence).mkdir(exist_ok=True)
                image = np.zeros((40, 40), np.uint8) if black else rng.integers(0, 255, (40, 40), np.uint8)
                cv2.imwrite(str(tmp_path / entry[sequence]), image)
    pd.DataFrame(rows).to_csv(tmp_path / "labels.csv", index=False)
    return tmp_path


@pytest.fixture
def cases(folder):
    return LOADERS["lgg"](folder, {"inputs": INPUTS})


def test_every_slice_is_a_case_with_its_patient_split_and_class(cases):
    assert cases.case_ids.tolist() == ["a_1", "a_5", "b_9"]
    assert cases.patients.tolist() == ["a", "a", "b"]
    assert cases.split.tolist() == ["train", "train", "val"]
    assert cases.class_index.tolist() == [0, 1, 1]


def test_sequence_that_is_missing_or_black_is_not_an_image(cases):
    gone = {name: np.isnan(array).all(axis=(1, 2, 3)).tolist() for name, array in cases.arrays.items()}
    assert gone == {"pre": [False, False, True], "flair": [False] * 3, "post": [False, True, False]}
    assert 0.0 <= cases.arrays["flair"].min() < cases.arrays["flair"].max() <= 1.0


def test_subgroups_know_height_and_what_is_not_known(cases):
    attributes = cases.attributes
    assert attributes["height"].tolist() == ["lowest third", "middle third", "highest third"]
    assert attributes["sex"].tolist() == ["female", "female", ""]
    assert attributes["sequences"].tolist() == ["all three", "no post", "all three"]


def test_model_of_one_sequence_keeps_the_slices_of_the_others(folder):
    alone = LOADERS["lgg"](folder, {"inputs": INPUTS[2:]})
    assert list(alone.arrays) == ["post"]
    assert len(alone) == 3


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_differ_in_sequences_and_network_only(path):
    recipe, yardstick = load_recipe(path), load_recipe(recipe_files()["glioma-flair-alone"])
    for part in ("labels", "data", "augmentation", "schedule", "cross_validation"):
        assert getattr(recipe, part) == getattr(yardstick, part)
    assert {spec.size for spec in recipe.inputs} == {yardstick.inputs[0].size}
    several = len(recipe.inputs) > 1
    assert all(spec.optional == several for spec in recipe.inputs)
    assert set(recipe.missing) == ({spec.name for spec in recipe.inputs} if several else set())
    assert recipe.card.non_commercial


def random_batch(cases=3, seed=1):
    rng = np.random.default_rng(seed)
    return {spec.name: rng.random((cases, *spec.shape), dtype=np.float32) for spec in INPUTS}


@pytest.mark.keras
@pytest.mark.parametrize("name", ["fusion_early", "fusion_late", "fusion_attention"])
def test_each_image_counts_in_a_fusing_network(name):
    from core.training.architectures.registry import architecture

    model = architecture(name)(INPUTS, 1, widths=(4, 6, 8, 8))
    assert [tensor.name for tensor in model.inputs] == [spec.name for spec in INPUTS]
    assert model.layers[-1].name == "logits"
    batch = random_batch()
    plain = np.asarray(model(batch))
    for spec in INPUTS:
        without = np.asarray(model({**batch, spec.name: np.zeros_like(batch[spec.name])}))
        assert not np.allclose(plain, without, atol=1e-6)


@pytest.mark.keras
def test_attention_compiles_and_its_head_is_not_taken_for_affine(tmp_path):
    from core.keras_process.model.compile import compile_bundle
    from core.training.architectures.fusion import fusion_attention

    model = fusion_attention(INPUTS, 1, widths=(4, 6, 8, 8))
    facts = compile_bundle(model, tmp_path, "flair_activations", random_batch())
    assert facts.max_difference <= 1e-5
    assert not facts.affine


@pytest.mark.keras
def test_attention_can_be_read_and_gives_nothing_to_a_black_image():
    import keras

    from core.training.architectures.fusion import fusion_attention

    model = fusion_attention(INPUTS, 1, widths=(4, 6, 8, 8))
    weights = keras.Model(model.inputs, model.get_layer("sequence_attention").output)
    batch = random_batch(cases=2)
    batch["post"][0] = 0
    found = np.asarray(weights(batch))
    assert np.allclose(found.sum(axis=1), 1)
    assert found[0, 2] < 1e-12
    assert found[1, 2] > 1e-3


def test_section_on_rivals_replaces_itself_and_nothing_else():
    card = "# Title\n\n## Results\n\nold\n\n## Failure modes\n\nmany\n"
    once = study_rivals.with_section(card, "first")
    assert once == study_rivals.with_section(study_rivals.with_section(card, "other"), "first")
    assert once.replace("## Against the other models\n\nfirst\n\n", "") == card
