"""A drawn head in three contrasts, for where no images of several sequences are open. It is no patient's.

The contrasts do what T1 before contrast, FLAIR and T1 after contrast do: fluid is dark in all three, white matter is
brighter than grey matter in T1 and darker in FLAIR, the lesion is dark in T1, bright in FLAIR and bright after
contrast. Old patches are as bright in FLAIR alone and vessels as bright after contrast alone, so no contrast tells the
lesion by itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.scan import Scan

Image = NDArray[np.float32]
CONTRASTS = ("pre", "flair", "post")
TITLES = {"pre": "T1 before contrast", "flair": "FLAIR", "post": "T1 after contrast"}

#: Brightness of scalp, fluid, grey matter, white matter, lesion, its rim, old patches and vessels.
_LEVELS = {
    "pre": (0.75, 0.08, 0.42, 0.60, 0.36, 0.40, 0.50, 0.60),
    "flair": (0.45, 0.06, 0.52, 0.42, 0.82, 0.76, 0.80, 0.42),
    "post": (0.75, 0.08, 0.44, 0.62, 0.84, 0.92, 0.52, 0.88),
}


@dataclass(frozen=True, eq=False)
class Phantom:
    """One drawn head.

    Attributes:
        images: Contrast to (size, size) float32 from 0 to 1.
        lesion: (size, size) where the lesion with its rim is; empty for a healthy head.
        head: (size, size) where the head is.
    """

    images: dict[str, Image]
    lesion: NDArray[np.bool_]
    head: NDArray[np.bool_]


def phantom(seed: int = 0, size: int = 128, lesion: bool = True, noise: float = 0.035) -> Phantom:
    """Draw a head.

    Args:
        seed: Another one is another head.
        size: Rows and columns.
        lesion: Whether there is one.
        noise: Standard deviation, of a brightness from 0 to 1.
    """
    rng = np.random.default_rng(seed)
    tissue = _tissue(rng, size, lesion)
    images = {}
    for name in CONTRASTS:
        levels = np.array([0.0, *_LEVELS[name]], np.float32)
        smooth = cv2.GaussianBlur(levels[tissue], (0, 0), size / 190)
        images[name] = np.clip(smooth + rng.normal(0, noise, tissue.shape), 0, 1).astype(np.float32)
    return Phantom(images, np.isin(tissue, (5, 6)), tissue > 0)


def _tissue(rng: np.random.Generator, size: int, lesion: bool) -> NDArray[np.int64]:
    """Number of the tissue in each pixel, 0 for air; the numbers are places in `_LEVELS`, counted from 1."""
    rows, columns = np.mgrid[0:size, 0:size] / size - 0.5
    bent = 1 + 0.05 * np.sin(7 * np.arctan2(rows, columns) + rng.uniform(0, 6))

    def inside(middle: tuple[float, float], half: tuple[float, float], wavy: bool = False) -> NDArray[np.bool_]:
        away = ((rows - middle[0]) / half[0]) ** 2 + ((columns - middle[1]) / half[1]) ** 2
        found: NDArray[np.bool_] = away <= (bent if wavy else 1.0)
        return found

    high, wide = rng.uniform(0.42, 0.45), rng.uniform(0.34, 0.37)
    tissue = np.zeros((size, size), np.int64)
    tissue[inside((0, 0), (high, wide))] = 1
    tissue[inside((0, 0), (high - 0.035, wide - 0.035))] = 2
    tissue[inside((0, 0), (high - 0.06, wide - 0.06), wavy=True)] = 3
    tissue[inside((0, 0), (high - 0.11, wide - 0.11), wavy=True)] = 4
    spread = rng.uniform(0.9, 1.25)
    for side in (-1, 1):
        tissue[inside((-0.03, side * 0.055), (0.12 * spread, 0.028 * spread))] = 2
    for _ in range(rng.integers(3, 6)):
        tissue[inside(_inner(rng, 0.24), (rng.uniform(0.02, 0.05), rng.uniform(0.02, 0.04)))] = 7
    for _ in range(rng.integers(4, 7)):
        tissue[inside(_inner(rng, 0.28), (rng.uniform(0.015, 0.05), 0.014))] = 8
    if lesion:
        middle, radius = _inner(rng, 0.2, nearest=0.13), rng.uniform(0.055, 0.085)
        tissue[inside(middle, (radius, radius * rng.uniform(0.8, 1.2)))] = 6
        tissue[inside(middle, (radius * 0.66, radius * 0.66))] = 5
    return tissue


def _inner(rng: np.random.Generator, furthest: float, nearest: float = 0.05) -> tuple[float, float]:
    distance, angle = rng.uniform(nearest, furthest), rng.uniform(0, 2 * np.pi)
    return float(distance * np.sin(angle)), float(distance * 0.75 * np.cos(angle))


def phantom_scan(drawn: Phantom, contrast: str) -> Scan:
    """A contrast as a scan, so that a model can be given it."""
    pixels = np.rint(drawn.images[contrast][None] * 255).astype(np.uint8)
    digest = hashlib.sha256(pixels.tobytes()).hexdigest()
    return Scan(pixels, "single", digest, "drawn", f"Drawn head, {TITLES[contrast]}", modality="MR", body_part="head")
