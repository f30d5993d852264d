"""Attention scores of a vision transformer, recorded while it runs. Keras process only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.keras_process.model.layers import places_with_map, walk_layers
from core.keras_process.model.split import Graph, call_recorded, without_layer

Run = Callable[[Mapping[str, NDArray[np.generic]]], NDArray[np.float32]]


def attention_function(graph: Graph) -> tuple[Run, tuple[int, int, int]]:
    """A function of the inputs that gives the scores of all attention layers, and how the tokens lie on the image.

    Returns:
        The function, whose result is (N, layers, tokens, tokens): the mean over the heads, each row adding up to 1; and
        (rows, columns, leading) as in `core.keras_process.model.layers.Place`.

    Raises:
        UnsupportedModel: The model has no attention among the patches of its image.
    """
    import tensorflow as tf

    attending = [layer for _, layer in walk_layers(graph.model) if type(layer).__name__ == "MultiHeadAttention"]
    layout = next((p.tokens for p in reversed(places_with_map(graph.model)) if p.tokens is not None), None)
    if not attending or layout is None:
        raise UnsupportedModel(
            "The model is no vision transformer: nothing in it lets patches attend to each other",
            "choose another method",
        )
    tokens = layout[0] * layout[1] + layout[2]
    free = without_layer(graph)

    def scores(inputs: Mapping[str, Any]) -> Any:
        kept: list[Any] = []
        with ExitStack() as stack:
            for layer in attending:
                stack.enter_context(_scores_kept(layer, kept))
            call_recorded(free, inputs)
        if any(found.shape[-2:] != (tokens, tokens) for found in kept) or len(kept) != len(attending):
            raise UnsupportedModel(
                "The attention of this model is not that of every patch to every patch", "choose another method"
            )
        return tf.stack([tf.reduce_mean(tf.cast(found, tf.float32), axis=1) for found in kept], axis=1)

    compiled = tf.function(scores, autograph=False, jit_compile=False)

    def run(arrays: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float32]:
        return np.asarray(compiled({name: tf.constant(array) for name, array in arrays.items()}))

    return run, layout


@contextmanager
def _scores_kept(layer: Any, kept: list[Any]) -> Iterator[None]:
    """While tracing, have an attention layer give its scores (N, heads, tokens, tokens) too, and keep them."""
    original = layer.call

    def call(*args: Any, **kwargs: Any) -> Any:
        asked = kwargs.pop("return_attention_scores", False)
        output, found = original(*args, return_attention_scores=True, **kwargs)
        kept.append(found)
        return (output, found) if asked else output

    object.__setattr__(layer, "call", call)  # past Keras' own __setattr__, which tracks what it is given
    try:
        yield
    finally:
        object.__delattr__(layer, "call")
