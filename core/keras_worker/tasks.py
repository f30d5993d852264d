"""What the Keras process does for the web process. Imported by the worker only; TensorFlow is imported when called."""

from __future__ import annotations

import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, InvalidCard, UnsafeModel, UnsupportedModel
from core.keras_process.model.attention import attention_function
from core.keras_process.model.cam_weights import Gradients, grad_cam_grids, gradient_function
from core.keras_process.model.compile import compile_bundle
from core.keras_process.model.file_check import check_model_file
from core.keras_process.model.gradients import (
    ablation_function,
    input_gradient_function,
    layer_gradient_function,
    randomise,
)
from core.keras_process.model.layers import describe_layers
from core.keras_process.model.split import (
    Graph,
    call_recorded,
    split_model,
    without_layer,
)
from core.keras_process.names import REGION
from core.processes.wire import Arrays
from core.processes.worker_loop import Answer, Job

CHUNK = 8


@dataclass(eq=False)
class Loaded:
    """A model with the functions that were compiled for it."""

    model: Any
    gradients: dict[tuple[str, ...], Gradients] = field(default_factory=dict)
    functions: dict[tuple[Any, ...], Any] = field(default_factory=dict)


#: Models of the last requests by sha256, with their compiled gradient functions by layer.
_loaded: OrderedDict[str, Loaded] = OrderedDict()
_KEPT = 3


def ping(_job: Job) -> Answer:
    """Versions of Keras and TensorFlow."""
    import keras
    import tensorflow as tf

    return {"keras": keras.__version__, "tensorflow": tf.__version__}, {}


def check(job: Job) -> Answer:
    """Whether Keras may open the file `model`, and what is in it; Keras does not see it here."""
    return asdict(check_model_file(_read(job))), {}


def compile_model(job: Job) -> Answer:
    """`model` to `folder/model.onnx`; arrays are real inputs by name, without them noise in [0, 1] is used."""
    loaded = load_checked(job)
    sample: Arrays = job.arrays or {
        str(tensor.name): np.random.default_rng(0).random((4, *tensor.shape[1:]), np.float32)
        for tensor in loaded.model.inputs
    }
    facts = compile_bundle(loaded.model, Path(job.arguments["folder"]), job.arguments.get("layer"), sample)
    return {**asdict(facts), "path": str(facts.path)}, {}


def grad_cam(job: Job) -> Answer:
    """Grad-CAM grids (N, h, w) of the logit `unit` times `sign` at `layer`, for any architecture."""
    loaded = load_checked(job)
    layer, names = str(job.arguments["layer"]), tuple(job.arrays)
    if (layer, *names) not in loaded.gradients:
        loaded.gradients[layer, *names] = gradient_function(split_model(loaded.model, layer, names))
    gradients = loaded.gradients[layer, *names]
    unit, sign = int(job.arguments["unit"]), float(job.arguments.get("sign", 1.0))
    return {}, {"grids": _in_chunks(job, lambda arrays: grad_cam_grids(gradients, arrays, unit, sign))}


def layer_gradients(job: Job) -> Answer:
    """`activations` (N, h, w, C) of `layer` and the `gradient` of the score Σ weights · logits with respect to them."""
    loaded = load_checked(job)
    layer, names = str(job.arguments["layer"]), input_names(loaded, job)
    function = _kept_function(
        loaded, ("layer", layer, *names), lambda: layer_gradient_function(split_model(loaded.model, layer, names))
    )
    weights = np.asarray(job.arguments["weights"], np.float32)
    activations, gradient = _chunks_of_several(job, lambda arrays: function(arrays, weights))
    return {}, {"activations": activations, "gradient": gradient}


def input_gradients(job: Job) -> Answer:
    """`gradient` of the score Σ weights · logits with respect to each input array, and the `score` (N,).

    With one input the gradient is called `gradient`, with several `gradient_<name>`. `guided` lets rectifiers pass only
    what is positive both ways.
    """
    loaded = load_checked(job)
    names, guided = input_names(loaded, job), bool(job.arguments.get("guided"))
    function = _kept_function(
        loaded,
        ("input", guided, *names),
        lambda: input_gradient_function(split_model(loaded.model, None, names), guided),
    )
    weights = np.asarray(job.arguments["weights"], np.float32)
    score, *gradients = _chunks_of_several(job, lambda arrays: function(arrays, weights))
    named = ["gradient"] if len(names) == 1 else [f"gradient_{name}" for name in names]
    return {}, {"score": score, **dict(zip(named, gradients, strict=True))}


def ablation(job: Job) -> Answer:
    """`activations` of `layer`, and what the score has `lost` (N, C) without each channel of them."""
    loaded = load_checked(job)
    layer, names = str(job.arguments["layer"]), input_names(loaded, job)
    function = _kept_function(
        loaded, ("ablation", layer, *names), lambda: ablation_function(split_model(loaded.model, layer, names))
    )
    weights = np.asarray(job.arguments["weights"], np.float32)
    activations, lost = _chunks_of_several(job, lambda arrays: function(arrays, weights, job.cancelled))
    return {}, {"activations": activations, "lost": lost}


def attention(job: Job) -> Answer:
    """`scores` (N, layers, tokens, tokens) of a vision transformer, and how its `tokens` lie on the image."""
    loaded = load_checked(job)
    names = input_names(loaded, job)
    function, layout = _kept_function(
        loaded, ("attention", *names), lambda: attention_function(split_model(loaded.model, None, names))
    )
    return {"tokens": list(layout)}, {"scores": _in_chunks(job, function)}


def layers(job: Job) -> Answer:
    """What the model is made of, see `describe_layers`; nested models stand after their own layers."""
    return {"layers": describe_layers(load_checked(job).model)}, {}


def predict(job: Job) -> Answer:
    """The model's own output (N, …), the reference for the compiled model."""
    loaded = load_checked(job)
    graph = without_layer(split_model(loaded.model, None, tuple(job.arrays)))
    return {"activation": graph.activation}, {"output": _in_chunks(job, lambda arrays: _output(graph, arrays))}


def input_names(loaded: Loaded, job: Job) -> tuple[str, ...]:
    """Names of the input arrays in the model's own order, in which gradients come; a single one may have any name."""
    given = tuple(name for name in job.arrays if name != REGION)
    own = tuple(str(tensor.name) for tensor in loaded.model.inputs)
    return own if len(given) > 1 and set(own) == set(given) else given


def _output(graph: Graph, arrays: Arrays) -> NDArray[np.float32]:
    return np.asarray(call_recorded(graph, arrays).output, np.float32)


def _in_chunks(job: Job, function: Callable[[Arrays], NDArray[np.float32]]) -> NDArray[np.float32]:
    """Run over the frames a few at a time, so that memory stays bounded and a stop is heard."""
    count = min((len(array) for array in job.arrays.values()), default=0)
    if count == 0:
        raise UnsupportedModel("No frame was given", "choose a frame")
    parts = []
    for start in range(0, count, CHUNK):
        if job.cancelled():
            raise Cancelled("the Keras process")
        parts.append(function({name: array[start : start + CHUNK] for name, array in job.arrays.items()}))
        job.progress(min(start + CHUNK, count) / count)
    return np.concatenate(parts)


def _chunks_of_several(
    job: Job, function: Callable[[Arrays], tuple[NDArray[np.generic], ...]]
) -> list[NDArray[np.generic]]:
    """Like `_in_chunks` for a function with several results."""
    parts: list[tuple[NDArray[np.generic], ...]] = []

    def keep(arrays: Arrays) -> NDArray[np.float32]:
        parts.append(function(arrays))
        return np.zeros(0, np.float32)

    _in_chunks(job, keep)
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _kept_function(loaded: Loaded, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """A compiled function of the model, made once."""
    if key not in loaded.functions:
        loaded.functions[key] = make()
    return loaded.functions[key]


def _read(job: Job) -> bytes:
    try:
        return Path(job.arguments["model"]).read_bytes()
    except OSError as error:
        raise InvalidCard("The model file is missing", "restore the model's folder") from error


def load_checked(job: Job) -> Loaded:
    """The model at `model`, checked, without its optimiser and losses; the last few are kept.

    With `randomised` (share, seed) it is a copy whose last layers have kernels that were drawn anew.

    Raises:
        InvalidCard: The file is missing, or its sha256 is not the `sha256` that was given.
        UnsafeModel: The file asks for more than it may.
        UnsupportedModel: Keras cannot build it.
    """
    content = _read(job)
    digest = hashlib.sha256(content).hexdigest()
    if job.arguments.get("sha256", digest) != digest:
        raise InvalidCard("The model file is not the one that its card was written for", "restore the model's folder")
    drawn = job.arguments.get("randomised")
    key = digest if drawn is None else f"{digest} {drawn}"
    if key not in _loaded:
        check_model_file(content)
        _loaded[key] = Loaded(_load(content))
        if drawn is not None:
            randomise(_loaded[key].model, float(drawn[0]), int(drawn[1]))
    _loaded.move_to_end(key)
    while len(_loaded) > _KEPT:
        _loaded.popitem(last=False)
    return _loaded[key]


def _load(content: bytes) -> Any:
    """Keras reads from a copy of what was checked, so that nobody can exchange the file in between."""
    import keras

    with tempfile.TemporaryDirectory(prefix="scanlens-") as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(content)
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        except (UnsafeModel, MemoryError):
            raise
        except Exception as error:  # Keras raises whatever its layers raise
            wrong = f"Keras cannot build the model ({type(error).__name__})"
            raise UnsupportedModel(wrong, "save it again with Keras 3") from error
