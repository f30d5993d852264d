"""A series has an answer of its own, which says how it was come by."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.inference.decision import decide
from core.inference.series import runs, series_answer
from core.models.card import ModelCard


@pytest.fixture
def make_card():
    def made(labels=("Normal", "Pneumonia"), threshold=0.62, task="binary"):
        return ModelCard(
            "m", Path("m"), "M", "S", task, labels, (), threshold, "", 1.0, "layer", {}, "mit", False, "a radiograph"
        )

    return made


@pytest.fixture
def read():
    def made(card, rows):
        rows = np.asarray(rows, np.float32)
        return SimpleNamespace(
            card=card, frames=tuple(range(len(rows))), probabilities=rows, calibrated=rows,
            decision=lambda position: decide(card, rows[position]),
        )  # fmt: skip

    return made


def binary(card, values):
    return replace(card, temperature=1.0), [[1 - value, value] for value in values]


def test_series_names_the_slices_above_the_threshold_and_the_highest(read, make_card):
    found = series_answer(read(*binary(make_card(), [0.1, 0.9, 0.95, 0.2, 0.8])), "slice")
    assert found.headline == "Pneumonia: above the alarm threshold on 3 of 5 slices"
    assert found.which == "Slices 2 to 3 and 5; highest on slice 3 (0.95)"
    assert "counts as positive where any slice is" in found.pooled


def test_series_without_a_positive_slice_says_where_it_is_highest(read, make_card):
    found = series_answer(read(*binary(make_card(), [0.1, 0.3])), "frame")
    assert found.headline == "Pneumonia: below the alarm threshold on all 2 frames"
    assert found.which == "Highest on frame 2 (0.30)"


def test_classes_are_pooled_by_their_mean_and_not_by_the_first_slice(read, make_card):
    card = make_card(("A", "B", "C"), None, "multiclass")
    found = series_answer(read(card, [[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.0, 0.9, 0.1]]), "slice")
    assert found.headline == "B is the most likely answer over the series"
    assert found.which == "Most likely by slice: B on 2 and A on 1 of 3"


def test_findings_of_any_slice_are_counted(read, make_card):
    card = replace(make_card(("Caries", "Crown"), None, "multilabel"), thresholds={"Caries": 0.5, "Crown": 0.5})
    assert series_answer(read(card, [[0.9, 0.1], [0.2, 0.1]]), "slice").headline == "Found: Caries on 1 of 2 slices"
    assert series_answer(read(card, [[0.1, 0.1]] * 2), "slice").headline == "None of the 2 findings on any slice"


def test_runs_name_what_is_beside_one_another_once():
    assert runs([4]) == "4"
    assert runs([1, 2, 3, 9]) == "1 to 3 and 9"
