"""From a Keras model to `model.onnx`, the only file that the web process runs.

Runs in a Keras process or a training script only; TensorFlow is imported inside the functions.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.keras_process.model.cam_weights import constant_cam_weights
from core.keras_process.model.ending import Activation
from core.keras_process.model.layers import walk_layers
from core.keras_process.model.split import (
    Graph,
    call_recorded,
    probabilities,
    split_model,
    without_layer,
)

#: Largest difference of a probability between Keras and ONNX Runtime.
PROBABILITY_TOLERANCE = 1e-5

#: The same for layers that compute in half precision, which rounds each number to one part in 2,048: Keras itself
#: answers with as much difference on another machine.
HALF_TOLERANCE = 2e-3

#: Key of our facts in the metadata of the ONNX file.
METADATA_KEY = "scanlens"


@dataclass(frozen=True)
class CompiledFacts:
    """What was found out about a model while compiling it.

    Attributes:
        path: The `model.onnx` that was written.
        sha256: Of that file, for the card.
        input_names: ONNX inputs, which are the keys of a batch.
        units: Number of logits, the last axis of the output.
        activation: What turns logits into the model's output.
        explain_layer: The layer of the activations, `backbone/layer` inside a nested model; `""` where there is none.
        grid: (h, w, C) of the activations, (frames, h, w, C) where the layer keeps frames apart, or None.
        features: Length of the feature vector, or None.
        affine: Whether the Grad-CAM weights are constant and were stored.
        max_difference: Largest difference of a probability between Keras and ONNX Runtime on the samples.
    """

    path: Path
    sha256: str
    input_names: tuple[str, ...]
    units: int
    activation: Activation
    explain_layer: str
    grid: tuple[int, ...] | None
    features: int | None
    affine: bool
    max_difference: float


def compile_bundle(
    model: Any, folder: Path, explain_layer: str | None, sample: Mapping[str, NDArray[np.generic]]
) -> CompiledFacts:
    """Write `folder/model.onnx` with the outputs `logits`, `output`, `activations` and `features`.

    `output` (N, units) is the model's final output, and `logits` (N, units) are what it is the softmax or the
    sigmoid of, see `core.keras_process.model.ending`; `activations` (N, h, w, C), or (N, frames, h, w, C), come
    from the explained layer, and `features` (N, C) are their mean over the positions and frames. Without a spatial
    layer, or where the last one is called for several inputs, only `logits` and `output` are written. The batch
    dimension is open, all others are fixed, and channels come last, whatever the model has inside. Where the head
    is affine, the constant Grad-CAM weights (units, channels) lie in the file's metadata. The model is not changed.

    Args:
        model: A built keras.Model: functional, Sequential, with or without nested models.
        folder: Exists; an older `model.onnx` is replaced only once the new one has passed.
        explain_layer: Name, or None for the last layer with a spatial output.
        sample: Input name to (N, …) real inputs, at least 1 and best 4 to 16 of them. A single input may have any
            name, which becomes the name in the ONNX file; several must be named as in the model.

    Raises:
        UnsupportedModel: The model cannot be converted, or the ONNX file answers differently from Keras.
    """
    graph = split_model(model, explain_layer, tuple(sample))
    _refuse_open_sizes(model)
    inputs = _varied(_fitting(sample, graph))
    try:
        recorded = call_recorded(graph, inputs)
    except UnsupportedModel:
        if explain_layer is not None:
            raise
        graph = without_layer(graph)
        recorded = call_recorded(graph, inputs)
    expected, units = own_output(graph, inputs), int(recorded.logits.shape[-1])
    has_grid = graph.layer is not None and len(recorded.activations.shape) in {4, 5}
    if not has_grid and explain_layer is not None:
        raise UnsupportedModel(
            f"The output of the layer {explain_layer} is no map of (h, w, channels)", "choose another layer"
        )
    classifies = expected.ndim == 2
    weights = constant_cam_weights(graph, inputs, units) if has_grid and classifies else None
    proto = _convert(graph, inputs, has_grid)
    _add_metadata(proto, graph, weights)
    content = proto.SerializeToString()
    difference = _check(content, inputs, expected, graph.activation, _tolerance(model))
    partial = folder / "model.onnx.partial"
    partial.write_bytes(content)
    partial.replace(folder / "model.onnx")
    grid = tuple(int(n) for n in recorded.activations.shape[1:]) if has_grid else None
    return CompiledFacts(
        path=folder / "model.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        input_names=graph.input_names,
        units=units,
        activation=graph.activation,
        explain_layer=graph.layer_name if has_grid else "",
        grid=grid,
        features=grid[-1] if grid else None,
        affine=weights is not None,
        max_difference=difference,
    )


def _fitting(sample: Mapping[str, NDArray[np.generic]], graph: Graph) -> dict[str, NDArray[np.generic]]:
    """The samples in the model's order, channels last.

    Raises:
        UnsupportedModel: One has not the shape of the model's input.
    """
    found: dict[str, NDArray[np.generic]] = {}
    for (name, shape), order in zip(graph.input_shapes.items(), graph.input_orders, strict=True):
        array = np.asarray(sample[name])
        if order is not None and not _fits(array, shape):  # given as the model takes it
            array = array.transpose(0, *(place + 1 for place in order))
        if not _fits(array, shape):
            sizes = (shape, np.shape(sample[name])[1:])
            wanted, given = (" × ".join(str(n or "any") for n in each) for each in sizes)
            raise UnsupportedModel(f"{name} of shape {wanted}", given, "write the input's size on the card")
        found[name] = array
    return found


def _fits(array: NDArray[np.generic], shape: tuple[int | None, ...]) -> bool:
    return array.ndim == len(shape) + 1 and all(
        size in {None, given} for size, given in zip(shape, array.shape[1:], strict=True)
    )


def _varied(sample: Mapping[str, NDArray[np.generic]], extra: int = 2) -> dict[str, NDArray[np.generic]]:
    """Up to 16 samples, `extra` of noise in the same range, and its ends: all black, all white, black beside white."""
    random = np.random.default_rng(0)
    joined: dict[str, NDArray[np.generic]] = {}
    for name, array in sample.items():
        real = array[:16]
        low, high = float(real.min()), max(float(real.max()), float(real.min()) + 1.0)
        noise = random.uniform(low, high, (extra, *real.shape[1:]))
        ends = np.stack([np.full(real.shape[1:], value) for value in (low, high, low)])
        ends[2, ..., real.shape[-1] // 2 :] = high
        if real.ndim > 2:
            ends[2, ..., : real.shape[-2] // 2, :] = low
        joined[name] = np.concatenate([real, noise.astype(real.dtype), ends.astype(real.dtype)])
    return joined


def _refuse_open_sizes(model: Any) -> None:
    """Refuse an open number of frames: it converts, and then fails when it runs."""
    for tensor in model.inputs:
        if len(tensor.shape) > 4 and None in tensor.shape[1:]:
            raise UnsupportedModel("The number of frames is open", "fix it in the model's input")


def _convert(graph: Graph, inputs: Mapping[str, NDArray[np.generic]], has_grid: bool) -> Any:
    """The ONNX model, with our names for its inputs and outputs and an open batch dimension."""
    import tensorflow as tf
    import tf2onnx

    names = graph.input_names
    signature = [tf.TensorSpec((None, *inputs[name].shape[1:]), inputs[name].dtype) for name in names]

    def forward(*tensors: Any) -> list[Any]:
        recorded = call_recorded(graph, dict(zip(names, tensors, strict=True)))
        answer = [recorded.logits, tf.identity(recorded.output)]  # two outputs even where both are the same tensor
        if not has_grid:
            return answer
        activations = tf.cast(recorded.activations, tf.float32)
        places = tuple(range(1, len(activations.shape) - 1))
        return [*answer, activations, tf.reduce_mean(activations, axis=places)]

    function = tf.function(forward, input_signature=signature, autograph=False, jit_compile=False)
    one_by_one = tf.config.functions_run_eagerly()
    try:
        # Keras compiles grouped convolutions with XLA, a call that has no ONNX form; so the layers write theirs out.
        tf.config.run_functions_eagerly(True)
        function.get_concrete_function(*signature)
        tf.config.run_functions_eagerly(one_by_one)
        proto, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=18)
    except UnsupportedModel:
        raise
    except Exception as error:  # tf2onnx raises whatever it stumbles over
        raise UnsupportedModel(
            f"An operation of the model has no ONNX form ({type(error).__name__})", "use it through the Keras process"
        ) from error
    finally:
        tf.config.run_functions_eagerly(one_by_one)
    _keep_constants(proto.graph, function.get_concrete_function(*signature))
    _write_out_erfc(proto.graph)
    _rename(proto.graph, "input", names)
    _rename(proto.graph, "output", ("logits", "output", "activations", "features")[: 4 if has_grid else 2])
    return proto


def _keep_constants(graph: Any, traced: Any) -> None:
    """Constants that the model calculates with, such as the means to subtract, which tf2onnx makes inputs."""
    import onnx
    import tensorflow as tf

    values = {inside.name: outside for outside, inside in traced.graph.captures if outside.dtype != tf.resource}
    used = {name for node in graph.node for name in node.input}
    for given in [value for value in graph.input if value.name in values]:
        graph.input.remove(given)
        if given.name in used:
            graph.initializer.append(onnx.numpy_helper.from_array(values[given.name].numpy(), given.name))


def _write_out_erfc(graph: Any) -> None:
    """Erfc(x), with which TensorFlow writes GELU and which ONNX lacks, as 1 - Erf(x)."""
    import onnx

    if not any(node.op_type == "Erfc" for node in graph.node):
        return
    graph.initializer.append(onnx.numpy_helper.from_array(np.float32(1.0), "scanlens_one"))
    nodes = []
    for node in graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        between = f"{node.output[0]}_erf"
        nodes.append(onnx.helper.make_node("Erf", list(node.input), [between]))
        nodes.append(onnx.helper.make_node("Sub", ["scanlens_one", between], list(node.output)))
    del graph.node[:]
    graph.node.extend(nodes)


def _rename(graph: Any, side: str, names: tuple[str, ...]) -> None:
    """Give the graph's inputs or outputs our names, in order, and call their first dimension `batch`."""
    values = list(getattr(graph, side))
    renamed = {value.name: name for value, name in zip(values, names, strict=True)}
    for value in values:
        value.name = renamed[value.name]
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    for node in graph.node:
        for names_of_node in (node.input, node.output):
            for position, name in enumerate(names_of_node):
                if name in renamed:
                    names_of_node[position] = renamed[name]


def _add_metadata(proto: Any, graph: Graph, weights: NDArray[np.float32] | None) -> None:
    facts: dict[str, Any] = {"activation": graph.activation, "explain_layer": graph.layer_name}
    if weights is not None:
        facts["cam_weights"] = {
            "shape": list(weights.shape),
            "float32": base64.b64encode(weights.astype("<f4").tobytes()).decode("ascii"),
        }
    entry = proto.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(facts)


def own_output(graph: Graph, inputs: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float32]:
    """(N, …) what Keras gives with nothing recorded, taken out or replaced, as `model.predict` does; channels last."""
    output = np.asarray(graph.call_plain(inputs), np.float32)
    order = graph.output_order
    return output if order is None else output.transpose(0, *(place + 1 for place in order))


def _tolerance(model: Any) -> float:
    kinds = {str(getattr(layer, "compute_dtype", "")) for _, layer in walk_layers(model)}
    return HALF_TOLERANCE if kinds & {"float16", "bfloat16"} else PROBABILITY_TOLERANCE


def _check(
    content: bytes,
    inputs: Mapping[str, NDArray[np.generic]],
    expected: NDArray[np.float32],
    activation: Activation,
    tolerance: float,
) -> float:
    """Largest difference of a probability between ONNX Runtime and Keras' final output, one by one and as a batch.

    Both are compared, the final output of the file and the link of its logits. An output that is logits is compared as
    the probabilities that people will read.
    """
    from core.onnx_runtime import onnxruntime

    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        together = session.run(["logits", "output"], dict(inputs))
        alone = session.run(["logits", "output"], {name: array[:1] for name, array in inputs.items()})
    except Exception as error:  # ONNX Runtime has an exception class for each of its status codes
        raise UnsupportedModel(
            f"ONNX Runtime cannot run the compiled model ({type(error).__name__})", "use it through the Keras process"
        ) from error
    shown = activation
    if activation == "linear":
        shown = "sigmoid" if expected.shape[-1] == 1 else "softmax"
        expected = probabilities(expected, shown)
    difference = 0.0
    for logits, output in (together, alone):
        for found in (probabilities(logits, shown), probabilities(output, shown) if activation == "linear" else output):
            # A difference that is not a number must not pass, and `max` would drop it.
            difference = float(np.maximum(difference, np.abs(found - expected[: len(found)]).max()))
    if not difference <= tolerance:  # also true of NaN
        raise UnsupportedModel(
            f"The compiled model differs from Keras by {difference:.2g}, which is more than {tolerance:g}",
            "use the model through the Keras process",
        )
    return difference
