"""The filters that a shipped model has learned first, read from its compiled file without running it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.inference.bundle import ONNX_FILE, verified_bytes
from core.lessons.convolution.kernels import Kernel
from core.models.card import ModelCard


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """The first convolution of a model.

    Attributes:
        title: The model's.
        weights: (filters, k, k) float64 for a grey image, see `first_layer`.
        biases: (filters,) float64.
        stride: Of the layer in the model.
        channels: Channels of its input; more than one were put together.
    """

    title: str
    weights: NDArray[np.float64]
    biases: NDArray[np.float64]
    stride: int
    channels: int

    def kernel(self, index: int) -> Kernel:
        """Filter `index` from 0."""
        several = f" Its {self.channels} colour layers are added, which is exact for grey." if self.channels > 1 else ""
        sentence = (
            f"Filter {index + 1} of {len(self.weights)} in the first layer of “{self.title}”, learned from data and "
            f"not designed; the model moves it by {self.stride}.{several}"
        )
        return Kernel(f"Filter {index + 1}", self.weights[index], float(self.biases[index]), sentence)


def first_layer(card: ModelCard) -> FirstLayer:
    """Read the kernels of the first convolution from `model.onnx`.

    A grey image goes into each channel of a layer for colour alike, so the kernel's channels may be added. A
    normalisation behind the layer is folded into weights and bias, as compiling does; the scaling of grey values in
    front of it is left out.

    Raises:
        InvalidCard: The compiled file is gone or another one.
        UnsupportedModel: The model does not begin with a square convolution over images.
    """
    import onnx

    graph = onnx.load_from_string(verified_bytes(card, ONNX_FILE)).graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    node = next((node for node in graph.node if node.op_type == "Conv" and node.input[1] in stored), None)
    weights = None if node is None else onnx.numpy_helper.to_array(stored[node.input[1]]).astype(np.float64)
    if node is None or weights is None or weights.ndim != 4 or weights.shape[2] != weights.shape[3]:
        raise UnsupportedModel(f"{card.title} does not begin with a convolution", "choose another model")
    biases = np.zeros(len(weights))
    if len(node.input) > 2 and node.input[2] in stored:
        biases = onnx.numpy_helper.to_array(stored[node.input[2]]).astype(np.float64)
    return FirstLayer(card.title, weights.sum(axis=1), biases, _stride(node), int(weights.shape[1]))


def _stride(node: Any) -> int:
    return next((int(entry.ints[0]) for entry in node.attribute if entry.name == "strides"), 1)
