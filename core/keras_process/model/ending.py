"""How a Keras model ends: which numbers are its logits, and what makes its final output of them. Keras process only.

The last activation is often not the last layer: a float32 layer follows it under mixed precision, heads are
concatenated, maps are cropped. Where all that follows it only moves values about, the logits are what the model gives
with that activation taken out. Where more is done to probabilities (averaged, resampled, subtracted from one), the
logits are the log-odds of the final output. Either way the link of the logits is the model's own output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from core.errors import UnsupportedModel
from core.keras_process.model.bounds import bounds_of
from core.keras_process.model.graph import (
    Spot,
    activation_name,
    entered,
    sources,
)

Activation = Literal["softmax", "sigmoid", "linear"]

#: Probabilities nearer to 0 or 1 than this have the log-odds of this.
LEAST = 1e-7

#: Softmax probabilities may be much smaller.
LEAST_SOFTMAX = 1e-30

#: Layers and operations that leave values as they are, or drop some, wherever these come to lie.
_MOVING = frozenset(
    """
    ActivityRegularization AlphaDropout Cast Concatenate CropImages Cropping1D Cropping2D Cropping3D Dropout ExpandDims
    Flatten Flip GaussianDropout GaussianNoise GetItem Identity Moveaxis Permute Repeat RepeatVector Reshape
    SpatialDropout1D SpatialDropout2D SpatialDropout3D Split Squeeze Stack Swapaxes Tile Transpose UpSampling1D
    UpSampling3D
    """.split()  # noqa: SIM905
)

#: Those that pick the greatest or the least, which a sigmoid does not change.
_PICKING = frozenset(
    """
    Amax Amin GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D Max MaxPooling1D MaxPooling2D MaxPooling3D
    Maximum Min Minimum
    """.split()  # noqa: SIM905
)

#: Those that keep what lies along the last axis together where its length stays the same.
_KEEPING = _MOVING - {"Concatenate", "Moveaxis", "Permute", "Split", "Stack", "Swapaxes", "Transpose"}

_ADVICE = "end the model in a softmax, a sigmoid or a plain dense layer"


@dataclass(frozen=True, eq=False)
class Ending:
    """The end of a model.

    Attributes:
        activation: The link: what turns the logits into the final output. `linear` where the output is the logits.
        removed: (object, attribute) of each activation that is taken out, so that the model gives its logits.
        of_output: Whether the logits are the log-odds of the final output instead.
        layers: `id` of the layers that shape the answer and say nothing of where it comes from.
    """

    activation: Activation
    removed: tuple[tuple[Any, str], ...] = ()
    of_output: bool = False
    layers: frozenset[int] = frozenset()


@dataclass(eq=False)
class _Walk:
    """What lies between the output and the activations: a search backwards from the output."""

    found: list[Spot]
    passed: list[Any]
    other: bool = False
    picks: bool = False
    breaks_rows: bool = False

    def back(self, spot: Spot) -> None:
        operation, kind = spot.operation, type(spot.operation).__name__
        self.passed.append(operation)
        name = activation_name(operation)
        if name != "linear" or not (kind in _MOVING or kind in _PICKING or kind == "Activation" or _copies(operation)):
            self.found.append(spot)
            self.other |= name not in {"sigmoid", "softmax", "linear"}
            return
        self.picks |= kind in _PICKING
        before = [source for source in sources(spot) if isinstance(source, Spot)]
        self.other |= not before or len(self.passed) > 500 or (kind in _PICKING and len(before) < len(sources(spot)))
        keeps = kind in _KEEPING or kind == "Activation" or _copies(operation)
        self.breaks_rows |= not keeps or any(source.shape[-1] != spot.shape[-1] for source in before)
        for source in before if not self.other else ():
            self.back(source)


def _copies(operation: Any) -> bool:
    return type(operation).__name__ == "UpSampling2D" and operation.interpolation == "nearest"


def find_ending(model: Any) -> Ending:
    """How a model with one output ends.

    Raises:
        UnsupportedModel: Its output is neither probabilities nor logits, or it cannot be told which.
    """
    last = entered(Spot(model.outputs[0]))
    walk = _Walk([], [])
    walk.back(last)
    chain = frozenset(id(operation) for operation in walk.passed)
    # Of a model with one answer a scan every map is evidence; of one that answers for each place its last maps are the
    # answer itself.
    layers = chain if len(last.shape) > 2 else frozenset()
    names = {activation_name(spot.operation) for spot in walk.found}
    _refuse_mixture(walk)
    if not walk.other:
        if names == {"sigmoid"} and _alone(walk, chain):
            return Ending("sigmoid", _removed(walk), layers=layers)
        plain = len(walk.found) == 1 and not walk.breaks_rows and not walk.picks
        if names == {"softmax"} and plain and _over_last_axis(walk.found[0].operation) and _alone(walk, chain):
            _refuse_one_unit(model)
            return Ending("softmax", _removed(walk), layers=layers)
    return _by_values(model, last, layers)


def _by_values(model: Any, last: Spot, layers: frozenset[int]) -> Ending:
    """What can be said of an output whose activation is not found, or is followed by more."""
    bounds = bounds_of(last)
    if bounds.is_free:
        return Ending("linear", layers=layers)
    if activation_name(last.operation) == "log_softmax":
        return Ending("linear", layers=layers)
    if len(last.shape) > 2:
        layers = layers | bounds.passed
    low, high, whole = _tried(model)
    if bounds.is_probability or (not bounds.known and whole):
        if whole:
            _refuse_one_unit(model)
        return Ending("softmax" if whole else "sigmoid", of_output=True, layers=layers)
    name = activation_name(last.operation)
    if not bounds.known and name == "linear":
        if low < 0 or high > 1:
            return Ending("linear", layers=layers)
        what = "an output of which it cannot be told whether it holds probabilities"
        raise UnsupportedModel("It cannot be told whether the model's output holds probabilities or logits", _ADVICE)
    what = name if name != "linear" else f"values from {bounds.low:g} to {bounds.high:g}"
    raise UnsupportedModel("softmax, sigmoid or no activation at the end", what, _ADVICE)


def _tried(model: Any) -> tuple[float, float, bool]:
    """Least and greatest value for a few inputs, and whether the values over the last axis always add up to 1."""
    rng = np.random.default_rng(0)
    batch = []
    for tensor in model.inputs:
        shape = [size or 64 for size in tensor.shape[1:]]
        noise = rng.random((2, *shape))
        values = np.stack([noise[0], 255 * noise[1], np.zeros(shape), np.ones(shape)])
        batch.append(values.astype(str(tensor.dtype)))
    by_name = {str(tensor.name): values for tensor, values in zip(model.inputs, batch, strict=True)}
    output = np.asarray(only(model(structured(model, by_name), training=False)), np.float64)
    whole = output.shape[-1] > 1 and output.min() >= 0 and float(np.abs(output.sum(axis=-1) - 1).max()) < 1e-3
    return float(output.min()), float(output.max()), bool(whole)


def structured(model: Any, by_name: dict[str, Any]) -> Any:
    """Inputs by the model's own names in the structure that it was built with: one tensor, a list or a dict."""
    structure = getattr(model, "input", None)  # a Sequential that nothing else calls has none
    if isinstance(structure, dict):
        return {key: by_name[str(tensor.name)] for key, tensor in structure.items()}
    tensors = [by_name[str(tensor.name)] for tensor in model.inputs]
    return tensors if isinstance(structure, (list, tuple)) else tensors[0]


def only(output: Any) -> Any:
    """The one tensor of an output that may be a dict or a list."""
    while isinstance(output, (dict, list, tuple)):
        output = next(iter(output.values())) if isinstance(output, dict) else output[0]
    return output


def _refuse_mixture(walk: _Walk) -> None:
    """Refuse probabilities beside logits: one link cannot stand for both."""
    kinds = {bounds_of(spot).is_probability for spot in walk.found}
    if len(kinds) > 1:
        raise UnsupportedModel("The model gives probabilities beside other numbers", _ADVICE)


def _removed(walk: _Walk) -> tuple[tuple[Any, str], ...]:
    own = {id(spot.operation): spot.operation for spot in walk.found}
    kinds = {"Softmax", "Sigmoid", "Activation"}
    return tuple((one, "call" if type(one).__name__ in kinds else "activation") for one in own.values())


def _alone(walk: _Walk, chain: frozenset[int]) -> bool:
    """Whether nothing but the output hangs on the activations, so that they can be taken out."""
    if len(walk.passed) == 1:
        return True
    for operation in (spot.operation for spot in walk.found):
        if len(getattr(operation, "_inbound_nodes", ())) > 1:
            return False
        if any(id(node.operation) not in chain for node in getattr(operation, "_outbound_nodes", ())):
            return False
    return True


def _over_last_axis(operation: Any) -> bool:
    axis = getattr(operation, "axis", -1)
    return axis in {-1, len(operation.output.shape) - 1} or axis in ([-1], (-1,))


def _refuse_one_unit(model: Any) -> None:
    if model.outputs[0].shape[-1] == 1:
        raise UnsupportedModel("A softmax over a single unit has 1 as its only answer", "use a sigmoid, or two units")


def link(logits: Any, activation: Activation) -> Any:
    """The final output of the logits, as tensors."""
    import tensorflow as tf

    if activation == "softmax":
        return tf.nn.softmax(logits)
    return tf.sigmoid(logits) if activation == "sigmoid" else logits


def log_odds(probabilities: Any, activation: Activation) -> Any:
    """Logits whose link gives these probabilities, as tensors: log p - log(1 - p), or log p about its mean."""
    import tensorflow as tf

    if activation == "softmax":
        logs = tf.math.log(tf.maximum(probabilities, LEAST_SOFTMAX))
        return logs - tf.reduce_mean(logs, axis=-1, keepdims=True)
    inside = tf.clip_by_value(probabilities, LEAST, 1.0 - LEAST)
    return tf.math.log(inside) - tf.math.log(1.0 - inside)  # log1p has no ONNX form
