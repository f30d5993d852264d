"""The section on near-duplicates and shortcuts of a card."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.case_scores import CaseScores, read_scores
from core.training.bundle.control import by_image, take_over, wanted
from core.training.card.audit import CONTROL, among, audit_section, audited, numbering
from core.training.data.images import LabelledCase, split_cases
from core.training.recipe.reading import load_recipe
from core.training.recipe.schema import InvalidRecipe
from core.training.tasks.case_scores import case_table
from core.training.tasks.results import Result

LABELS = ("A", "B", "None")


@pytest.fixture
def scores():
    rng = np.random.default_rng(1)
    truth = np.repeat([0, 1, 2], 20)
    logits = rng.normal(size=(60, 3)) + 2 * np.eye(3)[truth]
    return CaseScores("multiclass", LABELS, truth, logits, np.arange(60))


def test_among_some_classes_the_others_play_no_part(scores):
    inside = among(scores, ("A", "B"))
    assert (len(inside.y_true), inside.y_score().shape) == (40, (40, 2))
    assert np.allclose(inside.y_score().sum(axis=1), 1)
    louder = replace(scores, logits=scores.logits + np.array([0, 0, 50.0]))
    assert np.allclose(among(louder, ("A", "B")).y_score(), inside.y_score())


def test_among_keeps_the_order_that_is_asked_for(scores):
    there, back = among(scores, ("A", "B")), among(scores, ("B", "A"))
    value = METRICS["balanced_accuracy_multiclass"].function
    assert value(there.y_true, there.y_score(), 0.5) == value(back.y_true, back.y_score(), 0.5)
    assert (back.y_true == 1 - there.y_true).all()


@pytest.fixture
def blob_recipe(entry, write_recipe):
    del entry["data"]["split"]
    entry["data"]["division"] = {"how": "groups", "val": 0.2, "test": 0.2}
    entry["card"]["audit"] = {"among": ["Empty", "Blob"], "control": True}
    return load_recipe(write_recipe(entry))


def test_control_differs_in_the_split_alone(blob_recipe):
    control = by_image(blob_recipe)
    assert control.data.patient == ""
    assert structs.replace(control, data=blob_recipe.data) == blob_recipe


def test_control_needs_a_division_to_replace(entry, write_recipe):
    with pytest.raises(InvalidRecipe, match="division"):
        by_image(load_recipe(write_recipe(entry)))


def test_recipe_without_audit_gets_neither_section_nor_control(entry, write_recipe, tmp_path):
    recipe = load_recipe(write_recipe(entry))
    assert not wanted(recipe)
    assert audit_section(recipe, {}, [], tmp_path) == ""


def test_scores_of_the_control_are_taken_over_or_missed(blob_recipe, tmp_path):
    def take():
        take_over(blob_recipe, tmp_path / "stored", tmp_path / "made")

    with pytest.raises(InvalidRecipe, match="control"):
        take()
    for folder in ("stored", "made"):
        (tmp_path / folder / CONTROL).parent.mkdir(parents=True)
    (tmp_path / "stored" / CONTROL).write_bytes(b"scores")
    take()
    assert (tmp_path / "made" / CONTROL).read_bytes() == b"scores"


def test_running_numbers_that_follow_the_people_are_recognised(blobs):
    def cases(order, prefix):
        return [
            LabelledCase(f"{prefix}-{place}.png", blobs / "blobs" / f"{number}.png", "", 0, "train")
            for place, number in enumerate(order)
        ]

    twice = [number for number in range(0, 96, 2) for _ in (0, 1)]
    ((label, successive, any_two, pairs, rank),) = numbering(cases(twice, "a"), cases(range(0, 96, 2), "b"), ["Empty"])
    assert (label, pairs) == ("Empty", 48)
    assert successive > any_two + 0.1
    assert rank > 0.99
    ((*_, rank),) = numbering(cases(twice[::-1], "a"), cases(range(0, 96, 2), "b"), ["Empty"])
    assert rank < -0.99


def test_section_compares_the_model_with_control_and_shortcuts(blob_recipe, blobs, tmp_path):
    parts = split_cases(blob_recipe, blobs)
    test = audited(blob_recipe, parts["test"], parts["train"])
    targets = np.array([case.target for case in test])
    logits = np.stack([-targets, targets], axis=1).astype(np.float32)
    table = case_table(test, logits, "multiclass")
    scores = read_scores(table, "multiclass", blob_recipe.labels)
    outside = structs.replace(blob_recipe.data, name="other", title="Elsewhere")
    results = [(Result(source, "test", table, scores, {}), test) for source in (blob_recipe.data, outside)]
    (tmp_path / CONTROL).parent.mkdir()
    table.to_parquet(tmp_path / CONTROL)
    text = audit_section(structs.replace(blob_recipe, task="multiclass"), parts, results, tmp_path)
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    answers = [row[0].removeprefix("| ") for row in rows]
    assert answers.count("this model") == 4
    assert sum("control" in answer for answer in answers) == 1
    assert next(row[3] for row in rows if row[0] == "| this model").startswith("1.000")
    assert any(answer.startswith("no anatomy") for answer in answers)
