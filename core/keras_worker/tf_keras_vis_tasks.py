"""tf-keras-vis, the one place that calls it: class prototypes, and heatmaps by an implementation that is not ours.

What it is not given, because it is wrong there (0.8.7 with Keras 3): layers inside nested models, shared layers and
TimeDistributed, whose output it looks for in the outer graph; several inputs, for which it makes one map; tokens;
`ReplaceToLinear`, which changes the model it is given, or nothing where the model ends in a softmax layer. Its maps are
taken on the layer's own grid, since it enlarges them from corner to corner. Runs in the Keras process only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, ScanLensError, UnsupportedModel
from core.keras_process.model.flat_graph import INSTEAD, flat_map, logit_model
from core.keras_process.model.split import (
    Graph,
    call_recorded,
    split_model,
    without_layer,
)
from core.keras_worker.prototype import (
    Canvas,
    Climb,
    Shake,
    Steps,
    within_range,
)
from core.keras_worker.tasks import input_names, load_checked
from core.processes.worker_loop import Answer, Job

#: Bytes that its Score-CAM may take for all masks at once.
MOST_MEMORY = 1 << 30

#: Most images run at once, and most values in them together.
BLOCK, VALUES = 32, 1 << 20


def prototype(job: Job) -> Answer:
    """The `picture` that raises the score Σ weights · logits most, as the input `picture`; the others stay as given.

    `range` are the values of black and white, `steps` and `seed` those of `Climb`.
    """
    given, loaded = job.arguments, load_checked(job)
    graph = without_layer(split_model(loaded.model, None, input_names(loaded, job)))
    low, high = (float(value) for value in given["range"])
    how = Climb(steps=int(given["steps"]), seed=int(given["seed"]))
    with _refusing():
        found = _maximised(graph, job, str(given["picture"]), np.asarray(given["weights"], np.float32), how)
    return {}, {"picture": (low + (high - low) * (found + 0.5)).astype(np.float32)}


def _maximised(graph: Graph, job: Job, name: str, weights: NDArray[np.float32], how: Climb) -> NDArray[np.float32]:
    """Activation maximisation of one input, shaped as it is, from -0.5 (black) to 0.5 (white)."""
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.activation_maximization.regularizers import Norm, TotalVariation2D

    shape = job.arrays[name].shape[1:]
    rng = np.random.default_rng(how.seed)
    shake = Shake(how.jitter, rng)
    canvas = Canvas(graph, job, name, weights)
    start = canvas.folded(rng.normal(0.0, 0.05, shape).astype(np.float32))
    made = ActivationMaximization(canvas)(
        lambda output: output[:, 0],
        seed_input=start[None],
        input_range=(-0.5, 0.5),
        input_modifiers=[within_range, shake],
        regularizers=[TotalVariation2D(how.smooth), Norm(how.plain, p=2)],
        steps=how.steps,
        optimizer=Steps(how, start.size),
        callbacks=[_Told(job, how.steps)],
    )
    return canvas.unfolded(np.roll(np.asarray(made[0]), [-shift for shift in shake.shift], axis=(0, 1)))


class _Told:
    """A callback of tf-keras-vis: tells how far it is, and hears a stop."""

    def __init__(self, job: Job, steps: int) -> None:
        self._job, self._steps = job, steps

    def on_begin(self, **_given: Any) -> None:
        """Called before the first step."""
        self(-1)

    def __call__(self, step: int, *_args: Any, **_given: Any) -> None:
        self._job.progress((step + 1) / self._steps)
        if self._job.cancelled():
            raise Cancelled("the prototype")

    def on_end(self) -> None:
        """Called after the last step."""


def second_opinion(job: Job) -> Answer:
    """The `map` (h, w) of one image by `method`, absolute and rectified, and the `score` that was explained.

    Arguments besides those of every task: `layer`, `weights` of the logits, `target` and `against` as columns of the
    probabilities, `exclusive` (whether these are a softmax), `channels` for Score-CAM (0 for all), `seed`, `samples`
    and `sigma` in values of the input for SmoothGrad. One array: the image (1, [frames,] rows, columns, channels).

    Raises:
        UnsupportedModel: tf-keras-vis cannot be asked here, see the head of this file.
        Cancelled: The user stopped it.
    """
    loaded, method = load_checked(job), str(job.arguments["method"])
    if len(loaded.model.inputs) != 1 or len(job.arrays) != 1:
        raise UnsupportedModel(
            f"The model has {len(loaded.model.inputs)} inputs, and tf-keras-vis looks into models of one", INSTEAD
        )
    ((name, values),) = job.arrays.items()
    weights = np.asarray(job.arguments["weights"], np.float32)
    graph = without_layer(split_model(loaded.model, None, (name,)))
    asked = _Asked(job, graph, values.astype(np.float32), weights)
    with _refusing():
        found = _BY_METHOD[method](asked)
        score = float(np.asarray(asked.scores(values.astype(np.float32)))[0])
    return {"score": score}, {"map": np.maximum(np.asarray(found, np.float32), 0)}


@dataclass(frozen=True, eq=False)
class _Asked:
    job: Job
    graph: Graph
    values: NDArray[np.float32]
    weights: NDArray[np.float32]

    def score(self, logits: Any) -> Any:
        """(N,) the explained score from (N, units) logits; progress and a stop are minded on the way."""
        import tensorflow as tf

        if self.job.cancelled():
            raise Cancelled("the second opinion")
        return tf.linalg.matvec(tf.cast(logits, tf.float32), self.weights)

    def scores(self, values: Any) -> Any:
        """(N,) the score of images, by the model as it is."""
        return self.score(self.logits(values))

    @cached_property
    def logits(self) -> Callable[[Any], Any]:
        """(N, units) of images, by the model as it is."""
        import tensorflow as tf

        def logits(values: Any) -> Any:
            kind = self.graph.model.inputs[0].dtype
            return call_recorded(self.graph, {self.graph.input_names[0]: tf.cast(values, kind)}).logits

        signature = [tf.TensorSpec((None, *self.values.shape[1:]), tf.float32)]
        return tf.function(logits, input_signature=signature, autograph=False, jit_compile=False)


def _saliency(asked: _Asked) -> NDArray[np.float32]:
    return _gradient_map(asked, 0, 0.0)


def _smooth_grad(asked: _Asked) -> NDArray[np.float32]:
    reach = float(np.ptp(asked.values))
    if reach == 0:
        raise UnsupportedModel("The image has the same value everywhere", INSTEAD)
    given = asked.job.arguments
    return _gradient_map(asked, int(given["samples"]), float(given["sigma"]) / reach)


def _gradient_map(asked: _Asked, samples: int, noise: float) -> NDArray[np.float32]:
    from tf_keras_vis.saliency import Saliency

    done = 0

    def score(logits: Any) -> Any:
        nonlocal done
        done += 1
        asked.job.progress(min(1.0, done / max(samples, 1)))
        return asked.score(logits)

    with _drawn_from(int(asked.job.arguments["seed"])):
        gradient = Saliency(_Forward(asked))(
            score, asked.values, smooth_samples=samples, smooth_noise=noise, keepdims=True, normalize_map=False,
            gradient_modifier=None,  # by itself it averages sizes of gradients, where the paper averages gradients
        )  # fmt: skip
    return np.asarray(np.abs(gradient).max(axis=-1)[0], np.float32)


class _Forward:
    """A network of any kind as Saliency and Score-CAM want a model: called, it gives logits and changes nothing."""

    def __init__(self, asked: _Asked) -> None:
        self._asked, model = asked, asked.graph.model
        self.inputs, self.layers, self.outputs = model.inputs, model.layers, model.outputs

    def __call__(self, inputs: list[Any], training: bool = False) -> Any:  # noqa: ARG002  it is told
        return self._asked.logits(inputs[0])

    def predict(self, inputs: list[NDArray[np.float32]], batch_size: int = BLOCK) -> NDArray[np.float32]:
        """Numbers whose softmax, which its Score-CAM takes, are the probabilities: (N, columns)."""
        (images,), given = inputs, self._asked.job.arguments
        parts = []
        for start in range(0, len(images), batch_size):
            if self._asked.job.cancelled():
                raise Cancelled("the second opinion")
            logits = np.asarray(self._asked.logits(images[start : start + batch_size]), np.float32)
            if not given["exclusive"]:  # of one label against its opposite
                unit = 0 if logits.shape[-1] == 1 else int(given["target"])
                logits = np.stack([np.zeros(len(logits), np.float32), logits[:, unit]], axis=-1)
            parts.append(logits)
            self._asked.job.progress(min(1.0, (start + batch_size) / len(images)))
        return np.concatenate(parts)


def _cam(kind: str) -> Callable[[_Asked], NDArray[np.float32]]:
    def found(asked: _Asked) -> NDArray[np.float32]:
        import tensorflow as tf
        from tf_keras_vis.gradcam import Gradcam
        from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
        from tf_keras_vis.layercam import Layercam

        method = {"grad-cam": Gradcam, "grad-cam++": GradcamPlusPlus, "layer-cam": Layercam}[kind]
        layer = _layer(asked)
        model, logits_of = logit_model(asked.graph)

        def score(output: Any) -> Any:
            value = asked.score(logits_of(output))
            # Grad-CAM++ multiplies by the exponential of the score, which overflows; from 0 it has the same slope.
            return value - tf.stop_gradient(value) if kind == "grad-cam++" else value

        grid = method(model)(
            score, asked.values, layer, seek_penultimate_conv_layer=False, expand_cam=False, normalize_cam=False
        )
        return np.asarray(grid)[0]

    return found


def _score_cam(asked: _Asked) -> NDArray[np.float32]:
    from tf_keras_vis.scorecam import Scorecam

    layer, given = _layer(asked), asked.job.arguments
    channels = int(layer.output.shape[-1])
    most = int(given["channels"])
    tried = min(most, channels) if most else channels
    if len(layer.output.shape) != asked.values.ndim:
        raise UnsupportedModel(f"The layer {layer.name} has not the axes of the image", INSTEAD)
    if 4 * 3 * tried * asked.values.size > MOST_MEMORY:
        needed = round(4 * 3 * tried * asked.values.size / 1e9, 1)
        raise UnsupportedModel(
            f"The masks would take {needed} GB, more than {MOST_MEMORY / 1000000000.0:.1f}", "ask for fewer channels"
        )
    target, against = int(given["target"]), given.get("against")
    if not given["exclusive"]:
        if against is not None and asked.weights.size > 1:
            raise UnsupportedModel("Several labels can hold at once, so that no softmax can weigh them", INSTEAD)
        target = target if asked.weights.size == 1 else 1
        against = None if against is None else 1 - target

    def score(fractions: Any) -> Any:
        return fractions[:, target] - (0.0 if against is None else fractions[:, int(against)])

    grid = Scorecam(_Forward(asked))(
        score,
        asked.values,
        layer,
        seek_penultimate_conv_layer=False,
        batch_size=max(1, min(BLOCK, VALUES // asked.values.size)),
        max_N=tried if tried < channels else None,
        expand_cam=False,
        normalize_cam=False,
    )
    return np.asarray(grid)[0]


_BY_METHOD: dict[str, Callable[[_Asked], NDArray[np.float32]]] = {
    "grad-cam": _cam("grad-cam"),
    "grad-cam++": _cam("grad-cam++"),
    "layer-cam": _cam("layer-cam"),
    "score-cam": _score_cam,
    "score-cam-all": _score_cam,
    "saliency": _saliency,
    "smooth-grad": _smooth_grad,
}


def _layer(asked: _Asked) -> Any:
    """A layer in name only, for a tool that asks layers for their `output`.

    Raises:
        UnsupportedModel: There is no map that it would find.
    """
    import keras

    tensor = flat_map(asked.graph.model, str(asked.job.arguments["layer"]))

    class Found(keras.layers.Layer):  # type: ignore[misc]
        @property
        def output(self) -> Any:
            return tensor

    return Found(name=asked.job.arguments["layer"])


@contextmanager
def _drawn_from(seed: int) -> Iterator[None]:
    """Seed NumPy's one generator of the process, from which tf-keras-vis draws, and put it back after."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


@contextmanager
def _refusing() -> Iterator[None]:
    """What tf-keras-vis raises becomes one sentence: it was written for models of its time."""
    try:
        yield
    except (ScanLensError, MemoryError):
        raise
    except Exception as error:
        fault = type(error).__name__
        raise UnsupportedModel(f"tf-keras-vis fails on this model ({fault})", INSTEAD) from error
