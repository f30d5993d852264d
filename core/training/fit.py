"""Training that can be killed at any time and goes on where it was.

After each epoch the whole model with its optimizer is saved under a new name, then `state.json` is replaced to point to
it; so state and weights always belong together. Everything random depends on the recipe's seed and the epoch, and
TensorFlow runs its deterministic kernels: two runs on one machine agree to the last bit of the log, on another type of
processor to about 0.002 in validation AUC, because its sums are taken in another order.
"""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from core.evaluation.metrics import multiclass, multilabel
from core.evaluation.metrics.binary import roc_auc
from core.training.architectures.images import ARCHITECTURES
from core.training.augment import augment
from core.training.losses import FindingsLoss, class_weights, doubted_targets, label_weights, spread_targets
from core.training.recipe.schema import Phase, Recipe


@dataclass(frozen=True, eq=False)
class Examples:
    """Prepared pictures with their classes.

    Attributes:
        pictures: (cases, rows, columns, channels).
        targets: (cases,) class indices, or (cases, labels) of 0 and 1 for a multilabel task.
    """

    pictures: NDArray[np.floating]
    targets: NDArray[np.integer]


@dataclass
class State:
    """How far training has come.

    Attributes:
        epoch: Epochs done.
        phase: Index of the phase that goes on.
        phase_epoch: Epochs done in it.
        last: File of the newest model, `""` before the first.
        best: File of the model that did best on the validation split.
        best_score: How well, higher is better: the AUC, the negative log loss, or kappa.
        best_epoch: Its epoch, counted from 1.
        since_best: Epochs of the phase since it got better.
        seconds: Time spent so far.
        done: Whether nothing is left to do.
    """

    epoch: int = 0
    phase: int = 0
    phase_epoch: int = 0
    last: str = ""
    best: str = ""
    best_score: float = -1e9
    best_epoch: int = 0
    since_best: int = 0
    seconds: float = 0.0
    done: bool = False


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Augmented batches of one epoch, in an order that depends on seed and epoch."""

    def __init__(self, recipe: Recipe, examples: Examples, epoch: int) -> None:
        super().__init__(workers=1)
        self.recipe, self.examples, self.epoch = recipe, examples, epoch
        self.order = np.random.default_rng((recipe.seed, epoch)).permutation(len(examples.targets))
        if recipe.task != "multilabel":  # whose weights are by finding and part of the loss
            self.weights = class_weights(examples.targets, len(recipe.labels), recipe.schedule.class_weights)

    def __len__(self) -> int:
        return max(1, len(self.order) // self.recipe.schedule.batch)  # a short last batch would disturb the norms

    def __getitem__(self, index: int) -> tuple[NDArray[np.generic], ...]:
        chosen = self.order[index * self.recipe.schedule.batch : (index + 1) * self.recipe.schedule.batch]
        pictures = np.stack(
            [
                augment(
                    self.examples.pictures[case],
                    self.recipe.augmentation,
                    np.random.default_rng((self.recipe.seed, self.epoch, int(case))),
                    self.recipe.input.value_range,
                )
                for case in chosen
            ]
        )
        targets = self.examples.targets[chosen]
        goal = self._goal(targets)
        return (pictures, goal) if self.recipe.task == "multilabel" else (pictures, goal, self.weights[targets])

    def _goal(self, targets: NDArray[np.integer]) -> NDArray[np.generic]:
        """Targets in the form that the loss wants."""
        if self.recipe.task == "multilabel":
            return doubted_targets(targets, self.examples.targets.mean(axis=0), self.recipe.schedule.doubt)
        if _spreads(self.recipe):
            return spread_targets(targets, len(self.recipe.labels), self.recipe.schedule.neighbours)
        return targets.astype(np.float32)[:, None] if self.recipe.task == "binary" else targets.astype(np.int32)


def _spreads(recipe: Recipe) -> bool:
    return recipe.task == "ordinal" and recipe.schedule.neighbours > 0


def _loss(recipe: Recipe, train: Examples) -> Any:
    if recipe.task == "multilabel":
        return FindingsLoss(label_weights(train.targets, recipe.schedule.class_weights).tolist())
    if _spreads(recipe):
        return "categorical_crossentropy"
    return "binary_crossentropy" if recipe.task == "binary" else "sparse_categorical_crossentropy"


def build(recipe: Recipe) -> keras.Model:
    """The recipe's network with fresh weights.

    One sigmoid unit for a binary task, one for each label of a multilabel task, else a softmax over the labels. Ordered
    classes get a softmax as well: cumulative links would tie the classes to one direction of the features, and their
    head is not affine, so Grad-CAM would need gradients at run time. The order counts where agreement is measured.
    """
    units = 1 if recipe.task == "binary" else len(recipe.labels)
    shape = (*recipe.input.size, recipe.input.channels)
    builder = ARCHITECTURES[recipe.architecture]
    parameters = {"input_name": recipe.input.name, **recipe.parameters}
    return builder(shape, units, "sigmoid" if recipe.task in {"binary", "multilabel"} else "softmax", **parameters)


def set_trainable(model: keras.Model, which: str) -> None:
    """Freeze what a phase does not train.

    Raises:
        ValueError: `which` is not `all`, `head` or `from:<layer>` with a layer of the model.
    """
    start = {"all": model.layers[0].name, "head": "logits"}.get(which, which.removeprefix("from:"))
    names = [layer.name for layer in model.layers]
    if start not in names:
        raise ValueError(f"Expected all, head or from:<layer> of the model. Received {which!r}.")
    for position, layer in enumerate(model.layers):
        layer.trainable = position >= names.index(start)


def _start_phase(model: keras.Model, recipe: Recipe, phase: Phase, steps: int, loss: Any) -> None:
    """Give the model the optimizer of a phase."""
    set_trainable(model, phase.trainable)
    warm_up = min(steps, phase.epochs * steps // 2)
    rate = keras.optimizers.schedules.CosineDecay(
        phase.learning_rate / 20, max(1, phase.epochs * steps - warm_up), 0.0,
        warmup_target=phase.learning_rate, warmup_steps=warm_up,
    )  # fmt: skip
    optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.schedule.weight_decay, global_clipnorm=5.0)
    model.compile(optimizer=optimizer, loss=loss)


def judge(model: keras.Model, recipe: Recipe, val: Examples) -> dict[str, float]:
    """AUC, log loss and, of classes, quadratic kappa on the validation split, classes weighing as in training.

    With more than two classes the AUC is the unweighted mean of one class against the rest, with several findings that
    of those which the split has with and without.
    """
    scores = np.asarray(model.predict(val.pictures.astype(np.float32), batch_size=64, verbose=0), np.float64)
    if recipe.task == "multilabel":
        return _judge_findings(scores, val.targets, recipe.schedule.class_weights)
    return judge_classes(scores, val.targets, recipe.schedule.class_weights)


def judge_classes(
    scores: NDArray[np.float64], targets: NDArray[np.integer], balanced: bool | float
) -> dict[str, float]:
    """AUC, log loss and quadratic kappa of (cases, 1 or classes) probabilities.

    Args:
        scores: Of `labels[1]` alone, or of each class.
        targets: (cases,) class indices.
        balanced: Whether classes weigh the same in the log loss, see `class_weights`.
    """
    if scores.shape[1] == 1:
        scores = np.concatenate([1 - scores, scores], axis=1)
    classes = range(1, 2) if scores.shape[1] == 2 else range(scores.shape[1])
    auc = float(np.mean([roc_auc(targets == k, scores[:, k]) for k in classes]))
    weights = class_weights(targets, scores.shape[1], balanced)[targets]
    right = np.clip(scores[np.arange(len(scores)), targets], 1e-7, 1.0)
    loss = float(np.average(-np.log(right), weights=weights))
    return {"auc": auc, "log_loss": loss, "kappa_quadratic": multiclass.kappa_quadratic(targets, scores)}


def _judge_findings(
    scores: NDArray[np.float64], targets: NDArray[np.integer], balanced: bool | float
) -> dict[str, float]:
    present = targets.astype(bool)
    weights = np.where(present, *label_weights(targets, balanced).T[::-1])
    right = np.clip(np.where(present, scores, 1 - scores), 1e-7, 1.0)
    loss = float(np.average(-np.log(right), weights=weights))
    return {"auc": multilabel.roc_auc(targets, scores), "log_loss": loss}


def _save(folder: Path, state: State, model: keras.Model) -> None:
    """Keep the model and the state together, then remove what nothing points to."""
    state.last = f"epoch-{state.epoch:03d}.keras"
    model.save(folder / state.last)
    if state.since_best == 0:
        state.best = state.last
    write_state(folder, state)
    for path in folder.glob("epoch-*.keras"):
        if path.name not in {state.last, state.best}:
            path.unlink()


def write_state(folder: Path, state: State) -> None:
    """Replace `state.json` in one step."""
    (folder / "state.tmp").write_text(json.dumps(asdict(state), indent=2), encoding="utf-8")
    os.replace(folder / "state.tmp", folder / "state.json")


def read_state(folder: Path) -> State:
    """Where an earlier run stopped, or the start."""
    path = folder / "state.json"
    return State(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else State()


def _log(folder: Path, row: dict[str, Any]) -> None:
    path = folder / "log.csv"
    fresh = not path.is_file()
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(row))
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def _next_phase(folder: Path, state: State, phases: tuple[Phase, ...]) -> None:
    """Move on when the phase is over."""
    state.phase, state.phase_epoch, state.since_best = state.phase + 1, 0, 0
    state.last = state.best  # the next phase starts from the best so far
    state.done = state.phase >= len(phases)
    write_state(folder, state)


def _resume(recipe: Recipe, state: State, folder: Path, train: Examples) -> keras.Model:
    """The model as the state has it, with the right optimizer."""
    model = keras.models.load_model(folder / state.last) if state.last else build(recipe)
    if state.phase_epoch == 0:
        steps = len(_Batches(recipe, train, 0))
        _start_phase(model, recipe, recipe.schedule.phases[state.phase], steps, _loss(recipe, train))
    return model


def seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Let each layer's draws depend on seed and epoch alone; a saved model does not keep where its draws were."""
    for position, layer in enumerate(model.layers):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign(np.array([(seed + position) % 2**32, epoch * 2**20], np.uint32))


def _epoch(model: keras.Model, recipe: Recipe, train: Examples, val: Examples, state: State, folder: Path) -> None:
    """Train for one epoch, judge it, save and log it."""
    started = time.perf_counter()
    seed_dropout(model, recipe.seed, state.epoch)
    history = model.fit(_Batches(recipe, train, state.epoch), epochs=1, shuffle=False, verbose=0)
    found = judge(model, recipe, val)
    better = -found["log_loss"] if recipe.schedule.monitor == "log_loss" else found[recipe.schedule.monitor]
    state.epoch, state.phase_epoch, state.since_best = state.epoch + 1, state.phase_epoch + 1, state.since_best + 1
    if better > state.best_score:
        state.best_score, state.best_epoch, state.since_best = better, state.epoch, 0
    state.seconds += time.perf_counter() - started
    _save(folder, state, model)
    loss = float(history.history["loss"][-1])
    row = {"epoch": state.epoch, "phase": state.phase + 1, "loss": f"{loss:.5f}", "val_auc": f"{found['auc']:.5f}"}
    row |= {f"val_{name}": f"{value:.5f}" for name, value in found.items() if name != "auc"}
    row |= {"seconds": f"{time.perf_counter() - started:.1f}"}
    _log(folder, row)


def fit(
    recipe: Recipe,
    train: Examples,
    val: Examples,
    folder: Path,
    report: Callable[[State], None] = lambda _state: None,
    epochs: int | None = None,
) -> keras.Model:
    """Train, or go on with training, and give back the model that did best on the validation split.

    Args:
        recipe: What to train and how.
        train: Examples to learn from.
        val: Examples that choose the epoch.
        folder: Where checkpoints, `state.json` and `log.csv` lie.
        report: Called after each epoch.
        epochs: Stop after so many epochs in all, to go on later; None for the whole schedule.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(recipe.seed)
    state = read_state(folder)
    while not state.done and (epochs is None or state.epoch < epochs):
        phase = recipe.schedule.phases[state.phase]
        model = _resume(recipe, state, folder, train)
        while state.phase_epoch < phase.epochs and state.since_best < recipe.schedule.patience:
            if epochs is not None and state.epoch >= epochs:
                break
            _epoch(model, recipe, train, val, state, folder)
            report(state)
        else:
            _next_phase(folder, state, recipe.schedule.phases)
    return keras.models.load_model(folder / state.best, compile=False)
