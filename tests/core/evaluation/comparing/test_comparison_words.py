"""A comparison as people read it."""

import math

from core.evaluation.comparison.difference import Difference
from core.evaluation.comparison.ranking import sentence


def difference(value, low, high, p, metric="roc_auc", comparisons=6, note=""):
    return Difference(value, low, high, p, 100, "test", note, metric, 0.9, 0.9 - value, p, comparisons)


def test_better_model_is_named_first():
    expected = "B is better than A on X by 0.03 AUC (0.01 to 0.05), p = 0.004 after correction for 6 comparisons."
    assert sentence(difference(-0.03, -0.05, -0.01, 0.004), ("A", "B"), "X") == expected


def test_lower_is_better_for_an_error():
    found = sentence(difference(-0.03, -0.05, -0.01, 0.004, "brier", 1), ("A", "B"), "X")
    assert found == "A is better than B on X by 0.03 Brier score (0.01 to 0.05), p = 0.004."


def test_no_difference_was_shown_is_not_that_there_is_none():
    found = sentence(difference(0.01, -0.02, 0.04, 0.41), ("A", "B"), "X")
    expected = "No difference between A and B was shown on X: 0.01 AUC in favour of A (−0.02 to 0.04), p = 0.41"
    assert found == f"{expected} after correction for 6 comparisons."


def test_equal_models_favour_none():
    found = sentence(difference(0.0, -0.01, 0.01, 1.0, comparisons=1), ("A", "B"), "X")
    assert found == "No difference between A and B was shown on X: 0.00 AUC (−0.01 to 0.01), p > 0.99."


def test_what_cannot_be_tested_is_said_with_its_reason():
    found = sentence(difference(math.nan, math.nan, math.nan, math.nan, note="Too few cases."), ("A", "B"), "X")
    assert found == "Whether A and B differ on X in AUC is not known. Too few cases."


def test_calibration_slope_is_compared_by_its_distance_from_one():
    found = sentence(difference(-0.2, -0.3, -0.1, 0.01, "calibration_slope", 1), ("A", "B"), "X")
    expected = "A is better than B on X by 0.20 in the distance of the calibration slope from 1 (0.10 to 0.30)"
    assert found == f"{expected}, p = 0.010."


def test_number_of_comparisons_can_be_given():
    assert "for 3 comparisons" in sentence(difference(0.1, 0.0, 0.2, 0.01), ("A", "B"), "X", comparisons=3)
