"""Methods that only ask the model, on one whose evidence is known: each cell adds its own brightness to the logit."""

import dataclasses
from itertools import combinations
from math import factorial

import numpy as np
import pytest

from core.errors import Cancelled, UnsupportedModel
from core.explain import EXPLAINERS
from core.explain.methods.counterfactual import smallest_turning_region
from core.explain.methods.perturbation import occlusion, rise
from core.explain.methods.shapley import kernel_shap, sampled_coalitions, shapley_values
from core.explain.methods.superpixels import superpixels
from core.explain.request import Ask
from core.inference.prepare import prepare
from core.scan import Scan, Window

ASKING = [name for name, explainer in EXPLAINERS.items() if explainer.family == "perturbation"]


@pytest.fixture
def bundle(open_model, brightness_model):
    return open_model(brightness_model, "cells")


def scan_of(pixels):
    return Scan(pixels, "single", "", "test", "test", windows=(Window(127.5, 255.0, "LINEAR_EXACT"),))


@pytest.fixture
def prepared(bundle):
    """One bright and one black square on grey, on a scan that is padded at both sides."""
    pixels = np.full((1, 64, 40), 120, np.uint8)
    pixels[0, 8:20, 6:18], pixels[0, 40:52, 22:34] = 250, 0
    return prepare(scan_of(pixels), dataclasses.replace(bundle.card.inputs[0], resize="letterbox"))


@pytest.mark.keras
@pytest.mark.parametrize("method", ASKING)
def test_what_is_bright_speaks_for_bright_and_what_is_dark_against_it(bundle, prepared, method):
    found = EXPLAINERS[method].function(bundle, prepared, Ask(1))
    bright, dark = found.heatmap(0), dataclasses.replace(found, grids=found.opposing).heatmap(0)
    row, column = np.unravel_index(bright.argmax(), bright.shape)
    assert 5 <= row <= 23
    assert 3 <= column <= 21
    row, column = np.unravel_index(dark.argmax(), dark.shape)
    assert 37 <= row <= 55
    assert 19 <= column <= 37


@pytest.mark.keras
@pytest.mark.parametrize("method", ASKING)
def test_nothing_is_said_about_the_padding(bundle, prepared, method):
    found = EXPLAINERS[method].function(bundle, prepared, Ask(1))
    assert found.grids[0][:, :10].max() == 0
    assert found.opposing[0][:, :10].max() == 0


@pytest.mark.keras
@pytest.mark.parametrize("method", ASKING)
def test_one_rather_than_the_other_turns_round_with_the_question(bundle, prepared, method):
    ask = EXPLAINERS[method].function
    one, other = ask(bundle, prepared, Ask(1, against=0)), ask(bundle, prepared, Ask(0, against=1))
    np.testing.assert_allclose(one.grids, other.opposing, atol=1e-5)
    assert one.rather_than == "dark"


@pytest.mark.keras
@pytest.mark.parametrize("method", [*ASKING, "counterfactual"])
def test_asking_can_be_stopped_and_tells_how_far_it_is(bundle, prepared, method):
    with pytest.raises(Cancelled):
        EXPLAINERS[method].function(bundle, prepared, Ask(1, cancelled=lambda: True))
    fractions = []
    predicted = int(bundle.run(prepared.batch).logits.argmax())
    EXPLAINERS[method].function(bundle, prepared, Ask(predicted, progress=fractions.append))
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)


@pytest.mark.keras
def test_occlusion_is_the_loss_it_says(bundle):
    """Where the whole scan is one grey, a blur changes nothing, so no window is worth anything."""
    flat = prepare(scan_of(np.full((1, 64, 64), 200, np.uint8)), bundle.card.inputs[0])
    assert occlusion(bundle, flat, Ask(1)).scale < 1e-5
    assert rise(bundle, flat, Ask(1)).scale < 1e-4


@pytest.mark.keras
def test_fractions_add_up_to_the_score(bundle, prepared):
    found = kernel_shap(bundle, prepared, Ask(1))
    parts = np.unique((found.grids - found.opposing)[0])
    assert len(parts) > 10
    assert found.scale > 0


def test_sampled_shapley_values_equal_those_of_all_orders():
    rng = np.random.default_rng(0)
    players = 6
    worth = {frozenset(c): rng.normal() for s in range(players + 1) for c in combinations(range(players), s)}
    exact = np.zeros(players)
    for player in range(players):
        others = [p for p in range(players) if p != player]
        for size in range(players):
            weight = factorial(size) * factorial(players - size - 1) / factorial(players)
            for group in combinations(others, size):
                exact[player] += weight * (worth[frozenset(group) | {player}] - worth[frozenset(group)])
    drawn = sampled_coalitions(players, 40000, rng)
    scores = np.array([worth[frozenset(np.flatnonzero(row))] for row in drawn])
    found = shapley_values(drawn, scores, worth[frozenset()], worth[frozenset(range(players))])
    np.testing.assert_allclose(found, exact, atol=0.05)
    assert found.sum() == pytest.approx(worth[frozenset(range(players))] - worth[frozenset()])


def test_coalitions_are_never_empty_or_full():
    drawn = sampled_coalitions(5, 200, np.random.default_rng(1))
    assert set(drawn.sum(axis=1)) <= {1, 2, 3, 4}


def test_superpixels_follow_an_edge():
    image = np.zeros((60, 60, 1), np.float32)
    image[:, 33:] = 1.0
    parts = superpixels(image, 16)
    left, right = set(np.unique(parts[:, :33])), set(np.unique(parts[:, 33:]))
    assert not left & right
    assert sorted(left | right) == list(range(len(left | right)))


@pytest.fixture
def turned(bundle):
    """A card whose threshold lies just under the score of one bright square on grey, and this scan."""
    pixels = np.full((1, 64, 64), 100, np.uint8)
    pixels[0, 8:24, 40:56] = 250
    prepared = prepare(scan_of(pixels), bundle.card.inputs[0])
    (dark, bright), *_ = bundle.run(prepared.batch).logits
    bundle.card = dataclasses.replace(bundle.card, threshold=float(1 / (1 + np.exp(-(bright - dark - 0.02)))))
    return bundle, prepared


@pytest.mark.keras
def test_hiding_the_evidence_turns_the_decision(turned):
    found = smallest_turning_region(*turned, Ask(1))
    assert 0 < found.facts["share_of_scan"] < 0.15
    assert found.facts["score_after"] < found.facts["score_before"]
    row, column = np.unravel_index(found.heatmap(0).argmax(), (64, 64))
    assert 4 <= row <= 28
    assert 36 <= column <= 60


@pytest.mark.keras
def test_what_the_model_does_not_call_cannot_be_turned(turned):
    with pytest.raises(UnsupportedModel):
        smallest_turning_region(*turned, Ask(0))


@pytest.mark.keras
def test_where_hiding_everything_turns_nothing_the_map_is_empty(bundle):
    flat = prepare(scan_of(np.full((1, 64, 64), 250, np.uint8)), bundle.card.inputs[0])
    assert smallest_turning_region(bundle, flat, Ask(1)).is_empty
