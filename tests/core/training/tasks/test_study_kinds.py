"""Which module makes which recipe."""

import importlib

import pytest

from core.training import __main__ as command
from core.training.recipe.schema import RECIPES, InvalidRecipe

pytestmark = pytest.mark.keras


@pytest.mark.parametrize("kind", command.KINDS)
def test_each_kind_has_a_module_that_lists_and_makes_its_recipes(kind):
    module = importlib.import_module(command.KINDS[kind])
    assert callable(module.make)
    assert set(module.recipes()) == {path.stem for path in (RECIPES / kind).glob("*.yaml")}


def test_every_recipe_has_one_kind():
    kinds = command.recipe_kinds()
    assert kinds["pneumonia-chest-xray"] == ""
    assert kinds["heart-cine-gru"] == "studies"
    assert len(kinds) == len(list(RECIPES.rglob("*.yaml")))


def test_two_recipes_of_one_name_are_refused(tmp_path, monkeypatch):
    (tmp_path / "studies").mkdir()
    for place in (tmp_path / "twice.yaml", tmp_path / "studies" / "twice.yaml"):
        place.write_text("title: x", encoding="utf-8")
    monkeypatch.setattr(command, "RECIPES", tmp_path)
    with pytest.raises(InvalidRecipe, match="twice"):
        command.recipe_kinds()


def test_unknown_recipe_is_told_in_one_sentence(capsys, tmp_path):
    assert command.main(["--data", str(tmp_path), "--only", "nothing"]) == 1
    assert "heart-cine-gru" in capsys.readouterr().err
