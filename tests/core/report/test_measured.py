from dataclasses import replace

import pytest

from core.report.measured import measurements


def result(dataset, split, **values):
    metrics = [{"type": kind, "value": value, "low": None, "high": None, "n": 9} for kind, value in values.items()]
    return {"dataset": {"name": dataset, "split": split}, "metrics": metrics}


@pytest.fixture
def measured(card):
    def made(*results):
        return measurements(replace(card, front_matter={"model-index": [{"results": list(results)}]}))

    return made


def test_each_dataset_keeps_its_own_numbers(measured):
    lines = measured(result("Own", "test", roc_auc=0.99), result("Elsewhere", "test", roc_auc=0.66))
    assert lines == [("Own, test, n 9", "ROC AUC 0.990"), ("Elsewhere, test, n 9", "ROC AUC 0.660")]


def test_validation_is_left_out_where_there_is_a_test(measured):
    validation, test = result("Own", "val", roc_auc=0.99), result("Own", "test", roc_auc=0.9)
    assert [title for title, _ in measured(validation, test)] == ["Own, test, n 9"]
    assert [title for title, _ in measured(validation)] == ["Own, val, n 9"]


def test_interval_stands_beside_the_value(measured):
    entry = result("Own", "test")
    entry["metrics"] = [{"type": "roc_auc", "value": 0.9639, "low": 0.9481, "high": 0.9771, "n": 624}]
    assert measured(entry) == [("Own, test, n 624", "ROC AUC 0.964 (0.948–0.977)")]


def test_the_main_metrics_come_first_whatever_the_cards_order(measured):
    ((_, line),) = measured(result("Own", "test", ece=0.1, specificity=0.8, f1=0.5, roc_auc=0.9, accuracy=0.7))
    assert line == "ROC AUC 0.900, specificity 0.800, accuracy 0.700"


def test_metrics_of_another_kind_are_shown_as_they_are_named(measured):
    assert measured(result("Own", "test", dice=0.81)) == [("Own, test, n 9", "dice 0.810")]


@pytest.mark.parametrize("value", [float("nan"), None, "high"])
def test_undefined_is_said_and_never_zero(measured, value):
    assert measured(result("Own", "test", roc_auc=value)) == [("Own, test, n 9", "ROC AUC not defined")]
