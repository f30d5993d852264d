"""An ONNX file from elsewhere as `model.onnx` of a bundle: channels last, with logits and the layer of heatmaps.

Runs where the file may do no harm (`core.incoming.look_worker`). The weights are not touched, and what is made answers
as the file itself does, or is refused.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.incoming.onnx_graph import Walker
from core.incoming.onnx_look import look_into_onnx

TOLERANCE = 1e-5
_MEANS = {"caffe": (103.939, 116.779, 123.68), "torch": (0.485, 0.456, 0.406)}
_DEVIATIONS = (0.229, 0.224, 0.225)
_SAME = frozenset(["Identity", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze"])
_LEAST = 1e-7


def adapt(
    content: bytes, arrays: Mapping[str, NDArray[np.generic]], reading: str, layer: str | None, maps: bool
) -> tuple[bytes, dict[str, Any]]:
    """The bundle's `model.onnx`.

    Args:
        content: The file.
        arrays: Made-up cases for each input in the file's order, channels last, by the names that the card gives them.
        reading: What is put in front of the first image: `""`, `bgr`, `caffe` or `torch`.
        layer: Name of the node or tensor to draw heatmaps from, None for the last that has places.
        maps: Whether the answer is a map of the image.

    Returns:
        The file and what was found: `activation`, `explain_layer`, `units`, `max_difference`.

    Raises:
        UnsafeModel: The file asks for more than it may.
        UnsupportedModel: It does not fit the inputs, has several outputs, or cannot answer for several cases at once.
    """
    import onnx

    look_into_onnx(content)
    model = onnx.ModelProto.FromString(content)
    held = {tensor.name for tensor in model.graph.initializer}
    given = [value for value in model.graph.input if value.name not in held]
    if len(given) != len(arrays):
        raise UnsupportedModel(f"The model takes {len(given)} inputs, not {len(arrays)}", "correct the inputs")
    if len(model.graph.output) != 1:
        raise UnsupportedModel(f"The model has {len(model.graph.output)} outputs", "export it with the one to explain")
    orders = {name: _order(value, array) for value, (name, array) in zip(given, arrays.items(), strict=True)}
    before = [_read(array, reading if not number else "") for number, array in enumerate(arrays.values())]
    fed = {
        value.name: _turned(array, orders[name]).astype(_dtype(value))
        for value, (name, array) in zip(given, zip(arrays, before, strict=True), strict=True)
    }
    _open_batch(model, given)
    expected = _run(model.SerializeToString(), fed, [model.graph.output[0].name])[0]
    walker = Walker(model)
    output = model.graph.output[0].name
    raw, activation = _logits(walker, output, expected)
    chosen = _explained(walker, raw, layer, maps)
    _front(walker, given, arrays, orders, reading)
    last = _back(walker, output, raw, expected, activation, maps)
    grid = _give_activations(walker, chosen)
    ending = activation.removeprefix("log ")
    found: dict[str, Any] = {"activation": ending, "explain_layer": chosen[0] if chosen else ""}
    weights = _cam_weights(walker, chosen, raw) if chosen and not maps else None
    if weights is not None:
        found["cam_weights"] = {
            "shape": list(weights.shape),
            "float32": base64.b64encode(weights.astype("<f4").tobytes()).decode("ascii"),
        }
    _name_outputs(walker, last, expected.shape, grid, maps)
    del model.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = "scanlens", json.dumps(found)
    made = model.SerializeToString()
    difference, units = _check(made, arrays, expected, activation, maps)
    return made, {**found, "units": units, "max_difference": difference}


def _order(value: Any, array: NDArray[np.generic]) -> tuple[int, ...] | None:
    """How a case with channels last is turned to fit an input; None where it fits as it is."""
    sizes = tuple(int(dim.dim_value) for dim in value.type.tensor_type.shape.dim)
    if len(sizes) != array.ndim:
        raise UnsupportedModel(f"{value.name[:60]} has {len(sizes)} axes, not {array.ndim}", "correct the input's kind")
    rank = array.ndim
    orders: list[tuple[int, ...]] = [tuple(range(rank))]
    if rank >= 4:
        orders.append((0, rank - 1, *range(1, rank - 1)))
    if rank == 5:
        orders.append((0, 1, 4, 2, 3))
    for order in orders:
        if all(not size or size == array.shape[axis] for size, axis in zip(sizes[1:], order[1:], strict=True)):
            return None if order == orders[0] else order
    given = " × ".join(map(str, array.shape[1:]))
    wanted = " × ".join(str(size or "any") for size in sizes[1:])
    raise UnsupportedModel(f"{value.name[:60]} takes {wanted}, not {given}", "correct size and channels of the input")


def _turned(array: NDArray[Any], order: tuple[int, ...] | None) -> NDArray[Any]:
    return array if order is None else np.ascontiguousarray(array.transpose(order))


def _dtype(value: Any) -> Any:
    kinds = {1: np.float32, 2: np.uint8, 6: np.int32, 7: np.int64, 10: np.float16, 11: np.float64}
    kind = kinds.get(value.type.tensor_type.elem_type)
    if kind is None:
        raise UnsupportedModel("An input takes something other than numbers", "export the model again")
    return kind


def _read(array: NDArray[np.generic], reading: str) -> NDArray[np.float32]:
    """What a reading makes of a case, in numbers."""
    found = np.asarray(array, np.float32)
    if reading in {"bgr", "caffe"}:
        found = found[..., ::-1]
    if reading == "caffe":
        found = found - np.asarray(_MEANS["caffe"], np.float32)
    if reading == "torch":
        means, deviations = np.asarray(_MEANS["torch"], np.float32), np.asarray(_DEVIATIONS, np.float32)
        found = np.asarray((found / np.float32(255) - means) / deviations, np.float32)
    return found


def _open_batch(model: Any, given: list[Any]) -> None:
    for value in (*given, *model.graph.output):
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del model.graph.value_info[:]


def _run(content: bytes, fed: Mapping[str, NDArray[Any]], names: list[str]) -> list[NDArray[np.float32]]:
    from core.inference.onnx_session import session_options
    from core.onnx_runtime import onnxruntime

    try:
        session = onnxruntime.InferenceSession(content, session_options(1), providers=["CPUExecutionProvider"])
        together = session.run(names, dict(fed))
        alone = session.run(names, {name: array[:1] for name, array in fed.items()})
    except Exception as error:  # ONNX Runtime has an exception class for each of its status codes
        raise UnsupportedModel(
            "ONNX Runtime cannot run the model on several images at once", "export it with a dynamic batch axis"
        ) from error
    for many, one in zip(together, alone, strict=True):
        whole = np.ndim(many) > 0 and len(many) == len(next(iter(fed.values()))) and np.isfinite(many).all()
        if not whole or not np.allclose(many[:1], one, atol=1e-4):
            raise UnsupportedModel(
                "The answer for an image depends on what else is in the batch", "export it with a dynamic batch axis"
            )
    return [np.asarray(array, np.float32) for array in together]


def _logits(walker: Walker, output: str, expected: NDArray[np.float32]) -> tuple[str, str]:
    """The tensor before the last softmax or sigmoid, and which of both; the output itself where there is none."""
    name = output
    for _ in range(8):
        node = walker.makers.get(name)
        if node is None:
            break
        if node.op_type == "Softmax" and expected.ndim == 2 and expected.shape[-1] > 1:
            return node.input[0], "softmax"
        if node.op_type == "Sigmoid":
            return node.input[0], "sigmoid"
        if node.op_type not in _SAME:
            break
        name = node.input[0]
    if expected.min() >= 0 and expected.max() <= 1 and expected.ndim == 2:  # probabilities, by a way of their own
        whole = expected.shape[-1] > 1 and np.abs(expected.sum(axis=-1) - 1).max() < 1e-3
        return output, "log softmax" if whole else "log sigmoid"
    return output, "linear"


def _explained(walker: Walker, raw: str, layer: str | None, maps: bool) -> tuple[str, str, tuple[int, ...], int] | None:
    """(name for people, tensor, shape, axis of channels) of the layer to draw heatmaps from."""
    before, axes = walker.ancestors(raw), walker.channel_axes()
    found = []
    for node in walker.model.graph.node:
        for name in node.output:
            shape, axis = walker.shapes.get(name, ()), axes.get(name)
            if name not in before or axis is None or len(shape) != 4:
                continue
            places = [size for place, size in enumerate(shape) if place not in {0, axis}]
            if min(places) > 1 and shape[axis] > 0:
                found.append((node.name or name, name, shape, axis))
    if layer:
        named = [entry for entry in found if layer in entry[:2]]
        if not named:
            raise UnsupportedModel(f"No layer with places is named {layer[:80]}", "choose another layer")
        return named[-1]
    if maps:  # the last map is the answer itself: what the last convolution sees
        last = [node for node in walker.model.graph.node if node.op_type == "Conv" and node.output[0] in before]
        found = [entry for entry in found if last and entry[1] in walker.ancestors(last[-1].input[0])]
    return found[-1] if found else None


def _front(
    walker: Walker, given: list[Any], arrays: Mapping[str, NDArray[np.generic]],
    orders: Mapping[str, tuple[int, ...] | None], reading: str,
) -> None:  # fmt: skip
    """Inputs by our names with channels last, and what the reading does to the first."""
    import onnx

    nodes: list[tuple[str, list[str], str, dict[str, Any]]] = []
    fresh = []
    for number, (value, (name, array)) in enumerate(zip(given, arrays.items(), strict=True)):
        outer = name if name not in walker.makers else f"{name}_given"
        inner, tensor = value.name, outer
        if inner == outer:  # the file's own name for the same: rename inside
            inner = f"{outer}_inside"
            for node in walker.model.graph.node:
                for place, source in enumerate(node.input):
                    if source == outer:
                        node.input[place] = inner
        for kind, constants in _reading_nodes(reading if number == 0 else ""):
            held = [walker.hold(f"scanlens_{kind.lower()}_{len(nodes)}", constants)]
            step = f"scanlens_read_{len(nodes)}"
            nodes.append((kind, [tensor, *held], step, {"axis": array.ndim - 1} if kind == "Gather" else {}))
            tensor = step
        if value.type.tensor_type.elem_type != 1:
            nodes.append(("Cast", [tensor], f"scanlens_cast_{number}", {"to": value.type.tensor_type.elem_type}))
            tensor = f"scanlens_cast_{number}"
        order = orders[name]
        nodes.append(("Identity", [tensor], inner, {}) if order is None else
                     ("Transpose", [tensor], inner, {"perm": list(order)}))  # fmt: skip
        fresh.append(onnx.helper.make_tensor_value_info(outer, onnx.TensorProto.FLOAT, ["batch", *array.shape[1:]]))
    kept = [value for value in walker.model.graph.input if value.name in walker.constants]
    del walker.model.graph.input[:]
    walker.model.graph.input.extend([*fresh, *kept])
    walker.prepend(nodes)


def _reading_nodes(reading: str) -> list[tuple[str, Any]]:
    if reading in {"bgr", "caffe"}:
        turn: list[tuple[str, Any]] = [("Gather", np.array([2, 1, 0], np.int64))]
        return turn + ([("Sub", np.asarray(_MEANS["caffe"], np.float32))] if reading == "caffe" else [])
    if reading == "torch":
        return [
            ("Div", np.float32(255)),
            ("Sub", np.asarray(_MEANS["torch"], np.float32)),
            ("Div", np.asarray(_DEVIATIONS, np.float32)),
        ]
    return []


def _back(
    walker: Walker, output: str, raw: str, expected: NDArray[np.float32], activation: str, maps: bool
) -> tuple[str, str]:
    """The logits and the final output with channels last, (batch, [rows, columns,] units) float32."""
    found = []
    for name, title in ((raw, "scanlens_raw"), (output, "scanlens_final")):
        tensor = walker.add("Cast", [name], f"{title}_float", to=1)
        if maps and expected.ndim == 4 and _maps_first(expected):
            tensor = walker.add("Transpose", [tensor], f"{title}_last", perm=[0, 2, 3, 1])
        elif not maps:
            tensor = walker.add("Flatten", [tensor], f"{title}_flat", axis=1)
        found.append(tensor)
    if activation.startswith("log "):
        low, high = (
            walker.hold("scanlens_low", np.float32(_LEAST)),
            walker.hold("scanlens_high", np.float32(1 - _LEAST)),
        )
        inside = walker.add("Clip", [found[0], low, high], "scanlens_clipped")
        logs = walker.add("Log", [inside], "scanlens_logs")
        if activation == "log sigmoid":
            one = walker.hold("scanlens_one", np.float32(1))
            other = walker.add("Log", [walker.add("Sub", [one, inside], "scanlens_other")], "scanlens_other_logs")
            logs = walker.add("Sub", [logs, other], "scanlens_odds")
        found[0] = logs
    return found[0], found[1]


def _maps_first(expected: NDArray[np.float32]) -> bool:
    return expected.shape[1] < min(expected.shape[2:])


def _give_activations(
    walker: Walker, chosen: tuple[str, str, tuple[int, ...], int] | None
) -> tuple[str, tuple[int, ...]] | None:
    if chosen is None:
        return None
    _, name, shape, axis = chosen
    tensor = walker.add("Cast", [name], "scanlens_grid", to=1)
    places = [place for place in range(1, 4) if place != axis]
    if axis != 3:
        tensor = walker.add("Transpose", [tensor], "scanlens_grid_last", perm=[0, *places, axis])
    return tensor, (shape[places[0]], shape[places[1]], shape[axis])


def _cam_weights(walker: Walker, chosen: tuple[str, str, tuple[int, ...], int], raw: str) -> NDArray[np.float32] | None:
    """(units, channels): the constant gradient where a mean over the places and one dense layer follow; else None."""
    node, bias_seen = walker.makers.get(raw), False
    while node is not None and node.op_type in {"Add", "Identity", *_SAME} and not bias_seen:
        sources = [name for name in node.input if walker.constant(name) is None]
        bias_seen = node.op_type == "Add"
        node = walker.makers.get(sources[0]) if len(sources) == 1 else None
    if node is None or node.op_type not in {"Gemm", "MatMul"}:
        return None
    settings = {entry.name: entry.f if entry.type == 1 else entry.i for entry in node.attribute}
    matrix = walker.constant(node.input[1])
    plain = settings.get("alpha", 1.0) == 1.0 and not settings.get("transA", 0)
    if matrix is None or matrix.ndim != 2 or not plain:
        return None
    matrix = matrix if settings.get("transB", 0) else matrix.T
    source = node.input[0]
    for _ in range(4):
        pool = walker.makers.get(source)
        if pool is None:
            return None
        if pool.op_type in {"GlobalAveragePool", "ReduceMean"}:
            shape, axis = chosen[2], chosen[3]
            places = int(np.prod([size for place, size in enumerate(shape) if place not in {0, axis}]))
            right = pool.input[0] == chosen[1] and matrix.shape[1] == shape[axis]
            return np.asarray(matrix / places, np.float32) if right else None
        if pool.op_type not in {*_SAME, "Dropout"}:
            return None
        source = pool.input[0]
    return None


def _name_outputs(
    walker: Walker, last: tuple[str, str], shape: tuple[int, ...], grid: tuple[str, tuple[int, ...]] | None, maps: bool
) -> None:
    import onnx

    sizes: list[int] = list(shape[1:])
    if maps and len(shape) == 4 and shape[1] < min(shape[2:]):
        sizes = [shape[2], shape[3], shape[1]]
    elif not maps:
        sizes = [int(np.prod(shape[1:]))]
    walker.add("Identity", [last[0]], "logits")
    walker.add("Identity", [last[1]], "output")
    values = [("logits", sizes), ("output", sizes)]
    if grid is not None:
        walker.add("Identity", [grid[0]], "activations")
        axes = walker.hold("scanlens_places", np.array([1, 2], np.int64))
        if next(entry.version for entry in walker.model.opset_import if entry.domain in {"", "ai.onnx"}) >= 18:
            walker.add("ReduceMean", [grid[0], axes], "features", keepdims=0)
        else:
            walker.add("ReduceMean", [grid[0]], "features", axes=[1, 2], keepdims=0)
        values += [("activations", list(grid[1])), ("features", [grid[1][-1]])]
    del walker.model.graph.output[:]
    for name, found in values:
        value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", *found])
        walker.model.graph.output.append(value)


def _check(
    content: bytes,
    arrays: Mapping[str, NDArray[np.generic]],
    expected: NDArray[np.float32],
    activation: str,
    maps: bool,
) -> tuple[float, int]:
    """Largest difference between the file's own answer and both of what is given out; and the number of units."""
    fed = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    logits, output = _run(content, fed, ["logits", "output"])
    wanted = expected.reshape(output.shape) if not maps else expected
    if maps and expected.ndim == 4 and _maps_first(expected):
        wanted = expected.transpose(0, 2, 3, 1)
    found = [output]
    if activation.endswith("softmax"):
        shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
        found.append(shifted / shifted.sum(axis=-1, keepdims=True))
    elif activation.endswith("sigmoid"):
        found.append(0.5 * (1 + np.tanh(0.5 * logits)))
    difference = max(float(np.abs(one - wanted).max()) for one in found)
    if not difference <= TOLERANCE * max(1.0, float(np.abs(wanted).max())):
        raise UnsupportedModel(f"The bundle would answer differently by {difference:.2g}", "export the model again")
    return difference, int(output.shape[-1])
