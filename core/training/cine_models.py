"""Networks for cine MRI of the heart: a small CNN looks at each frame, a recurrent layer at what it found over time.

The CNN is made of three-dimensional convolutions that are one frame deep, which is the same as one CNN for every frame
and trains twice as fast as `TimeDistributed`. One of its outputs, `outline`, is the share of left-ventricular blood in
each cell. A warm start teaches it that without labels (see `cine_outline`); afterwards it pools the other features:
inside the ventricle, around it, and everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from core.card import InputSpec

#: Added to sums of weights, so that a picture without any ventricle divides by no zero.
_EPSILON = 1e-3


def _convolve(x: Any, filters: int, name: str, size: int = 3, stride: int = 1) -> Any:
    x = layers.Conv3D(filters, (1, size, size), (1, stride, stride), "same", use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=0.95, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


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
    x = _convolve(x, third, "conv3")
    return _convolve(x, last, "activations")


def _pooled(cells: Any, weights: Any) -> Any:
    """(N, frames, channels): mean of the cells, weighted."""
    total = ops.sum(weights, axis=(2, 3)) + _EPSILON
    return ops.divide(ops.sum(ops.multiply(cells, weights), axis=(2, 3)), total)


def _frame_features(cells: Any, size: int, dropout: float) -> Any:
    """(N, frames, size) from inside the ventricle, around it and everywhere, with the area of the ventricle."""
    outline = layers.Conv3D(1, 1, activation="sigmoid", name="outline")(cells)
    wide = layers.MaxPooling3D((1, 5, 5), 1, "same", name="surroundings")(outline)
    around = ops.subtract(wide, outline)
    parts = [
        ops.mean(outline, axis=(2, 3)) * 10.0,  # a tenth of the picture, about, is ventricle
        ops.mean(around, axis=(2, 3)) * 10.0,
        _pooled(cells, outline),
        _pooled(cells, around),
        ops.mean(cells, axis=(2, 3)),
        ops.max(cells, axis=(2, 3)),
    ]
    x = layers.Concatenate(name="pooled")(parts)
    x = layers.BatchNormalization(momentum=0.95, name="pooled_norm")(x)
    x = layers.Dropout(dropout, name="pooled_dropout")(x)
    return layers.Dense(size, activation="relu", name="frame_features")(x)


def _patient(table: InputSpec, entry: Any) -> Any:
    """(N, 8) from facts, each brought to about −1 to 1 by its bounds about the reference."""
    scale = [2.0 / (feature.high - feature.low) for feature in table.features]
    shift = [-feature.reference * factor for feature, factor in zip(table.features, scale, strict=True)]
    mean = [-offset / factor for offset, factor in zip(shift, scale, strict=True)]
    variance = [(1 / factor) ** 2 for factor in scale]
    x = layers.Normalization(mean=mean, variance=variance, name="facts")(entry)
    return layers.Dense(8, activation="relu", name="patient_features")(x)


def _model(inputs: Sequence[InputSpec], entries: dict[str, Any], x: Any, units: int, dropout: float) -> keras.Model:
    tables = [_patient(spec, entries[spec.name]) for spec in inputs if not spec.is_picture]
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
    features: int = 32,
    hidden: int = 24,
    dropout: float = 0.4,
) -> keras.Model:
    """CNN and recurrent layer.

    Args:
        inputs: One sequence and maybe a table.
        units: Output units.
        cell: `gru` (Cho et al. 2014, arXiv:1406.1078) or `lstm` (Hochreiter and Schmidhuber 1997).
        widths: Channels of the CNN's four widths; the last is that of `activations`.
        features: What the recurrent layer gets of each frame.
        hidden: Its units.
        dropout: Share of features dropped in training, before and after it.
    """
    entries = {spec.name: keras.Input(spec.shape, name=spec.name) for spec in inputs}
    sequence = next(spec for spec in inputs if spec.is_picture)
    frames = _frame_features(_encode(entries[sequence.name], widths), features, dropout)
    recurrent = {"gru": layers.GRU, "lstm": layers.LSTM}[cell](hidden, name=cell)
    x = layers.Concatenate(name="cycle")([recurrent(frames), ops.mean(frames, axis=1), ops.max(frames, axis=1)])
    return _model(inputs, entries, x, units, dropout)


def cine_frame(
    inputs: Sequence[InputSpec],
    units: int,
    *,
    widths: Sequence[int] = (12, 24, 32, 48),
    features: int = 32,
    dropout: float = 0.4,
) -> keras.Model:
    """The same CNN for a single image, as a baseline without motion.

    Args:
        inputs: One image and maybe a table.
        units: Output units.
        widths: As for `cine_recurrent`.
        features: Hidden units.
        dropout: Share of features dropped in training.
    """
    entries = {spec.name: keras.Input(spec.shape, name=spec.name) for spec in inputs}
    image = next(spec for spec in inputs if spec.is_picture)
    one = layers.Reshape((1, *image.shape), name="one_frame")(entries[image.name])
    frames = _frame_features(_encode(one, widths), features, dropout)
    return _model(inputs, entries, layers.Reshape((features,), name="frame")(frames), units, dropout)
