"""The networks that a class can train. Imported in the Keras process only; Keras is imported when they are built."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.lessons.training.settings import LiveSettings

#: Name of a network to the layer whose activations its heatmap is drawn from.
EXPLAINED = {"chapter": "relu1", "deeper": "relu3", "normalised": "relu3", "logistic": "standardised"}


def build_network(settings: LiveSettings, size: tuple[int, int], units: int, mean: float, deviation: float) -> Any:
    """A new keras.Model with the layers `image`, `standardised`, …, `logits`, `probabilities`.

    Args:
        settings: Which network.
        size: (rows, columns) of the images, one channel, values from 0 to 1.
        units: 1 for two classes, else one each.
        mean: Of the training pixels, taken off inside the network.
        deviation: Of the training pixels, divided by inside the network.

    Raises:
        UnsupportedModel: The images are too small for the poolings.
    """
    import keras
    from keras import layers

    if settings.network in {"deeper", "normalised"} and min(size) < 8:
        raise UnsupportedModel(f"An image of {min(size)} pixels is too small to train on", "choose at least 8")
    keras.utils.set_random_seed(settings.seed)
    inputs = keras.Input((*size, 1), name="image")
    x = layers.Rescaling(1.0 / deviation, -mean / deviation, name="standardised")(inputs)
    body = {"chapter": _chapter, "deeper": _deeper, "normalised": _normalised, "logistic": _logistic}
    x = body[settings.network](x)
    if settings.dropout:
        x = layers.Dropout(settings.dropout, name="dropout")(x)
    logits = layers.Dense(units, name="logits")(x)
    activation = "sigmoid" if units == 1 else "softmax"
    model = keras.Model(inputs, layers.Activation(activation, name="probabilities")(logits), name="trained_in_class")
    if settings.uses_donor:
        model.get_layer("conv1").trainable = settings.start != "frozen"
    return model


def _chapter(x: Any) -> Any:
    from keras import layers

    x = layers.Conv2D(32, 3, name="conv1")(x)
    x = layers.ReLU(name="relu1")(x)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = layers.Flatten(name="flat")(x)
    return layers.Dense(64, activation="relu", name="hidden")(x)


def _deeper(x: Any, normalised: bool = False) -> Any:
    from keras import layers

    for number, filters in enumerate((32, 32, 64), start=1):
        x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", name=f"conv{number}")(x)
        if normalised:  # a momentum of 0.99 would need hundreds of steps until the running mean is right
            x = layers.BatchNormalization(momentum=0.9, name=f"norm{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
        if number < 3:
            x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
    return layers.GlobalAveragePooling2D(name="mean")(x)


def _normalised(x: Any) -> Any:
    return _deeper(x, normalised=True)


def _logistic(x: Any) -> Any:
    from keras import layers

    return layers.Flatten(name="flat")(x)


def take_filters(model: Any, donor: Any) -> None:
    """Start the first convolution from the donor's, which must have as many filters of the same size.

    A donor that saw three colours gives the sum over them, as a grey image has the same value in each.

    Raises:
        UnsupportedModel: The donor has no such convolution.
    """
    kernel, bias = _first_convolution(donor)
    own = model.get_layer("conv1")
    grey: NDArray[np.float32] = kernel.sum(axis=2, keepdims=True)
    if grey.shape != tuple(own.kernel.shape):
        raise UnsupportedModel(f"filters of shape {tuple(own.kernel.shape)}", f"{grey.shape}", "start from random ones")
    own.kernel.assign(grey)
    own.bias.assign(bias)


def _first_convolution(donor: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    for layer in donor.layers:
        if type(layer).__name__ == "Conv2D":
            kernel = np.asarray(layer.kernel, np.float32)
            bias = np.zeros(kernel.shape[-1], np.float32) if layer.bias is None else np.asarray(layer.bias, np.float32)
            return kernel, bias
    raise UnsupportedModel("The network has no convolution", "start from random weights")
