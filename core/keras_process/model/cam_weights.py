"""Gradients of a logit with respect to the activations of a layer, and whether they depend on the input.

Grad-CAM (Selvaraju et al. 2017, eq. 1) weighs each channel by the mean of the logit's gradient over the positions.
Where the gradient is the same for every input, because the head is affine in the activations, the weights are a
constant matrix. Runs in a Keras process only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.keras_process.model.split import Graph, call_recorded, joined

#: Largest difference of two gradients, relative to the largest gradient, that still counts as the same. Float32 sums
#: over a head differ by about 1e-6; a rectifier or a maximum between A and the logit moves it by 1e-2 and more.
AFFINE_TOLERANCE = 1e-5

Gradients = Callable[..., tuple[Any, Any]]


def gradient_function(graph: Graph) -> Gradients:
    """A compiled function `(inputs, unit, keep, probe) -> (activations, gradient)`, both (N, [frames,] h, w, C).

    `inputs` maps names to (N, …) tensors, `unit` is the index of the logit. What the head sees, and where the gradient
    is taken, is `keep * activations + probe`: keep 1 and probe 0 is the model as it is.
    """
    import tensorflow as tf

    if graph.layer is None:
        raise UnsupportedModel("This model has no layer with a spatial output", "choose another explanation")

    def gradients(inputs: Mapping[str, Any], unit: Any, keep: Any, probe: Any) -> tuple[Any, Any]:
        # Only what follows the layer is recorded, so the tape costs the head and not the backbone.
        frame = iter(range(graph.calls))  # inside a TimeDistributed each call gets its own frame of the probe
        with tf.GradientTape(watch_accessed_variables=False) as tape:

            def watched(output: Any) -> Any:
                part = probe if graph.calls == 1 else probe[:, tf.minimum(next(frame), tf.shape(probe)[1] - 1)]
                copy = tf.cast(keep, output.dtype) * output + tf.cast(part, output.dtype)
                copy = tf.ensure_shape(copy, output.shape)  # the probe's rank is open, that of the layer is not
                tape.watch(copy)
                return copy

            recorded = call_recorded(graph, inputs, replace=watched)
            score = tf.gather(recorded.logits, unit, axis=-1)
        gradient = gradient_of(tape, score, recorded.parts, graph)
        return tf.cast(recorded.activations, tf.float32), tf.cast(gradient, tf.float32)

    signature = (
        {
            name: tf.TensorSpec((None, *shape), tensor.dtype)
            for (name, shape), tensor in zip(graph.input_shapes.items(), graph.model.inputs, strict=True)
        },
        tf.TensorSpec((), tf.int32),
        tf.TensorSpec((), tf.float32),
        tf.TensorSpec(None, tf.float32),
    )
    # XLA was measured to be 8 to 10 times slower than a plain graph on the CPU.
    return tf.function(gradients, input_signature=signature, autograph=False, jit_compile=False)


def gradient_of(tape: Any, score: Any, parts: list[Any], graph: Graph) -> Any:
    """The gradient of a score with respect to the parts of `Recorded`, joined as these are.

    Raises:
        UnsupportedModel: The score does not depend on them.
    """
    import tensorflow as tf

    found = tape.gradient(score, parts)
    if all(part is None for part in found):
        raise UnsupportedModel(f"The logits do not depend on the layer {graph.layer_name}", "choose another layer")
    return joined([tf.zeros_like(part) if one is None else one for part, one in zip(parts, found, strict=True)])


def grad_cam_grids(
    gradients: Gradients, inputs: Mapping[str, NDArray[np.generic]], unit: int, sign: float = 1.0
) -> NDArray[np.float32]:
    """Grad-CAM by its definition, for any head.

    Args:
        gradients: From `gradient_function`.
        inputs: Input name to (N, …) array.
        unit: Index of the logit.
        sign: -1 to explain the negated logit, which is class 0 of a one-unit sigmoid model.

    Returns:
        (N, h, w) float32, rectified, on the absolute scale of the logit.
    """
    activations, gradient = _evaluated(gradients, inputs, unit)
    if activations.ndim == 5 and activations.shape[1] == 1:  # an image that the network treats as a film of one frame
        activations, gradient = activations[:, 0], gradient[:, 0]
    weights = sign * gradient.mean(axis=(1, 2))
    return np.maximum(np.einsum("nhwc,nc->nhw", activations, weights), 0.0).astype(np.float32)


def _evaluated(
    gradients: Gradients,
    inputs: Mapping[str, NDArray[np.generic]],
    unit: int,
    probe: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Activations and gradient at the inputs, or at `probe` in place of the activations."""
    import tensorflow as tf

    tensors = {name: tf.constant(array) for name, array in inputs.items()}
    keep = 1.0 if probe is None else 0.0
    values = np.zeros((1, 1, 1, 1), np.float32) if probe is None else probe
    activations, gradient = gradients(tensors, tf.constant(unit, tf.int32), tf.constant(keep), tf.constant(values))
    return activations.numpy(), gradient.numpy()


def constant_cam_weights(
    graph: Graph, inputs: Mapping[str, NDArray[np.generic]], units: int, seed: int = 0
) -> NDArray[np.float32] | None:
    """The Grad-CAM weights of every logit, if they do not depend on the input.

    The gradient is compared at the given inputs, and again with random activations in their place (see `_probes`),
    because a rectifier behind a mean over many positions may stay on one side for every image one happens to try.

    Args:
        graph: From `dissect`, with a layer.
        inputs: Input name to (N, …), N ≥ 2; real and random ones.
        units: Number of logits.
        seed: Of the random activations.

    Returns:
        (units, channels) float32, the mean of the gradient over the positions; None where the gradient varies by more
        than `AFFINE_TOLERANCE` times its largest value.
    """
    gradients = gradient_function(graph)
    activations, _ = _evaluated(gradients, inputs, 0)
    probes = _probes(activations, np.random.default_rng(seed))
    weights = []
    for unit in range(units):
        found = [_evaluated(gradients, inputs, unit, probe)[1] for probe in (None, *probes)]
        first = found[0][:1]
        spread = max(float(np.abs(gradient - first).max()) for gradient in found)
        if not spread <= AFFINE_TOLERANCE * float(np.abs(first).max()):  # NaN is not affine either
            return None
        weights.append(first[0].reshape(-1, first.shape[-1]).mean(axis=0))
    return np.stack(weights).astype(np.float32)


def _probes(
    activations: NDArray[np.float32], random: np.random.Generator, rounds: int = 4
) -> list[NDArray[np.float32]]:
    """Random activations in which few channels and few positions dominate, and which ones changes from one to the next.

    Channels that were never negative stay so, so that a head which is affine on all it can meet counts as affine. The
    sizes spread over orders of magnitude, so that neither a mean over positions nor a bias evens them out.
    """
    count, *places, channels = activations.shape
    scale = activations.std() + 1e-6
    signed = (activations.reshape(-1, channels).min(axis=0) < 0).astype(np.float32)
    probes = []
    for _ in range(rounds):
        size = random.lognormal(0.0, 3.0, (count, *[1] * len(places), channels)) * random.lognormal(
            0.0, 2.0, (count, *places, 1)
        )
        value = random.uniform(0.0, 1.0, activations.shape) - 2.0 * signed * random.integers(0, 2, activations.shape)
        probes.append((scale * size * value).astype(np.float32))
    return probes
