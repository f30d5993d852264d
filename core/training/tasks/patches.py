"""Batches for segmentation: patches drawn on labels and beside them, varied together with their masks."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import msgspec
import numpy as np
from numpy.typing import NDArray

from core.training.augment import augment
from core.training.data.masked_images import MaskedExamples
from core.training.recipe.course import Augmentation
from core.training.recipe.schema import Recipe

#: Pixels remembered of each label and image, to draw the centres of patches from.
REMEMBERED = 4000

#: A patch is drawn so much larger, varied, and cut to size, so that turning it leaves no black corners.
MARGIN = 1.42

_SHAPE = ("rotation", "shift", "zoom", "aspect", "flip")


def _places(classes: NDArray[np.uint8], labels: int, seed: int) -> list[list[NDArray[np.intp]]]:
    """For each label but the background and each image up to `REMEMBERED` (row, column) of its pixels."""
    rng = np.random.default_rng(seed)
    found = []
    for label in range(1, labels):
        points = [np.argwhere(image == label) for image in classes]
        found.append([rng.permutation(each)[:REMEMBERED] for each in points])
    return found


def _shape_only(how: Augmentation) -> Augmentation:
    return Augmentation(**{name: getattr(how, name) for name in _SHAPE})


def vary(
    image: NDArray[np.floating],
    classes: NDArray[np.uint8],
    recipe: Recipe,
    seed: Sequence[int],
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """One variation of a image and of its classes: the same shape changes for both, grey levels for the image.

    Args:
        image: (rows, columns, channels) within the recipe's value range.
        classes: (rows, columns) indices.
        recipe: How far it may go.
        seed: Of the draws.
    """
    shape, low_high = _shape_only(recipe.augmentation), recipe.input.value_range
    moved = augment(image, shape, np.random.default_rng(seed), low_high)
    labels = np.zeros(classes.shape, np.uint8)
    for label in np.unique(classes[classes > 0]):
        plane = (classes == label).astype(np.float32)[..., None]
        labels[augment(plane, shape, np.random.default_rng(seed))[..., 0] > 0.5] = label
    rng = np.random.default_rng((*seed, 1))
    if recipe.augmentation.quarter_turns and image.shape[0] == image.shape[1]:
        quarters = int(rng.integers(4))
        moved, labels = np.rot90(moved, quarters), np.rot90(labels, quarters)
    levels = msgspec.structs.replace(recipe.augmentation, **dict.fromkeys(_SHAPE[:-1], 0.0), flip=False)
    return augment(moved, levels, rng, low_high), np.ascontiguousarray(labels)


class Patches(keras.utils.PyDataset):  # type: ignore[misc]
    """Varied patchs of one round."""

    def __init__(self, recipe: Recipe, examples: MaskedExamples, epoch: int) -> None:
        super().__init__(workers=1)
        self.recipe, self.examples, self.epoch = recipe, examples, epoch
        self.places = _places(examples.classes, len(recipe.labels), recipe.seed)
        self.shown = [np.flatnonzero([len(points) for points in label]) for label in self.places]

    def __len__(self) -> int:
        return self.recipe.schedule.steps_per_epoch

    def _draw(self, rng: np.random.Generator) -> tuple[int, tuple[int, int]]:
        """A image and the centre of a patch."""
        labels = [label for label, cases in enumerate(self.shown) if len(cases)]
        rows, columns = self.examples.classes.shape[1:]
        if labels and rng.random() < self.recipe.schedule.foreground_fraction:
            label = labels[int(rng.integers(len(labels)))]
            case = int(rng.choice(self.shown[label]))
            points = self.places[label][case]
            row, column = points[int(rng.integers(len(points)))]
            return case, (int(row), int(column))
        return int(rng.integers(len(self.examples.classes))), (int(rng.integers(rows)), int(rng.integers(columns)))

    def _one(self, seed: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        case, centre = self._draw(np.random.default_rng(seed))
        image, classes, side = self.examples.images[case], self.examples.classes[case], self.recipe.schedule.patch_size
        if not side:
            return vary(image.astype(np.float32), classes, self.recipe, seed)
        wide = min(round(side * MARGIN), *classes.shape)
        top, left = (
            int(np.clip(middle - wide // 2, 0, size - wide)) for middle, size in zip(centre, classes.shape, strict=True)
        )
        region = (slice(top, top + wide), slice(left, left + wide))
        image, classes = vary(image[region].astype(np.float32), classes[region], self.recipe, seed)
        edge = (wide - side) // 2
        return image[edge : edge + side, edge : edge + side], classes[edge : edge + side, edge : edge + side]

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        step = self.epoch * self.recipe.schedule.steps_per_epoch + index
        drawn = [self._one((self.recipe.seed, step, place)) for place in range(self.recipe.schedule.batch)]
        classes = np.stack([labels for _, labels in drawn])
        goal = classes[..., None] == (1 if self.recipe.units == 1 else np.arange(self.recipe.units))
        return np.stack([image for image, _ in drawn]), goal.astype(np.float32)
