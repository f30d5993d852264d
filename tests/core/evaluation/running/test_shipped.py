from pathlib import Path

import pandas as pd
import pytest

from core.evaluation.metrics.registry import roc_auc
from core.evaluation.results.questions import answer, questions, taken
from core.evaluation.runs.shipped import (
    case_digest,
    disagreements,
    shipped,
    shipped_of,
)
from core.models.card import load_cards

MODELS = Path(__file__).resolve().parents[4] / "models"
INDEX = {
    "model-index": [
        {
            "results": [
                {"dataset": {"type": "clinic", "name": "Clinic", "split": "test", "kind": "external", "scores": "x"}}
            ]
        }
    ]
}


def write(card, name="clinic--test", cases=("b", "a", "c"), truth=(1, 0, 1), logits=(2.0, -1.0, 0.5), **columns):
    table = {"case": list(cases), "patient": range(len(cases)), "split": "test", "y_true": list(truth)}
    if card.task == "binary":
        table |= {"y_score": 0.5, "logit": list(logits)}
    else:
        table |= {f"logit_{k}": list(logits) for k in range(len(card.labels))}
    path = card.folder / "evaluations" / f"{name}.parquet"
    pd.DataFrame(table | columns).to_parquet(path, index=False)
    return path


def test_a_stored_table_becomes_an_evaluation_with_its_title_and_kind(make_card):
    card = make_card(front_matter=INDEX)
    write(card, attr_sex=["F", None, "M"])
    (found,) = shipped([card])
    assert (found.model, found.dataset, found.dataset_title, found.split) == ("finder", "clinic", "Clinic", "test")
    assert (found.kind, found.model_sha256, found.temperature) == ("external", "ab" * 32, 1.5)
    assert list(found.attributes["sex"]) == ["", "F", "M"]


def test_rows_are_in_order_of_the_cases_names(make_card):
    card = make_card()
    write(card)
    (found,) = shipped([card])
    assert list(found.cases) == ["a", "b", "c"]
    assert list(found.scores.y_true) == [0, 1, 1]
    assert list(found.scores.logits) == [-1.0, 2.0, 0.5]
    assert list(found.scores.patients) == ["1", "0", "2"]


def test_a_table_that_the_card_is_silent_on_is_of_unknown_kind(make_card):
    card = make_card()
    write(card)
    (found,) = shipped([card])
    assert (found.kind, found.dataset_title) == ("unknown", "clinic")


def test_heatmap_tables_are_no_evaluations(make_card):
    card = make_card()
    write(card, "clinic--test--grad-cam")
    assert shipped([card]) == []


@pytest.mark.parametrize("damage", ["column", "twice", "bytes"])
def test_a_broken_table_is_one_sentence_and_hides_no_good_one(make_card, damage):
    card = make_card()
    write(card)
    path = write(card, "other--val", cases=("a", "a", "b") if damage == "twice" else ("a", "b", "c"))
    if damage == "column":
        pd.read_parquet(path).drop(columns="logit").to_parquet(path)
    if damage == "bytes":
        path.write_bytes(path.read_bytes()[:200])
    found, (fault,) = shipped_of(card)
    assert [evaluation.dataset for evaluation in found] == ["clinic"]
    assert "finder/evaluations/other--val.parquet" in str(fault)


def test_models_with_other_labels_meet_on_the_same_cases(make_card):
    binary, fine = make_card(), make_card("fine", ("Normal", "Bacterial", "Viral"))
    write(binary)
    write(fine, cases=("c", "a", "b"), truth=(2, 0, 1))
    first, second = shipped([binary, fine])
    assert first.dataset_digest == second.dataset_digest
    assert list(first.cases) == list(second.cases)


@pytest.mark.parametrize("other", [("x", "test", "ab"), ("d", "val", "ab"), ("d", "test", "abc"), ("dt", "est", "ab")])
def test_the_digest_tells_datasets_splits_and_cases_apart(other):
    assert case_digest("d", "test", "ab") != case_digest(*other)


def test_differing_truth_of_a_shared_finding_is_said(make_card):
    derived = {"name": "Ill", "labels": ["Bacterial", "Viral"]}
    binary, fine = make_card(), make_card("fine", ("Normal", "Bacterial", "Viral"), derived=derived)
    write(binary)
    path = write(fine, truth=(1, 0, 2))
    assert disagreements(shipped([binary, fine])) == ()
    pd.read_parquet(path).assign(y_true=[1, 1, 2]).to_parquet(path)
    (sentence,) = disagreements(shipped([binary, fine]))
    assert "1 of 3 cases of clinic (test) for Ill" in sentence


def test_the_models_of_the_product_bring_their_results_along():
    cards, _ = load_cards(MODELS)
    found = [shipped_of(card) for card in cards.values()]
    assert not [fault for _, faults in found for fault in faults]
    evaluations = [evaluation for part, _ in found for evaluation in part]
    assert {evaluation.model for evaluation in evaluations} == set(cards)
    assert disagreements(evaluations) == ()
    assert all(evaluation.kind in {"internal", "external", "stress"} for evaluation in evaluations)


def test_the_card_and_the_evaluation_give_the_same_numbers_of_masks():
    cards, _ = load_cards(MODELS)
    types = {"mask_dice": "dice", "mask_average_precision": "pixel_average_precision"}
    types["mask_hausdorff_95_pixels"] = "hausdorff_95_pixels"
    for evaluation in shipped(card for card in cards.values() if card.task == "segmentation"):
        rows = cards[evaluation.model].metrics
        for label in evaluation.scores.mask_labels:
            found = answer(evaluation, f"mask:{label}")
            for name, kind in types.items():
                stored = [
                    row["value"]
                    for row in rows
                    if (row["type"], row["split"]) == (kind, evaluation.split) and row.get("label", label) == label
                ]
                for value in stored:
                    assert taken(found, name).value == pytest.approx(value, abs=1e-5, nan_ok=True)


def test_the_card_and_the_evaluation_give_the_same_auc():
    cards, _ = load_cards(MODELS)
    for evaluation in shipped(cards.values()):
        if evaluation.scores.task != "binary":
            continue
        finding = evaluation.finding(evaluation.findings[0])
        stored = next(
            row["value"]
            for row in cards[evaluation.model].metrics
            if row["type"] == "roc_auc"
            and row["dataset"] == evaluation.dataset_title
            and row["split"] == ("cross-validation" if evaluation.dataset.endswith("-folds") else evaluation.split)
        )
        assert roc_auc(finding.truth, finding.score) == pytest.approx(stored, abs=1e-5, nan_ok=True)


def test_every_model_of_the_product_has_a_cell_of_its_own_to_compare():
    cards, _ = load_cards(MODELS)
    evaluations = shipped(cards.values())
    compared = {
        evaluation.model
        for question in questions(evaluations)
        for evaluation in evaluations
        if answer(evaluation, question.key) is not None
    }
    assert compared == set(cards)
