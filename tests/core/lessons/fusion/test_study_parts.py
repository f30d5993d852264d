"""Parts of a model with several inputs are taken away, and the answer follows."""

import numpy as np
import pytest

from core.inference.study import Study, prepare_study
from core.lessons.fusion.study_parts import (
    answer_without,
    drawn_contrast,
    drawn_scans,
    one_frame,
)
from core.lessons.inside.probe import open_probe
from core.lessons.phantom import phantom


@pytest.fixture
def prepared(fused):
    card, _ = fused
    return prepare_study(Study(drawn_scans(card, phantom(1)), {"age": 70.0, "sex": 1.0}), card)


def by_hand(prepared, off=()):
    """The little network in plain NumPy."""
    means = np.array([0.0 if n in off else prepared.batch[n][0].mean() for n in ("flair", "pre")])
    weights = np.exp(5 * means) / np.exp(5 * means).sum()
    facts = np.array([55, 0.4]) if "patient" in off else prepared.batch["patient"][0]
    return float((means * weights) @ [4, 2] + facts.sum() * 0.05 - 4), weights


@pytest.mark.parametrize("off", [(), ("flair",), ("pre",), ("patient",), ("flair", "patient")])
def test_what_is_off_is_what_the_model_was_trained_to_go_without(fused, prepared, off):
    _, bundle = fused
    found = answer_without(bundle, prepared, off, open_probe(bundle))
    logit, weights = by_hand(prepared, off)
    assert float(found.logits[0]) == pytest.approx(logit, abs=1e-4)
    assert float(found.probabilities[1]) == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-4)
    assert [found.weights[name] for name in ("flair", "pre")] == pytest.approx(weights.tolist(), abs=1e-4)


def test_taking_parts_away_leaves_what_was_prepared_as_it_is(fused, prepared):
    before = prepared.batch["flair"].copy()
    answer_without(fused[1], prepared, ("flair",))
    np.testing.assert_array_equal(prepared.batch["flair"], before)


def test_drawn_contrasts_go_where_their_names_say(fused):
    card, _ = fused
    assert [drawn_contrast(spec) for spec in card.inputs[:2]] == ["flair", "pre"]
    scans = drawn_scans(card, phantom(1))
    assert scans["flair"].title.endswith("FLAIR")


def test_the_middle_frame_stands_for_a_stack():
    from core.scan import Scan

    stack = Scan(np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((5, 4, 4), np.uint8), "slice", "0" * 64, "", "")
    assert (one_frame(stack).pixels == 2).all()
    assert one_frame(stack).frames == 1
    assert one_frame(stack, 4).digest != one_frame(stack).digest
