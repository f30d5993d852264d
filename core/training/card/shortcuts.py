"""How far one gets without looking at the finding: two answers that know nothing, to hold beside a model's.

One takes the class of the most alike training image. The other is a linear model on nine numbers such as brightness
and sharpness, in which no tumour and no fracture can be seen. Where they do well, the images of the classes differ in
where they come from, or the same people are on both sides of the split (Geirhos et al. 2020, arXiv:2004.07780).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.datasets.quality.fingerprint import grey_levels
from core.evaluation.metrics.calibration import softmax
from core.training.data.images import LabelledCase
from core.training.data.near_duplicates import thumbnails
from core.training.data.opened import open_image

#: What `image_numbers` gives, in words.
NUMBERS = (
    "mean", "spread", "brightest percentile", "fraction of black", "mean of the rim", "brightest of the rim",
    "sharpness", "grain", "height over width of what is not black",
)  # fmt: skip

#: Grey levels up to here count as black; the rim is this fraction of the side.
BLACK, RIM = 12, 0.04

#: Makes correlations into logits; the order of cases and classes does not depend on it.
SHARPNESS = 30.0


def image_numbers(path: Path) -> NDArray[np.float64]:
    """(9,) the `NUMBERS` of an image file: nothing of where in the image something lies, but for the rim."""
    levels = grey_levels(open_image(path)).astype(np.float64)
    rows, columns = levels.shape
    width = max(1, round(RIM * min(rows, columns)))
    inside = np.zeros(levels.shape, bool)
    inside[width:-width, width:-width] = True
    edges = np.abs(cv2.Laplacian(levels, cv2.CV_64F))
    lit = np.argwhere(levels > BLACK)
    height, breadth = np.ptp(lit, axis=0) + 1 if len(lit) else (rows, columns)
    return np.array([
        levels.mean(), levels.std(), np.percentile(levels, 99), (levels <= BLACK).mean(),
        levels[~inside].mean(), levels[~inside].max(),
        np.log1p(edges.var()), np.log1p(np.median(edges)), np.log(height / breadth),
    ])  # fmt: skip


def _numbers(cases: Sequence[LabelledCase]) -> NDArray[np.float64]:
    return np.stack([image_numbers(case.path) for case in cases])


def linear_logits(
    known: NDArray[np.float64],
    targets: NDArray[np.integer],
    asked: NDArray[np.float64],
    classes: int,
    steps: int = 3000,
    rate: float = 0.5,
    decay: float = 1e-3,
) -> NDArray[np.float64]:
    """(asked, classes) logits of a softmax regression, every class weighing the same, by plain gradient descent.

    Args:
        known: (cases, D) to learn from; each column is brought to mean 0 and spread 1.
        targets: (cases,) class indices.
        asked: (asked, D) to answer for.
        classes: How many.
        steps: Of the descent.
        rate: Its learning rate.
        decay: Weight of half the sum of squares.
    """
    centre, spread = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-9)
    x, ask = ((np.column_stack([(part - centre) / spread, np.ones(len(part))])) for part in (known, asked))
    goal = np.eye(classes)[targets]
    fraction = (goal / np.maximum(goal.sum(axis=0), 1)).sum(axis=1, keepdims=True) / classes
    weights = np.zeros((x.shape[1], classes))
    for _ in range(steps):
        weights -= rate * (x.T @ (fraction * (softmax(x @ weights) - goal)) + decay * weights)
    return np.asarray(ask @ weights)


def by_numbers(training: Sequence[LabelledCase], cases: Sequence[LabelledCase], classes: int) -> NDArray[np.float64]:
    """(cases, classes) logits from the nine numbers alone, learned from the training cases."""
    targets = np.array([case.target for case in training])
    return linear_logits(_numbers(training), targets, _numbers(cases), classes)


def by_most_alike(training: Sequence[LabelledCase], cases: Sequence[LabelledCase], classes: int) -> NDArray[np.float64]:
    """(cases, classes) logits that rise with the correlation with the most alike training image of each class."""
    products = thumbnails([case.path for case in cases]) @ thumbnails([case.path for case in training]).T
    targets = np.array([case.target for case in training])
    return SHARPNESS * np.stack([products[:, targets == k].max(axis=1) for k in range(classes)], axis=1)
