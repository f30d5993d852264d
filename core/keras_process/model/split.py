"""Where in a Keras model the logits and the activations are, and how to record them while the model runs.

A layer's output is recorded as the layer is called. That works for every architecture, nested backbones and
Sequential around them included, where rebuilding a model from `layer.output` does not. Runs in a Keras process only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.keras_process.model.axes import (
    axes_of_layers,
    input_axes,
    inverse,
    order_of,
    reordered,
)
from core.keras_process.model.ending import (
    Activation,
    Ending,
    find_ending,
    link,
    log_odds,
    only,
    structured,
)
from core.keras_process.model.graph import Spot, entered
from core.keras_process.model.layers import Place, default_place, named_place


@dataclass(frozen=True, eq=False)
class Graph:
    """The parts of a model that explanations need.

    Attributes:
        model: The keras.Model.
        input_names: Names of its inputs, in the model's order.
        ending: What turns the logits into the model's output.
        layer: The layer to explain, or None where no layer has a spatial output.
        layer_name: Its name; inside a nested model, `backbone/layer`.
        calls: How often the layer is called: once, or once a frame inside a TimeDistributed.
        tokens: (rows, columns, leading) where its output is tokens, see `layers.Place`; else None.
        order: How the axes of its output are put to have channels last, see `axes.order_of`; else None.
        input_orders: How the axes of each input are put; callers give channels last, whatever order the model takes.
        output_order: How the axes of an output that is a map are put to have channels last.
    """

    model: Any
    input_names: tuple[str, ...]
    ending: Ending
    layer: Any | None
    layer_name: str
    calls: int = 1
    tokens: tuple[int, int, int] | None = None
    order: tuple[int, ...] | None = None
    input_orders: tuple[tuple[int, ...] | None, ...] = ()
    output_order: tuple[int, ...] | None = None

    @property
    def activation(self) -> Activation:
        """What turns the logits into the model's output."""
        return self.ending.activation

    @property
    def input_shapes(self) -> dict[str, tuple[Any, ...]]:
        """Input name to its shape without the axis of cases, channels last; None for a size that is open."""
        shapes = [tuple(tensor.shape[1:]) for tensor in self.model.inputs]
        turned = [reordered(shape, order) for shape, order in zip(shapes, self.input_orders, strict=True)]
        return dict(zip(self.input_names, turned, strict=True))

    @property
    def output_shape(self) -> tuple[Any, ...]:
        """Shape of the output without the axis of cases, channels last."""
        return reordered(tuple(self.model.outputs[0].shape[1:]), self.output_order)

    def call_plain(self, inputs: Mapping[str, Any]) -> Any:
        """The model's own output for inputs with channels last, nothing recorded and nothing taken out."""
        return only(self.model(_structured(self, inputs), training=False))


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


def without_layer(graph: Graph) -> Graph:
    """The model when no layer is looked at, so that it does not matter how often one is called."""
    return replace(graph, layer=None, layer_name="", calls=1, tokens=None, order=None)


def joined(parts: list[Any]) -> Any:
    """Tensors of one layer, one a call, as one: several calls are frames, which become the second axis."""
    import tensorflow as tf

    return parts[0] if len(parts) == 1 else tf.stack(parts, axis=1)


def split_model(model: Any, explain_layer: str | None = None, input_names: tuple[str, ...] | None = None) -> Graph:
    """Find the logits and the layer to explain.

    Args:
        model: A built keras.Model with one output.
        explain_layer: Its name, `backbone/layer` inside a nested model; None for the last layer with a spatial output.
        input_names: Names to use for the inputs; with several inputs they must be the model's own.

    Raises:
        UnsupportedModel: The model is not built, has several outputs, ends in neither probabilities nor logits, or has
            no such layer.
    """
    if not getattr(model, "built", False) or not getattr(model, "outputs", None):
        raise UnsupportedModel(
            "The model was never called, so that its inputs are not fixed", "call it once and save it"
        )
    if len(model.outputs) != 1:
        raise UnsupportedModel(f"The model has {len(model.outputs)} outputs", "keep the one to explain")
    names, ending = _input_names(model, input_names), find_ending(model)
    place = default_place(model, ending.layers) if explain_layer is None else named_place(model, explain_layer)
    found = place or Place("", None)
    return Graph(
        model=model,
        input_names=names,
        ending=ending,
        layer=found.layer,
        layer_name=found.path,
        calls=found.calls,
        tokens=found.tokens,
        order=found.order,
        input_orders=tuple(order_of(axes) for axes in input_axes(model)),
        output_order=_output_order(model),
    )


def _output_order(model: Any) -> tuple[int, ...] | None:
    if len(model.outputs[0].shape) != 4:
        return None
    last = entered(Spot(model.outputs[0])).operation
    return order_of(axes_of_layers(model).get(id(last), ()))


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


def call_recorded(graph: Graph, inputs: Mapping[str, Any], replace: Callable[[Any], Any] | None = None) -> Recorded:
    """Run the model in inference mode and record logits and activations on the way.

    The model is put back as it was before this returns; its weights are never touched. Inside a `tf.function` this
    happens while tracing only.

    Args:
        graph: From `split_model`.
        inputs: Input name to tensor (N, …).
        replace: Receives the activations of each call and returns what the rest of the model gets instead, e.g. a
            watched copy.

    Raises:
        UnsupportedModel: The layer to explain is called more often than it should be, or not at all.
    """
    import tensorflow as tf

    recorded = Recorded()

    def keep_activations(output: Any) -> Any:
        grid = _as_grid(output, graph)
        recorded.parts.append(grid if replace is None else replace(grid))
        return output if replace is None else _as_layer_gives(recorded.parts[-1], output, graph)

    with ExitStack() as stack:
        if graph.layer is not None:
            stack.enter_context(_wrapped(graph.layer, "call", after=keep_activations))
        for owner, attribute in graph.ending.removed:
            stack.enter_context(replaced(owner, attribute, _unchanged))
        found = tf.cast(only(graph.model(_structured(graph, inputs), training=False)), tf.float32)
    if graph.layer is not None and len(recorded.parts) != graph.calls:
        often = "once" if graph.calls == 1 else f"{graph.calls} times"
        raise UnsupportedModel(
            f"The layer {graph.layer_name} was called {len(recorded.parts)} times where {often} was to be seen",
            "choose another layer",
        )
    found = _turned(found, graph.output_order)
    if graph.ending.of_output:
        recorded.output, recorded.logits = found, log_odds(found, graph.activation)
    else:
        recorded.output, recorded.logits = link(found, graph.activation), found
    return recorded


def _unchanged(*args: Any, **kwargs: Any) -> Any:
    return args[0] if args else next(iter(kwargs.values()))


def _turned(tensor: Any, order: tuple[int, ...] | None) -> Any:
    """A tensor (N, …) with the axes of its cases in another order."""
    import tensorflow as tf

    return tensor if order is None else tf.transpose(tensor, (0, *(place + 1 for place in order)))


def _as_grid(output: Any, graph: Graph) -> Any:
    """Maps with channels last, and tokens (N, leading + rows · columns, C) as (N, rows, columns, C)."""
    import tensorflow as tf

    if graph.tokens is None:
        return _turned(output, graph.order)
    rows, columns, leading = graph.tokens
    return tf.reshape(output[:, leading:], (-1, rows, columns, output.shape[-1]))


def _as_layer_gives(grid: Any, output: Any, graph: Graph) -> Any:
    """The way back of `_as_grid`; the leading token is that of `output`."""
    import tensorflow as tf

    if graph.tokens is None:
        return grid if graph.order is None else _turned(grid, inverse(graph.order))
    rows, columns, leading = graph.tokens
    flat = tf.reshape(grid, (-1, rows * columns, grid.shape[-1]))
    return tf.concat([output[:, :leading], flat], axis=1) if leading else flat


def _structured(graph: Graph, inputs: Mapping[str, Any]) -> Any:
    """The inputs in the order of axes and the structure that the model was built with."""
    by_name = {}
    for name, own, order in zip(graph.input_names, graph.model.inputs, graph.input_orders, strict=True):
        tensor = inputs[name]
        by_name[str(own.name)] = tensor if order is None else _turned(tensor, inverse(order))
    return structured(graph.model, by_name)


@contextmanager
def _wrapped(owner: Any, attribute: str, after: Callable[[Any], Any]) -> Iterator[None]:
    """Let the result of a callable attribute of one object pass through `after`."""
    original = getattr(owner, attribute)
    with replaced(owner, attribute, lambda *args, **kwargs: after(original(*args, **kwargs))):
        yield


@contextmanager
def replaced(owner: Any, attribute: str, value: Any) -> Iterator[None]:
    """Give one object another attribute for a while, and the old one back."""
    original, own = getattr(owner, attribute), attribute in vars(owner)
    object.__setattr__(owner, attribute, value)  # past Keras' own __setattr__, which tracks what it is given
    try:
        yield
    finally:
        if own:
            object.__setattr__(owner, attribute, original)
        else:
            object.__delattr__(owner, attribute)


def probabilities(logits: NDArray[np.floating], activation: Activation) -> NDArray[np.float32]:
    """The model's output from its (…, classes) logits: softmax over the last axis, sigmoid, or none."""
    values = np.asarray(logits, np.float64)
    if activation == "softmax":
        values = np.exp(values - values.max(axis=-1, keepdims=True))
        values /= values.sum(axis=-1, keepdims=True)
    elif activation == "sigmoid":
        values = np.exp(-np.logaddexp(0.0, -values))
    return values.astype(np.float32)
