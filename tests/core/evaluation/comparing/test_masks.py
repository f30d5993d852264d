"""Models that segment are compared by label as classifiers are by finding, over patients."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import ScanLensError
from core.evaluation.comparison import ranking
from core.evaluation.comparison.matrix import matrix
from core.evaluation.comparison.ranking import compare
from core.evaluation.metrics.mask_cases import MEASURES
from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.estimates import estimate
from core.evaluation.results.headline import headline
from core.evaluation.results.mask_cases import case_values
from core.evaluation.results.questions import answer, questions, taken
from core.evaluation.results.record import evaluation_from, facts_of
from core.evaluation.results.subgroups import by_attribute
from core.evaluation.store.evaluations import Store
from core.evaluation.store.exchange import export_bytes, import_file, same

MASKS = [name for name, metric in METRICS.items() if metric.answers == "mask"]
FACTS = {
    "model_title": "M", "dataset": "d", "dataset_title": "D", "dataset_digest": "d" * 64, "split": "test",
    "kind": "external", "task": "segmentation", "labels": ["Background", "Tumour", "Oedema"], "derived": {},
    "threshold": None, "thresholds": {"Tumour": 0.4, "Oedema": 0.6}, "threshold_from": "val", "temperature": 1.0,
}  # fmt: skip


def rows(rng, n, quality):
    """(n, measures) of one label; every fifth image is without it."""
    true = np.where(np.arange(n) % 5 == 0, 0, 400)
    both = np.round(true * np.clip(quality + 0.15 * rng.normal(size=n), 0, 1))
    found = both + np.where(true > 0, 60, rng.integers(0, 2, n) * 30)
    distance = np.where((true > 0) & (found > 0), 20 * (1.1 - quality) + rng.random(n), np.nan)
    precision = np.where(true > 0, np.clip(quality + 0.05 * rng.normal(size=n), 0, 1), np.nan)
    return np.stack([np.full(n, 4096), true, found, both, precision, distance, distance / 2], axis=1)


def segmented(model="a", quality=0.8, n=60, n_patients=20, seed=0):
    rng = np.random.default_rng([seed, *model.encode()])
    values = np.concatenate([rows(rng, n, quality), rows(rng, n, quality - 0.2)], axis=1)
    names = [f"case {k:02d}" for k in range(n)]
    patients = [f"p{k % n_patients}" for k in range(n)]
    facts = {**FACTS, "model": model, "model_sha256": (model * 64)[:64]}
    sex = [("F", "M")[k % 2] for k in range(n)]
    return evaluation_from(facts, names, patients, np.zeros(n), values, {"sex": sex}, {})


def test_each_label_but_the_background_is_a_question():
    found = {question.key: question for question in questions([segmented(), segmented("b")])}
    assert set(found) == {"mask:Tumour", "mask:Oedema"}
    assert [metric.name for metric in found["mask:Tumour"].metrics] == MASKS
    assert found["mask:Tumour"].title == "Masks of Tumour"
    assert answer(segmented(), "Tumour") is None


@pytest.mark.parametrize("name", MASKS)
def test_intervals_are_over_patients_and_hold_the_value(name):
    found = estimate(taken(answer(segmented(), "mask:Tumour"), name), 400)
    assert found.low <= found.value <= found.high
    images = replace(answer(segmented(), "mask:Tumour"), patients=np.arange(60))
    assert name == "mask_left_empty" or estimate(taken(images, name), 400).low != found.low
    assert found.n == {"mask_left_empty": 12}.get(name, 48)
    assert found.method.startswith("Wilson") == (name == "mask_left_empty")


def test_images_that_are_all_left_empty_have_an_interval():
    whole = answer(segmented(), "mask:Tumour")
    empty = np.array(whole.score)
    empty[:, MEASURES.index("predicted_pixels")] = 0
    found = estimate(taken(replace(whole, score=empty), "mask_left_empty"), 400)
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.2 < found.low < 1.0


@pytest.mark.parametrize("metric", ["mask_dice", "mask_hausdorff_95_mm", "mask_average_precision"])
def test_the_better_model_is_told_from_the_worse_one(metric):
    better, worse = segmented("a", 0.85), segmented("b", 0.6)
    table = matrix([worse, better], "mask:Tumour", metric, 500)
    (best,) = [cell.model for cell in table.cells.values() if cell.best]
    assert best.startswith("a@")
    difference = table.pairs[0].difference
    assert difference.significant
    assert (difference.first, difference.second)[difference.better] == table.cells[best, "d--test"].estimate.value


@pytest.mark.parametrize("test", ranking.tests_for("mask_dice"))
def test_every_test_of_masks_finds_no_difference_of_a_model_from_itself(test):
    one = answer(segmented(), "mask:Tumour")
    found = compare(one, one, test, "mask_dice", 200)
    assert (found.value, found.p) == (0.0, 1.0)


def test_other_masks_of_the_same_image_are_not_compared():
    one, two = segmented("a"), segmented("b")
    one.scores.y_true[3] = 17
    with pytest.raises(ScanLensError, match="true of 1 of 60 common cases differs"):
        compare(answer(one, "mask:Tumour"), answer(two, "mask:Tumour"), metric="mask_dice")


def test_an_image_that_the_model_left_empty_is_said_to_have_no_distance():
    one = segmented()
    predicted, both, far = (MEASURES.index(n) for n in ("predicted_pixels", "intersection", "hausdorff_95_mm"))
    one.scores.logits[1, [predicted, both]] = 0
    one.scores.logits[1, far:] = np.nan
    found = taken(answer(one, "mask:Tumour"), "mask_hausdorff_95_mm")
    assert found.note == "1 image has no distance, as the model marked nothing there."
    assert found.defined == 47


def test_headline_names_each_label_and_takes_pixels_where_no_size_is_known():
    one = segmented()
    assert [line.title for line in headline(one, 100)][:2] == ["Dice", "HD95 in mm"]
    assert [line.about for line in headline(one, 100)] == ["Tumour"] * 3 + ["Oedema"] * 3
    one.scores.logits[:, MEASURES.index("hausdorff_95_mm") :: len(MEASURES)] = np.nan
    assert headline(one, 100)[1].title == "HD95 in pixels"


def test_subgroups_and_single_images_of_masks():
    one = segmented()
    found = by_attribute(one, "mask:Tumour", "mask_dice", "sex", 200)
    assert [row.name for row in found.rows] == ["F", "M"]
    values = case_values(answer(one, "mask:Tumour"), "mask_hausdorff_95_mm")
    assert values.values[0] == values.values.max()
    assert values.undefined == 12


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_masks_survive_export_and_import(form):
    one = segmented()
    assert same(import_file(export_bytes(one, form)), one)


def test_masks_survive_the_store(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'results.db'}")
    one = segmented()
    found = store.load(store.insert(one))
    assert same(found, one)
    assert facts_of(found) == facts_of(one)


@pytest.mark.parametrize(
    ("column", "value"), [("true_pixels", 9999), ("intersection", 999), ("pixels", np.nan), ("hausdorff_95_mm", -1.0)]
)
def test_measures_that_cannot_be_are_refused(column, value):
    one = segmented()
    values = one.scores.logits.copy()
    values[2, MEASURES.index(column)] = value
    with pytest.raises(ValueError, match=r"areas that are none|out of bounds"):
        evaluation_from(facts_of(one), list(one.cases), list(one.scores.patients), np.zeros(60), values, {}, {})
