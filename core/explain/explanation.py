"""What every explanation method returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.preprocess import Geometry


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where in the scan the evidence for a target lies.

    The maps are kept at the model's own resolution, with their absolute scale; `heatmap` draws one on the scan's pixels
    when it is needed, so a volume of 300 slices costs no more than its grids.

    Attributes:
        grids: (frames, cells down, cells across) float32, 0 or more, in units of the logit.
        frames: Which frames of the scan they belong to.
        geometry: The way back to the scan's pixels.
        method: Name in `EXPLAINERS`.
        label: The label that is explained.
        layer: The layer the map was taken from.
    """

    grids: NDArray[np.float32]
    frames: tuple[int, ...]
    geometry: Geometry
    method: str
    label: str
    layer: str

    @property
    def scale(self) -> float:
        """The largest value over all frames: what the end of the colour scale means, in logit units."""
        return float(self.grids.max(initial=0.0))

    @property
    def is_empty(self) -> bool:
        """Whether there is no positive evidence anywhere; showing colours then would be a lie."""
        return self.scale <= 1e-6

    @property
    def strip(self) -> NDArray[np.float32]:
        """(frames,) the largest value of each frame: where in the stack the evidence is."""
        return self.grids.max(axis=(1, 2))

    def heatmap(self, position: int, size: tuple[int, int] | None = None) -> NDArray[np.float32]:
        """The map of `frames[position]` on the scan's pixels, absolute values, (rows, columns) float32."""
        return self.geometry.to_scan(self.grids[position], size)
