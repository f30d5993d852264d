"""What the brain tumour cards say of near-duplicates and of other collections follows from stored scores."""

from pathlib import Path

import pandas as pd
import pytest

from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.case_scores import card_scores
from core.evaluation.runs.shipped import shipped_of
from core.models.card import load_card
from core.training.card.audit import CONTROL
from core.training.data.near_duplicates import ATTRIBUTE

MODELS = Path(__file__).parents[2] / "models"
BANDS = f"attr_{ATTRIBUTE}"


@pytest.fixture(params=["brain-tumour-mri", "brain-tumour-compact"])
def card(request):
    return load_card(MODELS / request.param)


def stored(card, name):
    table = pd.read_parquet(card.folder / f"evaluations/{name}.parquet")
    return table, card_scores(table, card)


def balanced(scores, keep=slice(None)):
    return METRICS["balanced_accuracy_multiclass"].function(scores.y_true[keep], scores.y_score()[keep], 0.5)


def section(card):
    return card.text.split("## Near-duplicates and shortcuts\n", 1)[1].split("\n## ", 1)[0]


def row(card, words):
    (found,) = [line for line in section(card).splitlines() if words in line]
    return found


def test_own_test_split_has_no_near_copy_in_training_and_the_official_part_has(card):
    assert "0.9 and more" not in set(stored(card, "brain-mri--test")[0][BANDS])
    assert (stored(card, "brain-mri-official--test")[0][BANDS] == "0.9 and more").sum() > 100


def test_near_duplicates_flatter_and_the_card_has_both_numbers(card):
    table, scores = stored(card, "brain-mri-official--test")
    found = {words: balanced(scores, (table[BANDS] == words).to_numpy()) for words in ("0.9 and more", "below 0.8")}
    assert found["0.9 and more"] > found["below 0.8"] + 0.1
    for words, value in found.items():
        assert f"{value:.3f} (" in row(card, f"most alike image in training {words}")


def test_no_tumour_is_told_by_the_source_and_the_card_says_so(card):
    _, inside = stored(card, "brain-mri--test")
    _, outside = stored(card, "tcga-lgg--test")
    auc = METRICS["roc_auc"].function
    assert auc(*inside.of_label("No tumour"), 0.5) > 0.99
    assert auc(*outside.of_label("No tumour"), 0.5) < 0.6
    assert "It does not find tumours" in card.text


def test_control_is_on_the_card_and_no_evaluation_of_the_model():
    card = load_card(MODELS / "brain-tumour-compact")
    _, scores = stored(card, CONTROL.removeprefix("evaluations/").removesuffix(".parquet"))
    assert f"{balanced(scores):.3f} (" in row(card, "**control**")
    evaluations, faults = shipped_of(card)
    assert {entry.split for entry in evaluations} == {"val", "test"}
    assert (len(evaluations), faults) == (4, [])
