"""An ONNX graph walked and extended: which node makes which tensor, where channels lie, new nodes at either end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: Operators whose output has channels first, as ONNX defines it (https://onnx.ai/onnx/operators).
_CHANNELS_FIRST = frozenset("Conv ConvTranspose BatchNormalization MaxPool AveragePool InstanceNormalization".split())  # noqa: SIM905
#: Operators that leave the order of axes as it is.
_KEEPING = frozenset(
    """
    Abs Add Cast Celu Clip Concat Div Dropout Elu Erf Exp Gelu HardSigmoid HardSwish Identity LeakyRelu Max Min Mish Mul
    Neg PRelu Pad Pow Relu Resize Selu Sigmoid Softplus Softsign Sqrt Sub Sum Swish Tanh Upsample Where
    """.split()  # noqa: SIM905
)


@dataclass
class Walker:
    """One graph with its shapes.

    Attributes:
        model: An onnx.ModelProto, which is extended in place.
    """

    model: Any
    makers: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read nodes, shapes and constants."""
        import onnx

        graph = self.model.graph
        self.makers = {name: node for node in graph.node for name in node.output}
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        inferred = onnx.shape_inference.infer_shapes(self.model).graph
        for value in (*inferred.input, *inferred.value_info, *inferred.output):
            kind = value.type.tensor_type
            if kind.HasField("shape"):
                self.shapes[value.name] = tuple(int(dim.dim_value) for dim in kind.shape.dim)

    def constant(self, name: str) -> np.ndarray[Any, Any] | None:
        """Values of a tensor that is the same for every input."""
        import onnx

        if name in self.constants:
            return np.asarray(onnx.numpy_helper.to_array(self.constants[name]))
        node = self.makers.get(name)
        if node is not None and node.op_type == "Constant":
            return np.asarray(onnx.numpy_helper.to_array(node.attribute[0].t))
        if node is not None and node.op_type == "Identity":
            return self.constant(node.input[0])
        return None

    def ancestors(self, name: str) -> set[str]:
        """All tensors that a tensor is made from, itself among them."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            one = waiting.pop()
            if one in found:
                continue
            found.add(one)
            if one in self.makers:
                waiting += [source for source in self.makers[one].input if source]
        return found

    def channel_axes(self) -> dict[str, int]:
        """Tensor of rank 4 to the axis of its channels, where that can be followed from the convolutions."""
        found: dict[str, int] = {}
        for node in self.model.graph.node:
            axis: int | None = None
            if node.op_type in _CHANNELS_FIRST:
                axis = 1
            elif node.op_type in _KEEPING:
                axis = next((found[name] for name in node.input if name in found), None)
            elif node.op_type == "Transpose" and node.input[0] in found:
                order = next((list(entry.ints) for entry in node.attribute if entry.name == "perm"), [])
                axis = order.index(found[node.input[0]]) if found[node.input[0]] in order else None
            if axis is not None:
                found |= {name: axis for name in node.output if len(self.shapes.get(name, ())) == 4}
        return found

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """A node at the end."""
        import onnx

        self.model.graph.node.append(onnx.helper.make_node(operator, list(inputs), [output], output, **attributes))
        return output

    def prepend(self, nodes: Sequence[tuple[str, Sequence[str], str, dict[str, Any]]]) -> None:
        """Nodes at the start, in order."""
        import onnx

        rest = [onnx.helper.make_node(kind, list(given), [to], to, **more) for kind, given, to, more in nodes]
        rest += list(self.model.graph.node)
        del self.model.graph.node[:]
        self.model.graph.node.extend(rest)

    def hold(self, name: str, values: Any) -> str:
        """A constant."""
        import onnx

        self.model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(values), name))
        return name
