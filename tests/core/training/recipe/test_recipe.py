"""Recipes are checked when they are read, and the line that is wrong is named."""

import re

import pytest
import yaml

from core.training.recipe.reading import RECIPES, load_recipe, load_recipes, recipe_files
from core.training.recipe.schema import InvalidRecipe


def test_every_recipe_of_the_product_is_valid():
    recipes = load_recipes()
    assert set(recipes) == {path.stem for path in RECIPES.rglob("*.yaml")}
    assert {recipe.layout for recipe in recipes.values()} == {"images", "masks", "studies"}
    assert not [slug for slug, recipe in recipes.items() if "TO DO" in str(recipe.card)]


def test_recipe_is_read_with_its_parts(entry, write_recipe):
    recipe = load_recipe(write_recipe(entry))
    assert recipe.slug == "blobs"
    assert recipe.input.size == (32, 32)
    assert recipe.images.attributes == ("side",)
    assert recipe.schedule.epochs == 2
    assert (recipe.threshold_rule, recipe.units, recipe.layout) == ("youden", 1, "images")


MASKS = {"layout": "masks", "name": "m", "title": "M", "folder": "m", "table": "t.csv", "file": "f", "mask": "m"}

#: Where, what stands there instead (None: nothing), what the message says, and the start of the line that it names.
FAULTS = [
    (("labels",), None, "no 'labels'", ""),
    (("task",), "guessing", "task: Invalid enum value 'guessing'", "task:"),
    (("augmentation", "rotaton"), 5, "unknown key 'rotaton' in augmentation", "rotaton:"),
    (("augmentation", "rotation"), "much", "augmentation.rotation: Expected `float`, got `str`", "rotation:"),
    (("data", "classes"), {"none": "Empty"}, "images for every label", "data:"),
    (("data", "classes", "blob"), "Blub", "no labels: Blub", "data:"),
    (("data", "combined"), [{"hair": "1"}], "by no attribute: hair", "data:"),
    (("data", "layout"), "cupboard", "Invalid value 'cupboard'", "layout:"),
    (("schedule", "phases"), [], "without phases", "schedule:"),
    (("schedule", "phases", 0, "epochs"), 0, "without epochs", "- epochs:"),
    (("schedule", "phases", 0, "epochs"), "two", "phases[0].epochs: Expected `int`, got `str`", "- epochs:"),
    (("schedule", "phases", 0, "learning_rat"), 1, "unknown key 'learning_rat'", "learning_rat:"),
    (("schedule", "monitor"), "mood", "schedule.monitor: Invalid enum value 'mood'", "monitor:"),
    (("schedule", "monitor"), "kappa_quadratic", "no classes in order", "schedule:"),
    (("schedule", "ema"), 1.5, "no fractions", "schedule:"),
    (("threshold",), {"rule": "luck"}, "Invalid enum value 'luck'", "rule:"),
    (("threshold",), {"rule": "mean_dice"}, "task 'binary' with threshold rule 'mean_dice'", "threshold:"),
    (("inputs", 0, "channels"), 2, "out of bounds", "inputs:"),
    (("inputs",), [], "no inputs", "inputs:"),
    (("data",), MASKS, "without a split column or a division", "data:"),
    (("data",), {**MASKS, "split": "s"}, "a task 'binary' cannot learn from", "data:"),
    (("card", "not_for"), None, "no 'not_for' in card", "card:"),
    (("card", "titles"), {"motion": "Motion"}, "Invalid enum value 'motion'", "titles:"),
    (("slug",), "other", "unknown key 'slug'", "slug:"),
    (("labels",), ["Blob", "Blob"], "two are the same", "labels:"),
    (("missing",), {"age": 0.1}, "missing with age, which is no input or feature", "missing:"),
    (("variants",), [{"name": "x", "leave_out": ["hat"]}], "variant 'x' with hat", "variants:"),
    (("variants",), [{"name": "x"}], "changes nothing", "- name: x"),
]


@pytest.mark.parametrize(("where", "value", "words", "line"), FAULTS, ids=[str(fault[2]) for fault in FAULTS])
def test_faulty_recipe_is_refused_by_name_and_line(entry, write_recipe, where, value, words, line):
    part = entry
    for key in where[:-1]:
        part = part[key]
    if value is None:
        del part[where[-1]]
    else:
        part[where[-1]] = value
    path = write_recipe(entry)
    with pytest.raises(InvalidRecipe, match=r"blobs\.yaml") as caught:
        load_recipe(path)
    assert words in str(caught.value)
    named = re.search(r"line (\d+)", str(caught.value))
    assert bool(named) == bool(line)
    if named:
        assert path.read_text(encoding="utf-8").splitlines()[int(named[1]) - 1].strip().startswith(line)


@pytest.mark.parametrize("text", ["- 1\n", "", "title: [", "a: &x 1\nb: *x\n", "\x00"])
def test_file_that_is_no_recipe_is_refused(tmp_path, text):
    (tmp_path / "list.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidRecipe, match="list"):
        load_recipe(tmp_path / "list.yaml")


def test_recipe_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidRecipe, match="nowhere"):
        load_recipe(tmp_path / "nowhere.yaml")


def test_two_recipes_of_one_name_are_refused(tmp_path):
    (tmp_path / "studies").mkdir()
    for place in (tmp_path / "twice.yaml", tmp_path / "studies" / "twice.yaml"):
        place.write_text("title: x", encoding="utf-8")
    with pytest.raises(InvalidRecipe, match="twice"):
        recipe_files(tmp_path)


@pytest.mark.keras
def test_unknown_recipe_is_told_in_one_sentence(capsys, tmp_path):
    from core.training import __main__ as command

    assert command.main(["--data", str(tmp_path), "--only", "nothing"]) == 1
    assert "heart-cine-gru" in capsys.readouterr().err


def test_bits_are_those_of_the_labels():
    path = recipe_files()["fundus-lesions"]
    entry = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(entry["data"]["bits"]) == set(load_recipe(path).foreground)
