"""What every bundle in `models/` promises; a new one is tested without a new test."""

import hashlib
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.evaluation.results.case_scores import card_scores, entry_value
from core.evaluation.results.estimates import estimate_of
from core.explain.methods.layer_of_input import grad_cam_of_input
from core.explain.request import Ask
from core.explain.trust.localisation import MEASURES, mean_estimate
from core.inference.bundle import open_bundle
from core.inference.ood import read_reference, similarity
from core.inference.prepare import Geometry, Prepared
from core.keras_process.client import KerasProcess
from core.models.card import load_card
from core.models.link import class_probabilities
from core.training.card.audit import CONTROL
from core.training.card.tables import TESTED
from core.training.ood_evaluation import ENOUGH
from core.training.recipe.reading import load_recipe, recipe_files
from core.training.tasks.case_scores import CARD_METRICS
from core.training.tasks.choices import choose

MODELS = Path(__file__).parents[2] / "models"
FOLDERS = sorted(path.parent for path in MODELS.glob("*/README.md"))

SECTIONS = (
    "What it is for", "What it is not for", "Data", "Population", "Training", "Results", "Threshold and temperature",
    "Calibration", "Results by subgroup", "Failure modes", "Out-of-distribution images", "Size",
    "How it was made", "Licence and credit",
)  # fmt: skip


#: Tests of scores by class; outline models have their own of the same kind in `test_segmentations.py`.
OF_CLASSES = {
    "test_labels_match_the_outputs",
    "test_compiled_model_equals_keras",
    "test_every_number_of_the_model_index_follows_from_the_stored_scores",
    "test_intervals_of_the_main_metric_follow_from_the_stored_scores",
    "test_numbers_in_the_text_are_those_of_the_front_matter",
    "test_threshold_and_temperature_come_from_the_validation_split",
    "test_stored_scores_are_probabilities_of_their_logits",
    "test_no_patient_is_in_two_splits",
    "test_card_was_written_for_the_recipe_as_it_is",
    "test_heatmaps_are_measured_where_the_recipe_says_so",
    "test_heatmaps_are_measured_on_images_the_model_never_saw",
}


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def card(request):
    card = load_card(request.param)
    if card.task == "segmentation" and request.node.originalname in OF_CLASSES:
        pytest.skip("outlines have no scores by class")
    return card


@pytest.fixture(scope="module")
def keras_process():
    process = KerasProcess()
    yield process
    process.close()


def recipe_of(card):
    """The recipe of a card."""
    return load_recipe(recipe_files()[card.slug])


def image(spec, n, cells, seed=0):
    """(n, *shape) in squares of random grey, the same in all frames."""
    low, high = spec.value_range
    grey = np.random.default_rng(seed).random((n, *cells, spec.channels))
    whole = grey.repeat(-(-spec.size[0] // cells[0]), 1).repeat(-(-spec.size[1] // cells[1]), 2)
    levels = (whole[:, : spec.size[0], : spec.size[1]] * (high - low) + low).astype(np.float32)
    return levels if spec.kind == "image" else np.repeat(levels[:, None], spec.frames, axis=1)


def facts(spec, n):
    """(n, features) from the lowest to the highest value of each fact."""
    bounds = np.array([[feature.low, feature.high] for feature in spec.features], np.float32)
    return np.linspace(bounds[:, 0], bounds[:, 1], n, dtype=np.float32)


def inputs(card, n=2):
    return {spec.name: image(spec, n, (8, 8)) if spec.is_image else facts(spec, n) for spec in card.inputs}


def noise(card, n=2):
    """Grey that changes from pixel to pixel in the place of every image."""
    return {spec.name: image(spec, n, spec.size, seed=1) if spec.is_image else facts(spec, n) for spec in card.inputs}


def has_features(card):
    """A model of facts alone has no images to explain or to compare."""
    return "features" in open_bundle(card).outputs


def results(card):
    for model in card.front_matter["model-index"]:
        yield from model["results"]


def scores(card, result):
    table = pd.read_parquet(card.folder / result["dataset"]["scores"])
    return table, card_scores(table, card)


def test_there_is_a_bundle():
    assert FOLDERS


def test_hashes_of_the_card_are_those_of_its_files(card):
    files = {path.name for path in card.folder.iterdir() if path.is_file()} - {"README.md", "LICENSE"}
    assert set(card.sha256) == files
    for name, value in card.sha256.items():
        assert hashlib.sha256((card.folder / name).read_bytes()).hexdigest() == value


def test_bundle_is_under_20_megabytes(card):
    assert sum(path.stat().st_size for path in card.folder.rglob("*") if path.is_file()) < 20e6


def test_model_that_is_not_free_for_commerce_brings_its_own_licence(card):
    licence = card.folder / "LICENSE"
    assert licence.is_file() == card.non_commercial
    if card.non_commercial:
        assert card.license.upper().replace("CC-", "CC ").replace("-4", " 4") in licence.read_text(encoding="utf-8")


def test_labels_match_the_outputs(card):
    units = open_bundle(card).units
    assert units == len(card.labels) or (card.task == "binary" and units == 1)


def test_compiled_model_has_the_outputs_that_explaining_needs(card):
    bundle = open_bundle(card)
    if not any(spec.is_image for spec in card.inputs):
        assert (set(bundle.outputs), card.explain_layer) == ({"logits", "output"}, "")
        return
    assert set(bundle.outputs) == {"logits", "output", "activations", "features"}
    assert bundle.explain_layer == card.explain_layer
    output = bundle.run(inputs(card))
    places = tuple(range(1, output.activations.ndim - 1))
    assert np.allclose(output.activations.mean(places), output.features, atol=1e-4)


def test_similarity_check_fits_the_features_and_refuses_noise(card):
    if not has_features(card):
        assert not (card.folder / "similarity.npz").exists()
        return
    reference = read_reference((card.folder / "similarity.npz").read_bytes())
    output = open_bundle(card).run(noise(card))
    assert not any(entry.is_similar for entry in similarity(reference, output.features))
    assert len(reference.distances) >= ENOUGH
    assert card.out_of_distribution["roc_auc"] > 0.5


@pytest.mark.keras
def test_compiled_model_equals_keras(card):
    import keras

    model = keras.models.load_model(card.folder / "model.keras", compile=False)
    batch = inputs(card)
    logits = open_bundle(card).run(batch, outputs=()).logits
    expected = np.asarray(model(batch, training=False))  # `predict` would trace it first
    found = class_probabilities(logits, card.task)[:, -expected.shape[1] :]  # one unit speaks for the second label
    if model.layers[-1].name == "logits":  # networks of studies end there
        expected = class_probabilities(expected, card.task)[:, -expected.shape[1] :]
    assert np.abs(found - expected).max() <= 1e-5
    assert not card.explain_layer or model.get_layer(card.explain_layer) is not None


def test_every_number_of_the_model_index_follows_from_the_stored_scores(card):
    for result in results(card):
        table, stored = scores(card, result)
        assert result["metrics"]
        for metric in result["metrics"]:
            value = entry_value(metric, stored, card)
            assert metric["value"] == pytest.approx(value, abs=6e-6, nan_ok=True)
            assert metric["n"] <= len(table)
            assert math.isnan(metric["low"]) or metric["low"] <= metric["value"] <= metric["high"]


def test_intervals_of_the_main_metric_follow_from_the_stored_scores(card):
    for result in results(card):
        _, stored = scores(card, result)
        (metric,) = [metric for metric in result["metrics"] if metric["type"] == CARD_METRICS[card.task][0]]
        again = estimate_of(metric["type"], stored.y_true, stored.y_score(), stored.patients)
        if metric["method"] != again.method:
            pytest.skip("the card has intervals of an earlier method: write it anew")
        assert (metric["low"], metric["high"]) == pytest.approx((again.low, again.high), abs=2e-5, nan_ok=True)


@pytest.mark.parametrize("path", sorted(MODELS.glob("*/README.md")), ids=lambda path: path.parent.name)
def test_card_tells_no_time_that_a_busy_machine_changes_and_calls_no_resample_a_fold(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\d ms\b|millisecond|one core", text)
    assert not re.search(r"bootstrap, \d+ folds|\d{3,} folds", text)


def test_numbers_in_the_text_are_those_of_the_front_matter(card):
    for result in results(card):
        if result["dataset"]["split"] in TESTED:
            for metric in result["metrics"]:
                shown = "not defined" if math.isnan(metric["value"]) else f"{metric['value']:.3f}"
                assert shown in card.text


def test_threshold_and_temperature_come_from_the_validation_split(card):
    (result,) = [entry for entry in results(card) if entry["dataset"]["split"] == "val"]
    choices = choose(recipe_of(card), scores(card, result)[1])
    assert card.threshold == (None if choices.threshold is None else pytest.approx(choices.threshold, abs=1e-6))
    assert card.thresholds == pytest.approx(choices.thresholds, abs=1e-6)
    assert card.temperature == pytest.approx(choices.temperature, abs=1e-4)
    assert "validation" in card.threshold_from


def test_stored_scores_are_probabilities_of_their_logits(card):
    for result in results(card):
        table, stored = scores(card, result)
        assert {"case", "patient", "split"} <= set(table.columns)
        assert table["case"].is_unique
        columns = "y_score" if card.task == "binary" else [f"y_score_{k}" for k in range(len(card.labels))]
        assert np.allclose(table[columns], stored.y_score(), atol=1e-9)


def test_no_patient_is_in_two_splits(card):
    homes: dict[str, set[str]] = {}
    own = recipe_of(card).data.name
    for result in results(card):
        if result["dataset"]["type"] == own:
            homes[result["dataset"]["split"]] = set(scores(card, result)[0]["patient"])
    assert not homes["val"] & homes["test"]


def test_card_has_every_section_and_says_it_is_for_research(card):
    for section in SECTIONS:
        body = card.text.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
        assert len(body.strip()) > 20
        assert "TO DO" not in body
    assert "research and teaching only" in card.text
    assert f"ONLY={card.slug}" in card.text


def test_card_was_written_for_the_recipe_as_it_is(card):
    recipe = recipe_of(card)
    assert (card.title, card.summary, card.labels) == (recipe.title, recipe.summary, recipe.labels)
    assert card.inputs == recipe.inputs
    assert card.explain_layer == recipe.explain_layer
    for prose in ("for_", "not_for", "data", "population", "training", "failure_modes", "credit"):
        assert getattr(recipe.card, prose).strip() in card.text


def localised(card):
    """Entries on heatmaps against marked regions, with their stored rows; none where the recipe names no regions."""
    for entry in card.front_matter["scanlens"].get("localisation", ()):
        yield entry, pd.read_parquet(card.folder / entry["scores"])


def test_heatmaps_are_measured_where_the_recipe_says_so(card):
    named = [truth.name for truth in recipe_of(card).localise]
    assert [entry["name"] for entry, _ in localised(card)] == named


def test_every_number_on_heatmaps_follows_from_the_stored_rows(card):
    for entry, table in localised(card):
        assert (entry["n"], entry["patients"]) == (table["case"].nunique(), table["patient"].nunique())
        assert entry["parts"][0]["n"] == len(table[table["marks"] == entry["parts"][0]["group"]["marks"]])
        for part in entry["parts"]:
            rows = table[np.all([table[column] == value for column, value in part["group"].items()], axis=0)]
            assert (part["n"], part["patients"]) == (len(rows), rows["patient"].nunique())
            for name in MEASURES:
                told, found = part["measures"][name], mean_estimate(rows[name].to_numpy(), rows["patient"])
                means = [found.value, rows[f"chance_{name}"].mean(), rows[f"centre_{name}"].mean()]
                assert [told["value"], told["chance"], told["centre"]] == pytest.approx(means, abs=6e-6)
                if told["method"] == found.method:
                    assert (told["low"], told["high"]) == pytest.approx((found.low, found.high), abs=2e-5, nan_ok=True)
                assert told["over_centre"] == pytest.approx(means[0] - means[2], abs=6e-6)
                assert f"{told['value']:.3f}" in card.text


def test_heatmaps_are_measured_on_images_the_model_never_saw(card):
    own = recipe_of(card).data.name
    stored = [scores(card, result)[0] for result in results(card) if result["dataset"]["type"] == own]
    homes = pd.concat(stored).set_index("case")["split"]
    for _, table in localised(card):
        assert set(table["split"]) <= {"test", "unseen"}
        for case, split in zip(table["case"], table["split"], strict=True):
            assert homes.get(case) == ("test" if split == "test" else None)


def test_stored_tables_are_those_the_card_names(card):
    named = {result["dataset"]["scores"] for result in results(card)} | {
        entry["scores"] for entry, _ in localised(card)
    }
    named |= {entry["scores"] for entry in card.front_matter["scanlens"].get("variants", ())}
    assert (
        named <= {f"evaluations/{path.name}" for path in (card.folder / "evaluations").iterdir()} <= named | {CONTROL}
    )


@pytest.mark.keras
def test_every_image_can_be_explained_by_a_finite_heatmap(card, keras_process):
    bundle, batch = open_bundle(card), inputs(card, 1)
    for spec in (spec for spec in card.inputs if spec.is_image):
        whole = Geometry(spec.size, spec.size, (1.0, 1.0), (0.0, 0.0), (0, 0, *spec.size))
        prepared = Prepared(batch, whole, tuple(range(spec.frames)), ())
        region = np.ones(bundle.run(batch).logits.shape[1:3], np.float32) if card.task == "segmentation" else None
        ask = Ask(len(card.labels) - 1, input=spec.name, region=region, keras=keras_process)
        found = grad_cam_of_input(bundle, prepared, ask)
        assert len(found.grids) == spec.frames
        assert found.grids.ndim == 3
        assert np.isfinite(found.grids).all()
