"""What training aims at: weights of rare classes and findings, targets, and the losses that Keras does not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from core.training.recipe.schema import Recipe


def class_weights(targets: NDArray[np.integer], classes: int, balanced: bool | float = True) -> NDArray[np.float32]:
    """(classes,) weights under which every class weighs the same in sum, with mean 1 over the cases.

    Args:
        targets: (cases,) class indices.
        classes: How many there are.
        balanced: Whether to weigh at all; between 0 and 1 an exponent, so that 0.5 goes half the way (on a log scale).
    """
    counts = np.bincount(targets, minlength=classes)
    if not balanced or (counts == 0).any():
        return np.ones(classes, np.float32)
    weights = (len(targets) / (classes * counts)) ** float(balanced)
    return (weights / np.average(weights, weights=counts)).astype(np.float32)


def label_weights(targets: NDArray[np.integer], balanced: bool | float = True) -> NDArray[np.float32]:
    """(labels, 2) weights of absent and present, under which both weigh the same in sum for each finding.

    Args:
        targets: (cases, labels) of 0 and 1.
        balanced: As for `class_weights`.
    """
    return np.stack([class_weights(targets[:, k], 2, balanced) for k in range(targets.shape[1])])


def spread_targets(targets: NDArray[np.integer], classes: int, width: float) -> NDArray[np.float32]:
    """(cases, classes) shares that sum to 1, by a Gaussian in grades about the true one (Díaz and Marathe 2019).

    Args:
        targets: (cases,) class indices of ordered classes.
        classes: How many there are.
        width: Standard deviation in grades.
    """
    gaps = np.arange(classes) - np.asarray(targets)[:, None]
    fractions = np.exp(-0.5 * (gaps / width) ** 2)
    return (fractions / fractions.sum(axis=1, keepdims=True)).astype(np.float32)


def smoothed_findings(
    targets: NDArray[np.integer], prevalence: NDArray[np.floating], smoothing: float
) -> NDArray[np.float32]:
    """(cases, labels) targets between 0 and 1 for labels that may be wrong; their means stay the prevalence.

    Label smoothing (Szegedy et al. 2016, arXiv:1512.00567) towards each finding's own frequency, so that rare findings
    stay rare.

    Args:
        targets: (cases, labels) of 0 and 1.
        prevalence: (labels,) fraction of the training images with the finding.
        smoothing: Between 0, as labelled, and 1.
    """
    return ((1 - smoothing) * targets + smoothing * np.asarray(prevalence)).astype(np.float32)


def class_targets(targets: NDArray[np.integer], recipe: Recipe) -> NDArray[np.float32]:
    """(cases, units) what a network of classes aims at: smoothed, and of ordered classes spread.

    Args:
        targets: (cases,) class indices.
        recipe: Says how many classes there are, whether they are in order, and how far to smooth and spread.
    """
    classes, smoothing = len(recipe.labels), recipe.schedule.label_smoothing
    if spreads(recipe):
        wanted = spread_targets(targets, classes, recipe.schedule.ordinal_sigma)
    else:
        wanted = np.eye(classes, dtype=np.float32)[targets]
    smooth = (1 - smoothing) * wanted + smoothing / classes
    return smooth[:, 1:].astype(np.float32) if recipe.task == "binary" else smooth.astype(np.float32)


def spreads(recipe: Recipe) -> bool:
    """Whether targets of ordered classes are spread over the classes beside them."""
    return recipe.task == "ordinal" and recipe.schedule.ordinal_sigma > 0


@keras.saving.register_keras_serializable("scanlens")
class FindingsLoss(keras.losses.Loss):  # type: ignore[misc]
    """Binary cross-entropy, mean over the findings, with weights for absent and present of each.

    Args:
        weights: (labels, 2) as `label_weights` gives them.
    """

    def __init__(self, weights: list[list[float]], name: str = "findings_loss", **rest: Any) -> None:
        super().__init__(name=name, **rest)
        self.weights = np.asarray(weights, np.float32).tolist()

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """(cases,) losses of (cases, labels) truth and probabilities."""
        truth = keras.ops.cast(y_true, y_pred.dtype)
        score = keras.ops.clip(y_pred, 1e-7, 1 - 1e-7)
        absent, present = np.asarray(self.weights, np.float32).T
        found = truth * present * keras.ops.log(score) + (1 - truth) * absent * keras.ops.log(1 - score)
        return -keras.ops.mean(found, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """What a checkpoint needs to make the loss again."""
        return {**super().get_config(), "weights": self.weights}


@keras.saving.register_keras_serializable("scanlens")
class DiceCrossEntropy(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy of the pixels plus 1 minus the Dice of each label over the batch, weighing the same.

    Over the batch, because a patch without the label has no Dice. Only labels that the batch holds count.

    Args:
        weights: Of the pixels of each label in the cross-entropy, the background first; empty for 1 each.
    """

    def __init__(self, weights: Sequence[float] = (), name: str = "dice_cross_entropy", **more: Any) -> None:
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
