"""Variation stays within bounds and repeats itself."""

import numpy as np
import pytest

from core.training.augment import augment
from core.training.recipe.course import Augmentation

STRONG = Augmentation(10.0, 0.1, 0.2, 0.1, 0.2, 0.3, 0.4, 0.5, 0.05, 0.7, 0.7, True)


@pytest.fixture
def image():
    levels = np.zeros((24, 32, 1), np.float32)
    levels[8:16, 4:12] = 0.8
    return levels


def test_no_variation_leaves_the_image(image):
    assert np.allclose(augment(image, Augmentation(), np.random.default_rng(0)), image, atol=1e-6)


def test_same_draws_give_the_same_image(image):
    first, second = (augment(image, STRONG, np.random.default_rng((1, 2, 3))) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, augment(image, STRONG, np.random.default_rng((1, 2, 4))))


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])
def test_values_stay_in_the_range_of_the_input(image, bounds):
    low, high = bounds
    scaled = image * (high - low) + low
    for seed in range(20):
        varied = augment(scaled, STRONG, np.random.default_rng(seed), bounds)
        assert low <= varied.min() <= varied.max() <= high
        assert varied.dtype == np.float32
        assert varied.shape == scaled.shape


def test_nothing_is_turned_upside_down_or_mirrored_unless_asked(image):
    gentle = Augmentation(rotation=10, shift=0.05, zoom=0.1, aspect=0.1)
    for seed in range(30):
        varied = augment(image, gentle, np.random.default_rng(seed))[..., 0]
        assert varied[:, :16].sum() > varied[:, 16:].sum()


def test_flip_mirrors_about_half_of_the_images(image):
    varied = [augment(image, Augmentation(flip=True), np.random.default_rng(seed)) for seed in range(60)]
    mirrored = sum(one[:, 16:].sum() > one[:, :16].sum() for one in varied)
    assert 15 < mirrored < 45
    assert any(np.allclose(one, image[:, ::-1], atol=1e-5) for one in varied)


def test_shift_fills_with_black(image):
    bright = np.ones_like(image)
    varied = augment(bright, Augmentation(shift=0.3), np.random.default_rng(0))
    assert varied.min() == 0.0
    assert varied.max() == 1.0


def test_letters_are_drawn_near_the_border_only():
    drawn = np.stack(
        [augment(np.zeros((100, 100, 1)), Augmentation(marker=1.0), np.random.default_rng(seed)) for seed in range(80)]
    )
    assert (drawn.max(axis=(1, 2, 3)) > 0.4).mean() > 0.8
    assert drawn[:, 30:70, 30:70].max() == 0


def test_covering_hides_a_marker_at_times_and_never_the_middle():
    ground = np.full((100, 100, 1), 0.2)
    ground[6:10, 6:10] = 1.0
    ground[50, 50] = 1.0
    varied = [augment(ground, Augmentation(random_erasing=1.0), np.random.default_rng(seed)) for seed in range(80)]
    hidden = sum(one[6:10, 6:10].max() < 0.5 for one in varied)
    assert 4 < hidden < 60
    assert all(one[50, 50] == 1.0 for one in varied)
