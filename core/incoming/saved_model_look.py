"""What a TensorFlow SavedModel holds, read from its protocol buffer field by field without TensorFlow.

Field numbers are those of tensorflow/core/protobuf/saved_model.proto, meta_graph.proto and framework/graph.proto. A
SavedModel is a program: its operators can read and write files, so all of them are held to a list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from core.errors import UnsafeModel
from core.incoming.report import Tensor

_ADVICE = "save the model with Keras 3 as .keras, or export it to ONNX"
_MOST_NODES = 200_000

#: Operators that only calculate, and those by which TensorFlow itself restores and reads variables.
ALLOWED = frozenset(
    """
    Abs Add AddN AddV2 All Any ArgMax ArgMin Assert AssignVariableOp AvgPool AvgPool3D BatchMatMul BatchMatMulV2
    BatchMatMulV3 BatchToSpaceND BiasAdd BroadcastTo Cast Ceil ClipByValue Concat ConcatV2 Const Conv2D Conv3D
    Conv2DBackpropInput Conv3DBackpropInputV2 Cumsum DepthToSpace DepthwiseConv2dNative DivNoNan Einsum Elu Equal Erf
    Erfc Exp ExpandDims Fill Floor FloorDiv FloorMod FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd
    GatherV2 Greater GreaterEqual Identity IdentityN IsNan LeakyRelu Less LessEqual Log Log1p LogSoftmax LogicalAnd
    LogicalNot LogicalOr MatMul Max MaxPool MaxPool3D Maximum Mean Min Minimum MirrorPad Mul Neg NoOp NotEqual OneHot
    OnesLike Pack Pad PadV2 PartitionedCall Placeholder Pow Prod Range Rank ReadVariableOp RealDiv Reciprocal Relu
    Relu6 Reshape ResizeBilinear ResizeNearestNeighbor ReverseV2 Round Rsqrt Select SelectV2 Selu Shape Sigmoid Sign
    Sin Slice Softmax Softplus Softsign SpaceToBatchND SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze
    StatefulPartitionedCall StatelessIf StopGradient StridedSlice Sub Sum Tanh TensorListFromTensor TensorListGetItem
    TensorListReserve TensorListSetItem TensorListStack Tile TopKV2 Transpose Unpack VarHandleOp VarIsInitializedOp
    Where While StatelessWhile ZerosLike
    MergeV2Checkpoints RestoreV2 SaveV2 ShardedFilename StaticRegexFullMatch StringJoin Select DisableCopyOnRead
    """.split()  # noqa: SIM905
)
#: Those of `ALLOWED` that touch files, which only TensorFlow's own functions of saving and restoring may hold.
_FILES = frozenset(["MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename"])
_SAVING = ("__inference__traced_save", "__inference__traced_restore")


def look_into_saved_model(members: Mapping[str, bytes]) -> dict[str, Any]:
    """The fields of a `Report` that its graph tells.

    Args:
        members: Files of the folder by name.

    Raises:
        UnsafeModel: An operator does more than calculate, the file is broken, or it brings files of its own (assets).
    """
    name = next(name for name in members if name.rpartition("/")[2] == "saved_model.pb")
    root = name.removesuffix("saved_model.pb")
    for other in members:
        inside = other.removeprefix(root)
        if not (inside in {"saved_model.pb", "keras_metadata.pb", "fingerprint.pb"} or inside.startswith("variables/")):
            raise UnsafeModel("a SavedModel with its graph and its variables", f"one that brings {other}"[:90], _ADVICE)
    kinds: Counter[str] = Counter()
    try:
        for graph in _graphs(members[name]):
            for operator, function in _nodes(graph):
                kinds[operator] += 1
                if sum(kinds.values()) > _MOST_NODES:
                    raise UnsafeModel("a graph of bounded size", "a larger one", _ADVICE)
                if operator not in ALLOWED or (operator in _FILES and not function.startswith((*_SAVING, "save"))):
                    raise UnsafeModel("operators that only calculate", operator[:80] or "an operator", _ADVICE)
    except (ValueError, IndexError) as error:
        raise UnsafeModel("a whole SavedModel", "a damaged one", _ADVICE) from error
    size = sum(len(data) for other, data in members.items() if ".data-" in other)
    return {
        "format": "saved_model",
        "producer": "TensorFlow",
        "layers": dict(kinds.most_common(200)),
        "weights": size // 4,
        "weights_bytes": size,
        "inputs": (Tensor("input", ()),),
        "outputs": (Tensor("output", ()),),
    }


def _fields(content: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """(number, value) of each field of a message; https://protobuf.dev/programming-guides/encoding."""
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, place = _varint(content, place)
            yield number, value
        elif wire in {1, 5}:
            size = 8 if wire == 1 else 4
            yield number, content[place : place + size]
            place += size
        elif wire == 2:
            size, place = _varint(content, place)
            if size > len(content) - place:
                raise ValueError("a field longer than its message")
            yield number, content[place : place + size]
            place += size
        else:
            raise ValueError("a group")


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, place
        if shift > 63:
            raise ValueError("a number that is too long")


def _messages(content: memoryview, number: int) -> Iterator[memoryview]:
    for found, value in _fields(content):
        if found == number and isinstance(value, memoryview):
            yield value


def _graphs(content: bytes) -> Iterator[memoryview]:
    found = False
    for meta in _messages(memoryview(content), 2):
        for graph in _messages(meta, 2):
            found = True
            yield graph
    if not found:
        raise ValueError("no graph")


def _nodes(graph: memoryview) -> Iterator[tuple[str, str]]:
    """(operator, name of the function or of the node) of all nodes, those of functions among them."""
    for node in _messages(graph, 1):
        yield _text(node, 2), _text(node, 1)
    for library in _messages(graph, 2):
        for function in _messages(library, 1):
            name = next((_text(signature, 1) for signature in _messages(function, 1)), "")
            for node in _messages(function, 3):
                yield _text(node, 2), name


def _text(message: memoryview, number: int) -> str:
    return next((bytes(value).decode("utf-8", "replace") for value in _messages(message, number)), "")
