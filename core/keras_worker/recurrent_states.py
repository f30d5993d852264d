"""The recurrent layers of a trained network: their weights, and what they are given frame by frame.

Runs in the Keras process. With both, `core.lessons.sequences.recurrent` computes every gate in the web process.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from core.errors import UnsupportedModel
from core.keras_worker.tasks import load_checked
from core.processes.wire import Arrays
from core.processes.worker_loop import Answer, Job

#: Keras' layers to the cells of `core.lessons.sequences.recurrent`.
KINDS = {"SimpleRNN": "rnn", "LSTM": "lstm", "GRU": "gru"}


def recurrent_states(job: Job) -> Answer:
    """What the recurrent layers of `model` are given, and their weights.

    Arrays: the network's inputs by name.

    Returns:
        `layers`, each a name, kind and number of units. Arrays, by the layer's number from 0: `0_inputs` (N, T, D),
        `0_kernel`, `0_recurrent`, `0_bias`, and `0_output`, what Keras itself makes of it.

    Raises:
        UnsupportedModel: There is no such layer, or one that runs backwards or with other activations.
    """
    import keras

    model = load_checked(job).model
    found = [layer for layer in model.layers if type(layer).__name__ in KINDS]
    if not found:
        raise UnsupportedModel("This network has no LSTM, GRU or plain recurrent layer", "choose another")
    for layer in found:
        _refuse_unusual(layer)
    tensors = [tensor for layer in found for tensor in (layer.input, layer.output)]
    reached = keras.Model(model.inputs, tensors)(job.arrays, training=False)
    arrays: Arrays = {}
    for number, layer in enumerate(found):
        arrays[f"{number}_inputs"] = np.asarray(reached[2 * number], np.float32)
        arrays[f"{number}_output"] = np.asarray(reached[2 * number + 1], np.float32)
        for name, weight in zip(("kernel", "recurrent", "bias"), layer.weights, strict=True):
            arrays[f"{number}_{name}"] = np.asarray(weight, np.float32)
    layers = [{"name": layer.name, "kind": KINDS[type(layer).__name__], "units": int(layer.units)} for layer in found]
    return {"layers": layers}, arrays


def _refuse_unusual(layer: Any) -> None:
    config = layer.get_config()
    usual = config["activation"] == "tanh" and config.get("recurrent_activation", "sigmoid") == "sigmoid"
    if not usual or config["go_backwards"] or not config["use_bias"] or not config.get("reset_after", True):
        raise UnsupportedModel(f"The recurrent layer {layer.name} is not as Keras makes it", "choose another")
