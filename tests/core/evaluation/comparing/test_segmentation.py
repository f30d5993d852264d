"""Overlap and surface distances against scipy."""

import math

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, distance_transform_edt, gaussian_filter
from scipy.spatial.distance import dice as scipy_dice
from scipy.spatial.distance import directed_hausdorff
from scipy.spatial.distance import jaccard as scipy_jaccard

from core.evaluation.metrics.masks import (
    SEGMENTATION_METRICS,
    dice,
    hausdorff,
    hausdorff_95,
    jaccard,
    mean_surface_distance,
    surface_distances,
    surface_points,
)


def masks(shape, seed=0):
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=shape), 2)
    other = field + 0.4 * field.std() * gaussian_filter(rng.normal(size=shape), 1) / 0.1
    return field > np.quantile(field, 0.8), other > np.quantile(other, 0.75)


CASES = [((40, 50), (1.0, 1.0)), ((30, 41), (0.5, 2.0)), ((12, 20, 17), (3.0, 0.7, 0.7))]


@pytest.mark.parametrize(("shape", "spacing"), CASES)
@pytest.mark.parametrize("seed", range(3))
def test_overlap_equals_scipy(shape, spacing, seed):
    a, b = masks(shape, seed)
    assert dice(a, b) == pytest.approx(1 - scipy_dice(a.ravel(), b.ravel()))
    assert jaccard(a, b) == pytest.approx(1 - scipy_jaccard(a.ravel(), b.ravel()))


@pytest.mark.parametrize(("shape", "spacing"), CASES)
@pytest.mark.parametrize("seed", range(3))
def test_hausdorff_equals_scipy_on_the_surfaces(shape, spacing, seed):
    a, b = masks(shape, seed)
    edges = [np.argwhere(mask & ~binary_erosion(mask)) * spacing for mask in (a, b)]
    expected = max(directed_hausdorff(*edges)[0], directed_hausdorff(*edges[::-1])[0])
    assert hausdorff(a, b, spacing) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("shape", "spacing"), CASES)
def test_surface_distances_equal_a_distance_transform(shape, spacing):
    a, b = masks(shape)
    edges = [mask & ~binary_erosion(mask) for mask in (a, b)]
    fields = [distance_transform_edt(~edge, sampling=spacing) for edge in edges]
    forth, back = surface_distances(a, b, spacing)
    assert np.sort(forth) == pytest.approx(np.sort(fields[1][edges[0]]), abs=1e-9)
    assert np.sort(back) == pytest.approx(np.sort(fields[0][edges[1]]), abs=1e-9)
    both = [np.percentile(part, 95) for part in (fields[1][edges[0]], fields[0][edges[1]])]
    assert hausdorff_95(a, b, spacing) == pytest.approx(max(both))
    assert mean_surface_distance(a, b, spacing) == pytest.approx(np.concatenate([forth, back]).mean())


def test_distances_are_exact_far_from_the_origin():
    a = np.zeros((2000, 30), bool)
    b = a.copy()
    a[1990:1995, 3:9], b[1990:1995, 3:9] = True, True
    assert hausdorff(a, b, (1e3, 1e-3)) == 0.0


def brute_force(one, two):
    return np.sqrt(((one[:, None] - two[None]) ** 2).sum(-1)).min(axis=1)


def test_distances_of_a_leaning_stack_follow_the_origins_of_its_slices():
    a, b = np.zeros((2, 4, 9, 9), bool)
    a[0, 4, 4] = b[2, 4, 4] = True
    # Slices 3 mm apart along their normal, each 4 mm further down: a gantry that leans.
    origins = np.array([[3.0 * k, 4.0 * k, 0.0] for k in range(4)])
    assert hausdorff(a, b, (3.0, 0.5, 0.5)) == pytest.approx(6.0)
    assert hausdorff_95(a, b, (3.0, 0.5, 0.5), origins) == pytest.approx(10.0)
    straight = origins * (1, 0, 0)
    a, b = masks((4, 9, 9))
    for ours, theirs in zip(
        surface_distances(a, b, (3.0, 0.5, 0.5), straight), surface_distances(a, b, (3.0, 0.5, 0.5)), strict=True
    ):
        assert ours == pytest.approx(theirs)
    one, two = (surface_points(mask, (3.0, 0.5, 0.5), origins) for mask in (a, b))
    assert surface_distances(a, b, (3.0, 0.5, 0.5), origins)[0] == pytest.approx(brute_force(one, two))


def test_origins_that_do_not_fit_the_slices_are_refused():
    block = np.ones((4, 5, 5), bool)
    with pytest.raises(ValueError, match="origin of 3 numbers for each slice"):
        hausdorff(block, block, (1, 1, 1), np.zeros((3, 3)))


@pytest.mark.parametrize("place", [(0, 0), (-1, -1), (3, 5)])
def test_surface_points_lie_where_the_mask_does(place):
    mask = np.zeros((7, 11), bool)
    mask[place] = True
    assert surface_points(mask, (2.0, 0.5)).tolist() == [list(np.argwhere(mask)[0] * (2.0, 0.5))]


def test_surface_of_a_block_is_its_shell():
    block = np.ones((5, 5, 5), bool)
    assert len(surface_points(block, (1, 1, 1))) == 125 - 27


def test_one_voxel_is_its_own_surface():
    a, b = np.zeros((9, 9), bool), np.zeros((9, 9), bool)
    a[2, 3], b[5, 7] = True, True
    assert hausdorff(a, b, (2.0, 1.0)) == pytest.approx(math.hypot(6, 4))


@pytest.mark.parametrize("name", SEGMENTATION_METRICS)
def test_metric_of_equal_masks_is_the_best_there_is(name):
    a, _ = masks((30, 30))
    assert SEGMENTATION_METRICS[name].function(a, a, (1, 1)) == (
        1.0 if SEGMENTATION_METRICS[name].higher_is_better else 0
    )


@pytest.mark.parametrize("name", SEGMENTATION_METRICS)
def test_metric_of_empty_masks_is_not_a_number(name):
    nothing = np.zeros((5, 5), bool)
    assert math.isnan(SEGMENTATION_METRICS[name].function(nothing, nothing, (1, 1)))


def test_missed_outline_has_no_overlap_and_no_distance():
    a, nothing = masks((20, 20))[0], np.zeros((20, 20), bool)
    assert dice(a, nothing) == 0.0
    assert math.isnan(hausdorff(a, nothing, (1, 1)))


def test_masks_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        dice(np.ones((3, 3)), np.ones((3, 4)))
    with pytest.raises(ValueError, match="2 spacings"):
        hausdorff(np.ones((3, 3)), np.ones((3, 3)), (1, 1, 1))
