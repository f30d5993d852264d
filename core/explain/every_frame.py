"""Maps of the frames that a model saw, for all frames of the scan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.explain.explanation import Explanation


def on_every_frame(explanation: Explanation, count: int) -> Explanation:
    """A map for each frame of a sequence or slice of a volume.

    A frame that the model saw has its own map; one that it saw twice the mean of both; between two of them the maps are
    mixed by distance. The evidence of a frame between is therefore a reading aid, not a measurement.

    Args:
        explanation: Of one sequence or volume, with `frames` in order.
        count: Frames of the scan.
    """
    seen = sorted(set(explanation.frames))
    if seen == list(range(count)) and len(seen) == len(explanation.frames):
        return explanation
    opposing = explanation.opposing
    return replace(
        explanation,
        grids=_spread(explanation.grids, explanation.frames, count),
        opposing=None if opposing is None else _spread(opposing, explanation.frames, count),
        frames=tuple(range(count)),
    )


def _spread(grids: NDArray[np.float32], frames: tuple[int, ...], count: int) -> NDArray[np.float32]:
    places = np.asarray(frames)
    seen = np.unique(places)
    means = np.stack([grids[places == frame].mean(axis=0) for frame in seen])
    after = np.clip(np.searchsorted(seen, np.arange(count)), 0, len(seen) - 1)
    before = np.maximum(after - 1, 0)
    before = np.where(seen[after] <= np.arange(count), after, before)
    gap = np.maximum(seen[after] - seen[before], 1)
    fraction = np.clip((np.arange(count) - seen[before]) / gap, 0.0, 1.0)[:, None, None]
    return ((1 - fraction) * means[before] + fraction * means[after]).astype(np.float32)
