"""Parts of a Keras model that a tool can use which knows the outer graph only, and nothing of nested models.

Nothing of the model itself is changed; layers are shared with what is built here. Runs in a Keras process only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from core.errors import UnsupportedModel
from core.keras_process.model.ending import log_odds
from core.keras_process.model.layers import named_place
from core.keras_process.model.split import Graph

#: What to do where there is no such part.
INSTEAD = "judge the map by its checks"


def flat_map(model: Any, name: str) -> Any:
    """The symbolic output of a layer that the model itself calls once, (N, h, w, C) or (N, depth, h, w, C).

    `layer.output` is not it where a layer has been called before, as those of a loaded Sequential have.

    Raises:
        UnsupportedModel: There is none: the layer is nested or shared, or gives tokens or numbers.
    """
    if not name:
        raise UnsupportedModel("This model has no layer with a map", INSTEAD)
    place = named_place(model, name)
    if "/" in place.path:
        raise UnsupportedModel(f"The layer {place.path} is inside another one", INSTEAD)
    found = {id(t): t for t in _tensors_before(model.outputs[0]) if t._keras_history.operation is place.layer}
    if len(found) != 1:
        raise UnsupportedModel(f"The layer {place.path} is shared", INSTEAD)
    ((_, tensor),) = found.items()
    if place.order is not None:
        raise UnsupportedModel(f"The layer {place.path} has its channels first", INSTEAD)
    if place.tokens is not None or len(tensor.shape) not in {4, 5}:
        raise UnsupportedModel(f"The layer {place.path} has no map", INSTEAD)
    return tensor


def _tensors_before(tensor: Any) -> Iterator[Any]:
    """A symbolic tensor and all that it is made from."""
    todo, seen = [tensor], set()
    while todo:
        one = todo.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            todo.extend(_made_from(one))


def _made_from(tensor: Any) -> list[Any]:
    """What the operation got that gave this tensor."""
    operation, node, _ = tensor._keras_history
    return list(operation._inbound_nodes[node].input_tensors)


def logit_model(graph: Graph) -> tuple[Any, Callable[[Any], Any]]:
    """A model of the same layers, and what makes the logits of its output.

    Raises:
        UnsupportedModel: The model takes channels first, or what ends it is not its last layer.
    """
    import keras
    import tensorflow as tf

    model, ending = graph.model, graph.ending
    if any(order is not None for order in graph.input_orders):
        raise UnsupportedModel("This model takes channels first", INSTEAD)
    if ending.of_output:
        return model, lambda output: log_odds(tf.cast(output, tf.float32), ending.activation)
    if not ending.removed:
        return model, tf.identity
    last = model.outputs[0]._keras_history.operation
    ((owner, attribute), *others) = ending.removed
    if others or owner is not last:
        raise UnsupportedModel("The activation at the end lies inside another model, or is followed by more", INSTEAD)
    (before,) = _made_from(model.outputs[0])
    if attribute == "call":  # an activation by itself: what goes in are the logits
        return keras.Model(model.inputs, before), tf.identity
    linear = type(last).from_config({**last.get_config(), "activation": None, "name": f"{last.name}_logits"})
    logits = linear(before)
    linear.set_weights(last.get_weights())
    return keras.Model(model.inputs, logits), tf.identity
