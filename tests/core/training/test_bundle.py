"""From a recipe to a bundle that the app can read, by the command that `make models` runs."""

import json

import numpy as np
import pandas as pd
import pytest

from core.inference.bundle import open_bundle
from core.models.card import load_card
from core.training.data.images import prepare_case

pytestmark = pytest.mark.keras


@pytest.fixture
def run(entry, write_recipe, blobs, tmp_path):
    """Run the command on a recipe of blobs; returns its exit status."""
    from core.training import __main__ as command

    other = {"name": "others", "title": "Other blobs", "folder": "blobs", "table": "labels.csv", "file": "file"}
    entry["out_of_distribution"] = {"far": [other]}
    folder = write_recipe(entry).parent

    def run(*options):
        folders = [
            "--recipes",
            str(folder),
            "--data",
            str(blobs),
            "--out",
            str(tmp_path / "models"),
            "--work",
            str(tmp_path / "work"),
        ]
        return command.main([*folders, *options])

    return run


def test_command_trains_compiles_judges_and_describes(run, blobs, tmp_path):
    assert run("--only", "blobs") == 0
    card = load_card(tmp_path / "models" / "blobs")
    bundle = open_bundle(card)
    table = pd.read_parquet(card.folder / "evaluations" / "blobs--test.parquet")
    assert list(table.columns) == ["case", "patient", "split", "y_true", "y_score", "logit", "attr_side"]
    assert len(table) == 20
    image = prepare_case(blobs / "blobs" / table["case"][0], card.inputs[0])
    assert np.allclose(bundle.run({"image": image[None]}).logits[0, 0], table["logit"][0], atol=1e-4)
    assert [metric["split"] for metric in card.metrics[:1]] == ["val"]
    assert "Other blobs" in card.text

    state = json.loads((tmp_path / "work" / "blobs" / "state.json").read_text(encoding="utf-8"))
    assert card.front_matter["scanlens"]["training"] == state
    before = card.metrics
    assert run("--only", "blobs", "--evaluate-only") == 0
    assert load_card(card.folder).metrics == before


def test_unknown_recipe_is_one_sentence(run, capsys):
    assert run("--only", "nothing") == 1
    assert capsys.readouterr().err == "There is no recipe called 'nothing': choose one of blobs.\n"
