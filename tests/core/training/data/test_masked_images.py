"""Masks go with their images: through the table, onto the model's grid and through every variation."""

import csv

import cv2
import numpy as np
import pytest
import yaml

from core.inference.prepare import plan_geometry
from core.models.card import input_spec
from core.training.data.masked_images import class_map, load_masked_cases, read_masks, to_model
from core.training.recipe.reading import load_recipe
from core.training.recipe.schema import InvalidRecipe

WORDS = ("license", "training_modality", "for", "not_for", "data", "population", "training", "failure_modes", "credit")

PROSE = dict.fromkeys(WORDS, "Nothing but a test of it.")

ENTRY = {
    "title": "Discs",
    "summary": "Outlines discs.",
    "task": "segmentation",
    "labels": ["Background", "Disc", "Spot"],
    "data": {
        "layout": "masks", "name": "discs", "title": "Discs", "folder": "discs", "table": "labels.csv",
        "file": "{id}.png",
        "mask": "{id}_mask.png", "patient": "{patient}", "bits": {"Disc": 1, "Spot": 4}, "split": "part",
        "splits": {"learn": "train", "check": "val", "test": "test"},
    },
    "inputs": [{"name": "image", "kind": "image", "size": [32, 32], "channels": 1, "resize": "letterbox"}],
    "architecture": {"name": "unet", "parameters": {"filters": [4, 8]}},
    "explain_layer": "bottom",
    "augmentation": {"rotation": 40.0, "shift": 0.1, "flip": True, "brightness": 0.1, "quarter_turns": True},
    "schedule": {
        "monitor": "dice", "steps_per_epoch": 1, "batch": 2, "phases": [{"epochs": 1, "learning_rate": 0.01}],
    },
    "seed": 1,
    "card": PROSE,
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def to(**changes):
        path = tmp_path / "discs.yaml"
        path.write_text(yaml.safe_dump(ENTRY | changes), encoding="utf-8")
        return load_recipe(path)

    return to


@pytest.fixture
def table(tmp_path):
    def to(rows):
        folder = tmp_path / "discs"
        folder.mkdir(exist_ok=True)
        with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, ["id", "patient", "part", "kind"])
            writer.writeheader()
            writer.writerows(dict(zip(writer.fieldnames, row, strict=True)) for row in rows)
        return tmp_path

    return to


ROWS = [("a", "1", "learn", "x"), ("b", "1", "learn", "x"), ("c", "2", "check", "x"), ("d", "3", "test", "y")]


def test_splits_are_named_by_the_table(write, table):
    parts = load_masked_cases(write(), table(ROWS))
    assert {split: [case.name for case in part] for split, part in parts.items()} == {
        "train": ["a.png", "b.png"], "val": ["c.png"], "test": ["d.png"],
    }  # fmt: skip
    assert parts["test"][0].mask.name == "d_mask.png"


def test_patient_in_two_splits_is_refused(write, table):
    with pytest.raises(InvalidRecipe, match="is in two splits"):
        load_masked_cases(write(), table([*ROWS, ("e", "1", "test", "x")]))


def test_validation_is_taken_from_training_and_test_stays(write, table):
    rows = [(f"p{n}", str(n), "train" if n < 20 else "test", "xy"[n % 2]) for n in range(30)]
    data = {**ENTRY["data"], "splits": {}, "group": "kind", "division": {"how": "groups", "val": 0.2}}
    parts = load_masked_cases(write(data=data), table(rows))
    assert [len(parts[split]) for split in ("train", "val", "test")] == [16, 4, 10]
    assert {case.name for case in parts["test"]} == {f"p{n}.png" for n in range(20, 30)}


def test_unknown_column_is_named(write, table):
    with pytest.raises(InvalidRecipe, match="eye"):
        load_masked_cases(write(data={**ENTRY["data"], "patient": "{eye}"}), table(ROWS))


def test_misspelt_key_of_a_recipe_is_an_error(write):
    with pytest.raises(InvalidRecipe, match="stepps"):
        write(schedule={**ENTRY["schedule"], "stepps": 3})
    with pytest.raises(InvalidRecipe, match="bits"):
        write(data={**ENTRY["data"], "bits": {"Disc": 1}})


def test_bits_of_a_mask_are_labels_and_the_first_counts_where_they_overlap(write, tmp_path):
    stored = np.zeros((4, 6), np.uint8)
    stored[0], stored[1], stored[2] = 1, 4, 5
    cv2.imwrite(str(tmp_path / "mask.png"), stored)
    masks = read_masks(tmp_path / "mask.png", write())
    assert masks.sum(axis=(1, 2)).tolist() == [12, 12]
    assert class_map(masks)[:, 0].tolist() == [1, 2, 1, 0]


@pytest.mark.parametrize("size", [(64, 48), (20, 32), (32, 32)])
def test_mask_lies_on_the_model_grid_where_its_image_lies(size):
    spec = input_spec(ENTRY["inputs"][0])
    geometry = plan_geometry(size, 1.0, spec)
    mask = np.zeros(size, bool)
    mask[size[0] // 4 : size[0] // 2, size[1] // 2 : -size[1] // 8] = True
    back = geometry.to_scan(to_model(mask, geometry).astype(np.float32)) >= 0.5
    assert 2 * (back & mask).sum() / (back.sum() + mask.sum()) > 0.9


@pytest.mark.keras
def test_variations_move_the_mask_with_the_image(write):
    from core.training.tasks.patches import vary

    recipe, classes = write(), np.zeros((48, 48), np.uint8)
    cv2.ellipse(classes, (28, 20), (9, 5), 30, 0, 360, 1, -1)
    cv2.circle(classes, (12, 34), 4, 2, -1)
    image = np.where(classes == 1, 0.9, np.where(classes == 2, 0.6, 0.2)).astype(np.float32)[..., None]
    moved = set()
    for seed in range(12):
        varied, labels = vary(image, classes, recipe, (7, seed))
        level = float(np.median(varied[labels == 0]))  # brightness changes as well
        assert np.abs(varied[labels == 1] - level - 0.7).mean() < 0.1
        assert np.abs(varied[labels == 2] - level - 0.4).mean() < 0.1
        moved.add(labels.tobytes())
    assert len(moved) == 12
