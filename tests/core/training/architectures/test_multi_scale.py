"""The multi-scale network sees what its words promise, and stays as explainable as the others."""

import numpy as np
import pytest

pytestmark = pytest.mark.keras

SMALL = {"stem": 2, "widths": (6, 12), "blocks": (1, 1), "dilations": (1, 2, 4)}


@pytest.fixture(scope="module")
def model():
    from core.training.architectures.multi_scale import multi_scale_attention

    return multi_scale_attention((48, 48, 1), 1, "sigmoid", **SMALL)


def reach(layer, side=32):
    """How many columns a lit pixel spreads over through one convolution."""
    image = np.zeros((1, side, side, layer.kernel.shape[2]), np.float32)
    image[0, side // 2, side // 2] = 1.0
    layer.kernel.assign(np.ones(layer.kernel.shape))
    (columns,) = np.nonzero(np.asarray(layer(image))[0].any(axis=(0, 2)))
    return columns.max() - columns.min() + 1


def test_branches_see_three_five_and_nine_cells():
    from core.training.architectures.multi_scale import multi_scale_attention

    model = multi_scale_attention((32, 32, 1), 1, "sigmoid", **SMALL)
    assert [reach(model.get_layer(f"stage1_block1_every{step}_conv")) for step in (1, 2, 4)] == [3, 5, 9]


def test_stem_has_kernels_of_three_sizes(model):
    assert [model.get_layer(f"stem_{n}x{n}_conv").kernel.shape[0] for n in (3, 5, 7)] == [3, 5, 7]


def test_attention_is_the_sum_of_what_channels_and_places_weigh():
    import keras

    from core.training.architectures.multi_scale import attend

    inputs = keras.Input((6, 6, 8))
    attended = keras.Model(inputs, attend(inputs, "a"))
    weights = keras.Model(inputs, [attended.get_layer(f"a_{kind}_weights").output for kind in ("channel", "place")])
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 8)).astype(np.float32)
    of_channels, of_places = (np.asarray(part) for part in weights(x))
    assert of_channels.shape == (2, 1, 1, 8)
    assert of_places.shape == (2, 6, 6, 1)
    assert of_channels.std() > 0
    assert np.allclose(attended(x), x * of_channels + x * of_places, atol=1e-6)


def test_compiled_head_is_affine_in_the_explained_layer(model, tmp_path):
    from core.keras_process.model.compile import compile_bundle

    sample = np.random.default_rng(0).random((4, 48, 48, 1)).astype(np.float32)
    facts = compile_bundle(model, tmp_path, "activations", {"image": sample})
    assert facts.affine
    assert facts.grid == (6, 6, 12)


def test_width_that_the_branches_cannot_fraction_is_refused():
    from core.training.architectures.multi_scale import multi_scale_attention

    with pytest.raises(ValueError, match="widths that 3 branches share"):
        multi_scale_attention((32, 32, 1), 1, "sigmoid", widths=(8, 12), blocks=(1, 1))
