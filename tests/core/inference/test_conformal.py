"""Prediction sets hold what they promise, by class, and a card that promises nonsense is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.inference.conformal import class_quantiles, fewest_cases, label_sets, score_quantile
from core.inference.decision import decide
from core.models.card import InputSpec, ModelCard
from core.models.conformal import Conformal, read_conformal

SPEC = InputSpec("image", "image", (8, 8), 1, (0.0, 1.0), "display", "stretch", ("DX",))
CARD = ModelCard(
    "m", Path("m"), "M", "S", "binary", ("Normal", "Pneumonia"), (SPEC,), 0.5, "", 1.0, "layer", {}, "mit", False,
    "a chest radiograph",
)  # fmt: skip

UNSURE = "Unusually unsure: nine of ten validation cases of each answer were surer"


def softened(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("counts", [(9, 200, 40), (60, 60, 60)])
def test_every_class_is_covered_on_average_over_validation_splits(counts):
    """Unequal classes of unequal difficulty: a quantile of all together would leave the hard one uncovered."""
    rng = np.random.default_rng(14)
    spread, covered = np.array([0.5, 1.0, 3.0]), []

    def drawn(sizes):
        truth = np.repeat(np.arange(3), sizes)
        logits = rng.normal(0, 1, (len(truth), 3)) * spread[truth, None]
        logits[np.arange(len(truth)), truth] += 1.5
        return softened(logits), truth

    for _ in range(400):
        quantiles = class_quantiles(*drawn(counts), 0.9)
        probabilities, truth = drawn((60, 60, 60))
        inside = label_sets(probabilities, quantiles)[np.arange(len(truth)), truth]
        covered.append([inside[truth == index].mean() for index in range(3)])
    found = np.mean(covered, axis=0)
    least = 0.9 - 3 * np.std(covered, axis=0) / np.sqrt(len(covered))
    assert (found >= least).all(), found
    assert (found <= 0.9 + 1 / (np.array(counts) + 1) + 0.01).all(), "sets that are larger than they have to be"


def test_quantile_is_the_rank_of_one_case_more():
    scores = np.arange(1, 20) / 20  # 19 cases: the 18th of them
    assert score_quantile(scores, 0.9) == 0.9
    assert score_quantile(scores[:9], 0.9) == scores[8]
    assert score_quantile(scores[:8], 0.9) == 1.0, "eight cases cannot promise nine of ten"
    assert fewest_cases(0.9) == 9


def test_rounding_takes_no_case_out_of_its_set():
    scores = np.full(9, 1 / 3)
    limit = score_quantile(scores)
    assert label_sets(np.array([[2 / 3, 1 / 3]], np.float32), [limit, limit]).tolist() == [[True, False]]


def with_quantiles(card, **quantiles):
    return replace(card, conformal=Conformal(0.9, {name: tuple(np.atleast_1d(q)) for name, q in quantiles.items()}))


@pytest.mark.parametrize(
    ("quantiles", "positive", "sentence", "detail"),
    [
        ((0.7, 0.7), 0.45, "Normal or pneumonia: this model cannot tell", "Pneumonia is unlikely"),
        ((0.7, 0.7), 0.8, "Pneumonia is likely", ""),
        ((0.1, 0.1), 0.8, "Pneumonia is likely", UNSURE),
        ((0.9, 0.1), 0.8, "Pneumonia or normal: this model cannot tell", "Pneumonia is likely"),
    ],
)  # fmt: skip
def test_set_with_several_labels_is_the_headline_and_an_empty_one_is_told(quantiles, positive, sentence, detail):
    card = with_quantiles(CARD, Normal=quantiles[0], Pneumonia=quantiles[1])
    decision = decide(card, np.array([1 - positive, positive]))
    assert (decision.sentence, decision.detail) == (sentence, detail)


def test_more_than_three_labels_that_cannot_be_told_apart_are_counted():
    labels = ("A", "B", "C", "D")
    card = with_quantiles(replace(CARD, task="multiclass", labels=labels, threshold=None), A=1, B=1, C=1, D=1)
    assert decide(card, np.full(4, 0.25)).sentence == "Any of the 4 answers: this model cannot tell"
    three = replace(card, conformal=Conformal(0.9, {"A": (0.7,), "B": (0.7,), "C": (0.9,), "D": (0.1,)}))
    assert decide(three, np.array([0.35, 0.4, 0.2, 0.05])).sentence == "B, A or C: this model cannot tell"


def test_each_finding_is_decided_by_itself_and_one_without_enough_cases_by_its_threshold():
    thresholds = {"Caries": 0.5, "Crown": 0.5, "Root": 0.5}
    card = replace(CARD, task="multilabel", labels=tuple(thresholds), threshold=None, thresholds=thresholds)
    card = with_quantiles(card, Caries=(0.6, 0.6), Crown=(0.2, 0.2))
    decision = decide(card, np.array([0.5, 0.9, 0.8]))
    assert decision.undecided == (0,)
    assert decision.sentence == "Found: Crown, Root. The model cannot tell: Caries"
    assert decide(card, np.array([0.5, 0.1, 0.1])).sentence.startswith("Nothing found for sure")


@pytest.mark.parametrize(
    "entry",
    [
        {"coverage": 0.9, "quantiles": {"Normal": 0.1}},
        {"coverage": 0.9, "quantiles": {"Normal": 0.1, "Ill": 0.1}},
        {"coverage": 1.5, "quantiles": {"Normal": 0.1, "Pneumonia": 0.1}},
        {"coverage": 0.9, "quantiles": {"Normal": 0.1, "Pneumonia": float("nan")}},
    ],
)
def test_card_whose_quantiles_do_not_fit_its_labels_is_refused(entry):
    with pytest.raises(ValueError, match="prediction sets"):
        read_conformal({"conformal": entry}, "binary", ("Normal", "Pneumonia"))
