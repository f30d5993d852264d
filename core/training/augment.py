"""Variation of training images. Every draw depends on (seed, epoch, position) alone, so a resumed run repeats it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.training.recipe.course import Augmentation


def affine(side: tuple[int, int], how: Augmentation, rng: np.random.Generator) -> NDArray[np.float64]:
    """(2, 3) matrix in OpenCV's (column, row) order, about the centre of the image."""
    rows, columns = side
    angle = np.deg2rad(rng.uniform(-how.rotation, how.rotation))
    zoom = np.exp(rng.uniform(-how.zoom, how.zoom))
    aspect = np.exp(rng.uniform(-how.aspect, how.aspect) / 2)
    mirror = -1.0 if how.flip and rng.random() < 0.5 else 1.0
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([zoom * aspect * mirror, zoom / aspect])
    centre = np.array([(columns - 1) / 2, (rows - 1) / 2])
    shift = rng.uniform(-how.shift, how.shift, 2) * [columns, rows]
    return np.column_stack([linear, centre - linear @ centre + shift])


def _lose_detail(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    rows, columns = image.shape[:2]
    fraction = rng.uniform(0.4, 0.9)
    small = cv2.resize(image, (int(columns * fraction), int(rows * fraction)), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR)


def change_levels(image: NDArray[np.float32], how: Augmentation, rng: np.random.Generator) -> NDArray[np.float32]:
    """Other grey levels for an image between 0 and 1, of any shape."""
    gamma = np.exp(rng.uniform(-how.gamma, how.gamma))
    contrast = 1.0 + rng.uniform(-how.contrast, how.contrast)
    brightness = rng.uniform(-how.brightness, how.brightness)
    noise = rng.uniform(0.0, how.noise)
    levels = np.power(np.clip(image, 0.0, 1.0), np.float32(gamma))
    mean = levels.mean()
    levels = (levels - mean) * np.float32(contrast) + mean + np.float32(brightness)
    if noise > 0:
        levels = levels + rng.standard_normal(levels.shape, np.float32) * np.float32(noise)
    return np.clip(levels, 0.0, 1.0)


def _near_border(rng: np.random.Generator, depth: float = 0.2) -> tuple[float, float]:
    """(row, column) as fractions of the side, at most `depth` away from one of the four edges."""
    along, away = rng.uniform(0.0, 1.0), rng.uniform(0.0, depth)
    return [(away, along), (1 - away, along), (along, away), (along, 1 - away)][int(rng.integers(4))]


def _cover(image: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Fill patches along the border with their own median: a small bright letter vanishes in its ground."""
    rows, columns = image.shape[:2]
    for _ in range(int(rng.integers(1, 5))):
        row, column = _near_border(rng)
        height, width = rng.uniform(0.1, 0.25, 2) * [rows, columns]
        top, left = max(0, int(row * rows - height / 2)), max(0, int(column * columns - width / 2))
        patch = image[top : int(top + height), left : int(left + width)]
        if patch.size:
            patch[...] = np.median(patch)


def _draw_marker(image: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Draw an R or an L as on the side markers of radiographs, in any size and place near the border."""
    rows, columns = image.shape[:2]
    row, column = _near_border(rng, 0.15)
    height = rng.uniform(0.03, 0.11) * rows
    place = (int(column * columns - height / 2), int(row * rows + height / 2))
    letter, level = "RL"[int(rng.integers(2))], float(rng.uniform(0.5, 1.0))
    # OpenCV's letters are 22 pixels high at scale 1.
    layer = np.zeros((rows, columns), np.uint8)
    cv2.putText(layer, letter, place, cv2.FONT_HERSHEY_SIMPLEX, height / 22, 255, int(rng.integers(1, 3)), cv2.LINE_AA)
    np.maximum(image, np.float32(level / 255) * layer[..., None], out=image)


def augment(
    image: NDArray[np.floating],
    how: Augmentation,
    rng: np.random.Generator,
    value_range: tuple[float, float] = (0, 1),
) -> NDArray[np.float32]:
    """One variation of a prepared image.

    Pixels from outside are black, as beside the collimated field of a radiograph.

    Args:
        image: (rows, columns, channels) within `value_range`.
        how: How far it may go.
        rng: Where the draws come from.
        value_range: Values of black and white.

    Returns:
        Same shape, float32 within `value_range`.
    """
    low, high = value_range
    levels = (np.asarray(image, np.float32) - low) / (high - low)
    matrix = affine((levels.shape[0], levels.shape[1]), how, rng)
    size = (levels.shape[1], levels.shape[0])
    levels = cv2.warpAffine(levels, matrix, size, flags=cv2.INTER_LINEAR).reshape(levels.shape)
    if rng.random() < how.random_erasing:
        _cover(levels, rng)
    if rng.random() < how.marker:
        _draw_marker(levels, rng)
    if rng.random() < how.blur:
        levels = _lose_detail(levels, rng).reshape(levels.shape)
    return change_levels(levels, how, rng) * np.float32(high - low) + np.float32(low)
