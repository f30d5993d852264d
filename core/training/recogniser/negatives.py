"""Images of no kind: drawn ones, photographs that a dependency ships, and scans of other organs.

They teach nothing. They only measure how often "none of these" is said of what was never thought of.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

#: Edge of drawn images.
EDGE = 256

Drawn = NDArray[np.uint8]


def drawn_images(seed: int = 0, count: int = 40) -> dict[str, list[Drawn]]:
    """Images by what they are, drawn from a seed: noise, constants, gradients, shapes, text, screenshots, charts.

    Args:
        seed: Of everything that is drawn.
        count: How many of each.
    """
    rng = np.random.default_rng(seed)
    return {name: [draw(rng) for _ in range(count)] for name, draw in _DRAW.items()}


def _noise(rng: np.random.Generator) -> Drawn:
    return rng.integers(0, 256, (EDGE, EDGE), dtype=np.uint8)


def _soft_noise(rng: np.random.Generator) -> Drawn:
    field = cv2.GaussianBlur(rng.normal(size=(EDGE, EDGE)), (0, 0), float(rng.uniform(2, 25)))
    return np.asarray(255 * (field - field.min()) / np.ptp(field), np.uint8)


def _colour_noise(rng: np.random.Generator) -> Drawn:
    return rng.integers(0, 256, (EDGE, EDGE, 3), dtype=np.uint8)


def _constant(rng: np.random.Generator) -> Drawn:
    return np.full((EDGE, EDGE), rng.integers(0, 256), np.uint8)


def _gradient(rng: np.random.Generator) -> Drawn:
    angle = rng.uniform(0, 2 * np.pi)
    down, across = np.mgrid[:EDGE, :EDGE] / EDGE
    field = down * np.sin(angle) + across * np.cos(angle)
    return np.asarray(255 * (field - field.min()) / np.ptp(field), np.uint8)


def _shapes(rng: np.random.Generator) -> Drawn:
    image = np.full((EDGE, EDGE), rng.integers(0, 80), np.uint8)
    for _ in range(int(rng.integers(3, 12))):
        centre = tuple(int(v) for v in rng.integers(0, EDGE, 2))
        cv2.ellipse(
            image, centre, tuple(int(v) for v in rng.integers(8, 70, 2)), float(rng.uniform(0, 180)), 0, 360,
            int(rng.integers(60, 256)), int(rng.choice([-1, 2, 5])),
        )  # fmt: skip
    return image


def _text(rng: np.random.Generator) -> Drawn:
    dark = bool(rng.integers(2))
    image = np.full((EDGE, EDGE), 0 if dark else 255, np.uint8)
    for row in range(14, EDGE, int(rng.integers(14, 30))):
        words = "".join(rng.choice(list("abcdefghij klmnop qrstuv wxyz 0123"), 34))
        cv2.putText(image, words, (6, row), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255 if dark else 0, 1, cv2.LINE_AA)
    return image


def _screenshot(rng: np.random.Generator) -> Drawn:
    image = np.full((EDGE, EDGE * 3 // 2, 3), rng.integers(200, 256, 3), np.uint8)
    cv2.rectangle(image, (0, 0), (image.shape[1], 24), tuple(int(v) for v in rng.integers(0, 256, 3)), -1)
    for row in range(40, EDGE - 20, 26):
        cv2.rectangle(image, (10, row), (90, row + 16), tuple(int(v) for v in rng.integers(100, 256, 3)), -1)
        cv2.putText(image, "".join(rng.choice(list("abcdef gh"), 24)), (104, row + 12), 0, 0.4, (30, 30, 30), 1)
    return image


def _chart(rng: np.random.Generator) -> Drawn:
    image = np.full((EDGE, EDGE, 3), 255, np.uint8)
    line = np.cumsum(rng.normal(0, 6, EDGE - 40)) + EDGE / 2
    points = np.stack([np.arange(20, EDGE - 20), np.clip(line, 20, EDGE - 20)], axis=1).astype(np.int32)
    cv2.polylines(image, [points], False, tuple(int(v) for v in rng.integers(0, 200, 3)), 2)
    cv2.rectangle(image, (20, 20), (EDGE - 20, EDGE - 20), (0, 0, 0), 1)
    return image


_DRAW = {
    "noise": _noise, "soft noise": _soft_noise, "colour noise": _colour_noise, "one grey": _constant,
    "gradients": _gradient, "shapes": _shapes, "text": _text, "screenshots": _screenshot, "charts": _chart,
}  # fmt: skip


def photographs() -> list[Drawn]:
    """The photographs that scikit-learn ships, whole and in parts."""
    from sklearn.datasets import load_sample_images

    found = []
    for image in load_sample_images().images:
        rows, columns = image.shape[0] // 2, image.shape[1] // 2
        found.append(image)
        found += [image[top : top + rows, left : left + columns] for top in (0, rows) for left in (0, columns)]
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        found += [grey, grey[:rows, :columns], grey[rows:, columns:]]
    return [np.asarray(image, np.uint8) for image in found]


def sample_files() -> Iterator[Path]:
    """Every DICOM file of the test data that pydicom and pydicom-data install, by name; no pixels are promised."""
    for package, folder in (("pydicom", "data/test_files"), ("data_store", "data")):
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or []) if spec else []:
            yield from sorted(path for path in (Path(place) / folder).rglob("*.dcm") if path.is_file())
