"""Where in a Keras model the logits and the activations are, and how to record them while the model runs.

A layer's output is recorded as the layer is called. That works for every architecture, nested backbones and
Sequential around them included, where rebuilding a model from `layer.output` does not. Runs in a Keras process only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.runtime.layer_tree import default_place, named_place

Activation = Literal["softmax", "sigmoid", "linear"]

#: Layers that apply their `activation` last, so that what it receives are the logits.
_ACTIVATED = ("Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D")


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The parts of a model that explanations need.

    Attributes:
        model: The keras.Model.
        input_names: Names of its inputs, in the model's order.
        activation: What turns the logits into the model's output.
        ending: (object, attribute) of the callable that receives the logits; None where the output is the logits.
        layer: The layer to explain, or None where no layer has a spatial output.
        layer_name: Its name; inside a nested model, `backbone/layer`.
        calls: How often the layer is called: once, or once a frame inside a TimeDistributed.
        tokens: (rows, columns, leading) where its output is tokens, see `core.runtime.layer_tree.Place`; else None.
    """

    model: Any
    input_names: tuple[str, ...]
    activation: Activation
    ending: tuple[Any, str] | None
    layer: Any | None
    layer_name: str
    calls: int = 1
    tokens: tuple[int, int, int] | None = None


@dataclass(eq=False)
class Recorded:
    """Tensors of one call.

    Attributes:
        output: (N, …) the model's output.
        logits: (N, …) the same before the final activation.
        parts: What the layer gave, one tensor (N, [frames,] h, w, C) a call; empty without a layer.
    """

    output: Any = None
    logits: Any = None
    parts: list[Any] = field(default_factory=list)

    @property
    def activations(self) -> Any:
        """(N, h, w, C), or (N, frames, h, w, C) where the layer sees frames one by one or all together."""
        return joined(self.parts)


def without_layer(anatomy: Anatomy) -> Anatomy:
    """The same model when no layer is looked at, so that it does not matter how often one is called."""
    return replace(anatomy, layer=None, layer_name="", calls=1, tokens=None)


def joined(parts: list[Any]) -> Any:
    """Tensors of one layer, one a call, as one: several calls are frames, which become the second axis."""
    import tensorflow as tf

    return parts[0] if len(parts) == 1 else tf.stack(parts, axis=1)


def dissect(model: Any, explain_layer: str | None = None, input_names: tuple[str, ...] | None = None) -> Anatomy:
    """Find the logits and the layer to explain.

    Args:
        model: A built keras.Model with one output.
        explain_layer: Its name, `backbone/layer` inside a nested model; None for the last layer with a spatial output.
        input_names: Names to use for the inputs; with several inputs they must be the model's own.

    Raises:
        UnsupportedModel: The model is not built, has several outputs, ends in an activation that is neither softmax,
            sigmoid nor none, or has no such layer.
    """
    if not getattr(model, "built", False) or not getattr(model, "outputs", None):
        raise UnsupportedModel("a model with fixed inputs", "one that was never called", "call it once and save it")
    if len(model.outputs) != 1:
        raise UnsupportedModel("a model with one output", f"{len(model.outputs)} outputs", "keep the one to explain")
    activation, ending = _ending(model.outputs[0]._keras_history.operation)
    names = _input_names(model, input_names)
    place = default_place(model) if explain_layer is None else named_place(model, explain_layer)
    if place is None:
        return Anatomy(model, names, activation, ending, None, "")
    return Anatomy(model, names, activation, ending, place.layer, place.path, place.calls, place.tokens)


def _input_names(model: Any, wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    own = tuple(str(tensor.name) for tensor in model.inputs)
    if wanted is None or (len(own) == 1 and len(wanted) == 1):
        # Sequential models name their only input by a counter, so a single input may be called what the card says.
        return wanted or own
    if sorted(own) != sorted(wanted):
        raise UnsupportedModel(
            f"inputs named {', '.join(own)}", f"inputs named {', '.join(wanted)}", "name them as the model does"
        )
    return own


def _ending(operation: Any) -> tuple[Activation, tuple[Any, str] | None]:
    """What turns the logits into the output, and the callable that receives the logits."""
    kind = type(operation).__name__
    if getattr(operation, "outputs", None) and hasattr(operation, "layers"):  # a nested model ends the outer one
        return _ending(operation.outputs[0]._keras_history.operation)
    if kind in {"Softmax", "Sigmoid"}:  # keras.layers.Softmax, or keras.ops called on a symbolic tensor
        axis = getattr(operation, "axis", -1)
        if axis not in {-1, len(operation.output.shape) - 1}:
            raise UnsupportedModel("a softmax over the classes", f"one over axis {axis}", "use the last axis")
        return ("softmax" if kind == "Softmax" else "sigmoid"), (operation, "call")
    if kind == "Activation":
        name = _activation_name(operation.activation)
        return name, (None if name == "linear" else (operation, "call"))
    if kind in _ACTIVATED:
        name = _activation_name(operation.activation)
        return name, (None if name == "linear" else (operation, "activation"))
    return "linear", None


def _activation_name(function: Any) -> Activation:
    name = "linear" if function is None else str(getattr(function, "__name__", function))
    if name == "softmax":
        return "softmax"
    if name == "sigmoid":
        return "sigmoid"
    if name == "linear":
        return "linear"
    raise UnsupportedModel("softmax, sigmoid or no activation at the end", name, "end the model in one of these")


def call_recorded(anatomy: Anatomy, inputs: Mapping[str, Any], replace: Callable[[Any], Any] | None = None) -> Recorded:
    """Run the model in inference mode and record logits and activations on the way.

    The model is put back as it was before this returns; its weights are never touched. Inside a `tf.function` this
    happens while tracing only.

    Args:
        anatomy: From `dissect`.
        inputs: Input name to tensor (N, …).
        replace: Receives the activations of each call and returns what the rest of the model gets instead, e.g. a
            watched copy.

    Raises:
        UnsupportedModel: The layer to explain is called more often than it should be, or not at all.
    """
    import tensorflow as tf

    recorded = Recorded()

    def keep_activations(output: Any) -> Any:
        grid = _as_grid(output, anatomy.tokens)
        recorded.parts.append(grid if replace is None else replace(grid))
        return output if replace is None else _as_tokens(recorded.parts[-1], output, anatomy.tokens)

    def keep_logits(logits: Any) -> None:
        recorded.logits = logits

    with ExitStack() as stack:
        if anatomy.layer is not None:
            stack.enter_context(_wrapped(anatomy.layer, "call", after=keep_activations))
        if anatomy.ending is not None:
            stack.enter_context(_wrapped(*anatomy.ending, before=keep_logits))
        recorded.output = tf.cast(anatomy.model(_structured(anatomy, inputs), training=False), tf.float32)
    if anatomy.layer is not None and len(recorded.parts) != anatomy.calls:
        often = "once" if anatomy.calls == 1 else f"{anatomy.calls} times"
        raise UnsupportedModel(
            f"the layer {anatomy.layer_name} to be called {often}",
            f"{len(recorded.parts)} calls",
            "choose another layer",
        )
    recorded.logits = recorded.output if anatomy.ending is None else tf.cast(recorded.logits, tf.float32)
    return recorded


def _as_grid(output: Any, tokens: tuple[int, int, int] | None) -> Any:
    """Tokens (N, leading + rows · columns, C) as (N, rows, columns, C); anything else as it is."""
    import tensorflow as tf

    if tokens is None:
        return output
    rows, columns, leading = tokens
    return tf.reshape(output[:, leading:], (-1, rows, columns, output.shape[-1]))


def _as_tokens(grid: Any, output: Any, tokens: tuple[int, int, int] | None) -> Any:
    """The way back of `_as_grid`; the leading token is that of `output`."""
    import tensorflow as tf

    if tokens is None:
        return grid
    rows, columns, leading = tokens
    flat = tf.reshape(grid, (-1, rows * columns, grid.shape[-1]))
    return tf.concat([output[:, :leading], flat], axis=1) if leading else flat


def _structured(anatomy: Anatomy, inputs: Mapping[str, Any]) -> Any:
    """The inputs in the structure that the model was built with: one tensor, a list or a dict."""
    tensors = [inputs[name] for name in anatomy.input_names]
    structure = getattr(anatomy.model, "input", None)  # a Sequential that nothing else calls has none
    if isinstance(structure, dict):
        own = [str(tensor.name) for tensor in anatomy.model.inputs]
        by_name = dict(zip(own, tensors, strict=True))
        return {key: by_name[str(tensor.name)] for key, tensor in structure.items()}
    return tensors if isinstance(structure, (list, tuple)) else tensors[0]


@contextmanager
def _wrapped(
    owner: Any, attribute: str, before: Callable[[Any], None] | None = None, after: Callable[[Any], Any] | None = None
) -> Iterator[None]:
    """Let a callable attribute of one object pass its first argument to `before` and its result through `after`."""
    original, own = getattr(owner, attribute), attribute in vars(owner)

    def call(*args: Any, **kwargs: Any) -> Any:
        if before is not None:
            before(args[0] if args else next(iter(kwargs.values())))
        result = original(*args, **kwargs)
        return result if after is None else after(result)

    object.__setattr__(owner, attribute, call)  # past Keras' own __setattr__, which tracks what it is given
    try:
        yield
    finally:
        if own:
            object.__setattr__(owner, attribute, original)
        else:
            object.__delattr__(owner, attribute)


def probabilities(logits: NDArray[np.floating], activation: Activation) -> NDArray[np.float32]:
    """The model's output from its logits: softmax over the last axis, sigmoid, or the logits themselves."""
    values = np.asarray(logits, np.float64)
    if activation == "softmax":
        values = np.exp(values - values.max(axis=-1, keepdims=True))
        values /= values.sum(axis=-1, keepdims=True)
    elif activation == "sigmoid":
        values = np.exp(-np.logaddexp(0.0, -values))
    return values.astype(np.float32)
