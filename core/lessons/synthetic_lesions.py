"""A made-up set of images in which the truth is known: tissue-like texture, half of it with a lesion.

Nobody is ill here, so it can be shown to any class, and every image carries the exact outline of what is to be found.
It is made to be mistaken in: lesions range from plain to hardly there, and healthy images have vessels and small
calcified spots that are bright too. What tells a lesion is that it is a broad, soft, uneven bump.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

#: Names of the classes, by label.
LESION_LABELS = ("No lesion", "Lesion")

#: Two makers of the same image: the contrast, the level and the noise of each, in units of display range.
_DEVICES = {"A": (1.4, -0.12, 0.030), "B": (1.15, 0.0, 0.045)}

#: Peaks of lesions against the tissue around them: hardly there, visible, plain.
_PEAKS = (0.09, 0.16, 0.26)


@dataclass(frozen=True, eq=False)
class LesionSet:
    """Images with their truth. The images of one patient lie together and share their tissue and their label.

    Attributes:
        images: (N, size, size) uint8, display range.
        labels: (N,) int64, 0 for no lesion and 1 for a lesion.
        masks: (N, size, size) bool, where the lesion adds at least half of its peak; empty for label 0.
        patients: (N,) str, whom each image shows.
        device: (N,) str, `"A"` or `"B"`, which differ in contrast, level and noise, and not in who is ill.
        contrast: (N,) float64, peak of the lesion in units of display range (0 to 1); 0 for label 0.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    masks: NDArray[np.bool_]
    patients: NDArray[np.str_]
    device: NDArray[np.str_]
    contrast: NDArray[np.float64]


def synthetic_lesions(count: int, seed: int, size: int = 64) -> LesionSet:
    """Make `count` images of about `count / 2.5` patients.

    A patient has one to four images of the same tissue, moved a little, and is healthy or ill in all of them;
    healthy and ill patients take turns, so the classes are about equal.

    Args:
        count: Images, at least 1.
        seed: The same seed gives the same images.
        size: Rows and columns, at least 16.

    Raises:
        ValueError: `count` or `size` is too small.
    """
    if count < 1 or size < 16:
        raise ValueError(f"Expected at least 1 image of at least 16 pixels, received {count} of {size}.")
    random = np.random.default_rng(seed)
    images: list[NDArray[np.uint8]] = []
    masks: list[NDArray[np.bool_]] = []
    labels, patients, device, contrast = [], [], [], []
    patient, first = 0, int(random.integers(2))
    while len(images) < count:
        label, maker = (first + patient) % 2, "AB"[int(random.integers(2))]
        tissue, peak = _tissue(random, 2 * size), float(random.choice(_PEAKS) * random.uniform(0.85, 1.15))
        lesion = _lesion(random, size)
        for _ in range(min(int(random.integers(1, 5)), count - len(images))):
            bump = _moved(random, lesion) * label
            images.append(_exposed(random, _cut(random, tissue, size) + peak * bump, maker))
            masks.append(bump > 0.5)
            labels.append(label)
            patients.append(f"P{patient + 1:03d}")
            device.append(maker)
            contrast.append(peak * label)
        patient += 1
    return LesionSet(
        np.stack(images),
        np.array(labels, np.int64),
        np.stack(masks),
        np.array(patients),
        np.array(device),
        np.array(contrast),
    )


def _noise(random: np.random.Generator, size: int, sigma: float) -> NDArray[np.float32]:
    """(size, size) smooth noise with grains of `sigma` pixels, of mean 0 and deviation 1."""
    field = cv2.GaussianBlur(random.standard_normal((size, size)).astype(np.float32), (0, 0), sigma)
    return np.asarray((field - field.mean()) / (field.std() + 1e-6), dtype=np.float32)


def _tissue(random: np.random.Generator, size: int) -> NDArray[np.float32]:
    """(size, size) background around 0.4: clouds of several scales, vessels and calcified spots."""
    scale = size / 128
    tissue = 0.4 + 0.035 * _noise(random, size, 14 * scale) + 0.02 * _noise(random, size, 4 * scale)
    tissue += 0.02 * _noise(random, size, 1.5 * scale)
    drawn = np.zeros((size, size), np.float32)
    for _ in range(int(random.integers(3, 8))):
        _draw_vessel(random, drawn)
    for _ in range(int(random.integers(1, 5))):
        x, y = random.uniform(0, size, 2)
        cv2.circle(drawn, (int(x), int(y)), 1, float(random.uniform(0.25, 0.5)), -1, cv2.LINE_AA)
    return np.asarray(tissue + cv2.GaussianBlur(drawn, (0, 0), 0.8), dtype=np.float32)


def _draw_vessel(random: np.random.Generator, drawn: NDArray[np.float32]) -> None:
    """A thin bright line that winds across."""
    size = len(drawn)
    angles = random.uniform(0, 2 * np.pi) + np.cumsum(random.normal(0, 0.18, 24))
    path = random.uniform(0, size, 2) + np.cumsum(np.stack([np.cos(angles), np.sin(angles)], 1) * size / 20, axis=0)
    eighths = np.round(path * 8).astype(np.int32)  # OpenCV draws between pixels when told the binary digits: shift 3
    cv2.polylines(drawn, [eighths], False, float(random.uniform(0.1, 0.3)), 1, cv2.LINE_AA, 3)


def _lesion(random: np.random.Generator, size: int) -> NDArray[np.float32]:
    """(size, size) an uneven bump with a peak of 1 somewhere in the middle half."""
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    row, column = random.uniform(0.28 * size, 0.72 * size, 2)
    radius, squeeze = random.uniform(0.08, 0.14) * size, random.uniform(0.75, 1.3)
    down, across = (rows - row) * squeeze, (columns - column) / squeeze
    angle = np.arctan2(down, across)
    waves = sum(random.uniform(0, 0.4 / k) * np.cos(k * angle + random.uniform(0, 2 * np.pi)) for k in (2, 3, 5))
    distance = np.hypot(down, across) / (radius * (1 + waves))
    return np.asarray(np.exp(-0.5 * (distance / 0.9) ** 4), dtype=np.float32)


def _moved(random: np.random.Generator, lesion: NDArray[np.float32]) -> NDArray[np.float32]:
    """The lesion a few pixels away from where it is."""
    reach = len(lesion) // 16
    down, across = random.integers(-reach, reach + 1, 2)
    return np.roll(lesion, (int(down), int(across)), axis=(0, 1))


def _cut(random: np.random.Generator, tissue: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """A window of the patient's tissue, near its middle: two images of one patient show nearly the same place."""
    reach = size // 12
    row, column = size // 2 + random.integers(-reach, reach + 1, 2)
    return tissue[row : row + size, column : column + size]


def _exposed(random: np.random.Generator, image: NDArray[np.float32], maker: str) -> NDArray[np.uint8]:
    """The image as the device shows it: with its contrast, level and noise, and some change between exposures."""
    gain, level, noise = _DEVICES[maker]
    seen = gain * (image + random.normal(0, 0.015)) + level + noise * random.standard_normal(image.shape)
    return np.asarray(np.clip(np.round(seen * 255), 0, 255), dtype=np.uint8)
