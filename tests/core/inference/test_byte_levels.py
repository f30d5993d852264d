"""Bytes take shorter ways to the model's grid, which must lead to the same place."""

import dataclasses

import numpy as np
import pytest

from core.inference.prepare import prepare
from core.models.card import InputSpec
from core.scan import Scan, percentile_window

RNG = np.random.default_rng(4)
IMAGES = {
    "noise": RNG.integers(0, 256, (1, 90, 111)),
    "narrow": RNG.normal(100, 4, (1, 300, 257)).clip(0, 255),
    "mostly black": (RNG.random((1, 80, 80)) < 0.01) * 200,
    "constant": np.full((1, 20, 20), 7),
    "few levels": RNG.integers(0, 3, (1, 64, 64)) * 90,
    "one pixel": np.full((1, 1, 1), 255),
    "large": RNG.gamma(2.0, 30.0, (1, 700, 800)).clip(0, 255),
}


@pytest.mark.parametrize("padding", [None, 0.0, 7.0, 255.0, 3.5, -2000.0])
@pytest.mark.parametrize("name", IMAGES)
def test_percentiles_of_bytes_are_those_of_the_same_values_as_words(name, padding):
    pixels = IMAGES[name].astype(np.uint8)
    assert percentile_window(pixels, padding) == percentile_window(pixels.astype(np.int16), padding)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resize", ["stretch", "letterbox", "crop"])
@pytest.mark.parametrize("name", IMAGES)
def test_bytes_are_prepared_as_the_same_values_as_words(name, resize, channels):
    spec = InputSpec("image", "image", (48, 40), channels, (-1.0, 1.0), "percentile", resize, ())
    scan = Scan(IMAGES[name].astype(np.uint8), "single", "", "", "")
    words = dataclasses.replace(scan, pixels=scan.pixels.astype(np.int16))
    np.testing.assert_allclose(prepare(scan, spec).batch["image"], prepare(words, spec).batch["image"], atol=2e-7)
