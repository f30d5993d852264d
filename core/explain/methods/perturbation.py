"""Explanations that only ask the model: cover, sample or blur parts of the scan and see what becomes of the score.

They need no gradient and no layer, so they work for every model with an image, on ONNX Runtime alone. What is taken
away is replaced by a smooth blur of the scan (`core.explain.patches.blur`); black would be a finding of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from core.explain.explanation import Explanation
from core.explain.forward import BLOCK, Probe, blend, fraction_of, probes
from core.explain.patches import blur
from core.explain.request import Ask
from core.inference.bundle import Bundle
from core.inference.prepare import Geometry, Prepared

#: Occlusion: side of the window and its step, as fractions of the longer side of the scan on the model's grid.
WINDOW, STEP = 1 / 7, 1 / 14

#: RISE: masks drawn, cells along a side, and the chance that a cell is kept.
MASKS, CELLS, KEPT = 500, 8, 0.5

Progress = Callable[[float], None] | None
Stop = Callable[[], bool] | None


def occlusion(
    bundle: Bundle,
    prepared: Prepared,
    ask: Ask,
) -> Explanation:
    """Occlusion sensitivity: how much of the score is lost when a window is covered.

    Zeiler and Fergus 2014, arXiv:1311.2901, with a blur in place of grey. A cell holds the mean loss over the windows
    that cover it.

    Args:
        bundle: The opened model.
        prepared: Frames on the model's grid. Of several images one is changed, of a sequence one frame at a time.
        ask: What is wanted.

    Raises:
        UnsupportedModel: There is no such label, image or region.
        Cancelled: The user stopped it.
    """
    asked = probes(bundle, prepared, ask)
    windows = list(_windows(prepared.geometry))
    grids = [
        _occluded(p, windows, fraction_of(ask.progress, n, len(asked)), ask.cancelled) for n, p in enumerate(asked)
    ]
    return signed(bundle, prepared, np.stack(grids), "occlusion", ask, "logit units lost when covered")


def _windows(geometry: Geometry) -> Iterator[tuple[slice, slice]]:
    top, left, bottom, right = geometry.view
    longer = max(bottom - top, right - left)
    side, step = max(2, round(longer * WINDOW)), max(1, round(longer * STEP))
    for row in range(top, max(top + 1, bottom - side + step), step):
        for column in range(left, max(left + 1, right - side + step), step):
            yield slice(row, min(row + side, bottom)), slice(column, min(column + side, right))


def _occluded(
    probe: Probe, windows: list[tuple[slice, slice]], progress: Progress, cancelled: Stop
) -> NDArray[np.float32]:
    size = probe.prepared.geometry.model_size

    def masks() -> Iterator[NDArray[np.float32]]:
        yield np.ones((1, *size), np.float32)
        for start in range(0, len(windows), BLOCK):
            chosen = windows[start : start + BLOCK]
            block = np.ones((len(chosen), *size), np.float32)
            for mask, window in zip(block, chosen, strict=True):
                mask[window] = 0
            yield block

    blurred = blur(probe.frame, probe.prepared.geometry)
    scores = probe.scores(blend(probe.frame, blurred, masks()), len(windows) + 1, progress, cancelled)
    lost, times = np.zeros(size), np.zeros(size)
    for window, score in zip(windows, scores[1:], strict=True):
        lost[window] += scores[0] - score
        times[window] += 1
    return (lost / np.maximum(times, 1)).astype(np.float32)


def rise(
    bundle: Bundle,
    prepared: Prepared,
    ask: Ask,
) -> Explanation:
    """RISE: the score's mean where a place was kept, against where it was not.

    Petsiuk et al. 2018, arXiv:1806.07421. The paper's sum is the mean score with the place kept; here the mean with the
    place taken away is subtracted, so that 0 means that it does not matter and noise does not pass as heat.

    Args:
        bundle: The opened model.
        prepared: Frames on the model's grid. Of several images one is changed, of a sequence one frame at a time.
        ask: What is wanted.

    Raises:
        UnsupportedModel: There is no such label, image or region.
        Cancelled: The user stopped it.
    """
    asked = probes(bundle, prepared, ask)
    grids = [
        _sampled(p, ask.seed, fraction_of(ask.progress, n, len(asked)), ask.cancelled) for n, p in enumerate(asked)
    ]
    units = "logit units between kept and taken away"
    return signed(bundle, prepared, np.stack(grids), "rise", ask, units)


def _sampled(probe: Probe, seed: int, progress: Progress, cancelled: Stop) -> NDArray[np.float32]:
    geometry = probe.prepared.geometry
    blurred = blur(probe.frame, geometry)
    drawn = _random_masks(geometry, seed)
    scores = probe.scores(blend(probe.frame, blurred, drawn()), MASKS, progress, cancelled)
    kept, kept_weight = np.zeros(geometry.model_size), np.zeros(geometry.model_size)
    gone, gone_weight = np.zeros(geometry.model_size), np.zeros(geometry.model_size)
    start = 0
    for block in drawn():  # drawn again rather than kept: 500 masks of 512 pixels are half a gigabyte
        part = scores[start : start + len(block)]
        kept += np.tensordot(part, block, 1)
        gone += np.tensordot(part, 1 - block, 1)
        kept_weight += block.sum(axis=0)
        gone_weight += (1 - block).sum(axis=0)
        start += len(block)
    mean = kept / np.maximum(kept_weight, 1e-9) - gone / np.maximum(gone_weight, 1e-9)
    mean[gone_weight < 1e-6] = 0  # beside the scan nothing was ever taken away
    return mean.astype(np.float32)


def _random_masks(geometry: Geometry, seed: int) -> Callable[[], Iterator[NDArray[np.float32]]]:
    """Smooth masks over the scan, each cut at a random offset from a grid that is one cell larger."""
    top, left, bottom, right = geometry.view
    height, width = bottom - top, right - left

    def draw() -> Iterator[NDArray[np.float32]]:
        rng = np.random.default_rng(seed)
        cell = (int(np.ceil(height / CELLS)), int(np.ceil(width / CELLS)))
        for start in range(0, MASKS, BLOCK):
            block = np.ones((min(BLOCK, MASKS - start), *geometry.model_size), np.float32)
            for mask in block:
                coarse = (rng.random((CELLS + 1, CELLS + 1)) < KEPT).astype(np.float32)
                large = cv2.resize(coarse, ((CELLS + 1) * cell[1], (CELLS + 1) * cell[0]))
                down, across = rng.integers(0, cell[0]), rng.integers(0, cell[1])
                mask[top:bottom, left:right] = large[down : down + height, across : across + width]
            yield block

    return draw


def signed(
    bundle: Bundle,
    prepared: Prepared,
    values: NDArray[np.float32],
    method: str,
    ask: Ask,
    units: str,
) -> Explanation:
    """Signed values on the input's rows and columns as what speaks for the label and what speaks against it."""
    labels = bundle.card.labels
    found = Explanation(
        grids=np.maximum(values, 0),
        frames=prepared.frames,
        geometry=prepared.geometry,
        method=method,
        label=labels[ask.target],
        layer="",
        opposing=np.maximum(-values, 0),
        units=units,
    )
    return found if ask.against is None else replace(found, rather_than=labels[ask.against])
