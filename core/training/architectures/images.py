"""The networks that recipes can name. Each is a flat functional model, so that every layer can be explained.

A builder gets the shape of the input, the number of output units and the recipe's parameters, and returns a model
whose last two layers are `logits` (Dense, linear) and `probabilities` (activation). The head is global average
pooling and one Dense layer: affine in the activations, for which Grad-CAM is exact and nearly free; `small_cnn` alone
has a hidden layer there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from core.training.architectures.blocks import add_head, convolve
from core.training.architectures.efficientnet import feature_maps, load_imagenet
from core.training.architectures.multi_scale import multi_scale_attention
from core.training.architectures.small_cnn import small_cnn


def _residual(x: Any, filters: int, name: str, stride: int = 1) -> Any:
    """Two 3 × 3 convolutions with a shortcut (He et al. 2016, arXiv:1512.03385, the basic block)."""
    shortcut = x
    if stride > 1 or x.shape[-1] != filters:
        # Averaging before the 1 × 1 convolution uses all pixels, where a strided one would drop three of four.
        pooled = layers.AveragePooling2D(stride, padding="same", name=f"{name}_pool")(x) if stride > 1 else x
        shortcut = convolve(pooled, filters, f"{name}_shortcut", size=1, relu=False)
    x = convolve(x, filters, f"{name}_a", stride=stride)
    x = convolve(x, filters, f"{name}_b", relu=False)
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_out")(x)


def compact_residual(
    shape: tuple[int, int, int],
    units: int,
    activation: str,
    *,
    input_name: str = "image",
    stem: int = 16,
    widths: tuple[int, ...] = (32, 64, 128),
    blocks: int = 2,
    dropout: float = 0.3,
) -> keras.Model:
    """A small residual network that trains from scratch on two cores.

    The stem halves the image and each of the stages halves it again, so three stages leave 1/16 of the rows and
    columns: 10 × 10 cells for 160 px. The layer to explain is `activations`.

    Args:
        shape: (rows, columns, channels) of the input.
        units: Output units; 1 for a binary model.
        activation: `sigmoid` or `softmax`.
        input_name: Name of the Keras input.
        stem: Channels after the first convolution.
        widths: Channels of each stage.
        blocks: Residual blocks a stage.
        dropout: Fraction of features dropped in training.
    """
    inputs = keras.Input(shape, name=input_name)
    x = convolve(inputs, stem, "stem", stride=2)
    for number, width in enumerate(widths, start=1):
        for block in range(1, blocks + 1):
            x = _residual(x, width, f"stage{number}_block{block}", stride=2 if block == 1 else 1)
    x = layers.Activation("linear", name="activations")(x)
    return add_head(inputs, x, units, dropout, "compact_residual", activation)


def efficientnet_lite0(
    shape: tuple[int, int, int],
    units: int,
    activation: str,
    *,
    input_name: str = "image",
    dropout: float = 0.3,
    imagenet: bool = True,
    stages: int = 5,
    neck: int = 256,
) -> keras.Model:
    """The first stages of EfficientNet-Lite0 with a new end.

    Five stages leave 1/16 of the rows and columns, 10 × 10 cells for 160 px, and a quarter of the weights: the last two
    tell kinds of objects apart, of which a radiograph has none, and their grid of 5 × 5 draws a coarse heatmap.

    Args:
        shape: (rows, columns, channels) of the input.
        units: Output units; 1 for a binary model.
        activation: `sigmoid` or `softmax`.
        input_name: Name of the Keras input.
        dropout: Fraction of features dropped in training.
        imagenet: Whether to start from ImageNet weights.
        stages: How many of the original's seven stages to keep.
        neck: Channels of a new 1 × 1 convolution after them, whose activations are explained.
    """
    inputs = keras.Input(shape, name=input_name)
    x = convolve(feature_maps(inputs, stages), neck, "neck", size=1)
    x = layers.Activation("linear", name="activations")(x)
    model = add_head(inputs, x, units, dropout, "efficientnet_lite0", activation)
    if imagenet:
        load_imagenet(model)
    return model


#: Name in a recipe to builder.
ARCHITECTURES: dict[str, Callable[..., keras.Model]] = {
    "compact_residual": compact_residual,
    "efficientnet_lite0": efficientnet_lite0,
    "multi_scale_attention": multi_scale_attention,
    "small_cnn": small_cnn,
}
