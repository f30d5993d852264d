"""Does the same scan, made very slightly differently, get the same heat?

The image is shifted by a few pixels, given faint noise and compressed once more; nobody would read it differently.
The maps are brought back by the shift and compared by the order of their cells. All variants are explained at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from core.explain.explanation import Explanation
from core.explain.trust.similarity_of_maps import COMMON, at_common_size, rank_correlation
from core.inference.prepare import Geometry, Prepared

#: Shift as a fraction of the side, noise as a fraction of the value range, and JPEG quality.
SHIFT, NOISE, QUALITY = 0.03, 0.01, 85


@dataclass(frozen=True)
class Stability:
    """How alike the heat stays.

    Attributes:
        correlations: What was done to the scan to the rank correlation of its map with the first.
        score_changes: What was done to the change of the explained score, in logit units.
    """

    correlations: Mapping[str, float]
    score_changes: Mapping[str, float]

    @property
    def mean(self) -> float:
        """Over the variants."""
        return float(np.mean(list(self.correlations.values())))


def measure_stability(
    prepared: Prepared,
    explanation: Explanation,
    explain: Callable[[Prepared], Explanation],
    score: Callable[[Prepared], NDArray[np.floating]],
    value_range: tuple[float, float] = (0.0, 1.0),
    position: int = 0,
    seed: int = 0,
    name: str = "",
) -> Stability:
    """Explain slightly changed copies of one case.

    Args:
        prepared: What the model was given.
        explanation: Of the same frames.
        explain: The method with everything but the images filled in.
        score: Gives (N,) explained scores.
        value_range: Black and white on the model's grid.
        position: Which frame.
        seed: Of the noise.
        name: Of the input that is explained, `""` for the first; the others stay as they are.
    """
    batch = prepared.batch[name := name or next(iter(prepared.batch))]
    depth = batch.shape[1] if batch.ndim == 5 else 1
    case = position // depth
    whole = batch[case : case + 1]
    shifts = _shifts(prepared.geometry)
    variants = {words: _each(whole[0], _shifted, shift) for words, shift in shifts.items()}
    variants["faint noise"] = _noisy(whole[0], value_range, seed)
    variants["compressed once more"] = _each(whole[0], _compressed, value_range)
    stacked = np.concatenate([whole, np.stack(list(variants.values()))]).astype(np.float32)
    beside = {other: np.repeat(array[case : case + 1], len(stacked), axis=0) for other, array in prepared.batch.items()}
    frames = tuple(range(len(stacked) * depth))
    together = replace(prepared, batch={**beside, name: stacked}, frames=frames, ways={})
    maps, scores = explain(together), np.asarray(score(together), np.float64)
    before = explanation.grids[case * depth :][:depth]
    found = {}
    for index, words in enumerate(variants, start=1):
        after = maps.grids[index * depth :][:depth]
        pairs = zip(before, after, strict=True)
        shift = shifts.get(words, (0, 0))
        found[words] = float(np.mean([_compare_at(one, other, prepared.geometry, shift) for one, other in pairs]))
    changes = {words: float(scores[index] - scores[0]) for index, words in enumerate(variants, start=1)}
    return Stability(found, changes)


def _each(whole: NDArray[np.float32], change: Callable[..., NDArray[np.float32]], how: object) -> NDArray[np.float32]:
    """Change each frame of an image, a sequence or a volume in the same way."""
    frames = whole.reshape(-1, *whole.shape[-3:])
    return np.stack([change(frame, how) for frame in frames]).reshape(whole.shape)


def _shifts(geometry: Geometry) -> dict[str, tuple[int, int]]:
    """Words to (down, right) in model pixels."""
    step = max(1, round(SHIFT * max(geometry.model_size)))
    return {f"shifted by {step} pixels down": (step, 0), f"shifted by {step} pixels left": (0, -step)}


def _shifted(image: NDArray[np.float32], shift: tuple[int, int]) -> NDArray[np.float32]:
    """Moved, with the border repeated where nothing is left."""
    down, right = shift
    rows, columns = image.shape[:2]
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    moved = cv2.warpAffine(image, matrix, (columns, rows), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return moved.reshape(image.shape)


def _noisy(image: NDArray[np.float32], value_range: tuple[float, float], seed: int) -> NDArray[np.float32]:
    low, high = value_range
    noise = np.random.default_rng(seed).normal(0.0, NOISE * (high - low), image.shape)
    return np.clip(image + noise, low, high).astype(np.float32)


def _compressed(image: NDArray[np.float32], value_range: tuple[float, float]) -> NDArray[np.float32]:
    low, high = value_range
    levels = np.clip((image - low) / (high - low) * 255.0, 0, 255).round().astype(np.uint8)
    coded = cv2.imencode(".jpg", levels, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1]
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_UNCHANGED)).reshape(image.shape)
    return (decoded.astype(np.float32) / 255.0 * (high - low) + low).astype(np.float32)


def _at_model_size(grid: NDArray[np.floating], geometry: Geometry) -> NDArray[np.float32]:
    rows, columns = geometry.model_size
    return cv2.resize(np.ascontiguousarray(grid, np.float32), (columns, rows), interpolation=cv2.INTER_LINEAR)


def _compare_at(
    before: NDArray[np.float32], after: NDArray[np.float32], geometry: Geometry, shift: tuple[int, int]
) -> float:
    return _compare(_at_model_size(before, geometry), _at_model_size(after, geometry), shift)


def _compare(before: NDArray[np.float32], after: NDArray[np.float32], shift: tuple[int, int]) -> float:
    """Rank correlation where both maps saw the same part of the scan."""
    down, right = shift
    rows, columns = before.shape
    same = before[max(0, -down) : rows - max(0, down), max(0, -right) : columns - max(0, right)]
    moved = after[max(0, down) : rows - max(0, -down), max(0, right) : columns - max(0, -right)]
    return rank_correlation(at_common_size(same, COMMON), at_common_size(moved, COMMON))
