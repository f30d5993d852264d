"""Pooling by hand, and what a shift does to it."""

import numpy as np
import pytest

from core.errors import IncompatibleInput
from core.lessons.convolution.activation import activation
from core.lessons.convolution.compute import convolve
from core.lessons.convolution.kernels import fixed_kernel
from core.lessons.pooling.compute import (
    FARTHEST,
    change,
    pool,
    shift_curve,
    shift_effect,
    shifted,
)
from core.lessons.sliding import Sliding


@pytest.fixture
def texture():
    return np.random.default_rng(0).random((40, 64))


def test_maximum_and_average_of_windows_of_two():
    image = np.array([[1.0, 2, 5, 0], [3, 4, 1, 2], [0, 0, 7, 7], [8, 0, 7, 7]])
    assert pool(image, "max").tolist() == [[4, 5], [8, 7]]
    assert pool(image, "average").tolist() == [[2.5, 2], [2, 7]]
    assert pool(image, "max", 3, 1).tolist() == [[7, 7], [8, 7]]
    assert pool(image, "none") is image


def test_a_window_that_does_not_fit_is_left_out_at_the_edge(texture):
    assert pool(texture[:5, :7], "max").shape == (2, 3)
    assert pool(texture[:7, :7], "average", 3, 2).shape == (3, 3)


def test_blur_pooling_is_a_dense_maximum_blurred_and_thinned():
    one = np.zeros((9, 9))
    one[4, 4] = 16.0
    # Along an axis: the maximum gives 16 at 3 and 4, the blur 4 12 12 4 from 1 on, of which 0, 2 and 4 stay: 0 12 4.
    np.testing.assert_allclose(pool(one, "blur"), np.outer([0, 12, 4], [0, 12, 4]) / 16)


def test_zhangs_example_of_a_maximum_that_changes_wholly_with_a_shift():
    signal = np.tile([0.0, 0, 1, 1], (2, 12))
    before, after = (pool(shifted(signal, pixels), "max")[0] for pixels in (0, 1))
    assert set(before) == {0.0, 1.0}
    assert set(after) == {1.0}


def test_without_pooling_a_map_moves_with_the_image(texture):
    for found in shift_curve(texture, "none"):
        assert found.left_over == 0
        assert found.moved == found.pixels


@pytest.mark.parametrize("kind", ["max", "average", "blur"])
def test_pooling_moves_with_the_image_at_whole_strides_only(texture, kind):
    for found in shift_curve(texture, kind):
        assert (found.left_over < 1e-12) == (found.pixels % 2 == 0)
    assert shift_effect(texture, kind, 6, 3, 3).left_over < 1e-12
    assert shift_effect(texture, kind, 6, 3, 3).moved == 2


def test_a_blur_before_thinning_leaves_less_over(texture):
    left = {kind: shift_effect(texture, kind, 1).left_over for kind in ("max", "average", "blur")}
    assert left["blur"] < left["max"]


def test_shifting_a_map_is_shifting_the_image(texture):
    relu, kernel = activation("ReLU"), fixed_kernel("Sobel x")

    def mapped(image):
        return relu.function(convolve(image, kernel, Sliding(3)))

    whole = mapped(texture)
    for pixels in (0, 1, 5):
        of_image = mapped(texture[:, FARTHEST - pixels : texture.shape[1] - FARTHEST - pixels])
        np.testing.assert_allclose(of_image, shifted(whole, pixels))


def test_change_of_nothing_is_not_defined():
    assert np.isnan(change(np.zeros((2, 2)), np.zeros((2, 2))))
    assert change(np.ones((2, 2)), np.full((2, 2), 2.0)) == 0.5


def test_too_small_a_map_and_too_far_a_shift_are_refused(texture):
    with pytest.raises(IncompatibleInput, match="choose an image that gives 24"):
        shifted(texture[:, :20], 1)
    with pytest.raises(IncompatibleInput, match="a shift from 0 to 8"):
        shifted(texture, 9)
