import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.display import (
    FADE_BELOW,
    blend,
    heat_rgba,
    inferno,
    resample,
    square_size,
)


def luma(colors):
    return colors @ np.array([0.299, 0.587, 0.114])


def test_more_evidence_is_always_brighter():
    brightness = luma(inferno(np.linspace(0, 1, 256, dtype=np.float32)[None])[0])
    assert np.all(np.diff(brightness) > -1)
    assert brightness[0] < 20
    assert brightness[-1] > 220


def test_values_outside_the_scale_take_its_ends():
    np.testing.assert_array_equal(inferno(np.array([[-1.0, 2.0]])), inferno(np.array([[0.0, 1.0]])))


def test_no_evidence_is_invisible_and_some_is_faded():
    alpha = heat_rgba(np.array([[0.0, 0.5 * FADE_BELOW, FADE_BELOW, 1.0]]) * 3, scale=3)[0, :, 3]
    assert alpha.tolist() == pytest.approx([0, 128, 255, 255], abs=1)


def test_scale_of_nothing_gives_an_invisible_layer():
    assert heat_rgba(np.ones((3, 3)), scale=0.0)[..., 3].max() == 0


def test_opacity_goes_from_the_image_to_the_layer():
    image = np.full((2, 2), 100, np.uint8)
    layer = np.dstack([np.full((2, 2, 3), 200, np.uint8), np.full((2, 2), 255, np.uint8)])
    assert [int(blend(image, layer, opacity)[0, 0, 0]) for opacity in (0, 0.5, 1)] == [100, 150, 200]


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)])
def test_invisible_layer_changes_no_pixel(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    below = np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image
    np.testing.assert_array_equal(blend(image, heat_rgba(np.zeros((4, 6)), 1.0), 1.0), below)


@pytest.mark.parametrize("pixel_aspect", [1.0, 4 / 3, 0.5])
def test_square_pixels_keep_the_true_shape_and_lose_none(pixel_aspect):
    rows, columns = square_size(300, 400, pixel_aspect)
    assert rows / columns == pytest.approx(300 * pixel_aspect / 400, rel=0.01)
    assert rows >= 300
    assert columns >= 400


def test_image_that_fits_is_not_resampled():
    image = np.zeros((4, 6), np.uint8)
    assert resample(image, (4, 6)) is image
    assert resample(image, (8, 3)).shape == (8, 3)


def test_overlays_come_without_plotly():
    """The first image must not wait for a chart library."""
    modules = "core.display, core.figures.probabilities, core.figures.evidence"
    code = f"import sys, {modules}; print('plotly' in sys.modules)"
    root = Path(__file__).parents[3]
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert out.stdout.strip() == "False"
