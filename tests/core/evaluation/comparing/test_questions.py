"""What evaluations can be asked together."""

from dataclasses import replace

import numpy as np
import pytest

from core.evaluation.metrics.registry import METRICS, Metric
from core.evaluation.results.estimates import estimate
from core.evaluation.results.questions import (
    answer,
    class_key,
    questions,
    taken,
)


def test_questions_that_most_models_answer_come_first(evaluation, classes):
    found = questions([evaluation("a"), evaluation("b"), classes("c")])
    assert (found[0].key, found[0].models, found[0].paired) == ("Pneumonia", 2, 2)
    assert {question.key for question in found} == {
        "Pneumonia", "No", "Mild", "Severe", "classes:No | Mild | Severe",
    }  # fmt: skip


def test_metrics_fit_the_question(evaluation, classes):
    found = {question.key: question for question in questions([evaluation(), classes()])}
    assert {metric.answers for metric in found["Pneumonia"].metrics} == {"binary"}
    assert {metric.answers for metric in found["classes:No | Mild | Severe"].metrics} == {"multiclass"}


def test_order_of_an_ordinal_models_labels_is_kept(classes):
    found = questions([classes("a", order=[2, 0, 1]), classes("b", task="ordinal")])
    assert [question.key for question in found if question.key.startswith("classes")] == ["classes:No | Mild | Severe"]


def test_findings_meet_whatever_their_case(evaluation, classes):
    assert answer(evaluation(), " pneumonia") is not None
    assert answer(evaluation(), "Fracture") is None
    assert answer(evaluation(), "classes:No | Mild | Severe") is None
    assert class_key(evaluation()) == ""


def test_probability_metrics_take_calibrated_scores(evaluation):
    cold = replace(evaluation(), temperature=3.0)
    found = answer(cold, "Pneumonia")
    assert (taken(found, "brier").score == found.calibrated).all()
    assert (taken(found, "roc_auc").score == found.score).all()
    assert not np.allclose(found.score, found.calibrated)


def test_model_without_a_threshold_is_decided_at_one_half_and_says_so(classes):
    found = taken(answer(classes(), "Mild"), "sensitivity")
    assert found.threshold == 0.5
    assert found.note == "The model has no threshold of its own for Mild: 0.5 was taken."
    assert taken(answer(classes(), "Mild"), "roc_auc").note == ""


@pytest.mark.parametrize("name", ["new_metric_multiclass", "new_metric"])
def test_new_metric_needs_no_more_than_its_entry_to_have_an_interval(name, monkeypatch, classes, evaluation):
    kind = "multiclass" if name.endswith("multiclass") else "binary"

    def fraction(y, s, threshold):
        return float(np.mean(y)) if len(y) else float("nan")

    monkeypatch.setitem(METRICS, name, Metric(name, "New", fraction, True, "score", kind))
    found = (
        answer(classes(), "classes:No | Mild | Severe") if kind == "multiclass" else answer(evaluation(), "Pneumonia")
    )
    value = estimate(taken(found, name), resamples=50)
    assert value.low < value.value == np.mean(found.truth) < value.high
