"""What training aims at: weights of rare classes and findings, targets of ordered classes, the loss of findings."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


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
    shares = np.exp(-0.5 * (gaps / width) ** 2)
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def doubted_targets(targets: NDArray[np.integer], common: NDArray[np.floating], doubt: float) -> NDArray[np.float32]:
    """(cases, labels) targets between 0 and 1 for labels that may be wrong; their means stay those of `common`.

    Label smoothing (Szegedy et al. 2016, arXiv:1512.00567) towards each finding's own frequency, so that rare findings
    stay rare.

    Args:
        targets: (cases, labels) of 0 and 1.
        common: (labels,) share of the training pictures with the finding.
        doubt: Between 0, as labelled, and 1.
    """
    return ((1 - doubt) * targets + doubt * np.asarray(common)).astype(np.float32)


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
