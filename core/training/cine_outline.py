"""A warm start without labels: where the left ventricle's blood is, found by classical means, taught to the CNN.

The centre is where a bright disc lies in a darker ring and the picture moves most. The blood in each frame is what is
brighter than half-way between the ring and the disc and hangs together about the centre. In about one case in ten this
is wrong (no heart in the crop, another bright vessel); the CNN learns from many cases and so from the others. It sees
training cases only, and no diagnosis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from core.training.augment import affine, change_levels
from core.training.study_cases import StudyCases
from core.training.study_recipe import StudyRecipe

#: Radii that are tried, and widths of rings, as shares of the picture's side.
RADII = tuple(np.linspace(0.07, 0.28, 11))
RING = 0.05

#: Rounds over the training cases, and the highest rate of learning.
EPOCHS, RATE = 14, 0.003


def _disc(inner: float, outer: float) -> NDArray[np.float32]:
    """A kernel of the cells between two radii, which sums to 1."""
    reach = int(np.ceil(outer))
    down, across = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    distance = np.hypot(down, across)
    kernel = ((distance <= outer) & (distance >= inner)).astype(np.float32)
    return kernel / kernel.sum()


def find_ventricle(frames: NDArray[np.floating]) -> tuple[float, float, float]:
    """(row, column, radius) in pixels of the left ventricle in (frames, rows, columns)."""
    side = frames.shape[1]
    smooth = np.stack([cv2.GaussianBlur(np.asarray(frame, np.float32), (0, 0), side / 95) for frame in frames])
    moving, bright = smooth.std(axis=0), np.percentile(smooth, 90, axis=0).astype(np.float32)
    still = float(moving.max()) < 1e-6  # a single frame says nothing of motion
    moving = np.ones_like(bright) if still else moving / np.percentile(moving, 99).astype(np.float32)
    bright /= max(float(np.percentile(bright, 99)), 1e-6)
    down, across = (np.arange(n) / n - 0.5 for n in bright.shape)
    likely = np.exp(-(down[:, None] ** 2 + across[None] ** 2) / (2 * 0.35**2)).astype(np.float32)
    maps = [_ventricle_map(bright, moving, share * side, RING * side) * likely for share in RADII]
    best, row, column = np.unravel_index(int(np.argmax(maps)), (len(maps), *bright.shape))
    return float(row), float(column), float(RADII[int(best)] * side)


def _ventricle_map(
    bright: NDArray[np.float32], moving: NDArray[np.float32], radius: float, ring: float
) -> NDArray[np.float32]:
    """How much each place looks like the centre of a bright disc in a dark ring with a moving border."""

    def mean(picture: NDArray[np.float32], inner: float, outer: float) -> NDArray[np.float32]:
        found = cv2.filter2D(picture, -1, _disc(inner, outer), borderType=cv2.BORDER_REFLECT)
        return np.asarray(found, np.float32)

    contrast = mean(bright, 0, max(radius - 1, 1)) - mean(bright, radius + 1, radius + 1 + ring)
    return contrast * mean(moving, max(0.0, radius - ring), radius + 0.4 * ring)


def outline_ventricle(frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """(frames, rows, columns) of 0 and 1: the blood in the left ventricle."""
    from scipy import ndimage

    row, column, radius = find_ventricle(frames)
    smooth = np.stack([cv2.GaussianBlur(np.asarray(frame, np.float32), (0, 0), 0.6) for frame in frames])
    down, across = np.mgrid[: smooth.shape[1], : smooth.shape[2]]
    distance = np.hypot(down - row, across - column)
    ring = (distance > 0.8 * radius) & (distance < 1.6 * radius)
    dark = float(np.percentile(smooth[:, ring], 15))
    level = (dark + float(np.median(smooth[0][distance < max(2.0, 0.5 * radius)]))) / 2
    near, pull = distance < 1.35 * radius + 2, np.exp(-((distance / (0.7 * radius)) ** 2))
    masks = np.zeros(smooth.shape, np.float32)
    for position, frame in enumerate(smooth):
        parts, count = ndimage.label((frame > level) & near)
        if count:
            best = 1 + int(np.argmax(ndimage.sum_labels(pull, parts, np.arange(1, count + 1))))
            masks[position] = ndimage.binary_fill_holes(ndimage.binary_closing(parts == best, iterations=1))
    return masks


class _Outlines(keras.utils.PyDataset):  # type: ignore[misc]
    """Varied sequences with the blood in each cell."""

    def __init__(self, recipe: StudyRecipe, levels: NDArray[Any], masks: NDArray[np.float32], seed: int) -> None:
        super().__init__(workers=1)
        self.recipe, self.levels, self.masks, self.seed, self.epoch = recipe, levels, masks, seed, 0
        self.size = recipe.schedule.batch

    def __len__(self) -> int:
        return max(1, len(self.levels) // self.size)

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.levels))
        pairs = [self._varied(int(case)) for case in order[index * self.size : (index + 1) * self.size]]
        return np.stack([levels for levels, _ in pairs]), np.stack([goal for _, goal in pairs])

    def _varied(self, case: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        how, rng = self.recipe.augmentation, np.random.default_rng((self.seed, self.epoch, case))
        rows, columns = self.levels.shape[2:4]
        matrix = affine((rows, columns), how, rng)
        levels = np.stack([cv2.warpAffine(frame, matrix, (columns, rows)) for frame in self.levels[case]])
        goal = np.stack(
            [
                cv2.resize(cv2.warpAffine(mask, matrix, (columns, rows)), None, fx=0.25, fy=0.25, interpolation=3)
                for mask in self.masks[case]
            ]
        )
        return change_levels(levels, how, rng)[..., None], goal[..., None]


def warm_start(
    model: keras.Model,
    recipe: StudyRecipe,
    train: StudyCases,
    seed: int,
    report: Callable[[str], None] = lambda _text: None,
) -> None:
    """Teach the layer `outline` of a cine network, and the CNN below it, in place.

    Args:
        model: With a layer `outline` of (N, frames, rows / 4, columns / 4, 1).
        recipe: Says how pictures vary.
        train: The training cases.
        seed: Of what is drawn.
        report: Told of the result.
    """
    sequence = next(spec for spec in recipe.inputs if spec.is_picture)
    stored = train.arrays[sequence.name].astype(np.float32) / 255
    frames = stored.reshape(len(stored), -1, *sequence.size)
    masks = np.stack([outline_ventricle(case) for case in frames])
    entry = next(tensor for tensor in model.inputs if tensor.name == sequence.name)
    part: Any = keras.Model(entry, model.get_layer("outline").output)
    batches = _Outlines(recipe, frames, masks, seed)
    rate = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * len(batches))
    part.compile(keras.optimizers.Adam(rate), "binary_crossentropy", jit_compile=False)
    history = part.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0)
    report(f"warm start: loss {history.history['loss'][0]:.3f} to {history.history['loss'][-1]:.3f}")
