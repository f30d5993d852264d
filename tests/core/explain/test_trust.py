"""The checks on explanations, on a model whose evidence is known: each cell adds its own brightness to the logit."""

import dataclasses
from functools import partial

import numpy as np
import pytest

from core.errors import Cancelled
from core.explain.methods.cam import grad_cam
from core.explain.patches import patch_heat, patch_layout, patch_masks
from core.explain.request import Ask
from core.explain.target import score_weights
from core.explain.trust.checking import check_explanation
from core.explain.trust.faithfulness import BLOCK, measure_faithfulness
from core.explain.trust.sanity import measure_sanity
from core.explain.trust.similarity_of_maps import at_common_size, overlap_of_hottest, rank_correlation
from core.explain.trust.stability import measure_stability
from core.explain.trust.verdict import judge
from core.inference.prepare import Geometry, prepare
from core.inference.randomised import randomised_bundle
from core.scan import Scan, Window

SIZE = 64


@pytest.fixture
def bundle(open_model, brightness_model):
    return open_model(brightness_model, "cells")


@pytest.fixture
def prepared(bundle):
    """Bright spots of different strength on dark ground."""
    pixels = np.full((1, SIZE, SIZE), 20, np.uint8)
    for step, (row, column) in enumerate([(6, 40), (30, 10), (44, 44), (20, 24)]):
        pixels[0, row : row + 9, column : column + 9] = 90 + 50 * step
    scan = Scan(pixels, "single", "", "test", "test", windows=(Window(127.5, 255.0, "LINEAR_EXACT"),))
    return prepare(scan, bundle.card.inputs[0])


@pytest.fixture
def heat(bundle, prepared):
    return grad_cam(bundle, prepared, 1)


@pytest.fixture
def weights(bundle):
    return score_weights(bundle.card, bundle.units, 1)


def with_grid(explanation, grid):
    return dataclasses.replace(explanation, grids=np.asarray(grid, np.float32)[None])


@pytest.mark.keras
def test_the_true_evidence_beats_random_orders(bundle, prepared, heat, weights):
    found = measure_faithfulness(bundle, prepared, heat, weights)
    assert found.deletion_beats > 98
    assert found.insertion_beats > 98
    assert found.nothing < found.whole + 1e-3


@pytest.mark.keras
def test_the_reverse_of_the_evidence_loses_to_random_orders(bundle, prepared, heat, weights):
    backwards = with_grid(heat, heat.grids.max() - heat.grids[0])
    found = measure_faithfulness(bundle, prepared, backwards, weights)
    assert found.beats < 10
    assert judge(backwards, found).verdict == "does not follow"


@pytest.mark.keras
def test_chance_is_about_as_good_as_chance(bundle, prepared, heat, weights):
    beats = [
        measure_faithfulness(
            bundle, prepared, with_grid(heat, np.random.default_rng(seed).random((16, 16))), weights, orders=40
        ).beats
        for seed in range(8)
    ]
    assert 25 < np.mean(beats) < 75


@pytest.mark.keras
def test_the_check_can_be_stopped(bundle, prepared, heat, weights):
    with pytest.raises(Cancelled):
        measure_faithfulness(bundle, prepared, heat, weights, cancelled=lambda: True)


@pytest.mark.keras
def test_progress_reaches_one(bundle, prepared, heat, weights):
    fractions = []
    measure_faithfulness(bundle, prepared, heat, weights, orders=BLOCK, progress=fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_patches_cover_the_scan_and_leave_the_padding_alone():
    geometry = Geometry((40, 40), (20, 40), (1.0, 1.0), (-10.0, 0.0), (10, 0, 30, 40))
    layout = patch_layout(geometry)
    assert layout == (4, 8)
    masks = patch_masks(np.zeros((1, *layout), np.float32), geometry)
    assert masks[0, 10:30].max() == 0
    assert masks[0, :10].min() == 1


def test_heat_of_a_patch_is_that_of_its_place():
    geometry = Geometry((40, 40), (40, 40), (1.0, 1.0), (0.0, 0.0), (0, 0, 40, 40))
    grid = np.zeros((8, 8), np.float32)
    grid[6, 1] = 1.0
    assert np.unravel_index(patch_heat(grid, geometry, (8, 8)).argmax(), (8, 8)) == (6, 1)


@pytest.mark.keras
def test_a_steady_model_is_called_steady(bundle, prepared, heat, weights):
    found = measure_stability(
        prepared,
        heat,
        lambda changed: grad_cam(bundle, changed, 1),
        lambda changed: bundle.run(changed.batch, ("logits",)).logits @ weights,
    )
    assert found.mean > 0.8
    assert len(found.correlations) == 4


@pytest.mark.keras
def test_a_map_that_stays_on_the_grid_is_not_steady(bundle, prepared, weights):
    stripes = np.tile(np.arange(16) % 2, (16, 1)).astype(np.float32)
    fixed = with_grid(grad_cam(bundle, prepared, 1), stripes)
    found = measure_stability(
        prepared,
        fixed,
        lambda changed: dataclasses.replace(
            fixed, grids=np.random.default_rng(1).random((5, 16, 16)).astype(np.float32)
        ),
        lambda changed: np.zeros(5),
    )
    assert abs(found.mean) < 0.2
    assert judge(fixed, stability=found).verdict == "does not follow"


@pytest.mark.keras
def test_an_edge_detector_is_found_out(bundle, prepared, heat):
    found = measure_sanity(bundle, prepared, heat, lambda _copy, _one: heat)
    assert found.mean == pytest.approx(1.0)
    assert judge(heat, sanity=found).verdict == "does not follow"


@pytest.mark.keras
def test_random_weights_change_the_map_of_a_real_method(open_model, flat_model):
    bundle = open_model(flat_model, "last")
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 255, (1, 32, 32, 3), dtype=np.uint8)
    prepared = prepare(Scan(pixels, "single", "", "test", "test"), bundle.card.inputs[0])
    heat = grad_cam(bundle, prepared, 2)
    found = measure_sanity(bundle, prepared, heat, partial(grad_cam, target=2))
    assert found.mean < 0.7
    assert found.untrained.grids.shape == heat.grids.shape


@pytest.mark.keras
def test_randomising_leaves_the_bundle_alone(open_model, flat_model):
    bundle = open_model(flat_model, "last")
    batch = {"image": np.random.default_rng(0).random((2, 32, 32, 3), np.float32)}
    before = bundle.run(batch)
    copy = randomised_bundle(bundle, 1.0)
    after, other = bundle.run(batch), copy.run(batch)
    assert np.array_equal(before.logits, after.logits)
    assert not np.allclose(before.activations, other.activations)
    assert copy.randomised == (1.0, 0)
    assert bundle.randomised is None


@pytest.mark.keras
def test_randomising_the_last_layer_keeps_what_lies_before(open_model, flat_model):
    bundle = open_model(flat_model, "last")
    batch = {"image": np.random.default_rng(0).random((2, 32, 32, 3), np.float32)}
    copy = randomised_bundle(bundle, 0.0)
    assert np.allclose(bundle.run(batch).activations, copy.run(batch).activations, atol=1e-5)
    assert not np.allclose(bundle.cam_weights, copy.cam_weights)


@pytest.mark.keras
def test_all_checks_passed_is_supported_and_an_empty_map_is_not(bundle, prepared, heat, weights):
    faithful = measure_faithfulness(bundle, prepared, heat, weights)
    assert judge(heat, faithful).verdict == "follows the model"
    assert judge(with_grid(heat, np.zeros((16, 16))), faithful).verdict == "no evidence"


@pytest.mark.keras
def test_a_map_with_nothing_for_its_label_is_never_called_supported(bundle, prepared, heat, weights):
    faithful = measure_faithfulness(bundle, prepared, heat, weights)
    faint = dataclasses.replace(heat, grids=0.01 * heat.grids, opposing=heat.grids)
    trust = judge(faint, faithful)
    assert trust.verdict == "no evidence"
    assert trust.checks[0].sentence == "No evidence for bright was found"
    assert check_explanation(bundle, prepared, faint, Ask(1)).verdict == "no evidence"


@pytest.mark.keras
def test_between_passed_and_failed_lies_doubt(heat, bundle, prepared, weights):
    faithful = measure_faithfulness(bundle, prepared, heat, weights)
    halfway = dataclasses.replace(faithful, deletion_beats=80.0, insertion_beats=95.0)
    assert judge(heat, halfway).verdict == "undecided"


def test_rank_correlation_follows_scipy():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 5, (8, 8)), rng.integers(0, 5, (8, 8))
    assert rank_correlation(one, other) == pytest.approx(spearmanr(one.ravel(), other.ravel())[0])
    assert rank_correlation(one, np.zeros((8, 8))) == 0.0


def test_maps_of_any_resolution_meet_where_they_are_hot():
    fine, coarse = np.zeros((64, 64)), np.zeros((8, 8))
    fine[48:, :16], coarse[6:, :2] = 1.0, 1.0
    together = overlap_of_hottest([fine, coarse])
    assert np.unravel_index(together.argmax(), together.shape) in {(r, c) for r in range(12, 16) for c in range(4)}
    assert together[0, 15] == 0
    assert at_common_size(fine).shape == at_common_size(coarse).shape


@pytest.mark.keras
def test_weights_of_a_randomised_head_are_those_of_its_logits(open_model, flat_model, hidden_model):
    copy = randomised_bundle(open_model(flat_model, "last"), 0.0, seed=4)
    assert copy.pooled_head
    assert randomised_bundle(open_model(hidden_model, "last"), 0.0).cam_weights is None
