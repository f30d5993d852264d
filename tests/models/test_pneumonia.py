"""The pneumonia models can be compared: one question, the same cases, the same stress tests."""

from pathlib import Path

import pytest

from core.evaluation.runs.shipped import disagreements, shipped
from core.models.card import load_card

MODELS = Path(__file__).parents[2] / "models"
CARDS = [load_card(path.parent) for path in sorted(MODELS.glob("pneumonia-*/README.md"))]

#: Data sets that every one of them was measured on.
COMMON = ("kermany", "kermany-official", "kermany-official-64px", "kermany-official-28px")


@pytest.fixture(scope="module")
def evaluations():
    return shipped(CARDS)


def test_there_are_three_of_two_classes_and_one_that_names_the_kind():
    assert sorted(card.task for card in CARDS) == ["binary", "binary", "binary", "multiclass"]


@pytest.mark.parametrize("dataset", COMMON)
def test_all_answer_the_same_question_on_the_same_cases(evaluations, dataset):
    found = [entry for entry in evaluations if (entry.dataset, entry.split) == (dataset, "test")]
    assert {entry.model for entry in found} == {card.slug for card in CARDS}
    assert len({entry.dataset_digest for entry in found}) == 1
    assert all(entry.finding("Pneumonia").threshold is not None for entry in found)
    assert disagreements(found) == ()


def test_images_made_harder_are_neither_internal_nor_external(evaluations):
    kinds = {entry.dataset: entry.kind for entry in evaluations}
    assert {kinds[name] for name in kinds if name.endswith("px")} == {"stress"}
    assert (kinds["kermany-official"], kinds["covid-adults"]) == ("internal", "external")


def test_models_of_two_classes_are_measured_on_the_public_benchmark(evaluations):
    found = [entry for entry in evaluations if entry.dataset == "pneumoniamnist-28px"]
    assert {entry.model for entry in found} == {card.slug for card in CARDS if card.task == "binary"}
    assert {(len(entry.cases), int(entry.finding("Pneumonia").truth.sum())) for entry in found} == {(624, 390)}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.slug)
def test_card_tells_results_in_adults_by_age_and_sex(card):
    groups = card.text.split("## Results by subgroup\n", 1)[1].split("\n## ", 1)[0]
    for group in ("age: 40 to under 60", "age: 60 and over", "sex: F", "sex: M"):
        assert f"| {group} |" in groups
