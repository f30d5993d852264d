"""From a table to images on the model's grid."""

import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from core.errors import UnreadableScan
from core.inference.prepare import prepare
from core.training.data.images import load_cases, prepare_case, prepare_cases, shrunken, split_cases
from core.training.data.opened import open_image
from core.training.recipe.reading import load_recipe
from core.training.recipe.schema import InvalidRecipe
from core.training.recipe.sources import Source


def write_table(folder, *rows):
    folder.mkdir()
    (folder / "t.csv").write_text("file,label,patient,split\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return Source(
        name="s", folder=folder.name, table="t.csv", file="file", label="label", patient="patient", split="split",
        classes={"a": "A", "b": "B"}, contains={"pneumo": "B"},
    )  # fmt: skip


def test_rows_get_their_class_by_text_or_by_part_of_it(tmp_path):
    source = write_table(tmp_path / "s", "1.png,a,p1,train", "2.png,edema|pneumonia,p2,val", "3.png,other,p3,test")
    cases = load_cases(source, ("A", "B"), tmp_path)
    assert [(case.name, case.target) for case in cases] == [("1.png", 0), ("2.png", 1)]


def test_patient_in_two_splits_is_refused(tmp_path):
    source = write_table(tmp_path / "s", "1.png,a,p1,train", "2.png,b,p1,test")
    with pytest.raises(InvalidRecipe, match="is in two splits"):
        load_cases(source, ("A", "B"), tmp_path)


def test_unknown_split_is_refused(tmp_path):
    source = write_table(tmp_path / "s", "1.png,a,p1,holdout")
    with pytest.raises(InvalidRecipe, match="'holdout'"):
        load_cases(source, ("A", "B"), tmp_path)


def test_missing_column_is_named(tmp_path):
    source = write_table(tmp_path / "s", "1.png,a,p1,train")
    with pytest.raises(InvalidRecipe, match="and lacks age"):
        load_cases(replace(source, attributes=("age",)), ("A", "B"), tmp_path)


def test_missing_table_is_named(tmp_path):
    source = Source(name="s", folder="nowhere", table="t.csv", file="file")
    with pytest.raises(InvalidRecipe, match=r"nowhere/t\.csv"):
        load_cases(source, ("A", "B"), tmp_path)


def test_split_without_one_label_is_refused(entry, write_recipe, tmp_path):
    write_table(tmp_path / "blobs", "1.png,none,p1,train", "2.png,blob,p2,val", "3.png,blob,p3,test")
    entry["data"] |= {"table": "t.csv", "attributes": []}
    with pytest.raises(InvalidRecipe, match="lacks one of the labels"):
        split_cases(load_recipe(write_recipe(entry)), tmp_path)


def test_image_goes_the_same_way_as_an_uploaded_scan(entry, write_recipe, blobs):
    spec = load_recipe(write_recipe(entry)).input
    path = blobs / "blobs" / "1.png"
    uploaded = prepare(open_image(path), spec).batch["image"][0]
    assert np.array_equal(prepare_case(path, spec), uploaded)
    assert uploaded.shape == (32, 32, 1)


def test_cached_images_lose_less_than_a_grey_level(entry, write_recipe, blobs):
    spec = load_recipe(write_recipe(entry)).input
    path = blobs / "blobs" / "1.png"
    assert np.abs(prepare_cases([path], spec)[0].astype(np.float32) - prepare_case(path, spec)).max() < 0.5 / 255


def test_broken_image_is_named(tmp_path):
    (tmp_path / "x.png").write_bytes(b"not an image")
    with pytest.raises(UnreadableScan, match=r"x\.png"):
        open_image(tmp_path / "x.png")


def test_shrunken_image_holds_means_of_squares_in_its_own_grey_levels(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (40, 60)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "x.png"), image)
    small = shrunken(open_image(tmp_path / "x.png"), 20).pixels
    assert small.dtype == np.uint8
    assert np.array_equal(small[0], np.rint(image.reshape(20, 2, 20, 3).mean((1, 3))).astype(np.uint8))


def test_case_of_a_stress_test_goes_through_a_smaller_grid(entry, write_recipe, blobs):
    spec = load_recipe(write_recipe(entry)).input
    path = blobs / "blobs" / "1.png"
    assert np.array_equal(prepare_case(path, spec, 8), prepare(shrunken(open_image(path), 8), spec).batch["image"][0])
    assert not np.allclose(prepare_case(path, spec, 8), prepare_case(path, spec), atol=0.05)
