"""Training of networks for segmentation: patches, Dice and cross-entropy together, the threshold's rule as judge."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from core.evaluation.metrics.pixel_counts import BINS, count_scores
from core.training.architectures.unet import unet
from core.training.data.masked_images import MaskedExamples
from core.training.losses import DiceCrossEntropy
from core.training.recipe.schema import Recipe
from core.training.tasks.mask_choices import RULES
from core.training.tasks.patches import Patches


class Segmentation:
    """The task of a recipe whose cases are images with masks.

    Args:
        recipe: What to train and how.
        train: Examples to learn from.
        val: Examples that choose the epoch.
    """

    def __init__(self, recipe: Recipe, train: MaskedExamples, val: MaskedExamples) -> None:
        self.recipe, self.train, self.val = recipe, train, val
        self.schedule, self.seed = recipe.schedule, recipe.seed
        self._whole = build(recipe)

    def start(self) -> keras.Model:
        """The recipe's network for patches, with fresh weights."""
        return build(self.recipe, self.schedule.patch_size)

    def loss(self) -> Any:
        """Cross-entropy of the pixels plus 1 minus Dice."""
        return DiceCrossEntropy(self.schedule.pixel_weights)

    def batches(self, epoch: int) -> keras.utils.PyDataset:
        """Varied patches, drawn by seed and step."""
        return Patches(self.recipe, self.train, epoch)

    def judge(self, model: keras.Model) -> dict[str, float]:
        """`dice`, the mean of what each label has at its best threshold by the recipe's rule, on the model's grid."""
        self._whole.set_weights(model.get_weights())
        recipe, val = self.recipe, self.val
        counts = np.zeros((len(recipe.foreground), len(val.classes), 2, BINS), np.int64)
        for case, image in enumerate(val.images):
            found = np.asarray(self._whole(image[None].astype(np.float32), training=False))[0]
            for label in range(len(recipe.foreground)):
                plane = found[..., 0 if recipe.units == 1 else label + 1]
                counts[label, case] = count_scores(val.classes[case] == label + 1, plane)
        by_label = {
            f"dice {name}": float(np.nanmax(RULES[recipe.threshold_rule](each)))
            for name, each in zip(recipe.foreground, counts, strict=True)
        }
        return {"dice": float(np.mean(list(by_label.values()))), **by_label}

    def finish(self, model: keras.Model) -> keras.Model:
        """The network for whole images."""
        return for_whole_images(self.recipe, model)


def build(recipe: Recipe, side: int = 0) -> keras.Model:
    """The recipe's network with fresh weights, for patches of `side` pixels or for whole images."""
    size = (side, side) if side else recipe.input.size
    shape = (*size, recipe.input.channels)
    return unet(shape, recipe.units, input_name=recipe.input.name, **recipe.architecture.parameters)


def for_whole_images(recipe: Recipe, model: keras.Model) -> keras.Model:
    """A network that was trained on patches as one for whole images, its logits scaled as the recipe wants.

    Args:
        recipe: What was trained.
        model: With the weights.
    """
    whole = build(recipe)
    whole.set_weights(model.get_weights())
    last = whole.get_layer("logits")
    last.set_weights([weight * np.float32(recipe.logit_scale) for weight in last.get_weights()])
    return whole
