"""Steps backwards through the graph of a Keras model, into and out of nested models. Keras process only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Spot:
    """One tensor of a graph.

    Attributes:
        tensor: The KerasTensor.
        outside: `id` of an input of the nested model it belongs to, to what the outer model gives there.
    """

    tensor: Any
    outside: Mapping[int, Spot] = field(default_factory=dict)

    @property
    def operation(self) -> Any:
        """The layer or operation that gives it."""
        return self.tensor._keras_history.operation

    @property
    def shape(self) -> tuple[Any, ...]:
        """Shape of the tensor, with the batch axis."""
        return tuple(self.tensor.shape)


def entered(spot: Spot) -> Spot:
    """Where a tensor comes about: inside the nested model that gives it, or outside where it is an input."""
    while True:
        if id(spot.tensor) in spot.outside:
            spot = spot.outside[id(spot.tensor)]
            continue
        operation, node_index, place = spot.tensor._keras_history
        if not hasattr(operation, "layers") or not getattr(operation, "outputs", None):
            return spot
        graph = getattr(operation, "_functional", None) or operation
        given = operation._inbound_nodes[node_index].input_tensors
        if len(given) != len(graph.inputs):
            return spot
        outside = {id(own): Spot(one, spot.outside) for own, one in zip(graph.inputs, given, strict=True)}
        spot = Spot(graph.outputs[place], outside)


def sources(spot: Spot) -> list[Any]:
    """What an operation was called with: tensors as `Spot`s, in order, and constants as they are."""
    operation, node_index, _ = spot.tensor._keras_history
    node = operation._inbound_nodes[node_index]
    if not node.input_tensors:
        return []
    tensors = {id(tensor) for tensor in node.input_tensors}
    found: list[Any] = []

    def take(value: Any) -> None:
        if id(value) in tensors:
            found.append(entered(Spot(value, spot.outside)))
        elif isinstance(value, (list, tuple)):
            for part in value:
                take(part)
        elif value is not None and not isinstance(value, (str, bool, slice)) and value is not Ellipsis:
            found.append(value)

    if len(tensors) == 1 and type(operation).__name__ not in _WITH_CONSTANTS:
        return [entered(Spot(node.input_tensors[0], spot.outside))]
    for value in (*node.arguments.args, *node.arguments.kwargs.values()):
        take(value)
    return found


#: Operations that may have a number in place of a tensor; for all others further arguments are settings.
_WITH_CONSTANTS = frozenset(["Add", "Divide", "Maximum", "Minimum", "Multiply", "Power", "Subtract", "TrueDivide"])

#: Layers that apply their `activation` last, so that what it receives are the logits.
ACTIVATED = frozenset(
    """
    Activation Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose Dense DepthwiseConv1D
    DepthwiseConv2D EinsumDense SeparableConv1D SeparableConv2D
    """.split()  # noqa: SIM905
)

#: Layers and operations that are an activation themselves.
_ARE_ONE: Mapping[str, str] = {
    "HardSigmoid": "hard_sigmoid",
    "HardTanh": "hard_tanh",
    "LogSigmoid": "log_sigmoid",
    "LogSoftmax": "log_softmax",
    "ReLU": "relu",
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "Softmax": "softmax",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "SparseSigmoid": "sparse_sigmoid",
    "Tanh": "tanh",
}


def activation_name(operation: Any) -> str:
    """What a layer or operation applies last, `"linear"` for nothing."""
    kind = type(operation).__name__
    if kind in _ARE_ONE:
        return _ARE_ONE[kind]
    if kind not in ACTIVATED:
        return "linear"
    function = getattr(operation, "activation", None)
    return "linear" if function is None else str(getattr(function, "__name__", type(function).__name__))
