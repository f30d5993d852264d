"""Between which values the output of a Keras graph must lie, from its layers alone. Keras process only.

Probabilities and logits cannot be told apart by looking at a few numbers: logits of an untrained model lie between 0
and 1 as well. Where the last layers are known ones, interval arithmetic proves which of both an output is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.keras_process.model.graph import Spot, activation_name, sources

INF = math.inf

#: Values that an activation can give.
_ACTIVATIONS: Mapping[str, tuple[float, float]] = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "sparse_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "relu6": (0.0, 6.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, INF),
    "softplus": (0.0, INF),
    "exponential": (0.0, INF),
    "log_softmax": (-INF, 0.0),
    "log_sigmoid": (-INF, 0.0),
}

#: Layers and operations that give values between the least and the greatest they get.
_WITHIN = frozenset(
    """
    ActivityRegularization AlphaDropout Amax Amin Average AveragePooling1D AveragePooling2D AveragePooling3D Cast
    Concatenate CropImages Cropping1D Cropping2D Cropping3D Dropout ExpandDims Flatten Flip GaussianDropout
    GaussianNoise GetItem GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
    GlobalMaxPooling2D
    GlobalMaxPooling3D Identity Masking Max MaxPooling1D MaxPooling2D MaxPooling3D Maximum Mean Min Minimum Moveaxis
    Permute Repeat RepeatVector Reshape SpatialDropout1D SpatialDropout2D SpatialDropout3D Split Squeeze Stack Swapaxes
    Tile Transpose UpSampling1D UpSampling3D
    """.split()  # noqa: SIM905
)
_INTERPOLATED = ("Resizing", "Resize", "UpSampling2D")
_PADDED = ("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Pad")
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "ConvLSTM2D")

#: Layers whose weights may have either sign.
_WEIGHED = frozenset(
    """
    BatchNormalization Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose Dense DepthwiseConv2D
    EinsumDense SeparableConv1D SeparableConv2D
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Bounds:
    """What is known of the values of a tensor.

    Attributes:
        low: No value is less.
        high: No value is greater.
        known: Whether every layer that decides this is a known one; else both ends are infinite.
        passed: `id` of the layers between the output and what bounds it, those included.
    """

    low: float
    high: float
    known: bool = True
    passed: frozenset[int] = field(default_factory=frozenset)

    @property
    def is_probability(self) -> bool:
        """Whether all values lie between 0 and 1."""
        return self.known and self.low >= -1e-6 and self.high <= 1 + 1e-6

    @property
    def is_free(self) -> bool:
        """Whether values may be of any size on either side, as logits are."""
        return self.known and self.low == -INF and self.high == INF


_UNKNOWN = Bounds(-INF, INF, known=False)


def bounds_of(spot: Spot) -> Bounds:
    """Bounds of one tensor of a graph."""
    found = _bounds(spot)
    return Bounds(found.low, found.high, found.known, found.passed | {id(spot.operation)})


def _bounds(spot: Spot) -> Bounds:
    operation, kind = spot.operation, type(spot.operation).__name__
    if kind == "TimeDistributed":
        operation, kind = operation.layer, type(operation.layer).__name__
    name = activation_name(operation)
    if name != "linear":
        low, high = _ACTIVATIONS.get(name, (-INF, INF))
        return Bounds(low, high, known=name in _ACTIVATIONS)
    if kind in _WEIGHED:
        return Bounds(-INF, INF)
    if kind in _RECURRENT:
        return Bounds(-1.0, 1.0)
    before = [_given(source) for source in sources(spot)]
    if not before or not all(part.known for part in before):
        return _UNKNOWN
    ends = _ends(operation, kind, before)
    if ends is None or math.isnan(ends[0]) or math.isnan(ends[1]):
        return _UNKNOWN
    return Bounds(*ends, passed=frozenset().union(*(part.passed for part in before)))


def _given(source: Any) -> Bounds:
    if isinstance(source, Spot):
        return bounds_of(source)
    try:
        values = np.asarray(source, np.float64)
    except (TypeError, ValueError):
        return _UNKNOWN
    return Bounds(float(values.min()), float(values.max())) if values.size else _UNKNOWN


def _ends(operation: Any, kind: str, parts: list[Bounds]) -> tuple[float, float] | None:
    low, high = min(part.low for part in parts), max(part.high for part in parts)
    if kind in _WITHIN or kind == "Activation":
        return low, high
    if kind in _INTERPOLATED:
        way = getattr(operation, "interpolation", "bilinear")
        return (low, high) if way in {"nearest", "bilinear", "area"} else None  # cubic ones overshoot
    if kind in _PADDED:
        return min(low, 0.0), max(high, 0.0)
    if kind == "Rescaling":
        return _product((low, high), _range(operation.scale), _range(operation.offset))
    if kind == "Clip":
        least, most = float(operation.x_min), float(operation.x_max)
        return min(max(low, least), most), min(max(high, least), most)
    if kind == "Exp":
        return math.exp(min(low, 700.0)), math.exp(high) if high < 700.0 else INF
    return _arithmetic(kind, parts)


def _arithmetic(kind: str, parts: list[Bounds]) -> tuple[float, float] | None:
    first = parts[0]
    if kind == "Negative":
        return -first.high, -first.low
    if kind == "Add":
        return sum(part.low for part in parts), sum(part.high for part in parts)
    if kind == "Subtract" and len(parts) == 2:
        return first.low - parts[1].high, first.high - parts[1].low
    if kind == "Multiply":
        ends = (first.low, first.high)
        for part in parts[1:]:
            ends = _product(ends, (part.low, part.high), (0.0, 0.0))
        return ends
    if kind in {"Divide", "TrueDivide"} and len(parts) == 2 and parts[1].low * parts[1].high > 0:
        inverse = (1.0 / parts[1].high, 1.0 / parts[1].low)
        return _product((first.low, first.high), inverse, (0.0, 0.0))
    if kind in {"Square", "Sqrt", "Power"} and first.low >= 0 and first.high <= 1 and all(p.low > 0 for p in parts[1:]):
        return 0.0, 1.0
    return None


def _product(one: tuple[float, float], other: tuple[float, float], plus: tuple[float, float]) -> tuple[float, float]:
    corners = [a * b if a and b else 0.0 for a in one for b in other]  # 0 times infinity is 0 here
    return min(corners) + plus[0], max(corners) + plus[1]


def _range(value: Any) -> tuple[float, float]:
    values = np.asarray(value, np.float64)
    return float(values.min()), float(values.max())
