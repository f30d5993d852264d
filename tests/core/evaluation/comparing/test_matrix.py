"""The matrix of models and datasets: estimates, the best, what does not differ from it, and drops."""

import math
from dataclasses import replace

import numpy as np
import pytest

from core.evaluation.comparison.matrix import dataset_key, matrix, model_key
from core.evaluation.comparison.ranking import compare, compare_unpaired
from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.estimates import estimate_of
from core.evaluation.results.headline import headline
from core.evaluation.statistics.proportions import patient_wilson
from core.evaluation.statistics.significance import holm
from core.training.tasks.case_scores import estimates as card_estimates
from core.training.tasks.results import Choices


@pytest.fixture
def grid(evaluation):
    def make(data=("x", "y"), models=(("a", 3.0), ("b", 2.8), ("c", 0.2)), **more):
        return [
            evaluation(model, name, gain=gain, kind="internal" if name == "x" else "external", **more)
            for name in data
            for model, gain in models
        ]

    return make


def cells(found, dataset="x--test"):
    return {cell.model[0]: cell for cell in found.cells.values() if cell.dataset == dataset}


@pytest.mark.parametrize("metric", ["roc_auc", "brier", "f1", "sensitivity"])
def test_cell_holds_the_estimate_of_one_model_on_one_dataset(grid, metric):
    evaluations = grid()
    found = matrix(evaluations, "Pneumonia", metric, resamples=100)
    answers = evaluations[0].finding("Pneumonia")
    if metric == "roc_auc":
        expected = estimate_of("roc_auc", answers.truth, answers.score)
    elif metric == "sensitivity":
        right = (answers.score >= 0.5)[answers.truth]
        expected = patient_wilson(right, np.arange(len(right)))
    else:
        expected = estimate_of(metric, answers.truth, answers.score, answers.patients, 0.5, resamples=100)
    cell = found.cells[model_key(evaluations[0]), "x--test"]
    values = (cell.estimate.value, cell.estimate.low, cell.estimate.high)
    assert values == pytest.approx((expected.value, expected.low, expected.high), abs=1e-6)
    assert (cell.patients, cell.positives) == (200, answers.truth.sum())


@pytest.mark.parametrize("metric", ["roc_auc", "brier"])
def test_best_is_marked_by_what_is_better(grid, metric):
    found = cells(matrix(grid(), "Pneumonia", metric, resamples=200))
    values = {model: cell.estimate.value for model, cell in found.items()}
    best = (max if metric == "roc_auc" else min)(values, key=values.get)
    assert [model for model, cell in found.items() if cell.best] == [best]
    assert found[best].from_best is None


def test_model_that_may_be_as_good_is_told_from_one_that_is_worse(grid):
    found = cells(matrix(grid(), "Pneumonia"))
    second = "b" if found["a"].best else "a"
    assert found[second].not_different
    assert not found["c"].not_different
    assert found["c"].from_best.value > 0
    assert found["c"].from_best.significant


def test_pairs_are_those_of_a_comparison_corrected_within_the_dataset(grid):
    evaluations = grid()
    found = [pair for pair in matrix(evaluations, "Pneumonia").pairs if pair.dataset == "x--test"]
    plain = [
        compare(evaluations[i].finding("Pneumonia"), evaluations[j].finding("Pneumonia")).p
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    assert [pair.difference.p for pair in found] == pytest.approx(plain)
    assert [pair.difference.corrected for pair in found] == pytest.approx(holm(plain))


@pytest.mark.parametrize("metric", ["roc_auc", "mcc"])
def test_models_that_scored_different_cases_are_paired_on_the_common_ones(grid, evaluation, metric):
    evaluations = grid(data=("x",))
    scores = evaluations[1].scores
    logits = scores.logits.copy()
    logits[:30] = np.nan
    evaluations[1] = replace(evaluations[1], scores=replace(scores, logits=logits))
    found = matrix(evaluations, "Pneumonia", metric, resamples=200)
    pair = found.pairs[0].difference
    expected = compare(*(part.finding("Pneumonia") for part in evaluations[:2]), metric=metric, resamples=200)
    assert (pair.n, pair.p) == (170, pytest.approx(expected.p))
    assert cells(found)["b"].estimate.n == 170
    assert cells(found)["b"].note == "30 cases have no score."


def test_drop_compares_what_a_model_knows_with_what_is_new(grid):
    evaluations = grid()
    found = matrix(evaluations, "Pneumonia").drops
    assert [(drop.model[0], drop.internal, drop.other) for drop in found] == [
        (model, "x--test", "y--test") for model in "abc"
    ]
    expected = compare_unpaired(evaluations[0].finding("Pneumonia"), evaluations[3].finding("Pneumonia"))
    assert (found[0].difference.value, found[0].difference.p) == pytest.approx((expected.value, expected.p))
    assert not found[0].paired


def test_drop_of_a_bootstrap_has_an_interval_around_it(grid):
    drop = matrix(grid(), "Pneumonia", "brier", resamples=300).drops[0].difference
    assert drop.low < drop.value < drop.high
    assert drop.test.startswith("unpaired bootstrap")


def test_datasets_are_resampled_independently(evaluation):
    home = evaluation("a", "x")
    drop = matrix([home, replace(home, dataset="y", kind="external")], "Pneumonia", "brier", resamples=200).drops[0]
    assert drop.difference.value == 0.0
    assert drop.difference.high - drop.difference.low > 0.02


def test_stressed_copy_is_compared_case_by_case_with_its_original(evaluation):
    home, other = evaluation("a", "y", kind="external"), evaluation("a", "y~noise-3", kind="stress")
    (drop,) = matrix([evaluation("a", "x"), home, other], "Pneumonia").drops[1:]
    assert (drop.internal, drop.other, drop.kind, drop.paired) == ("y--test", "y~noise-3--test", "stress", True)
    expected = compare(home.finding("Pneumonia"), other.finding("Pneumonia"))
    assert drop.difference.p == pytest.approx(expected.p)


def test_validation_is_not_set_against_test(evaluation):
    assert not matrix([evaluation(split="val"), evaluation(dataset="y", kind="external")], "Pneumonia").drops


def test_datasets_come_internal_first_and_stressed_last(evaluation):
    kinds = (("s~noise-1", "stress"), ("e", "external"), ("i", "internal"))
    found = matrix([evaluation("a", name, kind=kind) for name, kind in kinds], "Pneumonia")
    assert [heading.name for heading in found.datasets] == ["i", "e", "s~noise-1"]


def test_later_evaluation_of_the_same_model_and_dataset_counts(evaluation):
    old, new = evaluation(gain=0.1), evaluation(gain=3.0)
    found = matrix([old, new], "Pneumonia")
    assert len(found.cells) == 1
    answers = new.finding("Pneumonia")
    assert next(iter(found.cells.values())).estimate.value == estimate_of("roc_auc", answers.truth, answers.score).value


def test_contradicting_truths_leave_a_sentence_and_the_other_pairs(grid):
    evaluations = grid(data=("x",))
    scores = evaluations[2].scores
    evaluations[2] = replace(evaluations[2], scores=replace(scores, y_true=1 - scores.y_true))
    found = matrix(evaluations, "Pneumonia")
    assert [pair.difference is None for pair in found.pairs] == [False, True, True]
    assert "What is true of 200 of 200 common cases differs" in found.pairs[1].problem
    assert found.pairs[0].difference.comparisons == 1


def test_undefined_metric_leaves_no_best(evaluation):
    scores = evaluation().scores
    ones = replace(evaluation(), scores=replace(scores, y_true=np.ones(200, int)))
    (cell,) = matrix([ones], "Pneumonia").cells.values()
    assert math.isnan(cell.estimate.value)
    assert not cell.best


def test_models_with_labels_in_another_order_meet(classes):
    plain, turned = classes("a"), classes("b", order=[2, 0, 1])
    for metric in ("roc_auc_macro", "kappa_quadratic", "accuracy_multiclass"):
        found = matrix([plain, turned], "classes:No | Mild | Severe", metric, resamples=100)
        values = [cell.estimate.value for cell in found.cells.values()]
        assert values[0] == pytest.approx(values[1])
        assert [cell.best for cell in found.cells.values()] == [True, True]
        assert found.pairs[0].difference.p == 1.0


def test_metric_of_another_kind_of_question_is_refused(evaluation):
    with pytest.raises(ValueError, match="Expected a metric of binary answers"):
        matrix([evaluation()], "Pneumonia", "roc_auc_macro")


def test_nothing_to_compare_is_an_empty_matrix(evaluation):
    found = matrix([evaluation()], "Fracture")
    assert (found.models, found.cells, found.drops) == ((), {}, ())


def test_key_of_a_dataset_is_that_of_its_file(evaluation):
    assert dataset_key(evaluation()) == "x--test"


def test_shell_card_and_page_give_one_interval_of_one_run(evaluation):
    whole = evaluation(threshold=0.62)
    patients = np.array([f"p{k // 4}" for k in range(200)], object)
    run = replace(whole, scores=replace(whole.scores, patients=patients))
    told = {line.title: line.estimate for line in headline(run)}
    choices = Choices(run.threshold, {}, run.temperature)
    card = card_estimates(run.scores, choices)
    for metric in ("roc_auc", "average_precision", "sensitivity", "specificity"):
        (cell,) = matrix([run], "Pneumonia", metric).cells.values()
        assert cell.estimate == told[METRICS[metric].title] == card[metric]
