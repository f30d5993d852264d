"""Recipes with the keys of before are read on, and mean what they meant."""

import msgspec
import pytest
import yaml

from core.training.recipe.migration import migrate
from core.training.recipe.reading import RECIPES, parse_recipe, recipe_files

CARD = dict.fromkeys(
    ("license", "training_modality", "for", "not_for", "data", "population", "training", "failure_modes", "credit"), "x"
)
INPUT = {"name": "image", "kind": "image", "size": [32, 32], "channels": 1, "resize": "letterbox"}
TABLE = {"name": "s", "folder": "s", "table": "t.csv", "file": "f"}

IMAGES = {
    "title": "T", "summary": "S", "task": "ordinal", "labels": ["a", "b"],
    "data": {**TABLE, "label": "l", "split": "s", "classes": {"0": "a", "1": "b"}, "look_alikes": 0.85},
    "evaluate": [{**TABLE, "look_alikes": 0.9}],
    "input": INPUT, "architecture": {"name": "compact_residual"}, "explain_layer": "activations",
    "augmentation": {"cover": 0.6},
    "schedule": {"doubt": 0.1, "neighbours": 0.6, "phases": [{"epochs": 2, "learning_rate": 0.01}]}, "seed": 1,
    "similarity": {"method": "auto", "others": [TABLE], "alike": [{**TABLE, "look_alikes": 0.7}]},
    "localise": [{"name": "m", "title": "M", "kind": "boxes", "folder": "f", "table": "t", "join": {"a": "b"},
                  "labels": ["b"], "marks": "m", "box": ["x", "y", "w", "h"], "cut": ["l", "t", "w", "h"],
                  "file": "f"}],
    "card": {**CARD, "likeness": "Far."},
}  # fmt: skip

MASKS = {
    "title": "T", "summary": "S", "labels": ["none", "lesion"],
    "data": {**TABLE, "title": "M", "mask": "m", "split": "s"},
    "input": INPUT, "network": {"filters": [4, 8]}, "explain_layer": "bottom", "upside_down": True, "soften": 4.0,
    "schedule": {"rounds": 7, "steps": 5, "batch": 2, "learning_rate": 0.01, "cut": 24, "on_label": 0.7,
                 "weights": [1.0, 2.0]},
    "seed": 1, "threshold": {"rule": "mean_dice"}, "card": CARD,
}  # fmt: skip

STUDIES = {
    "title": "T", "summary": "S", "task": "binary", "labels": ["a", "b"],
    "data": {"loader": "lgg", "folder": "f", "name": "n", "title": "N"},
    "inputs": [INPUT], "architecture": {"name": "fusion_early"}, "explain_layer": "",
    "schedule": {"doubt": 0.05, "phases": [{"epochs": 2, "learning_rate": 0.01}]},
    "weights": {"keep": "last", "average": 0.8}, "seed": 1, "cross_validation": "none", "missing": None, "card": CARD,
}  # fmt: skip


def test_old_keys_of_images_are_read_on():
    recipe = parse_recipe("old", IMAGES)
    assert recipe.layout == "images"
    assert recipe.input.size == (32, 32)
    assert recipe.augmentation.random_erasing == 0.6
    assert (recipe.schedule.label_smoothing, recipe.schedule.ordinal_sigma) == (0.1, 0.6)
    assert recipe.images.near_duplicates == 0.85
    assert recipe.evaluate[0].near_duplicates == 0.9
    assert (len(recipe.out_of_distribution.far), recipe.out_of_distribution.near[0].near_duplicates) == (1, 0.7)
    assert recipe.localise[0].crop == ("l", "t", "w", "h")
    assert recipe.card.ood == "Far."
    assert recipe.schedule.warm_up is None


def test_old_keys_of_segmentations_are_read_on():
    recipe = parse_recipe("old", MASKS)
    assert (recipe.task, recipe.layout, recipe.architecture.name) == ("segmentation", "masks", "unet")
    assert recipe.architecture.parameters == {"filters": [4, 8]}
    assert recipe.augmentation.quarter_turns
    assert recipe.logit_scale == 0.25
    schedule = recipe.schedule
    assert (schedule.epochs, schedule.phases[0].learning_rate, schedule.steps_per_epoch) == (7, 0.01, 5)
    assert (schedule.patch_size, schedule.foreground_fraction, schedule.pixel_weights) == (24, 0.7, (1.0, 2.0))
    assert schedule.monitor == "dice"


def test_old_keys_of_studies_are_read_on():
    recipe = parse_recipe("old", STUDIES)
    assert recipe.layout == "studies"
    assert (recipe.schedule.checkpoint, recipe.schedule.ema, recipe.schedule.warm_up) == ("last", 0.8, 0.1)
    assert recipe.schedule.label_smoothing == 0.05
    assert recipe.cross_validation is None
    assert recipe.missing == {}


@pytest.mark.parametrize("entry", [IMAGES, MASKS, STUDIES], ids=["images", "masks", "studies"])
def test_migration_leaves_its_argument_alone_and_is_done_once(entry):
    before = yaml.safe_dump(entry)
    once = migrate(entry)
    assert yaml.safe_dump(entry) == before
    assert migrate(once) == once


@pytest.mark.parametrize("path", recipe_files(RECIPES).values(), ids=lambda path: path.stem)
def test_recipes_of_the_product_have_the_keys_of_today(path):
    entry = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert migrate(entry) == entry


def test_unknown_key_beside_old_ones_is_still_refused():
    with pytest.raises(msgspec.ValidationError, match="unknown field `colour`"):
        parse_recipe("old", {**IMAGES, "augmentation": {"cover": 0.6, "colour": 1}})
