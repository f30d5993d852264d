"""A compiled model as a list of steps: which operation makes which tensor of which, with shapes and axes.

Only what lies between the inputs and the logits is kept, and what merely computes shapes is left out. Needs neither
Keras nor TensorFlow: names of Keras layers are read from the names of the tensors, where tf2onnx left them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Positions of (channel, row, column) among the axes of a tensor.
Axes = tuple[int, int, int]

_CHANNELS_FIRST: Axes = (1, 2, 3)
_CHANNELS_LAST: Axes = (3, 1, 2)
_CONVOLVING = frozenset({"Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"})
_PREDICTED = re.compile(r"^(?P<layer>.+)_\d+$")


@dataclass(frozen=True, eq=False)
class Step:
    """One operation.

    Attributes:
        op: Its ONNX name.
        inputs: Tensors it gets from other steps or from the model's inputs, in order.
        constants: Position among the operation's inputs to a constant.
        output: The tensor it makes.
        attributes: Its settings.
        layer: Path of the Keras layer, `""` where the names do not tell.
    """

    op: str
    inputs: tuple[str, ...]
    constants: Mapping[int, NDArray[np.generic]]
    output: str
    attributes: Mapping[str, Any]
    layer: str


@dataclass(frozen=True, eq=False)
class Steps:
    """What a model does, in an order in which it can be done.

    Attributes:
        inputs: Names of the model's inputs that the logits depend on.
        steps: All operations on the way to the logits.
        shapes: Tensor to its shape for a batch of one.
        axes: Tensor to where its channels, rows and columns are; tensors without rows and columns are not in it.
        output: The tensor of the logits.
    """

    inputs: tuple[str, ...]
    steps: tuple[Step, ...]
    shapes: Mapping[str, tuple[int, ...]]
    axes: Mapping[str, Axes]
    output: str

    def grid(self, tensor: str) -> tuple[int, int] | None:
        """(rows, columns) of a tensor, None where it has none."""
        if tensor not in self.axes:
            return None
        _, row, column = self.axes[tensor]
        return self.shapes[tensor][row], self.shapes[tensor][column]

    def channels(self, tensor: str) -> int:
        """How many channels a tensor has, or its length where it has no rows and columns."""
        if tensor in self.axes:
            return self.shapes[tensor][self.axes[tensor][0]]
        return self.shapes[tensor][-1] if self.shapes[tensor] else 1

    def maps(self, tensor: str, values: NDArray[np.generic]) -> NDArray[np.float32]:
        """Values (N, …) of a tensor with rows and columns as (N, channels, rows, columns)."""
        return np.ascontiguousarray(np.transpose(values, (0, *self.axes[tensor])), dtype=np.float32)


def read_steps(proto: Any, output: str = "logits") -> Steps:
    """Read an ONNX model.

    Args:
        proto: An `onnx.ModelProto`; it is not changed.
        output: The tensor that counts.
    """
    from onnx import numpy_helper

    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    given = [value.name for value in proto.graph.input if value.name not in constants]
    data = _data_tensors(proto.graph, given)
    wanted, kept = {output}, []
    for node in reversed(proto.graph.node):
        if any(name in wanted for name in node.output) and any(name in data for name in node.input):
            kept.append(node)
            wanted |= {name for name in node.input if name in data}
    steps = tuple(_step(node, data, constants) for node in reversed(kept))
    shapes = _shapes(proto)
    inputs = tuple(name for name in given if name in wanted)
    return Steps(inputs, steps, shapes, _axes(inputs, steps, shapes), output)


def layer_path(name: str) -> str:
    """The Keras layer in a tensor's name; the outermost model is left out.

    Example:
        >>> layer_path("model_1/backbone_1/conv_2/BiasAdd__10:0"), layer_path("Conv__217:0")
        ('backbone/conv', '')
    """
    found = []
    for part in name.split("/")[:-1]:
        predicted = _PREDICTED.match(part)
        if predicted is None:
            break
        found.append(predicted["layer"])
    return "/".join(found[1:])


def _data_tensors(graph: Any, given: list[str]) -> set[str]:
    """Tensors that carry values of the inputs, and not only their shapes."""
    data = set(given)
    for node in graph.node:
        if node.op_type not in {"Shape", "Size"} and any(name in data for name in node.input):
            data |= set(node.output)
    return data


def _step(node: Any, data: set[str], constants: Mapping[str, NDArray[np.generic]]) -> Step:
    from onnx import helper

    names = (*node.output, *(name for name in node.input if name in constants))
    return Step(
        op=node.op_type,
        inputs=tuple(name for name in node.input if name in data),
        constants={i: constants[name] for i, name in enumerate(node.input) if name in constants},
        output=node.output[0],
        attributes={attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute},
        layer=next((path for path in map(layer_path, names) if path), ""),
    )


def _shapes(proto: Any) -> dict[str, tuple[int, ...]]:
    """Shapes of all tensors for a batch of one, as far as ONNX can tell."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    for value in (*copy.graph.input, *copy.graph.output):
        sizes = value.type.tensor_type.shape.dim
        if sizes and not sizes[0].HasField("dim_value"):
            sizes[0].dim_value = 1
    graph = onnx.shape_inference.infer_shapes(copy, data_prop=True).graph
    return {
        value.name: tuple(int(size.dim_value) for size in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
    }


def _axes(inputs: tuple[str, ...], steps: tuple[Step, ...], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Axes]:
    found: dict[str, Axes] = {name: _CHANNELS_LAST for name in inputs if len(shapes.get(name, ())) == 4}
    for step in steps:
        axes = _axes_after(step, found, shapes)
        if axes is not None and len(shapes.get(step.output, ())) == 4:
            found[step.output] = axes
    return found


def _axes_after(step: Step, found: Mapping[str, Axes], shapes: Mapping[str, tuple[int, ...]]) -> Axes | None:
    if step.op in _CONVOLVING:
        return _CHANNELS_FIRST
    before = next((found[name] for name in step.inputs if name in found), None)
    if before is None:
        return None
    if step.op == "Transpose":
        order = list(step.attributes["perm"])
        return (order.index(before[0]), order.index(before[1]), order.index(before[2]))
    if step.op == "Reshape":
        after, old = shapes.get(step.output, ()), shapes[step.inputs[0]]
        sizes = tuple(old[axis] for axis in before)
        fitting = [axes for axes in (_CHANNELS_FIRST, _CHANNELS_LAST) if _sizes(after, axes) == sizes]
        return fitting[0] if fitting else None
    return before


def _sizes(shape: tuple[int, ...], axes: Axes) -> tuple[int, ...]:
    return tuple(shape[axis] for axis in axes) if len(shape) == 4 else ()
