"""A bright disc is learned in a few dozen steps, and a whole bundle comes of it."""

import argparse
import csv

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml

from core.inference.bundle import open_bundle
from core.models.card import load_card
from core.training.recipe.reading import load_recipe

pytestmark = pytest.mark.keras

PROSE = ("for", "not_for", "data", "population", "training", "failure_modes", "credit")

ENTRY = {
    "title": "Discs",
    "summary": "Outlines discs.",
    "task": "segmentation",
    "labels": ["Nothing", "Disc"],
    "data": {
        "layout": "masks", "name": "discs", "title": "Drawn discs", "folder": "discs",
        "table": "labels.csv", "file": "{id}.png",
        "mask": "{id}_mask.png", "second": "{second}", "patient": "{patient}", "split": "split",
        "attributes": ["kind"],
    },
    "inputs": [{
        "name": "image", "kind": "image", "size": [32, 32], "channels": 1, "range": [0.0, 1.0], "resize": "letterbox",
        "modality": ["MR"],
    }],
    "architecture": {"name": "unet", "parameters": {"filters": [6, 12, 16]}},
    "explain_layer": "bottom",
    "augmentation": {"rotation": 20.0, "shift": 0.1, "noise": 0.03, "flip": True},
    "schedule": {
        "monitor": "dice", "phases": [{"epochs": 3, "learning_rate": 0.02}], "steps_per_epoch": 16, "batch": 8,
        "patience": 6, "patch_size": 24, "foreground_fraction": 0.7,
    },
    "seed": 3,
    "threshold": {"rule": "mean_dice"},
    "distances": True,
    "card": {
        "license": "cc0-1.0", "training_modality": "a drawn disc", **dict.fromkeys(PROSE, "Nothing but a test of it."),
    },
}  # fmt: skip


def draw(folder, name, number, rng):
    """A disc on noise beside a brighter bar that is none, or nothing; every fifth image is empty."""
    image, mask = rng.normal(0.3, 0.06, (32, 32)), np.zeros((32, 32), np.uint8)
    if number % 5:
        cv2.circle(mask, tuple(int(v) for v in rng.integers(9, 23, 2)), int(rng.integers(4, 8)), 255, -1)
    image[mask > 0] += 0.4
    cv2.imwrite(str(folder / f"{name}.png"), np.clip(255 * image, 0, 255).astype(np.uint8))
    cv2.imwrite(str(folder / f"{name}_mask.png"), mask)
    cv2.imwrite(str(folder / f"{name}_second.png"), cv2.dilate(mask, np.ones((3, 3), np.uint8)))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Options of a run that made the bundle, and what it said."""
    from core.training.bundle.making import make

    home = tmp_path_factory.mktemp("outlines")
    folder, rng = home / "data" / "discs", np.random.default_rng(5)
    folder.mkdir(parents=True)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "patient", "split", "kind", "second"])
        for number in range(48):
            split = "train" if number < 28 else "val" if number < 38 else "test"
            draw(folder, f"d{number}", number, rng)
            writer.writerow([f"d{number}", number // 2, split, "ab"[number % 2], f"d{number}_second.png"])
    (home / "recipes").mkdir()
    (home / "recipes" / "discs.yaml").write_text(yaml.safe_dump(ENTRY), encoding="utf-8")
    options = argparse.Namespace(
        data=home / "data", out=home / "models", work=home / "work", as_is=False, evaluate_only=False
    )
    said = []
    make(load_recipe(home / "recipes" / "discs.yaml"), options, said.append)
    return options, said


@pytest.fixture
def card(made):
    return load_card(made[0].out / "discs")


def metrics(card):
    return {(entry["type"], entry["split"]): entry for entry in card.metrics}


def test_bright_disc_is_learned_to_a_dice_above_090(card):
    found = metrics(card)["dice", "test"]
    assert found["value"] > 0.9
    assert found["low"] < found["value"] < found["high"]


def test_card_is_a_contract_of_one_outline(card):
    assert card.task == "segmentation"
    assert 0 < card.threshold < 1
    assert "validation split" in card.threshold_from
    for section in ("Results", "Calibration", "Failure modes", "Out-of-distribution images", "Size"):
        assert f"\n## {section}\n" in card.text
    assert f"{metrics(card)['dice', 'test']['value']:.3f}" in card.text


def test_compiled_answer_is_as_large_as_the_image(card):
    output = open_bundle(card).run({"image": np.zeros((2, 32, 32, 1), np.float32)})
    assert output.logits.shape == (2, 32, 32, 1)
    assert output.activations.shape[1:3] == (8, 8)


def test_second_observer_is_measured_beside_the_model(card):
    table = pd.read_parquet(card.folder / "evaluations" / "discs--test.parquet")
    shown = table[~table["true_empty"]]
    expected = 2 * shown["second_intersection"] / (shown["second_pixels"] + shown["true_pixels"])
    assert metrics(card)["second_observer_dice", "test"]["value"] == pytest.approx(expected.mean(), abs=1e-5)
    assert expected.mean() < 0.95


def test_judging_again_keeps_the_model_and_gives_the_same_numbers(made, card):
    from core.training.bundle.making import make

    options, _ = made
    recipe = load_recipe(options.data.parent / "recipes" / "discs.yaml")
    make(recipe, argparse.Namespace(**{**vars(options), "evaluate_only": True}), lambda _text: None)
    again = load_card(card.folder)
    assert again.sha256 == card.sha256
    assert again.metrics == card.metrics
    assert again.threshold == card.threshold
    assert again.front_matter["scanlens"]["training"] == card.front_matter["scanlens"]["training"]


def test_size_that_does_not_halve_is_refused():
    from core.training.architectures.unet import unet

    with pytest.raises(ValueError, match="multiples of 8"):
        unet((36, 36, 1), 1, filters=(4, 8, 8), stem=2)


def test_softmax_over_labels_with_a_halved_grid_is_as_large_as_the_image():
    from core.training.architectures.unet import unet

    model = unet((32, 48, 3), 4, filters=(4, 8), stem=2)
    answer = np.asarray(model(np.random.default_rng(0).random((1, 32, 48, 3), np.float32)))
    assert answer.shape == (1, 32, 48, 4)
    assert np.allclose(answer.sum(-1), 1, atol=1e-5)
