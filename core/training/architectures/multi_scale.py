"""A network that looks at each place through several kernels at once and weighs what it finds by attention.

Parallel branches follow Inception (Szegedy et al. 2015, arXiv:1409.4842), their wide kernels are dilated as in atrous
spatial pyramid pooling (Chen et al. 2018, arXiv:1706.05587). Attention is concurrent squeeze and excitation of channels
and of places (Roy et al. 2018, arXiv:1803.02579), the former by Hu et al. 2018 (arXiv:1709.01507). Shortcuts are those
of He et al. 2016 (arXiv:1512.03385). All attention comes before the activations that are explained, so the head stays
affine in them and Grad-CAM needs no gradients.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from core.training.architectures.blocks import add_head, convolve

#: Kernels of the first layer, which sees the image itself: edges, ribs, and what lies between them.
STEM_KERNELS = (3, 5, 7)


def _stem(inputs: Any, filters: int) -> Any:
    """Kernels of several sizes side by side, each of `filters` channels, on half the rows and columns."""
    branches = [
        convolve(inputs, filters, f"stem_{size}x{size}", size=size, stride=2, relu=False) for size in STEM_KERNELS
    ]
    return layers.ReLU(name="stem_relu")(layers.Concatenate(name="stem")(branches))


def attend(x: Any, name: str, reduction: int = 8) -> Any:
    """Weigh channels by what the whole image holds, places by what is there, and add both.

    Args:
        x: (batch, rows, columns, channels).
        name: Start of the layers' names.
        reduction: Channels per hidden unit of the channel weights.
    """
    channels = x.shape[-1]
    squeezed = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    hidden = layers.Conv2D(max(4, channels // reduction), 1, activation="relu", name=f"{name}_hidden")(squeezed)
    of_channels = layers.Conv2D(channels, 1, activation="sigmoid", name=f"{name}_channel_weights")(hidden)
    of_places = layers.Conv2D(1, 1, activation="sigmoid", name=f"{name}_place_weights")(x)
    by_channel = layers.Multiply(name=f"{name}_by_channel")([x, of_channels])
    by_place = layers.Multiply(name=f"{name}_by_place")([x, of_places])
    return layers.Add(name=f"{name}_attended")([by_channel, by_place])


def _block(x: Any, filters: int, dilations: tuple[int, ...], name: str) -> Any:
    """Branches of 3 × 3 with a dilation each, fused by 1 × 1, attended to, with a shortcut."""
    entry = x
    x = convolve(x, filters // 2, f"{name}_narrow", size=1)
    branches = [convolve(x, filters // len(dilations), f"{name}_every{step}", dilation=step) for step in dilations]
    x = layers.Concatenate(name=f"{name}_scales")(branches)
    x = attend(convolve(x, filters, f"{name}_fused", size=1, relu=False), name)
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, entry]))


def multi_scale_attention(
    shape: tuple[int, int, int],
    units: int,
    activation: str,
    *,
    input_name: str = "image",
    stem: int = 8,
    widths: tuple[int, ...] = (36, 72, 120),
    blocks: tuple[int, ...] = (1, 2, 2),
    dilations: tuple[int, ...] = (1, 2, 4),
    dropout: float = 0.3,
) -> keras.Model:
    """A small multi-scale network with attention that trains from scratch on two cores.

    The stem halves the image and each of the stages halves it again, so three stages leave 1/16 of the rows and
    columns: 10 × 10 cells for 160 px. In the last stage a kernel of dilation 4 spans 9 of these cells, nearly the whole
    chest, beside one that spans 3. The layer to explain is `activations`, after the last fusion.

    Args:
        shape: (rows, columns, channels) of the input.
        units: Output units; 1 for a binary model.
        activation: `sigmoid` or `softmax`.
        input_name: Name of the Keras input.
        stem: Channels of each kernel size in the first layer.
        widths: Channels of each stage, multiples of the number of dilations.
        blocks: Multi-scale blocks of each stage.
        dilations: Of the parallel branches.
        dropout: Fraction of features dropped in training.

    Raises:
        ValueError: A width cannot be shared evenly by the branches.
    """
    if any(width % len(dilations) for width in widths):
        raise ValueError(f"Expected widths that {len(dilations)} branches share evenly. Received {widths}.")
    inputs = keras.Input(shape, name=input_name)
    x = _stem(inputs, stem)
    for number, (width, count) in enumerate(zip(widths, blocks, strict=True), start=1):
        x = convolve(x, width, f"stage{number}_down", stride=2)
        for block in range(1, count + 1):
            x = _block(x, width, dilations, f"stage{number}_block{block}")
    x = layers.Activation("linear", name="activations")(x)
    return add_head(inputs, x, units, dropout, "multi_scale_attention", activation)
