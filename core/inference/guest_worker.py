"""The guest process: `python -m core.inference.guest_worker MEMORY_LIMIT`, for compiled models from elsewhere.

A compiled file is looked at before ONNX Runtime opens it, and whatever it does then happens here: an endless loop or a
need for all memory ends this process and nothing else. It writes no file.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np

from core.errors import UnsafeModel
from core.inference.onnx_session import MOST_NUMBERS, session_options
from core.processes.worker_loop import Answer, Job, serve

#: Operators whose meaning ONNX and ONNX Runtime define; another domain needs a library of its author's.
DOMAINS = frozenset(["", "ai.onnx", "ai.onnx.ml", "com.microsoft"])
#: Graphs inside each other, by loops and branches.
MOST_LEVELS = 16

_open: OrderedDict[str, Any] = OrderedDict()
_KEPT = 4


def open_model(job: Job) -> Answer:
    """Look at a compiled model and open it; the answer lists its inputs and outputs.

    Raises:
        UnsafeModel: It is broken, or asks for what a guest may not have.
    """
    from core.onnx_runtime import onnxruntime

    content = job.arrays["model"].tobytes()
    check_graph(content)
    try:
        session = onnxruntime.InferenceSession(content, session_options(1), providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has an exception class for each of its status codes
        raise _unsafe("ONNX Runtime cannot open the compiled model") from error
    _open[str(job.arguments["key"])] = session
    while len(_open) > _KEPT:
        _open.popitem(last=False)
    metadata = session.get_modelmeta().custom_metadata_map.get("scanlens", "").encode()
    described = {
        "inputs": [[value.name, list(value.shape), value.type] for value in session.get_inputs()],
        "outputs": [[value.name, list(value.shape), value.type] for value in session.get_outputs()],
    }
    return described, {"metadata": np.frombuffer(metadata, np.uint8)} if metadata else {}


def run_model(job: Job) -> Answer:
    """Run an opened model; the arrays of the answer are named by their place. `unknown` where it is not open here.

    Raises:
        UnsafeModel: It fails on these inputs.
    """
    session = _open.get(str(job.arguments["key"]))
    if session is None:
        return {"unknown": True}, {}
    try:
        found = session.run(list(job.arguments["names"]), job.arrays)
    except Exception as error:  # likewise
        hungry = isinstance(error, MemoryError) or "alloc" in str(error)
        fault = "needs more memory than it may have" if hungry else "fails on this input"
        raise _unsafe(f"The compiled model {fault}") from error
    if any(not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub" for array in found):
        raise _unsafe("The compiled model gives something other than arrays of numbers")
    return {}, {str(place): array for place, array in enumerate(found)}


TASKS: dict[str, Callable[[Job], Answer]] = {
    "ping": lambda _job: ({}, {}),
    "open": open_model,
    "run": run_model,
}


def check_graph(content: bytes) -> None:
    """Look at a compiled model without running it.

    Raises:
        UnsafeModel: It is no ONNX file, keeps data in other files, uses operators of somebody's own, or declares sizes
            beyond the bound.
    """
    import onnx

    try:
        model = onnx.ModelProto.FromString(content)
    except Exception as error:  # protobuf's own, of a class that its versions name differently
        raise _unsafe("The file is not ONNX") from error
    for graph in (model.graph, *model.functions):
        _check_nodes(graph, 0)
    for value in (*model.graph.input, *model.graph.output):
        sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim if dim.dim_value]
        if min(sizes, default=1) < 1 or prod(sizes) > MOST_NUMBERS:
            raise _unsafe(f"The compiled model declares the shape {sizes}"[:90] + f", beyond {MOST_NUMBERS:,} numbers")


def _check_nodes(graph: Any, level: int) -> None:
    if level > MOST_LEVELS:
        raise _unsafe(f"The compiled model nests its graphs more than {MOST_LEVELS} deep")
    if any(_is_elsewhere(tensor) for tensor in _tensors(graph)):
        raise _unsafe("The compiled model keeps weights in other files")
    for node in graph.node:
        if node.domain not in DOMAINS:
            raise _unsafe(f"{node.domain}.{node.op_type}"[:80] + " is no operator of ONNX itself")
        for attribute in node.attribute:
            inner = [*attribute.tensors, attribute.t, attribute.sparse_tensor.values, attribute.sparse_tensor.indices]
            if any(_is_elsewhere(tensor) for tensor in inner):
                raise _unsafe("The compiled model keeps weights in other files")
            for below in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                _check_nodes(below, level + 1)


def _tensors(graph: Any) -> Iterator[Any]:
    yield from getattr(graph, "initializer", ())  # functions have none
    for sparse in getattr(graph, "sparse_initializer", ()):
        yield from (sparse.values, sparse.indices)


def _is_elsewhere(tensor: Any) -> bool:
    return bool(tensor.external_data) or tensor.data_location == 1  # TensorProto.EXTERNAL


def _prepare() -> None:
    import onnx  # noqa: F401

    from core.onnx_runtime import onnxruntime  # noqa: F401

    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _unsafe(wrong: str) -> UnsafeModel:
    return UnsafeModel(wrong, "export the model again, or choose another")


if __name__ == "__main__":
    serve(TASKS, int(sys.argv[1]), _prepare)
