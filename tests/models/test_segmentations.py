"""What every outline model in `models/` promises beyond what `test_bundles.py` asks of all."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.evaluation.metrics.pixel_counts import area_of_counts
from core.inference.bundle import open_bundle
from core.keras_process.model.split import probabilities
from core.models.card import load_card
from core.training.recipe.reading import load_recipe, recipe_files
from core.training.tasks.mask_choices import THRESHOLD_DIGITS, choose_masks
from core.training.tasks.mask_scores import ATTRIBUTE, MASK_METRICS, stored_counts

MODELS = Path(__file__).parents[2] / "models"
CARDS = [load_card(path.parent) for path in sorted(MODELS.glob("*/README.md"))]
OUTLINES = [card for card in CARDS if card.task == "segmentation"]


@pytest.fixture(params=OUTLINES, ids=lambda card: card.slug)
def card(request):
    return request.param


def results(card):
    for model in card.front_matter["model-index"]:
        for result in model["results"]:
            yield result, pd.read_parquet(card.folder / result["dataset"]["scores"])


def noise(card, count=2):
    (spec,) = card.inputs
    rng, (low, high) = np.random.default_rng(0), spec.value_range
    coarse = rng.random((count, 16, 16, spec.channels)).repeat(-(-spec.size[0] // 16), 1)
    smooth = coarse.repeat(-(-spec.size[1] // 16), 2)[:, : spec.size[0], : spec.size[1]]
    return {spec.name: (smooth * (high - low) + low).astype(np.float32)}


def test_there_are_outline_models():
    assert OUTLINES


def test_answer_has_a_unit_for_each_label_or_one_for_two(card):
    bundle = open_bundle(card)
    assert bundle.units == (1 if len(card.labels) == 2 else len(card.labels))
    logits = bundle.run(noise(card), outputs=()).logits
    assert logits.shape == (2, *card.inputs[0].size, bundle.units)
    assert (card.threshold is not None) == (bundle.units == 1)
    assert set(card.thresholds) == (set() if bundle.units == 1 else set(card.labels[1:]))


def test_model_is_small(card):
    assert all((card.folder / name).stat().st_size <= 4 * 2**20 for name in ("model.keras", "model.onnx"))


@pytest.mark.keras
def test_compiled_outline_equals_that_of_keras(card):
    import keras

    model, batch = keras.models.load_model(card.folder / "model.keras", compile=False), noise(card)
    bundle = open_bundle(card)
    expected = np.asarray(model(batch[card.inputs[0].name], training=False))
    found = probabilities(bundle.run(batch, outputs=()).logits, "sigmoid" if bundle.units == 1 else "softmax")
    assert np.abs(found - expected).max() <= 1e-5
    assert model.get_layer(card.explain_layer) is not None


def test_every_number_of_the_model_index_follows_from_the_stored_rows(card):
    earlier = False
    for result, table in results(card):
        assert {metric["label"] for metric in result["metrics"]} == set(card.labels[1:])
        for metric in result["metrics"]:
            rows = table[table["label"] == metric["label"]]
            again = MASK_METRICS[metric["type"]].function(rows)
            assert metric["value"] == pytest.approx(again.value, abs=6e-6, nan_ok=True)
            assert math.isnan(metric["low"]) or metric["low"] <= metric["value"] <= metric["high"]
            if metric["method"] != again.method:
                earlier = True
                continue
            assert (metric["low"], metric["high"]) == pytest.approx((again.low, again.high), abs=2e-5, nan_ok=True)
            assert metric["n"] == again.n
    if earlier:
        pytest.skip("the card has intervals of an earlier method: write it anew")


def test_rows_are_consistent_with_their_own_pixels_and_counts(card):
    for _, table in results(card):
        assert not table.duplicated(["case", "label"]).any()
        whole = table["true_pixels"] + table["predicted_pixels"]
        assert np.allclose(table["dice"], 2 * table["intersection"] / whole.where(whole > 0), equal_nan=True)
        assert (table["true_empty"] == (table["true_pixels"] == 0)).all()
        assert (table["predicted_empty"] == (table["predicted_pixels"] == 0)).all()
        counts = stored_counts(table)
        assert (counts.sum(axis=2) == np.stack([table["true_pixels"], table["pixels"] - table["true_pixels"]], 1)).all()
        areas = [area_of_counts(each[None]) for each in counts]
        assert np.allclose(table["average_precision"], areas, equal_nan=True)


def test_masks_of_the_rows_were_taken_at_the_stored_threshold(card):
    # The borders of the bins include the threshold, so the stored counts say how many pixels reach it.
    from core.evaluation.metrics.pixel_counts import BORDERS

    for _, table in results(card):
        for label, rows in table.groupby("label"):
            cut = card.threshold if card.threshold is not None else card.thresholds[label]
            place = np.flatnonzero(np.round(1 / (1 + np.exp(-BORDERS)), THRESHOLD_DIGITS) == cut)
            assert len(place) == 1
            reached = stored_counts(rows)[:, :, place[0] + 1 :].sum(axis=(1, 2))
            allowed = 2 + 0.002 * rows["predicted_pixels"]  # the stored threshold is rounded
            assert (np.abs(reached - rows["predicted_pixels"]) <= allowed).all()


def test_thresholds_and_temperature_come_from_the_validation_split(card):
    ((_, table),) = [entry for entry in results(card) if entry[0]["dataset"]["split"] == "val"]
    recipe = load_recipe(recipe_files()[card.slug])
    parts = [table[table["label"] == label] for label in card.labels[1:]]
    counts = np.stack([stored_counts(part) for part in parts], axis=1)
    choices = choose_masks(counts, card.labels[1:], recipe.threshold_rule, table["patient"].nunique())
    stored = card.thresholds if card.threshold is None else {card.labels[1]: card.threshold}
    assert dict(stored) == {label: choices.of(label) for label in card.labels[1:]}
    assert card.temperature == choices.temperature
    assert card.threshold_from == choices.source


def test_numbers_of_the_test_split_are_in_the_text(card):
    for result, _ in results(card):
        for metric in result["metrics"]:
            if result["dataset"]["split"] == "test" and not MASK_METRICS[metric["type"]].empties:
                assert f"{metric['value']:.3f}" in card.text


def test_no_patient_is_in_two_splits(card):
    homes = {result["dataset"]["split"]: set(table["patient"]) for result, table in results(card)}
    assert set(homes) == {"val", "test"}
    assert not homes["val"] & homes["test"]


def test_tables_hold_no_columns_that_nobody_asked_for(card):
    known = {
        "case", "patient", "split", "label", "pixels", "true_pixels", "predicted_pixels", "intersection", "true_empty",
        "predicted_empty", "dice", "average_precision", "hausdorff_95", "second_pixels", "second_intersection",
        "second_dice", "scores_of_label", "scores_of_rest",
    }  # fmt: skip
    asked = {ATTRIBUTE + name for name in load_recipe(recipe_files()[card.slug]).masked.attributes}
    for _, table in results(card):
        assert set(table.columns) <= known | asked


def test_card_was_written_for_the_recipe_as_it_is(card):
    recipe = load_recipe(recipe_files()[card.slug])
    assert card.front_matter["scanlens"]["recipe_sha256"] == recipe.sha256
    assert (card.title, card.summary, card.labels) == (recipe.title, recipe.summary, recipe.labels)
    assert card.inputs == (recipe.input,)
    for prose in ("for_", "not_for", "data", "population", "training", "failure_modes", "credit"):
        assert getattr(recipe.card, prose).strip() in card.text


def test_second_observer_stands_beside_the_model_where_there_is_one(card):
    second = load_recipe(recipe_files()[card.slug]).masked.second
    assert any(metric["type"] == "second_observer_dice" for metric in card.metrics) == bool(second)
