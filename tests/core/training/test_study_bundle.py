"""From a recipe with several inputs to a bundle, on sequences whose class is in their motion alone."""

import argparse

import numpy as np
import pandas as pd
import pytest
import yaml

from core.evaluation.results.case_scores import card_scores, entry_value
from core.inference.bundle import open_bundle
from core.models.card import load_card
from core.training.architectures import registry as study_architectures
from core.training.bundle.making import make
from core.training.data import studies as study_cases
from core.training.data.studies import StudyCases
from core.training.recipe.reading import load_recipe
from core.training.recipe.schema import InvalidRecipe

pytestmark = pytest.mark.keras

FRAMES, SIDE = 6, 12


def moving_dots(_folder, _options):
    """A dot runs to the right or, with the same frames the other way round, to the left."""
    rng, count = np.random.default_rng(0), 72
    target = np.arange(count) % 2
    frames = rng.integers(0, 40, (count, FRAMES, SIDE, SIDE, 1)).astype(np.uint8)
    for case in range(count):
        row = rng.integers(1, SIDE - 3)
        for frame in range(FRAMES):
            step = frame if target[case] else FRAMES - 1 - frame
            frames[case, frame, row : row + 3, 2 * step : 2 * step + 2] = 220
    age = rng.uniform(20, 80, (count, 1)).astype(np.float32)
    age[::7] = np.nan
    return StudyCases(
        case_ids=np.array([f"case{n}" for n in range(count)]),
        patients=np.array([f"patient{n // 2}" for n in range(count)]),
        arrays={"film": frames, "about": age},
        class_index=target.astype(np.int64),
        split=np.full(count, "train"),
        attributes=pd.DataFrame({"age": age[:, 0], "room": ["a", "b"] * (count // 2)}),
    )


def small_network(inputs, units):
    import keras
    from keras import layers

    film, about = (keras.Input(spec.shape, name=spec.name) for spec in inputs)
    cells = layers.Conv3D(4, (1, 3, 3), padding="same", activation="relu", name="activations")(film)
    rows = layers.MaxPooling3D((1, SIDE, 1))(cells)
    x = layers.GRU(16)(layers.Reshape((FRAMES, SIDE * 4))(rows))
    x = layers.Concatenate()([x, layers.Rescaling(0.01)(about)])
    return keras.Model([film, about], layers.Dense(units, name="logits")(x))


RECIPE = {
    "title": "Dots",
    "summary": "Says where a dot runs.",
    "task": "binary",
    "labels": ["left", "right"],
    "data": {
        "layout": "studies", "loader": "dots", "folder": "dots", "name": "dots", "title": "Dots",
        "noun": "films", "bands": {"age": [50]},
    },
    "inputs": [
        {
            "name": "film", "title": "Film", "kind": "sequence", "frames": FRAMES, "size": [SIDE, SIDE], "channels": 1,
            "range": [0, 1], "resize": "stretch", "modality": ["MR"],
        },
        {
            "name": "about", "kind": "table", "optional": True,
            "features": [{"name": "age", "unit": "years", "low": 18, "high": 90, "reference": 50}],
        },
    ],
    "architecture": {"name": "small"},
    "explain_layer": "activations",
    "augmentation": {"brightness": 0.05},
    "missing": {"age": 0.3},
    "schedule": {
        "batch": 12, "monitor": "log_loss", "phases": [{"epochs": 14, "learning_rate": 0.02}],
        "checkpoint": "last", "ema": 0.3, "warm_up": 0.1,
    },
    "seed": 3,
    "cross_validation": {"folds": 2, "val": 0.2},
    "variants": [
        {"name": "frames reversed", "input": "film", "change": "reverse"},
        {"name": "first frame only", "input": "film", "change": "freeze"},
        {"name": "without age", "leave_out": ["age"]},
    ],
    "card": {
        "license": "mit", "training_modality": "a film of a dot", "for": "Tests.", "not_for": "Else.", "data": "Dots.",
        "population": "None.", "training": "Short.", "failure_modes": "Many.", "credit": "Nobody.",
        "variants": "What the order of the frames carries.", "titles": {"variants": "What motion adds"},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """Options of a run with the recipe of dots in place."""
    place = tmp_path_factory.mktemp("dots")
    (place / "dots.yaml").write_text(yaml.safe_dump(RECIPE, sort_keys=False), encoding="utf-8")
    patch = pytest.MonkeyPatch()
    patch.setitem(study_cases.LOADERS, "dots", moving_dots)
    patch.setitem(study_architectures.ARCHITECTURES, "small", small_network)
    yield argparse.Namespace(
        data=place, out=place / "models", work=place / "work", as_is=False, evaluate_only=False
    )  # fmt: skip
    patch.undo()


@pytest.fixture(scope="module")
def card(options):
    make(load_recipe(options.data / "dots.yaml"), options, lambda _text: None)
    return load_card(options.out / "dots")


def result(card, split):
    (found,) = [entry for entry in card.front_matter["model-index"][0]["results"] if entry["dataset"]["split"] == split]
    return found, pd.read_parquet(card.folder / found["dataset"]["scores"])


def test_pooled_folds_have_every_case_once_and_their_numbers_follow_from_the_scores(card):
    entry, table = result(card, "cross-validation")
    assert sorted(table["case"]) == sorted(moving_dots(None, None).case_ids)
    assert set(table.groupby("patient")["fold"].nunique()) == {1}
    for metric in entry["metrics"]:
        assert metric["value"] == pytest.approx(entry_value(metric, card_scores(table, card), card), abs=6e-6)
        assert f"{metric['value']:.3f}" in card.text
    assert set(table["attr_age"]) == {"", "under 50", "50 and over"}


def test_shipped_weights_are_those_of_fold_1(card):
    _, pooled = result(card, "cross-validation")
    _, test = result(card, "test")
    assert set(test["case"]) == set(pooled.loc[pooled["fold"] == 1, "case"])
    both = test.merge(pooled, on="case")
    assert np.abs(both["y_score_x"] - both["y_score_y"]).max() < 1e-5
    assert "those of fold 1" in card.text


def test_class_in_the_motion_is_learned_and_lost_with_the_order_of_the_frames(card):
    entry, _ = result(card, "cross-validation")
    auc = next(metric["value"] for metric in entry["metrics"] if metric["type"] == "roc_auc")
    told = {each["name"]: each["metrics"][0] for each in card.front_matter["scanlens"]["variants"]}
    assert auc > 0.9
    assert told["frames reversed"]["value"] < 0.2
    assert told["frames reversed"]["lost_low"] > 0.5
    assert abs(told["without age"]["lost"]) < 0.1
    assert told["first frame only"]["lost"] == pytest.approx(auc - told["first frame only"]["value"], abs=2e-5)
    assert "## What motion adds" in card.text


def test_compiled_bundle_takes_all_inputs_and_keeps_frames_apart(card):
    bundle = open_bundle(card)
    assert bundle.input_shapes == {"film": (FRAMES, SIDE, SIDE, 1), "about": (1,)}
    batch = {name: np.zeros((2, *shape), np.float32) for name, shape in bundle.input_shapes.items()}
    output = bundle.run(batch)
    assert output.activations.shape == (2, FRAMES, SIDE, SIDE, 4)
    assert output.features.shape == (2, 4)


def test_judging_again_changes_no_weights_and_no_scores(card, options):
    before = {path.name: path.read_bytes() for path in (card.folder / "evaluations").iterdir()}
    again = argparse.Namespace(**{**vars(options), "evaluate_only": True})
    make(load_recipe(options.data / "dots.yaml"), again, lambda _text: None)
    again = load_card(card.folder)
    assert again.sha256 == card.sha256
    assert again.metrics == card.metrics
    assert {path.name: path.read_bytes() for path in (card.folder / "evaluations").iterdir()} == before


def test_loader_of_another_shape_is_refused_in_one_sentence(options, monkeypatch):
    whole = moving_dots(None, None)
    monkeypatch.setitem(whole.arrays, "film", whole.arrays["film"][:, :3])
    monkeypatch.setitem(study_cases.LOADERS, "dots", lambda *_: whole)
    with pytest.raises(InvalidRecipe, match="film of shape"):
        make(load_recipe(options.data / "dots.yaml"), options, lambda _text: None)
