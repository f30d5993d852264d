"""Compiled gradients of a score, a weighted sum of the logits, for the methods that need them. Keras process only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, UnsupportedModel
from core.keras_process.model.cam_weights import gradient_of
from core.keras_process.model.layers import walk_layers
from core.keras_process.model.split import Graph, call_recorded, replaced, without_layer
from core.keras_process.names import REGION

Arrays = Mapping[str, NDArray[np.generic]]


def _types(graph: Graph) -> dict[str, tuple[tuple[Any, ...], Any]]:
    """Shape and type of each input, and of the region where the output is a map."""
    kinds = dict(zip(graph.input_names, (tensor.dtype for tensor in graph.model.inputs), strict=True))
    found = {name: ((None, *shape), kinds[name]) for name, shape in graph.input_shapes.items()}
    places = graph.output_shape[:-1]
    if len(places) == 2:
        found[REGION] = ((None, *places), "float32")
    elif places:
        raise UnsupportedModel(
            "The model gives a row of answers, which is neither one answer a scan nor a map of them",
            "choose another model",
        )
    return found


def _signature(graph: Graph) -> dict[str, Any]:
    import tensorflow as tf

    return {name: tf.TensorSpec((None, *shape[1:]), kind) for name, (shape, kind) in _types(graph).items()}


def _score(logits: Any, weights: Any, inputs: Mapping[str, Any]) -> Any:
    """(N,) weighted sum of the logits, and over the region where there is one for each place."""
    import tensorflow as tf

    if REGION not in inputs:
        return tf.linalg.matvec(logits, weights)
    return tf.reduce_sum(tf.reduce_sum(logits * weights, axis=-1) * inputs[REGION], axis=[1, 2])


def _without_region(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tensor for name, tensor in inputs.items() if name != REGION}


def _compiled(function: Callable[..., Any], *signature: Any) -> Any:
    import tensorflow as tf

    # XLA was measured to be 8 to 10 times slower than a plain graph on the CPU.
    return tf.function(function, input_signature=signature, autograph=False, jit_compile=False)


def layer_gradient_function(
    graph: Graph,
) -> Callable[[Arrays, NDArray[np.float32]], tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """A function of inputs and (units,) weights that gives activations and the score's gradient there.

    Both are (N, [frames,] h, w, C). Where the output is a map, the inputs hold a `REGION` too.

    Raises:
        UnsupportedModel: There is no such layer, or it has no map.
    """
    import tensorflow as tf

    _needs_map(graph)

    def gradients(inputs: Mapping[str, Any], weights: Any) -> tuple[Any, Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:

            def watched(output: Any) -> Any:
                tape.watch(output)
                return output

            recorded = call_recorded(graph, _without_region(inputs), replace=watched)
            score = _score(recorded.logits, weights, inputs)
        gradient = gradient_of(tape, score, recorded.parts, graph)
        return tf.cast(recorded.activations, tf.float32), tf.cast(gradient, tf.float32)

    compiled = _compiled(gradients, _signature(graph), tf.TensorSpec((None,), tf.float32))

    def run(arrays: Arrays, weights: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        activations, gradient = compiled(_tensors(graph, arrays), tf.constant(weights))
        if activations.shape.rank not in {4, 5}:
            raise UnsupportedModel(
                f"The output of the layer {graph.layer_name} is no map of (h, w, channels)", "choose another"
            )
        return activations.numpy(), gradient.numpy()

    return run


def _needs_map(graph: Graph) -> None:
    if graph.layer is None:
        raise UnsupportedModel("This model has no layer with a spatial output", "choose another explanation")


def _tensors(graph: Graph, arrays: Arrays) -> dict[str, Any]:
    import tensorflow as tf

    types = _types(graph)
    if types.keys() != arrays.keys():
        raise UnsupportedModel(f"the arrays {', '.join(types)}", ", ".join(arrays), "choose what to explain")
    return {name: tf.cast(tf.constant(array), types[name][1]) for name, array in arrays.items()}


def input_gradient_function(
    graph: Graph, guided: bool = False
) -> Callable[[Arrays, NDArray[np.float32]], tuple[NDArray[np.float32], ...]]:
    """A function of inputs and (units,) weights that gives scores (N,) and the gradient for each input, in their order.

    Args:
        graph: From `dissect`; its layer is not looked at.
        guided: Guided backpropagation (Springenberg et al. 2014, arXiv:1412.6806): rectifiers pass back only positive
            gradients.
    """
    import tensorflow as tf

    free = without_layer(graph)

    def gradients(inputs: Mapping[str, Any], weights: Any) -> list[Any]:
        tensors = [inputs[name] for name in free.input_names]
        with tf.GradientTape(watch_accessed_variables=False) as tape, _guided(free.model, guided):
            for tensor in tensors:
                tape.watch(tensor)
            score = _score(call_recorded(free, _without_region(inputs)).logits, weights, inputs)
        found = tape.gradient(score, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [tf.cast(score, tf.float32), *(tf.cast(gradient, tf.float32) for gradient in found)]

    compiled = _compiled(gradients, _signature(free), tf.TensorSpec((None,), tf.float32))

    def run(arrays: Arrays, weights: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        return tuple(part.numpy() for part in compiled(_tensors(free, arrays), tf.constant(weights)))

    return run


@contextmanager
def _guided(model: Any, wanted: bool) -> Iterator[None]:
    """While tracing, let every rectifier of the model pass back only what is positive. The model is put back after."""
    with ExitStack() as stack:
        for _path, layer in walk_layers(model) if wanted else ():
            owner = getattr(layer, "cell", layer)  # a recurrent layer has its activation in its cell
            if type(layer).__name__ == "ReLU":
                stack.enter_context(replaced(layer, "call", _guided_after(layer.call)))
            elif getattr(vars(owner).get("activation"), "__name__", "") in {"relu", "relu6"}:
                stack.enter_context(replaced(owner, "activation", _guided_after(owner.activation)))
        yield


def _guided_after(rectifier: Callable[..., Any]) -> Callable[..., Any]:
    import tensorflow as tf

    def positive_back(x: Any) -> tuple[Any, Callable[[Any], Any]]:
        return x, tf.nn.relu

    through = tf.custom_gradient(positive_back)
    # Behind the rectifier: what comes back is made positive before the rectifier's own gradient is applied.
    return lambda x, *args, **kwargs: through(rectifier(x, *args, **kwargs))


def ablation_function(
    graph: Graph,
) -> Callable[[Arrays, NDArray[np.float32], Callable[[], bool]], tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """A function of inputs, weights and a stop that gives activations and (N, C) score lost without each channel.

    Raises:
        UnsupportedModel: There is no such layer, or it has no map.
    """
    import tensorflow as tf

    _needs_map(graph)

    def without(inputs: Mapping[str, Any], weights: Any, channel: Any) -> tuple[Any, Any]:
        def replace(output: Any) -> Any:
            gate = 1.0 - tf.one_hot(channel, output.shape[-1], dtype=output.dtype)  # channel -1 leaves all in place
            return output * gate

        recorded = call_recorded(graph, _without_region(inputs), replace=replace)
        return tf.cast(recorded.activations, tf.float32), _score(recorded.logits, weights, inputs)

    compiled = _compiled(without, _signature(graph), tf.TensorSpec((None,), tf.float32), tf.TensorSpec((), tf.int32))

    def run(
        arrays: Arrays, weights: NDArray[np.float32], cancelled: Callable[[], bool]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        tensors, given = _tensors(graph, arrays), tf.constant(weights)
        activations, whole = compiled(tensors, given, tf.constant(-1))
        lost = []
        for channel in range(activations.shape[-1]):
            if cancelled():
                raise Cancelled("the Keras process")
            lost.append(whole - compiled(tensors, given, tf.constant(channel))[1])
        return activations.numpy(), np.stack([part.numpy() for part in lost], axis=1)

    return run


def randomise(model: Any, fraction: float, seed: int) -> None:
    """Draw the kernels of the last layers anew, as `core.inference.randomised` does with a compiled model.

    Args:
        model: Is changed.
        fraction: Of the layers with a kernel, counted from the last; the last is always among them.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    kernels = [weight for _, layer in walk_layers(model) for weight in _own_kernels(layer)]
    count = max(1, math.ceil(fraction * len(kernels)))
    for kernel in kernels[len(kernels) - count :]:
        values = np.asarray(kernel)
        kernel.assign(rng.normal(0.0, float(values.std()), values.shape).astype(values.dtype))


def _own_kernels(layer: Any) -> list[Any]:
    if hasattr(layer, "layers") or type(layer).__name__ == "TimeDistributed":  # walked through by themselves
        return []
    return [weight for weight in layer.trainable_weights if len(weight.shape) > 1]
