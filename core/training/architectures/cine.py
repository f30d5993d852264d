"""Networks for cine MRI of the heart: a small CNN looks at each frame, a recurrent layer at what it found over time.

The CNN is made of three-dimensional convolutions that are one frame deep, which is the same as one CNN for every frame
and trains twice as fast as `TimeDistributed`. One of its outputs, `outline`, is the fraction of each cell that is blood
of the left ventricle, wall, and blood of the right ventricle. A warm start teaches it that without labels (see
`cine_warm_start`). What goes on to the recurrent layer are sizes alone: of the three, of one against another, and
against the same in other frames. Sixty patients are too few to learn more from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from core.models.card import InputSpec

#: Added to sums of weights, so that an image without any ventricle divides by no zero.
_EPSILON = 1e-3


def _convolve(x: Any, filters: int, name: str, size: int = 3, stride: int = 1, relu: str = "") -> Any:
    x = layers.Conv3D(filters, (1, size, size), (1, stride, stride), "same", use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(x)
    return layers.ReLU(name=relu or f"{name}_relu")(x)


def _encode(frames: Any, widths: Sequence[int]) -> Any:
    """(N, frames, rows / 4, columns / 4, channels) from frames with their difference to the mean frame."""
    first, second, third, last = widths
    x = frames
    if frames.shape[1] > 1:
        mean = ops.mean(frames, axis=1, keepdims=True)
        motion = layers.Rescaling(3.0, name="motion")(layers.Subtract(name="difference")([frames, mean]))
        x = layers.Concatenate(name="frame_and_motion")([frames, motion])
    x = _convolve(x, first, "conv1", 5, 2)
    x = _convolve(x, second, "conv2", 3, 2)
    near = _convolve(x, third, "conv3")
    wide = layers.MaxPooling3D((1, 2, 2), name="pool")(near)
    wide = _convolve(_convolve(wide, last, "conv4"), last, "conv5")
    wide = layers.UpSampling3D((1, 2, 2), name="upsample")(wide)
    return _convolve(layers.Concatenate(name="near_and_wide")([near, wide]), last, "conv6", relu="activations")


def _sizes(outline: Any) -> Any:
    """(N, frames, 8) radii, thickness and ratios from the fractions of the cells."""
    area = ops.mean(outline, axis=(2, 3))
    left, wall, right = area[..., 0:1], area[..., 1:2], area[..., 2:3]
    radius, outer = ops.sqrt(left + _EPSILON), ops.sqrt(left + wall + _EPSILON)
    fullest, widest = ops.max(left, axis=1, keepdims=True), ops.max(right, axis=1, keepdims=True)
    parts = [
        radius,
        outer,
        ops.subtract(outer, radius),
        ops.sqrt(right + _EPSILON),
        ops.divide(left + _EPSILON, fullest + _EPSILON),
        ops.divide(right + _EPSILON, widest + _EPSILON),
        ops.divide(right + _EPSILON, left + right + 2 * _EPSILON),
        ops.divide(wall + _EPSILON, left + wall + 2 * _EPSILON),
    ]
    return layers.Concatenate(name="sizes")(parts)


def _frame_features(cells: Any) -> Any:
    """(N, frames, 8) normalised sizes of what is outlined in each frame."""
    outline = layers.Conv3D(3, 1, activation="sigmoid", name="outline")(cells)
    return layers.BatchNormalization(momentum=0.95, name="frame_features")(_sizes(outline))


def _patient(table: InputSpec, entry: Any) -> Any:
    """(N, 8) from facts, each brought to about −1 to 1 by its bounds about the reference."""
    scale = [2.0 / (feature.high - feature.low) for feature in table.features]
    offset = [-feature.reference * factor for feature, factor in zip(table.features, scale, strict=True)]
    x = layers.Rescaling(scale, offset, name="facts")(entry)
    return layers.Dense(8, activation="relu", name="patient_features")(x)


def _model(inputs: Sequence[InputSpec], entries: dict[str, Any], x: Any, units: int, dropout: float) -> keras.Model:
    tables = [_patient(spec, entries[spec.name]) for spec in inputs if not spec.is_image]
    if tables:
        x = layers.Concatenate(name="with_patient")([x, *tables])
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(list(entries.values()), layers.Dense(units, name="logits")(x))


def cine_recurrent(
    inputs: Sequence[InputSpec],
    units: int,
    *,
    cell: str = "gru",
    widths: Sequence[int] = (12, 24, 32, 48),
    hidden: int = 8,
    dropout: float = 0.3,
) -> keras.Model:
    """CNN and recurrent layer.

    Args:
        inputs: One sequence and maybe a table.
        units: Output units.
        cell: `gru` (Cho et al. 2014, arXiv:1406.1078) or `lstm` (Hochreiter and Schmidhuber 1997).
        widths: Channels of the CNN's four widths; the last is that of `activations`.
        hidden: Its units.
        dropout: Fraction of features dropped in training, after it.
    """
    entries = {spec.name: keras.Input(spec.shape, name=spec.name) for spec in inputs}
    sequence = next(spec for spec in inputs if spec.is_image)
    frames = _frame_features(_encode(entries[sequence.name], widths))
    recurrent = {"gru": layers.GRU, "lstm": layers.LSTM}[cell](hidden, name=cell)
    extremes = [ops.mean(frames, axis=1), ops.max(frames, axis=1), ops.min(frames, axis=1)]
    x = layers.Concatenate(name="cycle")([recurrent(frames), *extremes])
    return _model(inputs, entries, x, units, dropout)


def cine_frame(
    inputs: Sequence[InputSpec],
    units: int,
    *,
    widths: Sequence[int] = (12, 24, 32, 48),
    dropout: float = 0.3,
) -> keras.Model:
    """The CNN of `cine_recurrent` for a single image, as a baseline without motion.

    Args:
        inputs: One image and maybe a table.
        units: Output units.
        widths: As for `cine_recurrent`.
        dropout: Fraction of features dropped in training.
    """
    entries = {spec.name: keras.Input(spec.shape, name=spec.name) for spec in inputs}
    image = next(spec for spec in inputs if spec.is_image)
    one = layers.Reshape((1, *image.shape), name="one_frame")(entries[image.name])
    frames = _frame_features(_encode(one, widths))
    return _model(inputs, entries, layers.Flatten(name="frame")(frames), units, dropout)
