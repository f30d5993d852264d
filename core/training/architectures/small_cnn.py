"""The smallest network worth the name: what a first course trains, kept as the yardstick for the others."""

from __future__ import annotations

import keras
from keras import layers


def small_cnn(
    shape: tuple[int, int, int],
    units: int,
    activation: str,
    *,
    input_name: str = "image",
    filters: int = 32,
    pool: int = 4,
    hidden: int = 64,
    dropout: float = 0.3,
) -> keras.Model:
    """One convolution of 3 × 3, maximum pooling, one hidden layer.

    The hidden layer sees every place of the image by itself, so the head is not affine in the activations and
    Grad-CAM needs gradients. The layer to explain is `activations`, as fine as the input.

    Args:
        shape: (rows, columns, channels) of the input.
        units: Output units; 1 for a binary model.
        activation: `sigmoid` or `softmax`.
        input_name: Name of the Keras input.
        filters: Of the convolution.
        pool: Side of the pooled squares; nearly all weights follow it, with 1 / `pool` squared.
        hidden: Units of the hidden layer.
        dropout: Fraction of hidden units dropped in training.
    """
    inputs = keras.Input(shape, name=input_name)
    x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", name="conv")(inputs)
    x = layers.ReLU(name="activations")(x)
    x = layers.MaxPooling2D(pool, name="pool")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(hidden, activation="relu", kernel_initializer="he_normal", name="hidden")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(units, name="logits")(x)
    return keras.Model(inputs, layers.Activation(activation, name="probabilities")(logits), name="small_cnn")
