"""Training of the U-Nets: cut-outs drawn on lesions and beside them, Dice and cross-entropy together.

Can be killed at any time and goes on where it was, as `fit` does: after each round the whole model is saved under a
new name, then `state.json` points to it. Every draw depends on the recipe's seed and the step alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from core.training.architectures.unet import unet
from core.training.augment import augment
from core.training.data.masked_images import MaskedExamples
from core.training.fit import State, read_state, write_state
from core.training.recipe.schema import Augmentation
from core.training.recipe.segmentation import OutlineRecipe
from core.training.tasks.mask_choices import BINS, RULES, count_scores

#: Pixels remembered of each label and picture, to draw the centres of cut-outs from.
REMEMBERED = 4000

#: A cut-out is drawn so much larger, varied, and cut to size, so that turning it leaves no black corners.
MARGIN = 1.42

_SHAPE = ("rotation", "shift", "zoom", "aspect", "flip")


@keras.saving.register_keras_serializable("scanlens")
class OutlineLoss(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy of the pixels plus 1 minus the Dice of each label over the batch, weighing the same.

    Over the batch, because a cut-out without the label has no Dice. Only labels that the batch holds count.

    Args:
        weights: Of the pixels of each label in the cross-entropy, the background first; empty for 1 each.
    """

    def __init__(self, weights: Sequence[float] = (), name: str = "outline_loss", **more: Any) -> None:
        super().__init__(name=name, **more)
        self.weights = tuple(float(weight) for weight in weights)

    def get_config(self) -> dict[str, Any]:
        """What it takes to make it again."""
        return {**super().get_config(), "weights": list(self.weights)}

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """(N, rows, columns, units) of 0 and 1, and probabilities, to one number."""
        y_true = tf.cast(y_true, y_pred.dtype)
        inside = tf.clip_by_value(y_pred, 1e-6, 1 - 1e-6)
        if y_pred.shape[-1] == 1:
            labels, found = y_true, y_pred
            both, sure = tf.concat([1 - y_true, y_true], -1), tf.concat([1 - inside, inside], -1)
        else:
            labels, found, both, sure = y_true[..., 1:], y_pred[..., 1:], y_true, inside
        weighted = both * tf.constant(self.weights, y_pred.dtype) if self.weights else both
        entropy = -tf.reduce_mean(tf.reduce_sum(weighted * tf.math.log(sure), axis=-1))
        common, true = tf.reduce_sum(labels * found, (0, 1, 2)), tf.reduce_sum(labels, (0, 1, 2))
        dice = (2 * common + 1) / (true + tf.reduce_sum(found, (0, 1, 2)) + 1)
        present = tf.cast(true > 0, y_pred.dtype)
        return entropy + tf.reduce_sum(present * (1 - dice)) / tf.maximum(tf.reduce_sum(present), 1)


def build(recipe: OutlineRecipe, side: int = 0) -> keras.Model:
    """The recipe's network with fresh weights, for cut-outs of `side` pixels or for whole pictures."""
    size = (side, side) if side else recipe.input.size
    shape = (*size, recipe.input.channels)
    return unet(shape, recipe.units, input_name=recipe.input.name, **recipe.parameters)


def _places(classes: NDArray[np.uint8], labels: int, seed: int) -> list[list[NDArray[np.intp]]]:
    """For each label but the background and each picture up to `REMEMBERED` (row, column) of its pixels."""
    rng = np.random.default_rng(seed)
    found = []
    for label in range(1, labels):
        points = [np.argwhere(picture == label) for picture in classes]
        found.append([rng.permutation(each)[:REMEMBERED] for each in points])
    return found


def _shape_only(how: Augmentation) -> Augmentation:
    return Augmentation(**{name: getattr(how, name) for name in _SHAPE})


def vary(
    picture: NDArray[np.floating],
    classes: NDArray[np.uint8],
    recipe: OutlineRecipe,
    seed: Sequence[int],
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """One variation of a picture and of its classes: the same shape changes for both, grey levels for the picture.

    Args:
        picture: (rows, columns, channels) within the recipe's value range.
        classes: (rows, columns) indices.
        recipe: How far it may go.
        seed: Of the draws.
    """
    shape, low_high = _shape_only(recipe.augmentation), recipe.input.value_range
    moved = augment(picture, shape, np.random.default_rng(seed), low_high)
    labels = np.zeros(classes.shape, np.uint8)
    for label in np.unique(classes[classes > 0]):
        plane = (classes == label).astype(np.float32)[..., None]
        labels[augment(plane, shape, np.random.default_rng(seed))[..., 0] > 0.5] = label
    rng = np.random.default_rng((*seed, 1))
    if recipe.upside_down and picture.shape[0] == picture.shape[1]:
        quarters = int(rng.integers(4))
        moved, labels = np.rot90(moved, quarters), np.rot90(labels, quarters)
    levels = replace(recipe.augmentation, **dict.fromkeys(_SHAPE[:-1], 0.0), flip=False)
    return augment(moved, levels, rng, low_high), np.ascontiguousarray(labels)


class OutlineBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Varied cut-outs of one round."""

    def __init__(self, recipe: OutlineRecipe, examples: MaskedExamples, round_: int) -> None:
        super().__init__(workers=1)
        self.recipe, self.examples, self.round = recipe, examples, round_
        self.places = _places(examples.classes, len(recipe.labels), recipe.seed)
        self.shown = [np.flatnonzero([len(points) for points in label]) for label in self.places]

    def __len__(self) -> int:
        return self.recipe.schedule.steps

    def _draw(self, rng: np.random.Generator) -> tuple[int, tuple[int, int]]:
        """A picture and the centre of a cut-out."""
        labels = [label for label, cases in enumerate(self.shown) if len(cases)]
        rows, columns = self.examples.classes.shape[1:]
        if labels and rng.random() < self.recipe.schedule.on_label:
            label = labels[int(rng.integers(len(labels)))]
            case = int(rng.choice(self.shown[label]))
            points = self.places[label][case]
            row, column = points[int(rng.integers(len(points)))]
            return case, (int(row), int(column))
        return int(rng.integers(len(self.examples.classes))), (int(rng.integers(rows)), int(rng.integers(columns)))

    def _one(self, seed: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        case, centre = self._draw(np.random.default_rng(seed))
        picture, classes, side = self.examples.pictures[case], self.examples.classes[case], self.recipe.schedule.cut
        if not side:
            return vary(picture.astype(np.float32), classes, self.recipe, seed)
        wide = min(round(side * MARGIN), *classes.shape)
        top, left = (
            int(np.clip(middle - wide // 2, 0, size - wide)) for middle, size in zip(centre, classes.shape, strict=True)
        )
        region = (slice(top, top + wide), slice(left, left + wide))
        picture, classes = vary(picture[region].astype(np.float32), classes[region], self.recipe, seed)
        edge = (wide - side) // 2
        return picture[edge : edge + side, edge : edge + side], classes[edge : edge + side, edge : edge + side]

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        step = self.round * self.recipe.schedule.steps + index
        drawn = [self._one((self.recipe.seed, step, place)) for place in range(self.recipe.schedule.batch)]
        classes = np.stack([labels for _, labels in drawn])
        goal = classes[..., None] == (1 if self.recipe.units == 1 else np.arange(self.recipe.units))
        return np.stack([picture for picture, _ in drawn]), goal.astype(np.float32)


def judge(model: keras.Model, recipe: OutlineRecipe, val: MaskedExamples) -> dict[str, float]:
    """For each label the best value of the recipe's rule on the validation split, on the model's grid."""
    counts = np.zeros((len(recipe.foreground), len(val.classes), 2, BINS), np.int64)
    for case, picture in enumerate(val.pictures):
        found = np.asarray(model(picture[None].astype(np.float32), training=False))[0]
        for label in range(len(recipe.foreground)):
            plane = found[..., 0 if recipe.units == 1 else label + 1]
            counts[label, case] = count_scores(val.classes[case] == label + 1, plane)
    return {
        name: float(np.nanmax(RULES[recipe.threshold_rule](each)))
        for name, each in zip(recipe.foreground, counts, strict=True)
    }


def _compiled(recipe: OutlineRecipe, side: int) -> keras.Model:
    schedule, model = recipe.schedule, build(recipe, side)
    total, warm_up = schedule.rounds * schedule.steps, min(schedule.steps, schedule.rounds * schedule.steps // 4)
    rate = keras.optimizers.schedules.CosineDecay(
        schedule.learning_rate / 20, max(1, total - warm_up), 0.0,
        warmup_target=schedule.learning_rate, warmup_steps=warm_up,
    )  # fmt: skip
    optimizer = keras.optimizers.AdamW(rate, weight_decay=schedule.weight_decay, global_clipnorm=5.0)
    model.compile(optimizer=optimizer, loss=OutlineLoss(schedule.weights))
    return model


def _save(folder: Path, state: State, model: keras.Model) -> None:
    state.last = f"round-{state.epoch:03d}.keras"
    model.save(folder / state.last)
    if state.since_best == 0:
        state.best = state.last
    write_state(folder, state)
    for path in folder.glob("round-*.keras"):
        if path.name not in {state.last, state.best}:
            path.unlink()


def fit_outlines(
    recipe: OutlineRecipe,
    train: MaskedExamples,
    val: MaskedExamples,
    folder: Path,
    log: Callable[[str], None] = lambda _text: None,
) -> keras.Model:
    """Train, or go on with training, and give back the model for whole pictures that did best on the validation split.

    Args:
        recipe: What to train and how.
        train: Examples to learn from.
        val: Examples that choose the round.
        folder: Where checkpoints and `state.json` lie.
        log: Told of each round.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(recipe.seed)
    state, side = read_state(folder), recipe.schedule.cut
    model = keras.models.load_model(folder / state.last) if state.last else _compiled(recipe, side)
    whole = build(recipe)
    while not state.done:
        started = time.perf_counter()
        history = model.fit(OutlineBatches(recipe, train, state.epoch), shuffle=False, verbose=0)
        whole.set_weights(model.get_weights())
        found = judge(whole, recipe, val)
        better = float(np.mean(list(found.values())))
        state.epoch, state.since_best = state.epoch + 1, state.since_best + 1
        if better > state.best_score:
            state.best_score, state.best_epoch, state.since_best = better, state.epoch, 0
        state.seconds += time.perf_counter() - started
        state.done = state.epoch >= recipe.schedule.rounds or state.since_best >= recipe.schedule.patience
        _save(folder, state, model)
        said = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
        loss = float(history.history["loss"][-1])
        log(f"round {state.epoch}/{recipe.schedule.rounds}: loss {loss:.3f}, Dice {said}, {state.seconds:.0f} s")
    return best_of(recipe, folder)


def best_of(recipe: OutlineRecipe, folder: Path) -> keras.Model:
    """The best checkpoint so far as a model for whole pictures.

    Args:
        recipe: Whose.
        folder: Where `fit_outlines` left it.
    """
    whole = build(recipe)
    whole.set_weights(keras.models.load_model(folder / read_state(folder).best, compile=False).get_weights())
    last = whole.get_layer("logits")
    last.set_weights([weight / recipe.soften for weight in last.get_weights()])
    return whole


def state_from(entry: dict[str, Any]) -> State:
    """The state as a card tells it."""
    return State(**{item.name: entry[item.name] for item in fields(State)})
