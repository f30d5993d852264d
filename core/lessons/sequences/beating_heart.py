"""A phantom of a beating heart, seen across: a bright pool of blood in a grey wall that squeezes and fills.

Two classes differ in how it moves and in nothing else: one squeezes fast and fills slowly, the other squeezes slowly
and fills fast, which is the first played backwards. So each single frame tells nothing, and neither do all frames in
any order: only their order does.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.scan import Scan, display_frame

#: Names of the classes, by label.
RHYTHMS = ("Squeezes fast, fills slowly", "Squeezes slowly, fills fast")

#: Fraction of the beat that the faster half takes.
FAST = 0.28

SIDE = 48


@dataclass(frozen=True, eq=False)
class Beats:
    """Brightness curves of phantoms.

    Attributes:
        curves: (N, T) float64, standardised one by one: mean 0, deviation 1.
        labels: (N,) int64, index in `RHYTHMS`.
    """

    curves: NDArray[np.float64]
    labels: NDArray[np.int64]


def pool_size(time: NDArray[np.float64], label: int) -> NDArray[np.float64]:
    """Size of the blood pool, from 0 (squeezed) to 1 (full), at (T,) times counted in beats."""
    squeeze = FAST if label == 0 else 1 - FAST
    phase = np.mod(time, 1.0)
    falling = 0.5 * (1 + np.cos(np.pi * phase / squeeze))
    rising = 0.5 * (1 - np.cos(np.pi * (phase - squeeze) / (1 - squeeze)))
    return np.where(phase < squeeze, falling, rising)


def beats(count: int, frames: int, seed: int, noise: float = 0.12) -> Beats:
    """Curves of `count` phantoms with heart rate, start and noise of their own.

    A sequence holds one to two beats and starts anywhere, so no frame has a meaning of its own.
    """
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    curves = np.zeros((count, frames))
    for index, label in enumerate(labels):
        span, start = random.uniform(1.0, 2.0), random.uniform(0, 1)
        curve = pool_size(start + span * np.arange(frames) / frames, int(label))
        curves[index] = curve + noise * random.standard_normal(frames)
    return Beats(standardised(curves), labels.astype(np.int64))


def standardised(curves: NDArray[np.floating]) -> NDArray[np.float64]:
    """(..., T) with mean 0 and deviation 1 along the frames; a curve that does not move becomes zeros."""
    values = np.asarray(curves, np.float64)
    deviation = values.std(axis=-1, keepdims=True)
    centred = values - values.mean(axis=-1, keepdims=True)
    return np.where(deviation > 1e-9, centred / np.maximum(deviation, 1e-9), 0.0)


def phantom_scan(frames: int, label: int, seed: int) -> Scan:
    """The phantom as a cine: (frames, 48, 48) uint8 with a little noise."""
    random = np.random.default_rng(seed)
    span, start = random.uniform(1.3, 1.8), random.uniform(0, 1)
    sizes = pool_size(start + span * np.arange(frames) / frames, label)
    images = np.stack([_drawn(float(size), random) for size in sizes])
    return Scan(images, "time", f"phantom-{frames}-{label}-{seed}", "phantom", f"Phantom, {frames} frames")


def _drawn(size: float, random: np.random.Generator) -> NDArray[np.uint8]:
    image = np.full((SIDE * 4, SIDE * 4), 40, np.uint8)
    middle, inner = (SIDE * 2, SIDE * 2), SIDE * 4 * (0.12 + 0.14 * size)
    cv2.circle(image, middle, round(SIDE * 4 * (0.30 + 0.08 * size)), 110, -1, cv2.LINE_AA)
    cv2.circle(image, middle, round(inner), 225, -1, cv2.LINE_AA)
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(np.clip(small + random.normal(0, 6, small.shape), 0, 255), np.uint8)


def brightness_curve(scan: Scan) -> NDArray[np.float64]:
    """(frames,) mean grey value, 0 to 255, of the middle half of each frame: how full the image's middle is."""
    found = []
    for frame in range(scan.frames):
        image = display_frame(scan, frame)
        rows, columns = image.shape[:2]
        found.append(float(image[rows // 4 : 3 * rows // 4, columns // 4 : 3 * columns // 4].mean()))
    return np.array(found)
