"""The training in class as a task of `core.training.fit`. Imports TensorFlow: for the Keras process, when asked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from core.errors import Cancelled
from core.lessons.training.settings import LiveSettings
from core.lessons.training.variations import augmentation
from core.processes.wire import Arrays
from core.processes.worker_loop import Job
from core.training.augment import augment
from core.training.losses import class_weights
from core.training.recipe.course import Phase, Schedule

#: Batches between two reports of progress.
REPORTED = 8


class Traced(keras.Model):  # type: ignore[misc]
    """A network from images to logits that remembers the slope of its first kernel at the last step."""

    def watch_slope(self) -> None:
        """Begin to remember."""
        kernel = self.trainable_variables[0]
        self.slope = tf.Variable(tf.zeros(kernel.shape), trainable=False)

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step, as Keras takes it."""
        images, targets, weights = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            logits = self(images, training=True)
            loss = self.compute_loss(x=images, y=targets, y_pred=logits, sample_weight=weights, training=True)
        gradients = tape.gradient(loss, [variable.value for variable in self.trainable_variables])
        self.slope.assign(gradients[0])
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


class LiveTask:
    """What is trained in class.

    Args:
        network: From images to logits.
        settings: How it is trained.
        data: `train` (N, rows, columns) uint8 and `train_labels` (N,).
        classes: How many there are; two have one logit.
    """

    def __init__(self, network: Traced, settings: LiveSettings, data: Arrays, classes: int) -> None:
        self.network, self.settings, self.data, self.classes = network, settings, data, classes
        names = [layer.name for layer in network.layers]
        frozen = settings.uses_donor and settings.start == "frozen"
        trainable = f"from:{names[names.index('conv1') + 1]}" if frozen else "all"
        self.schedule = Schedule(
            phases=(Phase(settings.epochs, settings.learning_rate, trainable),),
            batch=settings.batch_size,
            checkpoint="last",
            optimizer="adam" if settings.optimizer == "adam" else "sgd",
            decay="constant",
        )
        self.seed = settings.seed

    def start(self) -> keras.Model:
        """The network as it was built."""
        self.network.watch_slope()
        return self.network

    def loss(self) -> Any:
        """Cross-entropy of logits."""
        if self.classes == 2:
            return keras.losses.BinaryCrossentropy(from_logits=True)
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def batches(self, epoch: int) -> keras.utils.PyDataset:
        """All training images once, in an order that depends on seed and epoch."""
        return _Batches(self.settings, self.data, self.classes, epoch)

    def judge(self, model: keras.Model) -> dict[str, float]:  # noqa: ARG002
        """Nothing is chosen by it: the class watches each epoch, and keeps the last."""
        return {}

    def finish(self, model: keras.Model) -> keras.Model:
        """The network as it is."""
        return model


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Varied batches of one epoch; the last may be smaller."""

    def __init__(self, settings: LiveSettings, data: Arrays, classes: int, epoch: int) -> None:
        super().__init__(workers=1)
        self.settings, self.images, self.classes, self.epoch = settings, data["train"], classes, epoch
        self.labels = data["train_labels"].astype(np.int64)
        self.order = np.random.default_rng((settings.seed, epoch)).permutation(len(self.labels))
        self.weights = _weights(self.labels, classes) if settings.weigh_classes else np.ones(len(self.labels), "f4")

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.settings.batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.generic], NDArray[np.float32]]:
        size = self.settings.batch_size
        chosen = self.order[index * size : (index + 1) * size]
        images = self.images[chosen][..., None].astype(np.float32) / np.float32(255)
        how = augmentation(self.settings)
        if how is not None:
            seeds = [(self.settings.seed, self.epoch, int(case)) for case in chosen]
            pairs = zip(images, seeds, strict=True)
            images = np.stack([augment(image, how, np.random.default_rng(seed)) for image, seed in pairs])
        targets = self.labels[chosen]
        wanted = targets.astype(np.float32)[:, None] if self.classes == 2 else targets
        return images, wanted, self.weights[chosen]


def _weights(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """(cases,) under which every class that is there weighs the same in sum."""
    present = np.flatnonzero(np.bincount(labels, minlength=classes))
    return class_weights(np.searchsorted(present, labels), len(present))[np.searchsorted(present, labels)]


class Watching(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells progress, stops where the user did, tells the first step of the epoch, and looks at the network after it.

    What it raises ends the epoch, and the loop puts the network back.

    Args:
        job: Asked whether to stop, and told of progress.
        look: Called after the last step.
    """

    def __init__(self, job: Job, look: Callable[[], Any]) -> None:
        super().__init__()
        self.job, self.look = job, look
        self.step: dict[str, Any] = {}
        self.seen: Any = None
        self._before: NDArray[np.float32] = np.empty(0, np.float32)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Stop where the user did."""
        if self.job.cancelled():
            raise Cancelled("the training")
        if batch == 0:
            self._before = _numbers(self.model.trainable_variables[0])

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Tell the first step, and how far the epoch has come."""
        if batch == 0:
            slope = np.asarray(self.model.slope.numpy())
            self.step = told_step(self.model, self._before, slope, float((logs or {})["loss"]))
        if batch % REPORTED == 0:
            self.job.progress((batch + 1) / max(1, self.params.get("steps") or 1))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Look at the network."""
        self.seen = self.look()


def told_step(
    model: keras.Model, before: NDArray[np.float32], slope: NDArray[np.float32], loss: float
) -> dict[str, Any]:
    """The weight with the steepest slope: its place, value, slope, and where the step took it.

    Args:
        model: After the step.
        before: Its first kernel before the step.
        slope: Of the loss by that kernel.
        loss: Of the batch.
    """
    kernel, optimizer = model.trainable_variables[0], model.optimizer
    place = np.unravel_index(int(np.abs(slope).argmax()), slope.shape)
    told = {
        "layer": kernel.path.split("/")[-2],
        "place": [int(index) for index in place],
        "before": float(before[place]),
        "slope": float(slope[place]),
        "after": float(_numbers(kernel)[place]),
        "loss": loss,
    }
    if isinstance(optimizer, keras.optimizers.Adam):  # bias-corrected moments as in Kingma and Ba 2015
        count = int(optimizer.iterations.numpy())
        moments = {name: _slot(optimizer, name) for name in ("momentum", "velocity")}
        told["momentum"] = float(moments["momentum"][place]) / (1 - float(optimizer.beta_1) ** count)
        told["velocity"] = float(moments["velocity"][place]) / (1 - float(optimizer.beta_2) ** count)
    return told


def _numbers(variable: Any) -> NDArray[np.float32]:
    return np.array(variable.numpy(), np.float32)


def _slot(optimizer: Any, name: str) -> NDArray[np.float32]:
    """What the optimiser remembers of the first trainable variable."""
    return _numbers(next(variable for variable in optimizer.variables if variable.path.endswith(name)))
