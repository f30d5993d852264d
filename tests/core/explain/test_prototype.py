import numpy as np
import pytest

from core.errors import Cancelled, UnsupportedModel
from core.explain.prototype import class_prototype
from core.runtime.prototype import Climb, climb, curvature


def test_uphill_of_a_linear_score_is_where_its_weights_are():
    weights = np.zeros((12, 12, 1), np.float32)
    weights[4:8, 4:8] = 1.0
    found = climb(
        lambda _picture: weights, (12, 12, 1), (0.0, 255.0), Climb(jitter=0), lambda _share: None, lambda: False
    )
    assert found.min() >= 0
    assert found.max() <= 255
    assert found[5:7, 5:7].mean() > found[:2].mean() + 50


def test_curvature_is_the_downhill_of_squared_differences():
    rng = np.random.default_rng(0)
    picture, step = rng.random((5, 6, 2)), 1e-6

    def roughness(values):
        return sum((np.diff(values, axis=axis) ** 2).sum() for axis in (0, 1)) / 2

    for place in [(0, 0, 0), (2, 3, 1), (4, 5, 0)]:
        moved = picture.copy()
        moved[place] += step
        assert curvature(picture)[place] == pytest.approx(-(roughness(moved) - roughness(picture)) / step, abs=1e-4)


@pytest.mark.keras
def test_prototype_of_a_colour_is_of_that_colour(taught, keras_process):
    bundle = taught("flat functional")
    red, green = (class_prototype(bundle, target, keras_process, steps=40) for target in (0, 1))
    assert red.picture.shape == (24, 24, 3)
    assert red.picture[..., 0].mean() > red.picture[..., 1].mean() + 0.2
    assert green.picture[..., 1].mean() > green.picture[..., 0].mean() + 0.2
    assert red.score > red.grey_score
    assert (red.label, green.label) == ("red", "green")


@pytest.mark.keras
def test_prototype_of_bright_is_bright(open_model, brightness_model, keras_process):
    bundle = open_model(brightness_model, "cells")
    assert class_prototype(bundle, 1, keras_process, steps=40).picture.mean() > 0.7
    assert class_prototype(bundle, 0, keras_process, steps=40).picture.mean() < 0.3


@pytest.mark.keras
def test_same_seed_same_picture_with_progress_and_a_stop(taught, keras_process):
    bundle, shares = taught("flat functional"), []
    one = class_prototype(bundle, 0, keras_process, steps=8, seed=3, progress=shares.append)
    again, other = (class_prototype(bundle, 0, keras_process, steps=8, seed=seed) for seed in (3, 4))
    np.testing.assert_array_equal(one.picture, again.picture)
    assert not np.array_equal(one.picture, other.picture)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    with pytest.raises(Cancelled):
        class_prototype(bundle, 0, keras_process, cancelled=lambda: True)


@pytest.mark.keras
def test_table_beside_the_picture_stays_at_zero(taught, keras_process):
    found = class_prototype(taught("image and table"), 0, keras_process, steps=20)
    assert found.picture[..., 0].mean() > found.picture[..., 1].mean()


@pytest.mark.keras
def test_model_that_outlines_has_no_prototype(taught, keras_process):
    with pytest.raises(UnsupportedModel, match="one answer a scan"):
        class_prototype(taught("U-Net"), 0, keras_process)
