"""Networks that fuse several images of one place: at the input, at the features, or by attention.

All are built of the same branch, so that they differ in where the images meet and in nothing else. An image that is
not there comes as zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers

from core.models.card import InputSpec
from core.training.architectures.blocks import convolve

#: Channels of the four stages of a branch.
WIDTHS = (16, 32, 48, 48)

#: What an image that is not there scores in attention: e to this is nothing.
ABSENT_SCORE = -60.0


def branch(x: Any, name: str, widths: Sequence[int] = WIDTHS) -> Any:
    """Activations on an eighth of the rows and columns.

    A wide first convolution and two stages halve the image each; the last stage keeps the grid, so that a small
    tumour has more than one cell of the heatmap.

    Args:
        x: (batch, rows, columns, channels).
        name: Start of the layers' names; the last is `<name>activations`.
        widths: Channels of the four stages.
    """
    x = convolve(x, widths[0], f"{name}stem", size=5, stride=2)
    for number, width in enumerate(widths[1:], start=1):
        x = convolve(x, width, f"{name}stage{number}_first", stride=1 if number == 3 else 2)
        x = convolve(x, width, f"{name}stage{number}_second")
    return layers.Activation("linear", name=f"{name}activations")(x)


def _entries(inputs: Sequence[InputSpec]) -> dict[str, Any]:
    """Keras inputs by name.

    Raises:
        ValueError: One of them is no image.
    """
    if any(spec.kind != "image" for spec in inputs):
        raise ValueError("Expected images only. Received another kind of input.")
    return {spec.name: keras.Input(spec.shape, name=spec.name) for spec in inputs}


def _head(entries: dict[str, Any], features: Any, units: int, dropout: float, name: str) -> keras.Model:
    x = layers.Dropout(dropout, name="dropout")(features)
    return keras.Model(list(entries.values()), layers.Dense(units, name="logits")(x), name=name)


def fusion_early(
    inputs: tuple[InputSpec, ...], units: int, *, widths: Sequence[int] = WIDTHS, dropout: float = 0.3
) -> keras.Model:
    """The images as channels of one, and one branch; with one image, the network for it alone.

    The layer to explain is `activations`, which all images share.

    Args:
        inputs: Images of the same size.
        units: Output units.
        widths: Channels of the stages.
        dropout: Fraction of features dropped in training.
    """
    entries = _entries(inputs)
    images = list(entries.values())
    x = layers.Concatenate(name="sequences")(images) if len(images) > 1 else images[0]
    features = layers.GlobalAveragePooling2D(name="features")(branch(x, "", widths))
    return _head(entries, features, units, dropout, "fusion_early")


def _features(entries: dict[str, Any], widths: Sequence[int]) -> list[Any]:
    """A branch for each image, and the mean of its activations over the places."""
    return [
        layers.GlobalAveragePooling2D(name=f"{name}_features")(branch(image, f"{name}_", widths))
        for name, image in entries.items()
    ]


def fusion_late(
    inputs: tuple[InputSpec, ...], units: int, *, widths: Sequence[int] = WIDTHS, dropout: float = 0.3
) -> keras.Model:
    """A branch for each image; their features side by side go into one linear layer.

    The logit is a sum of one share for each image, and the head is affine in the activations of each:
    `<name>_activations` are the layers to explain.

    Args:
        inputs: Images of any size.
        units: Output units.
        widths: Channels of the stages of each branch.
        dropout: Fraction of features dropped in training.
    """
    entries = _entries(inputs)
    joined = layers.Concatenate(name="features")(_features(entries, widths))
    return _head(entries, joined, units, dropout, "fusion_late")


def _penalty(image: Any, name: str) -> Any:
    """(batch, 1): 0 for an image, `ABSENT_SCORE` for one that is black throughout."""
    brightest = layers.GlobalMaxPooling2D(name=f"{name}_brightest")(image)
    absent = layers.ReLU(name=f"{name}_absent")(layers.Rescaling(-1000.0, 1.0, name=f"{name}_is_black")(brightest))
    return layers.Rescaling(ABSENT_SCORE, name=f"{name}_penalty")(absent)


def fusion_attention(
    inputs: tuple[InputSpec, ...],
    units: int,
    *,
    widths: Sequence[int] = WIDTHS,
    hidden: int = 16,
    dropout: float = 0.3,
) -> keras.Model:
    """A branch for each image; features are averaged with weights that the images themselves decide.

    Attention as in multiple-instance learning (Ilse et al. 2018, arXiv:1802.04712): a score for each image from its
    features, a softmax over the images, a weighted mean. The layer `sequence_attention` gives the weights, (batch,
    images) in the order of the inputs, with sum 1. An image that is black throughout gets none.

    Args:
        inputs: Images of any size.
        units: Output units.
        widths: Channels of the stages of each branch.
        hidden: Units between features and score.
        dropout: Fraction of features dropped in training.
    """
    entries = _entries(inputs)
    features = _features(entries, widths)
    scores = []
    for (name, image), own in zip(entries.items(), features, strict=True):
        score = layers.Dense(hidden, activation="tanh", name=f"{name}_attention_hidden")(own)
        score = layers.Dense(1, name=f"{name}_attention_score")(score)
        scores.append(layers.Add(name=f"{name}_attention")([score, _penalty(image, name)]))
    weights = layers.Softmax(name="sequence_attention")(layers.Concatenate(name="attention_scores")(scores))
    rows = [layers.Reshape((1, widths[-1]), name=f"{name}_row") for name in entries]
    stacked = layers.Concatenate(axis=1, name="stacked")([row(own) for row, own in zip(rows, features, strict=True)])
    joined = layers.Dot(axes=1, name="features")([weights, stacked])
    return _head(entries, joined, units, dropout, "fusion_attention")


#: Name in a recipe to builder.
ARCHITECTURES: dict[str, Callable[..., keras.Model]] = {
    "fusion_early": fusion_early,
    "fusion_late": fusion_late,
    "fusion_attention": fusion_attention,
}
