"""Training in class, an epoch a request: the network stays here between requests, so that others wait for one epoch.

The loop is that of all trainings, `core.training.fit`; what is trained is `live_task.LiveTask`. Imported by the worker
of the Keras process only; TensorFlow is imported when called.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, TooLarge, UnsupportedModel
from core.keras_worker.live_networks import EXPLAINED, build_network, take_filters
from core.keras_worker.tasks import load_checked
from core.lessons.training.settings import LiveSettings
from core.processes.wire import Arrays
from core.processes.worker_loop import Answer, Job

#: Runs that are kept at once, for a class of people at one server; the one not asked for longest is forgotten.
KEPT = 12

#: Most pixels of one run's images together.
MOST_PIXELS = 32 << 20

#: Images that go through the network at once when it is only watched.
CHUNK = 128

_runs: OrderedDict[str, _Run] = OrderedDict()


@dataclass(eq=False)
class _Run:
    """A network that is being trained, with its data.

    Attributes:
        model: Ends in `probabilities`.
        to_logits: The network up to its logits.
        maps: From images to (activations of the explained layer, logits).
        settings: How it is trained.
        data: The arrays that it was started with.
        training: The loop, see `core.training.fit.Training`.
    """

    model: Any
    to_logits: Any
    maps: Any
    settings: LiveSettings
    data: Arrays
    training: Any

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return int(self.training.state.epoch)


def train_start(job: Job) -> Answer:
    """Build the network of `settings` (see `LiveSettings`) under the name `run`, for `classes` classes.

    Arrays: `train`, `val` and `cases` (N, rows, columns) uint8 with `train_labels`, `val_labels` and `case_labels`.
    Where trained filters are the start, `model` and `sha256` name the donor's file.

    Returns:
        Its layers as name, kind, shape and parameters; and what `train_epoch` gives, for epoch 0.
    """
    settings, classes = LiveSettings.from_json(job.arguments["settings"]), int(job.arguments["classes"])
    if sum(job.arrays[name].size for name in ("train", "val", "cases")) > MOST_PIXELS:
        raise TooLarge(
            f"The images have more than {MOST_PIXELS >> 20} million pixels in all", "choose fewer or smaller ones"
        )
    train = job.arrays["train"]
    mean, deviation = float(train.mean()) / 255, max(float(train.std()) / 255, 1e-3)
    size = (int(train.shape[1]), int(train.shape[2]))
    model = build_network(settings, size, 1 if classes == 2 else classes, mean, deviation)
    if settings.uses_donor:
        take_filters(model, load_checked(job).model)
    run = _prepared(model, settings, job.arrays, classes)
    _runs[str(job.arguments["run"])] = run
    while len(_runs) > KEPT:
        _runs.popitem(last=False)
    result, arrays = _watched(run, job, 0)
    return {**result, "layers": _layers(model), "trainable": _count(model.trainable_weights)}, arrays


def train_epoch(job: Job) -> Answer:
    """Train the run `run` for one epoch; stopped in between, it is as it was after the epoch before.

    Returns:
        `loss` and `accuracy` of the training part, `val_loss` and `val_accuracy`, all without variation and dropout;
        `seconds`; `step`, one weight before and after the epoch's first step. Arrays: `probabilities` (val, classes),
        `case_probabilities` (cases, classes) and `grids` (cases, h, w), the evidence for the true class.
    """
    from core.keras_worker.live_task import Watching

    run, started = _found(job), time.perf_counter()
    if run.training.state.done:
        raise UnsupportedModel(f"This training ended after its {run.epoch} epochs", "start a longer one")
    watching = Watching(job, lambda: _watched(run, job, run.epoch + 1))
    run.training.epoch([watching])
    result, arrays = watching.seen
    return {**result, "seconds": time.perf_counter() - started, "step": watching.step}, arrays


def train_judge(job: Job) -> Answer:
    """`probabilities` (N, classes) of the run `run` for `images` (N, rows, columns) uint8."""
    run = _found(job)
    return {}, {"probabilities": _probabilities(_logits(run, job.arrays["pictures"], job))}


def train_keep(job: Job) -> Answer:
    """Write the network of the run `run` to the file `model`."""
    run = _found(job)
    run.model.save(Path(job.arguments["model"]))
    return {"epoch": run.epoch, "layer": EXPLAINED[run.settings.network]}, {}


def train_forget(job: Job) -> Answer:
    """Forget the run `run`, if it is here."""
    return {"was_here": _runs.pop(str(job.arguments["run"]), None) is not None}, {}


def _found(job: Job) -> _Run:
    name = str(job.arguments["run"])
    if name not in _runs:
        raise UnsupportedModel("The network in training was forgotten", "start the training again")
    _runs.move_to_end(name)
    return _runs[name]


def _prepared(model: Any, settings: LiveSettings, arrays: Arrays, classes: int) -> _Run:
    import keras

    from core.keras_worker.live_task import LiveTask, Traced
    from core.training.checkpoints import InMemory
    from core.training.fit import Training

    to_logits = Traced(model.inputs, model.get_layer("logits").output)
    explained = model.get_layer(EXPLAINED[settings.network]).output
    maps = keras.Model(model.inputs, [explained, to_logits.output])
    data = dict(arrays)
    training = Training(LiveTask(to_logits, settings, data, classes), InMemory())
    return _Run(model, to_logits, maps, settings, data, training)


def _cross_entropy(logits: Any, labels: Any, units: int) -> Any:
    """(N,) the cross-entropy of integer labels, in nats, taken of the logits."""
    import tensorflow as tf

    if units == 1:
        return tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(labels, tf.float32), logits[:, 0])
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def _watched(run: _Run, job: Job, epoch: int) -> tuple[dict[str, Any], Arrays]:
    """Where the network stands after so many epochs, without variation and dropout."""
    result: dict[str, Any] = {"epoch": epoch}
    arrays: Arrays = {}
    for part, prefix in (("train", ""), ("val", "val_")):
        labels = run.data[f"{part}_labels"].astype(np.int64)
        logits = _logits(run, run.data[part], job)
        probabilities = _probabilities(logits)
        units = logits.shape[-1]
        result[f"{prefix}loss"] = float(np.mean(np.asarray(_cross_entropy(logits, labels, units))))
        result[f"{prefix}accuracy"] = float((probabilities.argmax(axis=1) == labels).mean())
        if part == "val":
            arrays["probabilities"] = probabilities
    arrays["grids"], arrays["case_probabilities"] = _evidence(run)
    return result, arrays


def _logits(run: _Run, images: NDArray[np.generic], job: Job) -> NDArray[np.float32]:
    parts = []
    for start in range(0, len(images), CHUNK):
        if job.cancelled():
            raise Cancelled("the training")
        batch = images[start : start + CHUNK, ..., None].astype(np.float32) / 255
        parts.append(np.asarray(run.to_logits(batch, training=False), np.float32))
    return np.concatenate(parts)


def _probabilities(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, classes); one logit speaks for the second of two."""
    if logits.shape[-1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def _evidence(run: _Run) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What speaks for the true class at each place of the explained layer, in logit units.

    Activation times slope, summed over the channels, negative values cut off: HiResCAM (Draelos and Carin 2020,
    arXiv:2011.08891). Unlike Grad-CAM it keeps the places apart where a dense layer follows; where a mean over the
    places follows, both are the same.
    """
    import tensorflow as tf

    images = tf.constant(run.data["cases"][..., None].astype(np.float32) / 255)
    labels = run.data["case_labels"].astype(np.int64)
    with tf.GradientTape() as tape:
        tape.watch(images)  # then everything between image and logits is on the tape, frozen or not
        activations, logits = run.maps(images, training=False)
        if logits.shape[-1] == 1:
            score = tf.reduce_sum(logits[:, 0] * np.where(labels == 1, 1.0, -1.0).astype(np.float32))
        else:
            score = tf.reduce_sum(tf.gather(logits, labels, axis=1, batch_dims=1))
    slope = tape.gradient(score, activations)
    grids = np.maximum(np.asarray(activations * slope).sum(axis=-1), 0)
    return grids.astype(np.float32), _probabilities(np.asarray(logits, np.float32))


def _layers(model: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": layer.name,
            "kind": type(layer).__name__,
            "shape": [int(size) for size in layer.output.shape[1:]],
            "parameters": int(layer.count_params()),
        }
        for layer in model.layers
    ]


def _count(weights: Any) -> int:
    return int(sum(int(np.prod(weight.shape)) for weight in weights))
