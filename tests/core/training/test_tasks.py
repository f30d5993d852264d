"""From a recipe to a card for answers with several classes, ordered classes and several findings."""

import csv
import json
import math

import cv2
import numpy as np
import pandas as pd
import pytest

from core.evaluation.results.case_scores import card_scores, entry_value
from core.explain import EXPLAINERS
from core.explain.request import Ask
from core.inference.bundle import open_bundle
from core.inference.predict import Prediction, predict
from core.inference.study import Study
from core.models.card import load_card
from core.report.numbers import as_csv, as_json
from core.report.pdf import as_pdf
from core.training.data.opened import open_image

pytestmark = pytest.mark.keras

LABELS = ("None", "Small", "Large")


def classify(bundle, scan, frames=None, **told):
    return predict(bundle, Study.of(bundle.card, scan), frames, expect=Prediction, **told)


@pytest.fixture(scope="module")
def discs(tmp_path_factory):
    """90 images with no disc, a small or a large one, and in some of them a bar."""
    data = tmp_path_factory.mktemp("data")
    (data / "discs").mkdir()
    rng, rows = np.random.default_rng(0), []
    for number in range(90):
        size, bar = number % 3, number % 4 == 0
        image = rng.integers(0, 60, (32, 32)).astype(np.uint8)
        if size:
            cv2.circle(image, (int(rng.integers(12, 20)), int(rng.integers(12, 20))), 3 * size + 1, 230, -1)
        if bar:
            image[:, :4] = 200
        cv2.imwrite(str(data / "discs" / f"{number}.png"), image)
        split = "train" if number < 48 else "val" if number < 69 else "test"
        rows.append([f"{number}.png", size, int(size > 0), int(bar), int(number == 3), f"p{number // 3}", split, "a"])
    with (data / "discs" / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        head = ["file", "size", "disc", "bar", "rare", "patient", "split", "side"]
        csv.writer(stream).writerows([head, *rows])
    return data


@pytest.fixture
def make(entry, write_recipe, discs, tmp_path):
    """Train, compile, judge and describe a recipe; returns its card."""
    from core.training import __main__ as command

    def make(task, labels, **more):
        source = {"name": "discs", "title": "Discs", "folder": "discs", "table": "labels.csv", "file": "file"}
        own = {"patient": "patient", "split": "split", "attributes": ["side"], **more.pop("data")}
        entry.update(
            task=task,
            labels=list(labels),
            data={"layout": "images", **source, **own},
            out_of_distribution={"far": [source]},
            **more,
        )
        entry["schedule"]["phases"] = [{"epochs": 3, "learning_rate": 0.02}]
        folder = write_recipe(entry, "discs").parent
        folders = [
            "--recipes",
            str(folder),
            "--data",
            str(discs),
            "--out",
            str(tmp_path / "models"),
            "--work",
            str(tmp_path / "work"),
        ]
        assert command.main(folders) == 0
        return load_card(tmp_path / "models" / "discs")

    return make


CLASSES = {"label": "size", "classes": {"0": "None", "1": "Small", "2": "Large"}}
FINDINGS = {"label_columns": {"disc": "Disc", "bar": "Bar", "rare": "Rare"}}


def recomputed(card):
    """Every metric of the card beside what the stored scores say."""
    for result in card.front_matter["model-index"][0]["results"]:
        scores = card_scores(pd.read_parquet(card.folder / result["dataset"]["scores"]), card)
        for entry in result["metrics"]:
            yield entry, entry_value(entry, scores, card)


def assert_app_can_use(card, path):
    """The way of an uploaded image: answer, heatmap of every label, and what is taken home."""
    prediction = classify(open_bundle(card), open_image(path))
    assert prediction.probabilities.shape == (1, len(card.labels))
    assert prediction.decision().sentence
    bundle = open_bundle(card)
    assert bundle.cam_weights.shape[0] == len(card.labels)
    for index, label in enumerate(card.labels):
        explanation = EXPLAINERS["grad-cam"].function(bundle, prediction.prepared, Ask(index, output=prediction.output))
        assert explanation.label == label
    scan = open_image(path)
    assert as_pdf(scan, prediction, explanation).startswith(b"%PDF")
    assert json.loads(as_json(scan, prediction, explanation))["prediction"]["labels"] == list(card.labels)
    assert len(as_csv(scan, prediction).splitlines()) == 1 + len(card.labels)


def assert_card_follows_from_scores(card):
    for entry, value in recomputed(card):
        assert entry["value"] == pytest.approx(value, abs=6e-6, nan_ok=True)
    for entry in card.metrics:
        if entry["split"] == "test":
            assert ("not defined" if math.isnan(entry["value"]) else f"{entry['value']:.3f}") in card.text


def test_multiclass_recipe_becomes_a_card(make, discs):
    card = make("multiclass", LABELS, data=CLASSES)
    assert card.threshold is None
    assert "with the largest probability" in card.text
    assert "| true class | predicted None | predicted Small | predicted Large |" in card.text
    assert_card_follows_from_scores(card)
    assert_app_can_use(card, discs / "discs" / "89.png")
    by_type = {(entry["type"], entry.get("label")): entry for entry in card.metrics if entry["split"] == "test"}
    assert by_type["roc_auc_macro", None]["value"] > 0.5
    assert by_type["label_roc_auc", "Large"]["positives"] == 7
    table = pd.read_parquet(card.folder / "evaluations" / "discs--test.parquet")
    assert np.allclose(table[["y_score_0", "y_score_1", "y_score_2"]].sum(axis=1), 1.0)
    assert set(table["y_true"]) == {0, 1, 2}


def test_ordinal_recipe_becomes_a_card_with_its_derived_question(make, discs):
    card = make("ordinal", LABELS, data=CLASSES, derived={"name": "Any disc", "labels": ["Small", "Large"]})
    assert card.derived == {"name": "Any disc", "labels": ("Small", "Large")}
    assert 0 <= card.thresholds["Any disc"] <= 1
    assert_card_follows_from_scores(card)
    assert_app_can_use(card, discs / "discs" / "89.png")
    types = {entry["type"] for entry in card.metrics}
    assert {"kappa_quadratic", "label_sensitivity", "label_ppv"} <= types
    assert "their order is not built in" in card.text
    assert "without weights" not in card.text
    assert "Any disc means Small, Large" in card.text


def test_ordinal_recipe_can_learn_the_order_and_be_chosen_by_kappa(make, entry):
    entry["schedule"] |= {"monitor": "kappa_quadratic", "ordinal_sigma": 0.6, "class_weights": False}
    card = make("ordinal", LABELS, data=CLASSES)
    assert "a fraction to the grades beside the true one (a Gaussian, 0.6 grades wide)" in card.text
    assert "without weights" in card.text
    stored = next(e for e in card.metrics if e["type"] == "kappa_quadratic" and e["split"] == "val")
    best = card.front_matter["scanlens"]["training"]["best_score"]
    assert stored["value"] == pytest.approx(best, abs=0.02)


def test_multilabel_recipe_becomes_a_card_that_says_what_is_not_defined(make, discs):
    card = make("multilabel", ("Disc", "Bar", "Rare"), data=FINDINGS)
    assert set(card.thresholds) == {"Disc", "Bar", "Rare"}
    assert card.thresholds["Rare"] == 0.5
    assert "0.5 for Rare, of which the split has cases of one kind only" in card.threshold_from
    assert_card_follows_from_scores(card)
    assert_app_can_use(card, discs / "discs" / "89.png")
    rare = next(e for e in card.metrics if (e["type"], e.get("label"), e["split"]) == ("label_roc_auc", "Rare", "test"))
    assert math.isnan(rare["value"])
    assert rare["positives"] == 0
    assert "| Rare | 0 of 21 | not defined |" in card.text
    assert "| test | 21 of 7 patients |" in card.text


def test_rarest_finding_is_divided_first(discs):
    from core.training.data.images import load_cases
    from core.training.recipe.sources import Division, Source

    division = Division("groups", val=0.2, test=0.2)
    columns = {"disc": "Disc", "bar": "Bar"}
    source = Source("s", "discs", "labels.csv", "file", label_columns=columns, division=division)
    cases = load_cases(source, ("Disc", "Bar"), discs)
    bars = [sum(case.target[1] for case in cases if case.split == split) for split in ("train", "val", "test")]
    assert bars == [14, 4, 5]


def test_cell_that_is_neither_0_nor_1_is_refused(discs):
    from core.training.data.images import load_cases
    from core.training.recipe.schema import InvalidRecipe
    from core.training.recipe.sources import Source

    source = Source("s", "discs", "labels.csv", "file", label_columns={"size": "Disc"}, only_split="test")
    with pytest.raises(InvalidRecipe, match="'2' in size"):
        load_cases(source, ("Disc",), discs)


def test_finding_without_a_column_is_refused(entry, write_recipe):
    from core.training.recipe.reading import load_recipe
    from core.training.recipe.schema import InvalidRecipe

    entry.update(task="multilabel", labels=["Disc", "Bar"])
    entry["data"]["label_columns"] = {"disc": "Disc"}
    entry["data"]["classes"] = {}
    with pytest.raises(InvalidRecipe, match="images for every label"):
        load_recipe(write_recipe(entry))


@pytest.mark.parametrize(
    "derived", [{"name": "Blob", "labels": ["Blob"]}, {"name": "x", "labels": ["Nope"]}, {"name": "x"}]
)
def test_derived_question_that_does_not_follow_is_refused(entry, write_recipe, derived):
    from core.training.recipe.reading import load_recipe
    from core.training.recipe.schema import InvalidRecipe

    entry.update(task="multiclass", derived=derived)
    with pytest.raises(InvalidRecipe, match="derived"):
        load_recipe(write_recipe(entry))


def test_loss_of_findings_weighs_absent_and_present():
    from core.training.losses import FindingsLoss, label_weights

    weights = label_weights(np.array([[1, 0], [0, 0], [0, 1], [0, 1]]))
    assert weights.tolist() == [[pytest.approx(2 / 3), 2.0], [1.0, 1.0]]
    loss = FindingsLoss.from_config(FindingsLoss(weights.tolist()).get_config())
    found = float(loss(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])))
    assert found == pytest.approx(np.log(2) * 1.5)
