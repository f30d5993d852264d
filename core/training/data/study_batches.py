"""From stored cases to batches: value ranges, what is missing, variation in training, and deliberate changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.inference.study import sample_frames
from core.models.card import InputSpec
from core.training.augment import affine, change_levels
from core.training.recipe.course import Augmentation
from core.training.recipe.schema import Timing, Variant

Arrays = Mapping[str, NDArray[Any]]
Batch = dict[str, NDArray[np.float32]]


def model_values(array: NDArray[Any], spec: InputSpec) -> NDArray[np.float32]:
    """Stored values as the model gets them: bytes spread over the value range, gaps filled.

    Args:
        array: (cases, …) as in `StudyCases.arrays`.
        spec: The input's contract.
    """
    if spec.kind == "table":
        references = np.array([feature.reference for feature in spec.features], np.float32)
        return np.where(np.isnan(array), references, array).astype(np.float32)
    low, high = spec.value_range
    if array.dtype == np.uint8:
        return np.asarray(array, np.float32) * np.float32((high - low) / 255) + np.float32(low)
    return np.where(np.isnan(array), np.float32(spec.absent), array).astype(np.float32)


def batch_of(arrays: Arrays, inputs: Sequence[InputSpec], chosen: NDArray[np.integer] | slice = slice(None)) -> Batch:
    """Chosen cases as the model gets them."""
    return {spec.name: model_values(arrays[spec.name][chosen], spec) for spec in inputs}


def leave_out(batch: Batch, inputs: Sequence[InputSpec], names: Sequence[str]) -> Batch:
    """A copy in which inputs and features are absent, in all cases."""
    changed = {name: array.copy() for name, array in batch.items()}
    for spec in inputs:
        _remove(changed[spec.name], spec, names)
    return changed


def _remove(array: NDArray[np.float32], spec: InputSpec, names: Sequence[str]) -> None:
    """Put what stands for nothing in its place; `array` is (…,) of one case or of several."""
    for position, feature in enumerate(spec.features):
        if spec.name in names or feature.name in names:
            array[..., position] = feature.reference
    if spec.is_image and spec.name in names:
        array[...] = spec.absent


def changed(batch: Batch, inputs: Sequence[InputSpec], variant: Variant, seed: int = 0) -> Batch:
    """A copy in which the frames of a sequence are in another order, or something is missing."""
    if variant.change is None:
        return leave_out(batch, inputs, variant.leave_out)
    array = batch[variant.input]
    orders = [_order(variant, array.shape[1], (seed, case)) for case in range(len(array))]
    return {**batch, variant.input: np.stack([frames[order] for frames, order in zip(array, orders, strict=True)])}


def _order(variant: Variant, frames: int, seed: tuple[int, int]) -> NDArray[np.integer]:
    """Which frame stands where."""
    if variant.change == "freeze":
        return np.zeros(frames, np.intp)
    return np.arange(frames)[::-1] if variant.change == "reverse" else np.random.default_rng(seed).permutation(frames)


def vary(
    case: Batch,
    inputs: Sequence[InputSpec],
    how: Augmentation,
    timing: Timing,
    missing: Mapping[str, float],
    seed: tuple[int, ...],
) -> Batch:
    """One variation of a case, which depends on the seed alone.

    All images and frames of a case are turned, shifted and scaled in the same way, for they lie over each other; grey
    levels change alike in the frames of a sequence, and by themselves in each image.

    Args:
        case: Input name to (…,) without the axis of cases.
        inputs: The contracts.
        how: How images vary.
        timing: How sequences vary.
        missing: Input or feature to the chance of being left out.
        seed: For example (seed of the recipe, epoch, case).
    """
    varied = {}
    for position, spec in enumerate(inputs):
        array = case[spec.name]
        if spec.kind in {"sequence", "volume"}:
            array = _in_time(array, timing, np.random.default_rng((*seed, 1)))
        if spec.is_image:
            array = _in_space(array, spec, how, seed, position)
        varied[spec.name] = array.astype(np.float32, copy=True)
    gone = _gone(inputs, missing, np.random.default_rng((*seed, 2)))
    for spec in inputs:
        _remove(varied[spec.name], spec, gone)
    return varied


def _gone(inputs: Sequence[InputSpec], missing: Mapping[str, float], rng: np.random.Generator) -> list[str]:
    """What is left out this time; never all images of a model that has some."""
    gone = [name for name, chance in missing.items() if rng.random() < chance]
    images = [spec.name for spec in inputs if spec.is_image]
    if images and set(images) <= set(gone):
        gone.remove(images[int(rng.integers(len(images)))])
    return gone


def _in_time(frames: NDArray[np.float32], timing: Timing, rng: np.random.Generator) -> NDArray[np.float32]:
    count = len(frames)
    if timing.fewest and rng.random() < 0.5:
        fewer = sample_frames(count, int(rng.integers(timing.fewest, count + 1)))
        frames = frames[list(fewer)][list(sample_frames(len(fewer), count))]
    shift = int(rng.integers(-timing.start, timing.start + 1))
    return np.roll(frames, shift, axis=0)


def _in_space(
    array: NDArray[np.float32], spec: InputSpec, how: Augmentation, seed: tuple[int, ...], position: int
) -> NDArray[np.float32]:
    low, high = spec.value_range
    if np.all(array == spec.absent):  # an image that is not there stays away
        return array
    levels = (array - low) / (high - low)
    frames = levels.reshape(-1, *spec.size, spec.channels)
    matrix = affine(spec.size, how, np.random.default_rng((*seed, 0)))
    size = (spec.size[1], spec.size[0])
    moved = [cv2.warpAffine(frame, matrix, size, flags=cv2.INTER_LINEAR) for frame in frames]
    levels = np.stack(moved).reshape(levels.shape)
    levels = change_levels(levels, how, np.random.default_rng((*seed, 3, position)))
    return levels * np.float32(high - low) + np.float32(low)
