"""What an ONNX file holds, read from its graph without running it (https://onnx.ai/onnx/repo-docs/IR.html)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import prod
from typing import Any

from core.errors import UnsafeModel
from core.incoming.report import Ending, Tensor
from core.inference.guest_worker import check_graph
from core.inference.onnx_session import MOST_GUEST_BYTES, MOST_NUMBERS

#: Rounds that a loop of fixed length may make.
MOST_ROUNDS = 100_000
_TYPES = {1: "float32", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64", 2: "uint8", 8: "string"}
_ITEM = {1: 4, 2: 1, 3: 1, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 16: 2, 4: 2, 5: 2}
_ADVICE = "export the model again with its weights inside and plain operators"


def look_into_onnx(content: bytes) -> dict[str, Any]:
    """The fields of a `Report` that the graph tells.

    Raises:
        UnsafeModel: It is no ONNX file, needs other files or operators of somebody's own, declares sizes beyond the
            bounds, or holds a loop without an end.
    """
    import onnx

    if len(content) > MOST_GUEST_BYTES:
        raise _unsafe(f"an ONNX file of at most {MOST_GUEST_BYTES >> 20} MB", f"one of {len(content) >> 20} MB")
    check_graph(content)
    model = onnx.ModelProto.FromString(content)
    graph = model.graph
    if not graph.node:
        raise _unsafe("an ONNX model with operators", "one without any")
    kinds: Counter[str] = Counter()
    names: list[tuple[str, str]] = []
    for node in _nodes(graph, model.functions):
        kinds[node.op_type[:120]] += 1
        if len(names) < 2000:
            names.append((node.name[:120], node.op_type[:120]))
        _check_sizes(node, graph)
    weights = [_weight(tensor) for tensor in graph.initializer]
    given = {tensor.name for tensor in graph.initializer}
    inputs = tuple(_tensor(value) for value in graph.input if value.name not in given)
    outputs = tuple(_tensor(value) for value in graph.output)
    if not inputs or not outputs:
        raise _unsafe("a model with inputs and outputs", "one without")
    producer = " ".join(filter(None, (model.producer_name, model.producer_version)))
    return {
        "format": "onnx",
        "producer": producer[:80],
        "layers": dict(kinds.most_common(200)),
        "layer_names": tuple(names),
        "weights": sum(count for count, _ in weights),
        "weights_bytes": sum(size for _, size in weights),
        "inputs": inputs,
        "outputs": outputs,
        "ending": _ending(graph),
        "channels_first": _is_channels_first(inputs),
        "backbone": _backbone([tensor.name for tensor in graph.initializer]),
        "suspicious": _suspicious(model),
    }


def _nodes(graph: Any, functions: Any = ()) -> Iterator[Any]:
    for part in (graph, *functions):
        for node in part.node:
            yield node
            for attribute in node.attribute:
                for below in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                    yield from _nodes(below)


def _weight(tensor: Any) -> tuple[int, int]:
    """(numbers, bytes) of a weight whose data are as long as its shape says."""
    count = prod(tensor.dims)
    if min(tensor.dims, default=1) < 0:
        raise _unsafe("weights of a positive size", "a negative one")
    size = count * _ITEM.get(tensor.data_type, 4)
    if tensor.HasField("raw_data") and tensor.data_type in _ITEM and tensor.data_type not in {4, 5}:
        held = len(tensor.raw_data)
    else:
        parts = (tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data, tensor.uint64_data)
        held = max(size if count == sum(map(len, parts)) else 0, len(tensor.raw_data))
        if tensor.data_type == 8:
            raise _unsafe("weights that are numbers", "texts")
    if held != size:
        raise _unsafe("weights as large as they say", f"a claim of {size:,} bytes for {held:,}")
    return count, size


def _check_sizes(node: Any, graph: Any) -> None:
    """Refuse loops without an end, and arrays of a fixed size beyond the bound."""
    constants = {tensor.name: tensor for tensor in graph.initializer} if node.op_type in _SIZED else {}
    if node.op_type == "Loop":
        count = _constant(constants, node, 0, graph)
        if count is None or not count or max(count) > MOST_ROUNDS:
            raise _unsafe(f"loops of at most {MOST_ROUNDS:,} rounds", "a loop whose end is not fixed")
    if node.op_type in {"ConstantOfShape", "Expand", "Tile"}:
        sizes = _constant(constants, node, 0 if node.op_type == "ConstantOfShape" else 1, graph)
        if sizes is not None and (min(sizes, default=1) < -1 or prod(map(abs, sizes)) > MOST_NUMBERS):
            raise _unsafe(f"arrays of at most {MOST_NUMBERS:,} numbers", f"{node.op_type} of {sizes}"[:80])
    if node.op_type in {"Resize", "Upsample"}:
        for place in (1, 2, 3):
            sizes = _constant(constants, node, place, graph)
            if sizes and prod(max(1.0, float(abs(size))) for size in sizes) > MOST_NUMBERS:
                raise _unsafe(f"arrays of at most {MOST_NUMBERS:,} numbers", f"{node.op_type} of {sizes}"[:80])


_SIZED = frozenset(["Loop", "ConstantOfShape", "Expand", "Tile", "Resize", "Upsample"])


def _constant(constants: dict[str, Any], node: Any, place: int, graph: Any) -> list[Any] | None:
    """Values of an input that is a constant; None where it is computed."""
    import onnx

    if place >= len(node.input) or not node.input[place]:
        return None
    name = node.input[place]
    tensor = constants.get(name)
    if tensor is None:
        for other in graph.node:
            if other.op_type == "Constant" and name in other.output:
                tensor = next((entry.t for entry in other.attribute if entry.name == "value"), None)
    if tensor is None or prod(tensor.dims) > 64:
        return None
    try:
        return list(onnx.numpy_helper.to_array(tensor).ravel().tolist())
    except Exception as error:  # what its data type and its bytes say need not fit
        raise _unsafe("constants that can be read", "a broken one") from error


def _tensor(value: Any) -> Tensor:
    kind = value.type.tensor_type
    sizes = tuple(int(dim.dim_value) or None for dim in kind.shape.dim)
    return Tensor(value.name[:120], sizes[1:], _TYPES.get(kind.elem_type, "other"))


def _ending(graph: Any) -> Ending:
    """The operator that gives the first output."""
    makers = {output: node for node in graph.node for output in node.output}
    node = makers.get(graph.output[0].name)
    for _ in range(6):
        if node is None:
            return ""
        if node.op_type in {"Softmax", "Sigmoid"}:
            return "softmax" if node.op_type == "Softmax" else "sigmoid"
        if node.op_type not in {"Identity", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze"}:
            return "linear" if node.op_type in {"Gemm", "MatMul", "Add", "Conv"} else ""
        node = makers.get(node.input[0]) if node.input else None
    return ""


def _is_channels_first(inputs: tuple[Tensor, ...]) -> bool:
    shape = next((value.shape for value in inputs if len(value.shape) == 3), ())
    return len(shape) == 3 and shape[0] in {1, 3} and shape[-1] not in {1, 3}


#: Names of weights by which architectures of torchvision are known, as its exporter keeps them.
_BACKBONES = (
    ("denseblock4", "DenseNet"),
    ("layer4.1.conv", "ResNet"),
    ("layer4.0.conv", "ResNet"),
    ("Mixed_7c", "InceptionV3"),
    ("features.18.0", "MobileNetV2"),
    ("features.28", "VGG16"),
)


def _backbone(names: list[str]) -> str:
    return next((title for sign, title in _BACKBONES if any(sign in name for name in names)), "")


def _suspicious(model: Any) -> tuple[str, ...]:
    found = []
    if len(model.functions):
        found.append(f"It defines {len(model.functions)} functions of its own.")
    if any(len(entry.value) > 1 << 20 for entry in model.metadata_props):
        found.append("Its metadata hold more than 1 MB, which nothing here needs.")
    domains = sorted({entry.domain for entry in model.opset_import} - {"", "ai.onnx"})
    if domains:
        found.append(f"It uses operators of {', '.join(domains)[:120]}.")
    return tuple(found)


def _unsafe(expected: str, received: str) -> UnsafeModel:
    return UnsafeModel(expected, received, _ADVICE)
