import dataclasses

import numpy as np
import pytest

from core.errors import Cancelled, UnsupportedModel
from core.explain.methods.prototypes import class_prototype


@pytest.mark.keras
def test_prototype_of_a_colour_is_of_that_colour(taught, keras_process):
    bundle = taught("flat functional")
    red, green = (class_prototype(bundle, target, keras_process, steps=40) for target in (0, 1))
    assert red.image.shape == (24, 24, 3)
    assert red.image[..., 0].mean() > red.image[..., 1].mean() + 0.2
    assert green.image[..., 1].mean() > green.image[..., 0].mean() + 0.2
    assert red.score > red.grey_score
    assert (red.label, green.label) == ("red", "green")


@pytest.mark.keras
def test_prototype_of_bright_is_bright(open_model, brightness_model, keras_process):
    bundle = open_model(brightness_model, "cells")
    assert class_prototype(bundle, 1, keras_process, steps=40).image.mean() > 0.7
    assert class_prototype(bundle, 0, keras_process, steps=40).image.mean() < 0.3


@pytest.mark.keras
@pytest.mark.parametrize("value_range", [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (-1000.0, 400.0)])
def test_image_fills_the_models_own_range_of_values_and_no_other(
    open_model, brightness_model, keras_process, monkeypatch, value_range
):
    bundle, given = open_model(brightness_model, "cells"), []
    spec, run = dataclasses.replace(bundle.card.inputs[0], value_range=value_range), bundle.run
    monkeypatch.setattr(bundle, "card", dataclasses.replace(bundle.card, inputs=(spec,)))
    monkeypatch.setattr(bundle, "run", lambda batch, **how: given.append(batch["image"]) or run(batch, **how))
    bright, dark = (class_prototype(bundle, target, keras_process, steps=40).image for target in (1, 0))
    assert dark.min() >= 0
    assert bright.max() <= 1
    low, high = value_range
    assert low <= given[2].mean() < low + 0.3 * (high - low)
    assert high - 0.3 * (high - low) < given[0].mean() <= high


@pytest.mark.keras
def test_neighbours_differ_less_than_in_noise(taught, keras_process):
    image = class_prototype(taught("flat functional"), 0, keras_process, steps=60).image
    assert np.abs(np.diff(image, axis=0)).mean() < 0.5 * image.std()


@pytest.mark.keras
def test_same_seed_same_image_with_progress_and_a_stop(taught, keras_process):
    bundle, fractions = taught("flat functional"), []
    one = class_prototype(bundle, 0, keras_process, steps=8, seed=3, progress=fractions.append)
    again, other = (class_prototype(bundle, 0, keras_process, steps=8, seed=seed) for seed in (3, 4))
    np.testing.assert_array_equal(one.image, again.image)
    assert not np.array_equal(one.image, other.image)
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    with pytest.raises(Cancelled):
        class_prototype(bundle, 0, keras_process, cancelled=lambda: True)


@pytest.mark.keras
@pytest.mark.parametrize(
    "name",
    [
        "nested backbone",
        "head in nested model",
        "softmax operation",
        "time distributed and GRU",
        "volume",
        "transformer",
    ],
)
def test_any_kind_of_network_has_a_prototype_of_its_inputs_shape(taught, keras_process, name):
    bundle = taught(name)
    found = class_prototype(bundle, 0, keras_process, steps=25)
    assert found.image.shape == bundle.input_shapes["image"]
    assert found.score > found.grey_score


@pytest.mark.keras
def test_model_is_the_same_after_its_prototype_was_made(taught, keras_process):
    bundle = taught("flat functional")
    batch = {"image": np.random.default_rng(0).random((1, 24, 24, 3), np.float32)}
    ask = ("predict", {"model": str(bundle.card.folder / "model.keras")}, batch)
    before = keras_process.call(*ask)[1]["output"]
    class_prototype(bundle, 0, keras_process, steps=3)
    np.testing.assert_array_equal(before, keras_process.call(*ask)[1]["output"])


@pytest.mark.keras
def test_table_beside_the_image_stays_at_zero(taught, keras_process):
    found = class_prototype(taught("image and table"), 0, keras_process, steps=20)
    assert found.image[..., 0].mean() > found.image[..., 1].mean()


@pytest.mark.keras
def test_model_that_outlines_has_no_prototype(taught, keras_process):
    with pytest.raises(UnsupportedModel, match="one answer a scan"):
        class_prototype(taught("U-Net"), 0, keras_process)
