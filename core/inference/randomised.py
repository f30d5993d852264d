"""A copy of a compiled model whose weights were drawn anew, from the last layers backwards.

What an explanation shows should depend on what the model learned. A map that stays the same when the weights are
replaced by chance describes the image, not the model (Adebayo et al. 2018, Sanity Checks for Saliency Maps,
arXiv:1810.03292, cascading randomisation). The compiled file is changed in memory, so this needs neither Keras nor a
second file.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.inference.bundle import (
    INTRA_THREADS,
    ONNX_FILE,
    Bundle,
    verified_bytes,
)
from core.inference.onnx_session import open_session

#: Operations whose second input is a trained kernel.
_TRAINED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})


def randomised_bundle(bundle: Bundle, fraction: float = 1.0, seed: int = 0) -> Bundle:
    """The bundle with the kernels of the last layers drawn from a normal distribution of their own spread.

    The head is always among them. Biases and folded norms stay, as they do where Keras layers are initialised anew
    behind frozen norms. Where the head is an average and one kernel, its constant Grad-CAM weights follow the draw.

    Args:
        bundle: Any opened bundle; it is not changed.
        fraction: Of the layers with a kernel, counted from the last; 0 randomises the last only, 1 all.
        seed: Of the draws.

    Raises:
        InvalidCard: The compiled file is gone or another one.
    """
    import onnx

    proto = onnx.load_from_string(verified_bytes(bundle.card, ONNX_FILE))
    rng = np.random.default_rng(seed)
    kernels = _kernels_in_order(proto.graph)
    before: NDArray[np.generic] = np.zeros((0, 0))
    drawn: NDArray[np.generic] = before
    for tensor in kernels[len(kernels) - max(1, math.ceil(fraction * len(kernels))) :]:
        before = onnx.numpy_helper.to_array(tensor)
        drawn = _drawn(before, rng)
        tensor.CopyFrom(onnx.numpy_helper.from_array(drawn, tensor.name))
    session = open_session(proto.SerializeToString(), INTRA_THREADS, bundle.card.sha256[ONNX_FILE])
    copy = Bundle(bundle.card, session)
    copy.randomised = (fraction, seed)  # whoever asks the Keras process about this bundle has to say so there
    if bundle.cam_weights is not None:
        copy.cam_weights = _weights_of(bundle.cam_weights, before, drawn)
    return copy


def _weights_of(
    weights: NDArray[np.float32], before: NDArray[np.generic], drawn: NDArray[np.generic]
) -> NDArray[np.float32] | None:
    """Constant Grad-CAM weights (units, channels) of the copy, where the last kernel alone makes them.

    Behind an average over the positions they are the last kernel (channels, units) divided by the number of positions;
    then the drawn kernel gives the copy's. Any other head has to be asked in the Keras process.
    """
    old = before.astype(np.float64).T
    if old.shape != weights.shape or not np.any(weights):
        return None
    positions = float((old * weights).sum() / (weights.astype(np.float64) ** 2).sum())
    if not np.allclose(old, weights * positions, rtol=1e-3, atol=1e-3 * float(np.abs(old).max())):
        return None
    return (drawn.astype(np.float64).T / positions).astype(np.float32)


def _kernels_in_order(graph: Any) -> list[Any]:
    """The initializers that trained layers use, in the order of the graph, each once."""
    by_name = {tensor.name: tensor for tensor in graph.initializer}
    found: dict[str, Any] = {}
    for node in graph.node:  # ONNX keeps nodes in an order in which they can run
        if node.op_type in _TRAINED and len(node.input) > 1 and node.input[1] in by_name:
            tensor = by_name[node.input[1]]
            if len(tensor.dims) > 1:
                found.setdefault(tensor.name, tensor)
    return list(found.values())


def _drawn(values: NDArray[np.generic], rng: np.random.Generator) -> NDArray[np.generic]:
    spread = float(np.std(values.astype(np.float64)))
    return rng.normal(0.0, spread, values.shape).astype(values.dtype)
