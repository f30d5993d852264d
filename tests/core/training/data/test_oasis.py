"""Loader and network of the personalised models, on people made up here."""

import cv2
import numpy as np
import pandas as pd
import pytest

from core.models.card import input_spec
from core.training.data import oasis
from core.training.data.studies import LOADERS
from core.training.recipe.reading import load_recipe, recipe_files

SIDE = 32

IMAGES = tuple(
    input_spec({"name": plane, "kind": "image", "size": [SIDE, SIDE], "channels": 1, "resize": "letterbox"})
    for plane in oasis.PLANES
)
TABLE = next(spec for spec in load_recipe(recipe_files()["dementia-table"]).inputs if spec.kind == "table")


@pytest.fixture
def folder(tmp_path):
    """Two people; the second has no education in the table."""
    rows = []
    people = (("B", "impaired", 80, "M", "", 0.5, 24), ("A", "unimpaired", 71, "F", 3, 0, 30))
    for number, (name, label, age, sex, education, rating, mmse) in enumerate(people):
        for plane in oasis.PLANES:
            file = f"{name}_{plane}.png"
            image = np.random.default_rng(number).integers(0, 255, (50, 40), np.uint8)
            cv2.imwrite(str(tmp_path / file), image)
            rows.append(
                {
                    "file": file, "label": label, "patient": name, "plane": plane, "age": age, "sex": sex,
                    "educ": education, "cdr": rating, "mmse": mmse, "split": "test",
                }
            )  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "labels.csv", index=False)
    return tmp_path


def test_a_person_is_one_case_with_three_planes_and_facts(folder):
    cases = LOADERS["oasis"](folder, {"inputs": (*IMAGES, TABLE)})
    assert cases.case_ids.tolist() == cases.patients.tolist() == ["A", "B"]
    assert {name: array.shape[1:] for name, array in cases.arrays.items()} == {
        **dict.fromkeys(oasis.PLANES, (SIDE, SIDE, 1)),
        "patient": (3,),
    }
    assert cases.class_index.tolist() == [0, 1]
    assert cases.attributes["rating"].tolist() == ["CDR 0", "CDR 0.5"]


def test_facts_are_raw_values_with_gaps_and_without_the_memory_test(folder):
    cases = LOADERS["oasis"](folder, {"inputs": (TABLE,)})
    assert np.array_equal(cases.arrays["patient"], [[71, 0, 3], [80, 1, np.nan]], equal_nan=True)
    assert [feature.name for feature in TABLE.features] == list(oasis.FEATURES)
    assert "mmse" not in oasis.FEATURES.values()


def test_person_without_a_plane_is_refused(folder):
    table = pd.read_csv(folder / "labels.csv")
    table[1:].to_csv(folder / "labels.csv", index=False)
    with pytest.raises(ValueError, match="three planes"):
        LOADERS["oasis"](folder, {"inputs": (TABLE,)})


def test_three_models_learn_from_the_same_folds():
    recipes = [load_recipe(recipe_files()[f"dementia-{name}"]) for name in ("picture-table", "picture", "table")]
    assert len({recipe.cross_validation for recipe in recipes}) == 1
    assert recipes[0].cross_validation.folds == 5
    assert {spec.name for spec in recipes[0].inputs} == {spec.name for recipe in recipes[1:] for spec in recipe.inputs}


@pytest.mark.keras
@pytest.mark.parametrize("inputs", [(*IMAGES, TABLE), (TABLE,)], ids=["both", "table"])
def test_network_of_images_and_table_compiles_with_an_affine_head(inputs, tmp_path):
    from core.keras_process.model.compile import compile_bundle
    from core.training.architectures.images_and_table import images_and_table

    model = images_and_table(inputs, 1, stages=1, imagenet=False)
    rng = np.random.default_rng(0)
    batch = {spec.name: rng.random((4, *spec.shape), dtype=np.float32) for spec in inputs}
    if TABLE in inputs:
        batch["patient"] = np.array([[70, 0, 2], [90, 1, 5], [62, 0, 1], [81, 1, 3]], np.float32)
    facts = compile_bundle(model, tmp_path, "axial_activations" if IMAGES[0] in inputs else None, batch)
    assert facts.max_difference <= 1e-5
    assert facts.affine == (IMAGES[0] in inputs)


@pytest.mark.keras
def test_facts_are_standardised_around_what_stands_for_unknown():
    import keras

    from core.training.architectures.images_and_table import images_and_table

    model = images_and_table((TABLE,), 1, table_weight=2.0)
    weighed = keras.Model(model.inputs, model.get_layer("patient_standardised").output)
    references = np.array([[feature.reference for feature in TABLE.features]], np.float32)
    older = references + np.array([[9, 0, 0]], np.float32)  # a quarter of the range of ages
    assert np.allclose(np.asarray(weighed({"patient": references})), 0, atol=1e-4)
    assert np.allclose(np.asarray(weighed({"patient": older})), [[2, 0, 0]], atol=1e-4)


@pytest.mark.keras
def test_only_the_linear_layer_learns():
    from core.training.architectures.images_and_table import images_and_table
    from core.training.schedule import set_trainable

    model = images_and_table((*IMAGES, TABLE), 1, stages=1, imagenet=False)
    recipe = load_recipe(recipe_files()["dementia-picture-table"])
    set_trainable(model, recipe.schedule.phases[0].trainable)
    assert {weight.path.split("/")[0] for weight in model.trainable_weights} == {"logits"}
