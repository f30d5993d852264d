"""Training on studies: one network for one split. What is drawn depends on the recipe's seed, fold and epoch alone.

A training here takes minutes, so what can be resumed is a fold: a finished one lies in its folder with its state.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from core.evaluation.metrics.calibration import sigmoid, softmax
from core.training.architectures.registry import WARM_STARTS, architecture
from core.training.data.studies import StudyCases
from core.training.data.study_batches import Batch, batch_of, vary
from core.training.fit import State, judge_classes, read_state, seed_dropout, set_trainable, write_state
from core.training.losses import class_weights
from core.training.recipe.schema import Phase
from core.training.recipe.study import StudyRecipe
from core.training.tasks.frozen import FrozenBatches, Halves
from core.training.tasks.study_targets import goals

Report = Callable[[str], None]

#: Cases that go through a network at once where nothing is learned.
BLOCK = 16


#: Epochs between two lines of the log.
SAID = 10


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Varied batches of one epoch, in an order that depends on seed and epoch."""

    def __init__(self, recipe: StudyRecipe, cases: StudyCases, seed: int, epoch: int) -> None:
        super().__init__(workers=1)
        self.recipe, self.cases, self.seed, self.epoch = recipe, cases, seed, epoch
        self.order = np.random.default_rng((seed, epoch)).permutation(len(cases))
        classes = len(recipe.labels)
        self.weights = class_weights(cases.class_index, classes, recipe.schedule.class_weights)
        self.goals = goals(recipe, cases.class_index)

    def __len__(self) -> int:
        return max(1, len(self.order) // self.recipe.schedule.batch)  # a short last batch would disturb the norms

    def __getitem__(self, index: int) -> tuple[Batch, NDArray[np.float32], NDArray[np.float32]]:
        size = self.recipe.schedule.batch
        chosen = self.order[index * size : (index + 1) * size]
        plain = batch_of(self.cases.arrays, self.recipe.inputs, chosen)
        varied = [self._varied(plain, place, int(case)) for place, case in enumerate(chosen)]
        batch = {spec.name: np.stack([one[spec.name] for one in varied]) for spec in self.recipe.inputs}
        return batch, self.goals[chosen], self.weights[self.cases.class_index[chosen]]

    def _varied(self, batch: Batch, place: int, case: int) -> Batch:
        recipe, seed = self.recipe, (self.seed, self.epoch, case)
        one = {name: array[place] for name, array in batch.items()}
        return vary(one, recipe.inputs, recipe.augmentation, recipe.timing, recipe.missing, seed)


def build(recipe: StudyRecipe) -> keras.Model:
    """The recipe's network with fresh weights: one unit for a binary task, else one a class; logits.

    Raises:
        ValueError: It does not end in a layer `logits`, or its inputs are not the recipe's.
    """
    units = 1 if recipe.task == "binary" else len(recipe.labels)
    model = architecture(recipe.architecture)(recipe.inputs, units, **recipe.parameters)
    names, wanted = [tensor.name for tensor in model.inputs], [spec.name for spec in recipe.inputs]
    if model.layers[-1].name != "logits" or sorted(names) != sorted(wanted):
        raise ValueError(
            f"Expected inputs {wanted} and a last layer logits. Received {names}, {model.layers[-1].name}."
        )
    return model


def logits_of(model: keras.Model, batch: Batch) -> NDArray[np.float32]:
    """(cases, units) by Keras."""
    return np.asarray(model.predict(batch, batch_size=BLOCK, verbose=0), np.float32)


def probabilities(recipe: StudyRecipe, logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(cases, units) what logits mean for the task."""
    values = np.asarray(logits, np.float64)
    return sigmoid(values) if recipe.task == "binary" else softmax(values)


def _compile(model: keras.Model, recipe: StudyRecipe, phase: Phase, steps: int) -> None:
    """Give the network the optimizer of a phase: warm-up over a tenth of it, then half a cosine to 0."""
    set_trainable(model, phase.trainable)
    total = phase.epochs * steps
    warm_up = max(1, total // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        phase.learning_rate / 20, max(1, total - warm_up), 0.0, warmup_target=phase.learning_rate, warmup_steps=warm_up
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.schedule.weight_decay, global_clipnorm=5.0)
    loss = keras.losses.BinaryCrossentropy if recipe.task == "binary" else keras.losses.CategoricalCrossentropy
    model.compile(optimizer=optimizer, loss=loss(from_logits=True), jit_compile=False)


class _Keeper:
    """Averages weights over epochs, judges them, and keeps the best or the last."""

    def __init__(self, recipe: StudyRecipe, batch: Batch, targets: NDArray[np.integer], state: State) -> None:
        self.recipe, self.state, self.batch, self.targets = recipe, state, batch, targets
        self.mean: list[NDArray[Any]] = []
        self.kept: list[NDArray[Any]] = []

    def take(self, model: keras.Model) -> dict[str, float]:
        """After an epoch: what the averaged weights are worth, `{}` where the last are kept and nobody asks yet."""
        now, share = model.get_weights(), self.recipe.average
        self.mean = [share * a + (1 - share) * b for a, b in zip(self.mean, now, strict=True)] if self.mean else now
        if self.recipe.keep == "last":
            self.state.best_epoch, self.kept = self.state.epoch, self.mean
            if self.state.epoch % SAID and self.state.epoch != self.recipe.schedule.epochs:
                return {}
        model.set_weights(self.mean)
        scores = probabilities(self.recipe, logits_of(model, self.batch))
        model.set_weights(now)
        found = judge_classes(scores, self.targets, self.recipe.schedule.class_weights)
        monitor, state = self.recipe.schedule.monitor, self.state
        better = -found["log_loss"] if monitor == "log_loss" else found[monitor]
        state.since_best += 1
        if better > state.best_score or self.recipe.keep == "last":
            state.best_score, state.best_epoch, state.since_best = better, state.epoch, 0
            self.kept = [array.copy() for array in self.mean]
        return found


def fit_study(
    recipe: StudyRecipe,
    train: StudyCases,
    val: StudyCases,
    seed: int,
    report: Report = lambda _text: None,
    keep: Path | None = None,
) -> tuple[keras.Model, State]:
    """Train one network.

    Args:
        recipe: What to train and how.
        train: Cases to learn from.
        val: Cases that choose the epoch, where the recipe keeps the best.
        seed: Of this training.
        report: Told of progress now and then.
        keep: Folder for warm starts that recipes share.

    Returns:
        The network with the weights to keep, and how training went.
    """
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    model, state, started = build(recipe), State(), time.perf_counter()
    if recipe.warm_start:
        WARM_STARTS[recipe.warm_start](model, recipe, train, seed, report, keep)
    learner, batch = model, batch_of(val.arrays, recipe.inputs)
    batches: Callable[[int], Any] = partial(_Batches, recipe, train, seed)
    if recipe.frozen is not None:
        halves = Halves(model, recipe.inputs, recipe.frozen)
        learner, batch = halves.rest, halves.pass_on(batch)
        batches = FrozenBatches(recipe, train, halves, seed).of_epoch
    keeper = _Keeper(recipe, batch, val.class_index, state)
    for number, phase in enumerate(recipe.schedule.phases):
        _compile(learner, recipe, phase, len(batches(0)))
        state.phase, state.phase_epoch, state.since_best = number, 0, 0
        while state.phase_epoch < phase.epochs and state.since_best < recipe.schedule.patience:
            seed_dropout(learner, seed, state.epoch)
            history = learner.fit(batches(state.epoch), epochs=1, shuffle=False, verbose=0)
            state.epoch, state.phase_epoch = state.epoch + 1, state.phase_epoch + 1
            found = keeper.take(learner)
            if state.epoch % SAID == 0:
                loss = history.history["loss"][-1]
                report(f"epoch {state.epoch}: loss {loss:.3f}, val {found['log_loss']:.3f}, AUC {found['auc']:.3f}")
    state.phase, state.done, state.seconds = len(recipe.schedule.phases), True, time.perf_counter() - started
    learner.set_weights(keeper.kept)
    whole = build(recipe)  # without the optimizer
    whole.set_weights(model.get_weights())
    return whole, state


def fit_or_load(
    recipe: StudyRecipe, train: StudyCases, val: StudyCases, seed: int, folder: Path, report: Report
) -> tuple[keras.Model, State]:
    """The network of a finished training in `folder`, or a new one, which is put there."""
    state = read_state(folder)
    if state.done and (folder / "model.keras").is_file():
        return keras.models.load_model(folder / "model.keras", compile=False), state
    folder.mkdir(parents=True, exist_ok=True)
    model, state = fit_study(recipe, train, val, seed, report, folder.parents[1] / "warm-starts")
    model.save(folder / "model.keras")
    state.last = state.best = "model.keras"
    write_state(folder, state)
    return model, state
