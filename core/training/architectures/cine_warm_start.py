"""Where the ventricles and the wall are on cine MRI, found by classical means, as a warm start without labels.

The centre is where a bright disc lies in a darker ring and the image moves most. The blood of the left ventricle is
what is brighter than half-way between the ring and the disc and hangs together about the centre. The wall reaches from
there, along each ray, to the next bright pixel, smoothed over neighbouring rays; the right ventricle is the bright part
beyond it, on the left, that moves. In about one case in ten this is wrong (no heart in the crop, another bright
vessel); a network learns from many cases and so from the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from core.training.augment import affine, change_levels
from core.training.data.studies import StudyCases
from core.training.recipe.schema import Recipe

#: Radii that are tried, and widths of rings, as fractions of the image's side.
RADII = tuple(np.linspace(0.07, 0.28, 11))
RING = 0.05

AREA = cv2.INTER_AREA

#: Rays along which the thickness of the wall is taken.
RAYS = 48

#: Rounds over the training cases, and the highest rate of learning.
EPOCHS, RATE = 16, 0.004


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
    maps = [_ventricle_map(bright, moving, fraction * side, RING * side) * likely for fraction in RADII]
    best, row, column = np.unravel_index(int(np.argmax(maps)), (len(maps), *bright.shape))
    return float(row), float(column), float(RADII[int(best)] * side)


def _ventricle_map(
    bright: NDArray[np.float32], moving: NDArray[np.float32], radius: float, ring: float
) -> NDArray[np.float32]:
    """How much each place looks like the centre of a bright disc in a dark ring with a moving border."""

    def mean(image: NDArray[np.float32], inner: float, outer: float) -> NDArray[np.float32]:
        found = cv2.filter2D(image, -1, _disc(inner, outer), borderType=cv2.BORDER_REFLECT)
        return np.asarray(found, np.float32)

    contrast = mean(bright, 0, max(radius - 1, 1)) - mean(bright, radius + 1, radius + 1 + ring)
    return contrast * mean(moving, max(0.0, radius - ring), radius + 0.4 * ring)


def outline_heart(frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """(frames, rows, columns, 3) of 0 and 1: blood of the left ventricle, wall, blood of the right ventricle.

    Args:
        frames: (frames, rows, columns) between 0 and 1.
    """
    row, column, radius = find_ventricle(frames)
    smooth = np.stack([cv2.GaussianBlur(np.asarray(frame, np.float32), (0, 0), 0.6) for frame in frames])
    down, across = np.mgrid[: smooth.shape[1], : smooth.shape[2]]
    distance = np.hypot(down - row, across - column)
    ring = (distance > 0.8 * radius) & (distance < 1.6 * radius)
    dark = float(np.percentile(smooth[:, ring], 15))
    level = (dark + float(np.median(smooth[0][distance < max(2.0, 0.5 * radius)]))) / 2
    masks = np.zeros((*smooth.shape, 3), np.float32)
    for position, frame in enumerate(smooth):
        left = _left_blood(frame > level, distance, radius)
        if left.any():
            wall, beyond = _wall(frame > level, left, radius)
            masks[position] = np.stack([left, wall, (frame > 0.9 * level) & beyond], axis=-1)
    masks[..., 2] *= _right_place(masks, smooth.std(axis=0))
    return masks


def _left_blood(bright: NDArray[np.bool_], distance: NDArray[np.floating], radius: float) -> NDArray[np.bool_]:
    """The bright part that hangs together about the centre, with papillary muscles filled in."""
    from scipy import ndimage

    parts, count = ndimage.label(bright & (distance < 1.35 * radius + 2))
    if not count:
        return np.zeros(bright.shape, bool)
    pull = np.exp(-((distance / (0.7 * radius)) ** 2))
    best = 1 + int(np.argmax(ndimage.sum_labels(pull, parts, np.arange(1, count + 1))))
    filled = ndimage.binary_fill_holes(ndimage.binary_closing(parts == best, iterations=1))
    return np.asarray(filled, bool)


def _wall(
    bright: NDArray[np.bool_], left: NDArray[np.bool_], radius: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The wall around the left ventricle's blood, and where the right ventricle may be beyond it."""
    from scipy import ndimage

    row, column = ndimage.center_of_mass(left)
    angles = np.linspace(0, 2 * np.pi, RAYS, endpoint=False)
    steps = np.arange(0, 0.53 * left.shape[0], 0.5)
    down = np.clip(np.rint(row + steps * np.sin(angles)[:, None]), 0, left.shape[0] - 1).astype(int)
    across = np.clip(np.rint(column + steps * np.cos(angles)[:, None]), 0, left.shape[1] - 1).astype(int)
    inside, light = left[down, across], bright[down, across]
    ends = np.where(inside.any(axis=1), inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1), 0)
    thick = np.array([_dark_run(ray[end + 2 :]) for ray, end in zip(light, ends, strict=True)])
    usual = float(np.nanmedian(thick)) if np.isfinite(thick).any() else 5.0
    thick = np.where(np.isnan(thick) | (thick > 1.8 * usual), usual, thick)
    outer = ndimage.gaussian_filter1d(ends / 2 + ndimage.median_filter(thick, 9, mode="wrap"), 2, mode="wrap")
    rows, columns = np.mgrid[: left.shape[0], : left.shape[1]]
    turn = np.arctan2(rows - row, columns - column) % (2 * np.pi)
    border = np.interp(turn, np.append(angles, 2 * np.pi), np.append(outer, outer[0]))
    distance = np.hypot(rows - row, columns - column)
    beyond = (distance > border) & (distance < border + 1.3 * radius + 8) & (columns < column + 0.3 * radius)
    return (distance <= border) & ~left, beyond


def _dark_run(light: NDArray[np.bool_], longest: int = 28) -> float:
    """Pixels from the inner border to the next bright one along a ray of half pixels, NaN where there is none near."""
    found = np.flatnonzero(light[:longest])
    return float(found[0]) / 2 + 1 if len(found) else float("nan")


def _right_place(masks: NDArray[np.float32], moving: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(rows, columns) of the one bright part that touches the wall and moves most: the right ventricle."""
    from scipy import ndimage

    parts, count = ndimage.label(masks[..., 2].mean(axis=0) > 0.4)
    if not count:
        return np.zeros(moving.shape, bool)
    near = ndimage.binary_dilation(masks[..., :2].sum(axis=-1).mean(axis=0) > 0.5, iterations=3)
    weight = ndimage.sum_labels(near * moving, parts, np.arange(1, count + 1))
    return np.asarray(ndimage.binary_dilation(parts == 1 + int(np.argmax(weight)), iterations=2), bool)


class _Outlines(keras.utils.PyDataset):  # type: ignore[misc]
    """Varied sequences with the blood in each cell."""

    def __init__(self, recipe: Recipe, levels: NDArray[Any], masks: NDArray[np.float32], seed: int) -> None:
        super().__init__(workers=1)
        self.recipe, self.levels, self.masks, self.seed, self.epoch = recipe, levels, masks, seed, 0
        self.size = recipe.schedule.batch
        self.single = not any(spec.frames > 1 for spec in recipe.inputs)

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
                cv2.resize(cv2.warpAffine(mask, matrix, (columns, rows)), None, fx=0.25, fy=0.25, interpolation=AREA)
                for mask in self.masks[case]
            ]
        )
        levels = change_levels(levels, how, rng)[..., None]
        return levels[0] if self.single else levels, goal


def warm_start(
    model: keras.Model,
    recipe: Recipe,
    train: StudyCases,
    seed: int,
    report: Callable[[str], None] = lambda _text: None,
    keep: Path | None = None,
) -> None:
    """Teach the layer `outline` of a cine network, and the CNN below it, in place. No diagnosis is looked at.

    Args:
        model: With a layer `outline` of (N, frames, rows / 4, columns / 4, 3).
        recipe: Says how images vary.
        train: The training cases.
        seed: Of what is drawn.
        report: Told of the result.
        keep: Folder where the result lies for other networks with the same CNN and training cases; None for nowhere.
    """
    sequence = next(spec for spec in recipe.inputs if spec.is_image)
    stored = train.arrays[sequence.name].astype(np.float32) / 255
    frames = stored.reshape(len(stored), -1, *sequence.size)
    entry = next(tensor for tensor in model.inputs if tensor.name == sequence.name)
    part: Any = keras.Model(entry, model.get_layer("outline").output)
    place = keep / f"{_digest(part, recipe, train, seed)}.npz" if keep is not None else None
    if place is not None and place.is_file():
        with np.load(place) as arrays:
            part.set_weights([arrays[name] for name in sorted(arrays.files)])
        return
    batches = _Outlines(recipe, frames, np.stack([outline_heart(case) for case in frames]), seed)
    rate = keras.optimizers.schedules.CosineDecay(RATE, EPOCHS * len(batches))
    part.compile(keras.optimizers.Adam(rate), "binary_crossentropy", jit_compile=False)
    history = part.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0)
    report(f"warm start: loss {history.history['loss'][0]:.3f} to {history.history['loss'][-1]:.3f}")
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        np.savez(place, **{f"{number:03d}": array for number, array in enumerate(part.get_weights())})


def _digest(part: keras.Model, recipe: Recipe, train: StudyCases, seed: int) -> str:
    """A name for what a warm start depends on."""
    shapes = [array.shape for array in part.get_weights()]
    facts = [
        shapes,
        EPOCHS,
        RATE,
        repr(recipe.augmentation),
        repr(recipe.schedule.batch),
        ",".join(train.case_ids),
        seed,
    ]
    return hashlib.sha256("\n".join(str(fact) for fact in facts).encode()).hexdigest()[:16]
