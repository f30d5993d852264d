"""Pieces that several networks are made of."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


def convolve(
    x: Any, filters: int, name: str, size: int = 3, stride: int = 1, dilation: int = 1, relu: bool = True
) -> Any:
    """Convolution, batch normalisation and, unless told otherwise, ReLU.

    Args:
        x: (batch, rows, columns, channels).
        filters: Channels of the result.
        name: Start of the layers' names.
        size: Side of the kernel.
        stride: Rows and columns are divided by it.
        dilation: Distance of the kernel's elements.
        relu: Whether negative values are cut off.
    """
    x = layers.Conv2D(
        filters, size, stride, "same", dilation_rate=dilation, use_bias=False, kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)  # fmt: skip
    x = layers.BatchNormalization(momentum=0.97, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if relu else x


def add_head(inputs: Any, features: Any, units: int, dropout: float, name: str, activation: str) -> keras.Model:
    """Global average pooling, dropout, `logits` and `probabilities` on top of feature maps."""
    x = layers.GlobalAveragePooling2D(name="features")(features)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(units, name="logits")(x)
    return keras.Model(inputs, layers.Activation(activation, name="probabilities")(logits), name=name)
