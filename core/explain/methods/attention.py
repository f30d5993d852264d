"""Attention rollout: which patches of the scan a vision transformer's answer flows from.

Abnar and Zuidema 2020, Quantifying Attention Flow in Transformers, arXiv:2005.00928. It follows attention and nothing
else: not the values, not the head, and so not the class. It is the same for every label.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.explain.explanation import Explanation
from core.explain.inputs import explained_image, image_names
from core.explain.methods.layer_maps import keras_arguments, map_of
from core.explain.request import Ask
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared


def attention_rollout(bundle: Bundle, prepared: Prepared, ask: Ask) -> Explanation:
    """The fraction of each patch in what the head reads, if tokens mix as attention says.

    Args:
        bundle: The opened model.
        prepared: What it gets.
        ask: What is wanted; the map is the same for every target.

    Raises:
        UnsupportedModel: The model is no vision transformer, has several images, or there is no Keras process.
        KerasProcessFailed: It hung, crashed or ran out of memory.
    """
    image = explained_image(bundle, prepared, ask)
    if len(image_names(bundle, prepared)) != 1 or image.values.ndim != 4:
        raise UnsupportedModel("The model is no vision transformer of one image", "choose another method")
    if ask.keras is None:
        raise UnsupportedModel("Attention scores need the Keras process, which is not there", "choose another method")
    found, arrays = ask.keras.call("attention", keras_arguments(bundle, ask), prepared.batch)
    rows, columns, leading = (int(n) for n in found["tokens"])
    fractions = rolled_out(arrays["scores"].astype(np.float64))
    read = (
        fractions[:, 0] if leading else fractions.mean(axis=1)
    )  # the head reads the leading token, or the mean of all
    values = read[:, leading:].reshape(-1, rows, columns)
    return map_of(bundle, prepared, ask, "attention-rollout", image, values, "fraction of the attention")


def rolled_out(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Attention of all layers as one: (N, layers, tokens, tokens) to (N, tokens, tokens), rows adding up to 1.

    Each layer passes on half of a token as it is, which stands for the way around the attention (eq. 1 of the paper).

    Example:
        >>> rolled_out(np.array([[[[0.0, 1.0], [0.0, 1.0]]]])).tolist()
        [[[0.5, 0.5], [0.0, 1.0]]]
    """
    identity = np.eye(scores.shape[-1])
    mixed = (scores + identity) / 2
    flow = np.broadcast_to(identity, mixed[:, 0].shape)
    for layer in range(mixed.shape[1]):
        flow = mixed[:, layer] @ flow
    return flow / flow.sum(axis=-1, keepdims=True)
