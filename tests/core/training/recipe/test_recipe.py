"""Recipes are checked when they are read."""

import pytest

from core.training.recipe.schema import RECIPES, InvalidRecipe, load_recipe, load_recipes

PROSE = ("for", "not_for", "data", "population", "training", "failure_modes", "credit", "license", "training_modality")


def test_every_recipe_of_the_product_is_valid():
    recipes = load_recipes()
    assert set(recipes) == {path.stem for path in RECIPES.glob("*.yaml")}
    assert recipes


@pytest.mark.parametrize("slug", sorted(path.stem for path in RECIPES.glob("*.yaml")))
def test_recipe_carries_all_prose_of_its_card(slug):
    card = load_recipes()[slug].card
    assert [key for key in PROSE if not str(card.get(key, "")).strip() or "TO DO" in str(card[key])] == []


def test_recipe_is_read_with_its_parts(entry, write_recipe):
    recipe = load_recipe(write_recipe(entry))
    assert recipe.slug == "blobs"
    assert recipe.input.size == (32, 32)
    assert recipe.data.attributes == ("side",)
    assert recipe.schedule.epochs == 2


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        (("labels",), None, "no 'labels'"),
        (("task",), "guessing", "task 'guessing'"),
        (("augmentation", "rotaton"), 5, "augmentation with unknown rotaton"),
        (("data", "classes"), {"none": "Empty"}, "pictures for every label"),
        (("data", "classes", "blob"), "Blub", "no labels: Blub"),
        (("schedule", "phases"), [], "without epochs"),
        (("schedule", "monitor"), "mood", "monitor 'mood'"),
        (("threshold",), {"rule": "luck"}, "rule 'luck'"),
        (("input", "channels"), 2, "out of bounds"),
    ],
)
def test_faulty_recipe_is_refused_by_name(entry, write_recipe, where, value, words):
    part = entry
    for key in where[:-1]:
        part = part[key]
    if value is None:
        del part[where[-1]]
    else:
        part[where[-1]] = value
    with pytest.raises(InvalidRecipe, match=r"blobs\.yaml") as caught:
        load_recipe(write_recipe(entry))
    assert words in str(caught.value)


def test_file_that_is_no_recipe_is_refused(tmp_path):
    (tmp_path / "list.yaml").write_text("- 1\n", encoding="utf-8")
    with pytest.raises(InvalidRecipe):
        load_recipe(tmp_path / "list.yaml")
