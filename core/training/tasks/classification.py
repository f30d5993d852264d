"""Training on single images: one class of several, ordered classes, or several findings at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics import multiclass, multilabel
from core.evaluation.metrics.binary import roc_auc
from core.training.architectures.images import ARCHITECTURES
from core.training.augment import augment
from core.training.losses import (
    FindingsLoss,
    class_targets,
    class_weights,
    label_weights,
    smoothed_findings,
    spreads,
)
from core.training.recipe.schema import Recipe


@dataclass(frozen=True, eq=False)
class Examples:
    """Prepared images with their classes.

    Attributes:
        images: (cases, rows, columns, channels).
        targets: (cases,) class indices, or (cases, labels) of 0 and 1 for a multilabel task.
    """

    images: NDArray[np.floating]
    targets: NDArray[np.integer]


class Classification:
    """The task of a recipe whose cases are single images.

    Args:
        recipe: What to train and how.
        train: Examples to learn from.
        val: Examples that choose the epoch.
    """

    def __init__(self, recipe: Recipe, train: Examples, val: Examples) -> None:
        self.recipe, self.train, self.val = recipe, train, val
        self.schedule, self.seed = recipe.schedule, recipe.seed

    def start(self) -> keras.Model:
        """The recipe's network with fresh weights."""
        return build(self.recipe)

    def loss(self) -> Any:
        """Cross-entropy; of findings with weights of its own for each."""
        if self.recipe.task == "multilabel":
            return FindingsLoss(label_weights(self.train.targets, self.schedule.class_weights).tolist())
        if self.recipe.task == "binary":
            return "binary_crossentropy"
        return "sparse_categorical_crossentropy" if _by_index(self.recipe) else "categorical_crossentropy"

    def batches(self, epoch: int) -> keras.utils.PyDataset:
        """Augmented batches, in an order that depends on seed and epoch."""
        return _Batches(self.recipe, self.train, epoch)

    def judge(self, model: keras.Model) -> dict[str, float]:
        """AUC, log loss and, of classes, quadratic kappa, classes weighing as in training.

        With more than two classes the AUC is the unweighted mean of one class against the rest, with several findings
        that of those which the split has with and without.
        """
        images = self.val.images.astype(np.float32)
        scores = np.asarray(model.predict(images, batch_size=64, verbose=0), np.float64)
        judge = judge_findings if self.recipe.task == "multilabel" else judge_classes
        return judge(scores, self.val.targets, self.schedule.class_weights)

    def finish(self, model: keras.Model) -> keras.Model:
        """The network as it is."""
        return model


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
        images = np.stack([self._varied(int(case)) for case in chosen])
        targets = self.examples.targets[chosen]
        if self.recipe.task == "multilabel":
            prevalence = self.examples.targets.mean(axis=0)
            return images, smoothed_findings(targets, prevalence, self.recipe.schedule.label_smoothing)
        wanted = targets.astype(np.int32) if _by_index(self.recipe) else class_targets(targets, self.recipe)
        return images, wanted, self.weights[targets]

    def _varied(self, case: int) -> NDArray[np.float32]:
        rng = np.random.default_rng((self.recipe.seed, self.epoch, case))
        return augment(self.examples.images[case], self.recipe.augmentation, rng, self.recipe.input.value_range)


def _by_index(recipe: Recipe) -> bool:
    """Whether one class of several is all that is aimed at, so that its index says it."""
    return recipe.task in {"multiclass", "ordinal"} and not spreads(recipe) and not recipe.schedule.label_smoothing


def build(recipe: Recipe) -> keras.Model:
    """The recipe's network with fresh weights.

    One sigmoid unit for a binary task, one for each label of a multilabel task, else a softmax over the labels. Ordered
    classes get a softmax as well: cumulative links would tie the classes to one direction of the features, and their
    head is not affine, so Grad-CAM would need gradients at run time. The order counts where agreement is measured.
    """
    shape = (*recipe.input.size, recipe.input.channels)
    parameters = {"input_name": recipe.input.name, **recipe.architecture.parameters}
    activation = "sigmoid" if recipe.task in {"binary", "multilabel"} else "softmax"
    return ARCHITECTURES[recipe.architecture.name](shape, recipe.units, activation, **parameters)


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


def judge_findings(
    scores: NDArray[np.float64], targets: NDArray[np.integer], balanced: bool | float
) -> dict[str, float]:
    """AUC and log loss of (cases, labels) probabilities.

    Args:
        scores: Of each finding.
        targets: (cases, labels) of 0 and 1.
        balanced: As for `judge_classes`, for absent and present of each finding.
    """
    present = targets.astype(bool)
    weights = np.where(present, *label_weights(targets, balanced).T[::-1])
    right = np.clip(np.where(present, scores, 1 - scores), 1e-7, 1.0)
    loss = float(np.average(-np.log(right), weights=weights))
    return {"auc": multilabel.roc_auc(targets, scores), "log_loss": loss}
