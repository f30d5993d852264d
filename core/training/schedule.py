"""The course of the learning rate, and which layers learn: what a phase of a schedule means for Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from core.training.recipe.course import Phase, Schedule


def learning_rate(schedule: Schedule, phase: Phase, steps: int) -> Any:
    """A warm-up from a twentieth of the rate, then half a cosine down to 0; or the rate itself where it is constant.

    Args:
        schedule: Says for how long the rate rises.
        phase: Says how high.
        steps: Of an epoch.
    """
    if schedule.decay == "constant":
        return phase.learning_rate
    total = phase.epochs * steps
    warm_up = min(steps, total // 2) if schedule.warm_up is None else max(1, int(total * schedule.warm_up))
    return keras.optimizers.schedules.CosineDecay(
        phase.learning_rate / 20, max(1, total - warm_up), 0.0, warmup_target=phase.learning_rate, warmup_steps=warm_up
    )


def make_optimizer(schedule: Schedule, phase: Phase, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of a phase, as its learning rate and the weight decay ask for it.

    Args:
        schedule: Names it.
        phase: Of it.
        steps: Of an epoch.
    """
    rate = learning_rate(schedule, phase, steps)
    if schedule.optimizer == "sgd":
        return keras.optimizers.SGD(rate)
    if schedule.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    return keras.optimizers.AdamW(rate, weight_decay=schedule.weight_decay, global_clipnorm=5.0)


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


def seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Let each layer's draws depend on seed and epoch alone; a saved model does not keep where its draws were."""
    for position, layer in enumerate(model.layers):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign(np.array([(seed + position) % 2**32, epoch * 2**20], np.uint32))
