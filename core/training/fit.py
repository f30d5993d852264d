"""The loop of every training: epochs in phases, judged on the validation split, of which the best is kept.

A task brings the network, its batches, its loss and the judgement; see `core.training.tasks`. Everything random depends
on the seed and the epoch, and in `fit` TensorFlow runs its deterministic kernels: two runs on one machine agree to the
last bit of the log, on another type of processor to about 0.002 in validation AUC, because its sums are taken in
another order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from core.training.checkpoints import Checkpoints, State
from core.training.recipe.course import Schedule
from core.training.schedule import make_optimizer, seed_dropout, set_trainable

#: Epochs between two looks at the validation split where the last epoch is kept and nothing is chosen by it.
LOOK = 10


class Task(Protocol):
    """What a training is about.

    Attributes:
        schedule: Its course.
        seed: Of everything that is drawn.
    """

    schedule: Schedule
    seed: int

    def start(self) -> keras.Model:
        """The network to train, with the weights that it starts from; a layer `logits` is its head."""

    def loss(self) -> Any:
        """What Keras is to minimise."""

    def batches(self, epoch: int) -> keras.utils.PyDataset:
        """The batches of an epoch, the same whenever it is asked for."""

    def judge(self, model: keras.Model) -> dict[str, float]:
        """What the network is worth on the validation split, the schedule's monitor among it."""

    def finish(self, model: keras.Model) -> keras.Model:
        """The network as it is used, from the one that was trained."""


@dataclass(frozen=True)
class Epoch:
    """What is known after an epoch.

    Attributes:
        state: How far the training has come.
        loss: Mean over the epoch's batches, as they were varied.
        found: What the task judged; empty where nobody looked.
        seconds: That it took.
    """

    state: State
    loss: float
    found: dict[str, float]
    seconds: float


class Training:
    """A training that can be stopped after any epoch and gone on with.

    Args:
        task: What is trained.
        checkpoints: Where it has come so far, and where it keeps what it makes.
    """

    def __init__(self, task: Task, checkpoints: Checkpoints) -> None:
        self.task, self.checkpoints, self.state = task, checkpoints, checkpoints.state
        self.model: keras.Model | None = None
        self._mean: list[NDArray[Any]] = []
        self._close_phase()  # where a run was killed between the last epoch of a phase and the next phase

    def ready(self) -> keras.Model:
        """The network as it stands, with the optimizer of the phase that goes on."""
        if self.model is None:
            self.model = self.checkpoints.resume() or self.task.start()
            if self.state.phase_epoch == 0:
                phase = self.task.schedule.phases[self.state.phase]
                set_trainable(self.model, phase.trainable)
                optimizer = make_optimizer(self.task.schedule, phase, len(self.task.batches(0)))
                self.model.compile(optimizer=optimizer, loss=self.task.loss(), jit_compile=False)
                self._mean = []
        return self.model

    def epoch(self, callbacks: Sequence[keras.callbacks.Callback] = ()) -> Epoch:
        """Train for one epoch, judge it and keep it; stopped in between, the network is as it was before.

        Args:
            callbacks: Keras' own, for progress; what they raise ends the epoch.
        """
        started, state, schedule = time.perf_counter(), self.state, self.task.schedule
        model = self.ready()
        before = _values(model)
        seed_dropout(model, self.task.seed, state.epoch)
        try:
            history = model.fit(
                self.task.batches(state.epoch), epochs=1, shuffle=False, verbose=0, callbacks=list(callbacks)
            )
        except BaseException:
            _put_back(model, before)
            raise
        state.epoch, state.phase_epoch, state.since_best = state.epoch + 1, state.phase_epoch + 1, state.since_best + 1
        weights = self._averaged(model)
        found = self._judged(model, weights)
        score = _score(found, schedule.monitor)
        if schedule.checkpoint == "last" or score > state.best_score:
            state.best_score = score if found else state.best_score
            state.best_epoch, state.since_best = state.epoch, 0
        loss, seconds = float(history.history["loss"][-1]), time.perf_counter() - started
        state.seconds += seconds
        self.checkpoints.save(model, weights, _row(state, loss, found, seconds))
        self._close_phase()
        return Epoch(state, loss, found, seconds)

    def _close_phase(self) -> None:
        """Move on to the next phase where this one is over."""
        schedule, state = self.task.schedule, self.state
        if state.done or not state.phase_epoch:
            return
        if state.phase_epoch >= schedule.phases[state.phase].epochs or state.since_best >= schedule.patience:
            self.checkpoints.next_phase(len(schedule.phases))
            self.model = None

    def _averaged(self, model: keras.Model) -> list[NDArray[Any]]:
        """The weights that are judged and kept: the model's own, or their exponential moving average."""
        now, fraction = model.get_weights(), self.task.schedule.ema
        if fraction and self._mean:
            now = [fraction * old + (1 - fraction) * new for old, new in zip(self._mean, now, strict=True)]
        self._mean = now if fraction else []
        return now

    def _judged(self, model: keras.Model, weights: list[NDArray[Any]]) -> dict[str, float]:
        schedule = self.task.schedule
        if schedule.checkpoint == "last" and self.state.epoch % LOOK and self.state.epoch != schedule.epochs:
            return {}
        if not schedule.ema:
            return self.task.judge(model)
        own = model.get_weights()
        model.set_weights(weights)
        found = self.task.judge(model)
        model.set_weights(own)
        return found


def _values(model: keras.Model) -> list[NDArray[Any]]:
    return [variable.numpy().copy() for variable in _variables(model)]


def _variables(model: keras.Model) -> list[Any]:
    return [*model.weights, *(model.optimizer.variables if model.optimizer else ())]


def _put_back(model: keras.Model, values: list[NDArray[Any]]) -> None:
    """Undo an unfinished epoch; an optimizer that was built in it starts from its zeros."""
    variables = _variables(model)
    for variable, value in zip(variables, values, strict=False):
        variable.assign(value)
    for variable in variables[len(values) :]:
        variable.assign(np.zeros(variable.shape, variable.dtype))


def _score(found: dict[str, float], monitor: str) -> float:
    """Higher is better; what was not looked at is worst."""
    if not found:
        return -1e9
    return -found["log_loss"] if monitor == "log_loss" else found[monitor]


def _row(state: State, loss: float, found: dict[str, float], seconds: float) -> dict[str, Any]:
    """What the log has of an epoch."""
    row = {"epoch": state.epoch, "phase": state.phase + 1, "loss": f"{loss:.5f}"}
    return row | {f"val_{name}": f"{value:.5f}" for name, value in found.items()} | {"seconds": f"{seconds:.1f}"}


def fit(
    task: Task,
    checkpoints: Checkpoints,
    report: Callable[[Epoch], None] = lambda _epoch: None,
    epochs: int | None = None,
) -> keras.Model:
    """Train, or go on with training, and give back the network that did best on the validation split.

    Args:
        task: What to train.
        checkpoints: Where it lies.
        report: Called after each epoch.
        epochs: Stop after so many epochs in all, to go on later; None for the whole schedule.
    """
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(task.seed)
    training = Training(task, checkpoints)
    while not training.state.done and (epochs is None or training.state.epoch < epochs):
        report(training.epoch())
    return task.finish(checkpoints.best())
