"""A small model for the made-up lesions: honest, quick to fit, and wrong often enough to be read against.

The image is passed through five fixed filters: bright blobs of one size as a difference of Gaussians, rectified and
squared at two strengths, dark ones, and two measures of fine detail, by which vessels and spots give themselves away.
Their means over the image go into a logistic regression. As means are sums over pixels, what each pixel adds to the
logit is known exactly, and that is its heatmap.

What was fitted lies beside this file, so that a class need not wait. `python -m core.reader_study.lesion_model` fits
it anew, and a test sees that the two agree.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.calibration import choose_threshold
from core.lessons.synthetic_lesions import LesionSet, synthetic_lesions

TITLE = "Filter bank with logistic regression"
#: Images and seeds that it is fitted on and that its threshold comes from; no session draws from these seeds.
TRAINING, VALIDATION = (300, 1_000_001), (250, 1_000_002)
#: Width of blobs in pixels, and strengths in standard deviations of the image from which on they count. More widths
#: make fewer mistakes; with one, people have something to correct.
WIDTH, STRENGTHS = 4.0, (0.0, 0.4)
#: Weight of the squared coefficients against the mean log loss.
RIDGE = 0.005
FITTED = Path(__file__).with_suffix(".json")


@dataclass(frozen=True, eq=False)
class LesionModel:
    """The fitted model.

    Attributes:
        weights: (filters,) logit units for a mean response of 1.
        bias: Logit without any response.
        threshold: Probability from which on a lesion is called: the largest sensitivity + specificity on the
            validation images.
        scale: Logit units a pixel from which on heatmaps are brightest, the same for all cases: the median of the
            strongest pixel over the validation images in which a lesion is called.
    """

    weights: NDArray[np.float64]
    bias: float
    threshold: float
    scale: float

    def probability(self, image: NDArray[np.uint8]) -> float:
        """Probability of a lesion in a (rows, columns) image."""
        return float(_sigmoid(responses(image).mean(axis=(0, 1)) @ self.weights + self.bias))

    def contributions(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(rows, columns) what each pixel adds to the logit; their sum and the bias are the logit."""
        return np.asarray(responses(image) @ self.weights / image.size, np.float32)


def responses(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(rows, columns, filters) of a (rows, columns) image in units of its own spread."""
    values = image.astype(np.float32)
    values = (values - np.median(values)) / (values.std() + 1e-6)

    def blurred(width: float) -> NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), width, borderType=cv2.BORDER_REFLECT))

    blob = blurred(WIDTH) - blurred(2 * WIDTH)
    detail = cv2.GaussianBlur(np.abs(values - blurred(1.0)), (0, 0), 2.0)
    bright = [np.maximum(blob - strength, 0) ** 2 for strength in STRENGTHS]
    found = [*bright, np.maximum(-blob, 0), detail, np.maximum(values - blurred(1.5), 0) ** 2]
    return np.stack(found, axis=-1).astype(np.float64)


@cache
def lesion_model() -> LesionModel:
    """The model as it was fitted."""
    stored = json.loads(FITTED.read_text(encoding="utf-8"))
    return LesionModel(**{**stored, "weights": np.array(stored["weights"])})


def fit_lesion_model() -> LesionModel:
    """Fit it; the same on every machine up to rounding."""
    known, held_out = synthetic_lesions(*TRAINING), synthetic_lesions(*VALIDATION)
    means = _means(known)
    centre, spread = means.mean(axis=0), means.std(axis=0) + 1e-9
    coefficients = fit_logistic((means - centre) / spread, known.labels.astype(bool), RIDGE)
    weights = coefficients[1:] / spread
    bias = float(coefficients[0] - weights @ centre)
    found = [responses(image) for image in held_out.images]
    score = _sigmoid(np.stack([one.mean(axis=(0, 1)) for one in found]) @ weights + bias)
    threshold = round(choose_threshold(held_out.labels, score, "youden"), 4)
    strongest = [(one @ weights).max() / one[..., 0].size for one in found]
    return LesionModel(weights, bias, threshold, float(np.median(np.array(strongest)[score >= threshold])))


def _means(images: LesionSet) -> NDArray[np.float64]:
    return np.stack([responses(image).mean(axis=(0, 1)) for image in images.images])


def fit_logistic(features: NDArray[np.float64], truth: NDArray[np.bool_], ridge: float) -> NDArray[np.float64]:
    """Logistic regression with squared coefficients held small, by Newton's method.

    Args:
        features: (n, d) standardised.
        truth: (n,).
        ridge: Weight of half the squared coefficients against the mean log loss; the intercept is free.

    Returns:
        (d + 1,) intercept and coefficients.
    """
    design = np.column_stack([np.ones(len(features)), features])
    penalty = np.append(0.0, np.full(features.shape[1], ridge))
    found = np.zeros(design.shape[1])
    for _ in range(50):
        p = _sigmoid(design @ found)
        slope = design.T @ (p - truth) / len(design) + penalty * found
        bend = (design * (p * (1 - p))[:, None]).T @ design / len(design) + np.diag(penalty + 1e-9)
        step = np.linalg.solve(bend, slope)
        found -= step
        if np.abs(step).max() < 1e-9:
            break
    return found


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * values)))


if __name__ == "__main__":
    fitted = asdict(fit_lesion_model())
    FITTED.write_text(json.dumps({**fitted, "weights": fitted["weights"].tolist()}, indent=1) + "\n", encoding="utf-8")
