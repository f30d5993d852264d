"""The smallest fusion there is: a pixel is called lesion from its brightness in one, two or three contrasts.

Logistic regression on drawn heads, fitted in a blink, so that one can see how much a second contrast adds, and how it
is lost where the images do not lie on each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.lessons.phantom import Phantom

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PixelModel:
    """`p = σ(bias + Σ weight · brightness)` for each pixel.

    Attributes:
        contrasts: Which it reads.
        weights: One for each of them.
        bias: Added to all.
        threshold: Probability from which on a pixel is positive lesion; from the heads that it was fitted to.
    """

    contrasts: tuple[str, ...]
    weights: NDArray[np.float64]
    bias: float
    threshold: float = 0.5

    def probability(self, images: Sequence[Image]) -> Image:
        """(rows, columns) for images in the order of `contrasts`."""
        logit = self.bias + sum(w * p for w, p in zip(self.weights, images, strict=True))
        return np.asarray(0.5 * (1 + np.tanh(0.5 * logit)), np.float32)


def fit_pixels(heads: Sequence[Phantom], contrasts: Sequence[str], rounds: int = 25) -> PixelModel:
    """Fit by Newton's method, and choose the threshold with the best overlap on the same heads.

    Args:
        heads: To fit to; pixels outside the head do not count.
        contrasts: One or more of the phantom's.
        rounds: Of Newton's method, with a small penalty so that it always has an end.
    """
    inside = [head.head for head in heads]
    values = [
        np.concatenate([h.images[name][mask] for h, mask in zip(heads, inside, strict=True)]) for name in contrasts
    ]
    truth = np.concatenate([h.lesion[mask] for h, mask in zip(heads, inside, strict=True)]).astype(np.float64)
    design = np.column_stack([np.ones(len(truth)), *values]).astype(np.float64)
    found = np.zeros(design.shape[1])
    penalty = np.diag([0.0, *[1e-3] * len(contrasts)])
    for _ in range(rounds):
        chance = 0.5 * (1 + np.tanh(0.5 * design @ found))
        slope = design.T @ (truth - chance) - penalty @ found
        bend = (design * (chance * (1 - chance))[:, None]).T @ design + penalty + 1e-9 * np.eye(len(found))
        step = np.linalg.solve(bend, slope)
        found = found + step * min(1.0, 20 / max(float(np.abs(step).max()), 1e-9))
    model = PixelModel(tuple(contrasts), found[1:], float(found[0]))
    chance = 0.5 * (1 + np.tanh(0.5 * design @ found))
    best = max(np.linspace(0.05, 0.95, 19), key=lambda cut: dice(chance >= cut, truth > 0.5))
    return PixelModel(model.contrasts, model.weights, model.bias, float(best))


def dice(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Overlap of two masks of one shape, 2 |A ∩ B| / (|A| + |B|); NaN where both are empty."""
    total = int(predicted.sum()) + int(truth.sum())
    return 2 * int((predicted & truth).sum()) / total if total else float("nan")
