"""Images and a table in one network, small enough for fewer than two hundred people.

What images show is read by the first layers of EfficientNet-Lite0 with their ImageNet weights, which stay as they
are: filters for edges and texture, whose means over a slice tell how much of it is bright tissue and how much dark
fluid. Only one linear layer is learned, strongly held back; the logit is a sum of one share for each image and fact.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from core.models.card import FeatureSpec, InputSpec
from core.training.architectures.efficientnet import feature_maps, load_imagenet


def standardise_table(table: Any, features: tuple[FeatureSpec, ...], weight: float, name: str) -> Any:
    """Raw values (batch, features) around their references: a number in quarters of its range, a choice as it is.

    Args:
        table: The Keras input.
        features: Its contract.
        weight: Factor on all of them; larger ones are held back less by a penalty on what follows.
        name: Start of the layers' names.
    """
    spreads = [(feature.high - feature.low) / (2 if feature.choices else 4) for feature in features]
    scales = [weight / spread for spread in spreads]
    offsets = [-feature.reference * scale for feature, scale in zip(features, scales, strict=True)]
    return layers.Rescaling(scales, offsets, name=f"{name}_standardised")(table)


def trunk(shape: tuple[int, ...], stages: int, imagenet: bool) -> keras.Model:
    """The first stages of EfficientNet-Lite0, the same for each image.

    Raises:
        MissingWeights: `imagenet`, and the package with the weights is not installed.
    """
    entry = keras.Input(shape, name="picture")
    model = keras.Model(entry, feature_maps(entry, stages), name="trunk")
    if imagenet:
        load_imagenet(model)
    return model


def _images(entries: dict[str, Any], model: keras.Model) -> Any:
    """(batch, images × channels) features, standardised by running means over batches."""
    means = []
    for name, image in entries.items():
        maps = layers.Activation("linear", name=f"{name}_activations")(model(image))
        means.append(layers.GlobalAveragePooling2D(name=f"{name}_features")(maps))
    joined = layers.Concatenate(name="pictures")(means) if len(means) > 1 else means[0]
    return layers.BatchNormalization(
        center=False, scale=False, momentum=0.95, epsilon=1e-6, name="pictures_standardised"
    )(joined)


def images_and_table(
    inputs: tuple[InputSpec, ...],
    units: int,
    *,
    stages: int = 2,
    penalty: float = 1.0,
    table_weight: float = 2.0,
    dropout: float = 0.0,
    imagenet: bool = True,
) -> keras.Model:
    """Images, a table or both, into one linear layer.

    `<name>_activations` are the layers to explain; the head is affine in them, so Grad-CAM needs no gradients.

    Args:
        inputs: Any number of images of one size, and at most one table.
        units: Output units.
        stages: Of the original's seven, how many the images go through.
        penalty: On the sum of the squared weights of the linear layer.
        table_weight: See `standardise_table`.
        dropout: Fraction of features dropped in training.
        imagenet: Whether to start from ImageNet weights; without them only the architecture is right.
    """
    entries = {spec.name: keras.Input(spec.shape, name=spec.name) for spec in inputs}
    images = {spec.name: entries[spec.name] for spec in inputs if spec.is_image}
    parts = []
    if images:
        shape = next(spec.shape for spec in inputs if spec.is_image)
        parts.append(_images(images, trunk(shape, stages, imagenet)))
    for spec in inputs:
        if spec.kind == "table":
            parts.append(standardise_table(entries[spec.name], spec.features, table_weight, spec.name))
    joined = layers.Concatenate(name="features")(parts) if len(parts) > 1 else parts[0]
    x = layers.Dropout(dropout, name="dropout")(joined)
    # From zero: what is held back so strongly would not forget a random beginning in a few epochs.
    head = layers.Dense(
        units, kernel_initializer="zeros", kernel_regularizer=keras.regularizers.L2(penalty), name="logits"
    )
    return keras.Model(list(entries.values()), head(x), name="pictures_and_table")


#: Name in a recipe to builder.
ARCHITECTURES: dict[str, Callable[..., keras.Model]] = {"pictures_and_table": images_and_table}
