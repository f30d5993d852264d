"""What every explanation method returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.inference.prepare import Geometry

#: Evidence for a label that nowhere reaches this fraction of the strongest evidence against it is none.
NEGLIGIBLE = 0.05


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where in the scan the evidence for a target lies.

    The maps are kept at the model's own resolution, with their absolute scale; `heatmap` draws one on the scan's pixels
    when it is needed, so a volume of 300 slices costs no more than its grids.

    Attributes:
        grids: (frames, cells down, cells across) float32, 0 or more, in `units`: what speaks for the label.
        frames: Which frames of the scan they belong to.
        geometry: The way back to the scan's pixels.
        method: Name in `EXPLAINERS`.
        label: The label that is explained.
        layer: The layer the map was taken from, `""` for methods that look at the input.
        opposing: Like `grids`, what speaks against the label; None for methods that do not tell.
        units: Of the maps' values, for people.
        rather_than: The label that the target was compared with, `""` for none.
        facts: What the method found out on the way, for people, e.g. how far Integrated Gradients are from complete.
    """

    grids: NDArray[np.float32]
    frames: tuple[int, ...]
    geometry: Geometry
    method: str
    label: str
    layer: str
    opposing: NDArray[np.float32] | None = None
    units: str = "logit units"
    rather_than: str = ""
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """The largest value over all frames: what the end of the colour scale means, in `units`.

        It is that of the evidence for the label alone, however strong the evidence against it is.
        """
        return float(self.grids.max(initial=0.0))

    @property
    def is_empty(self) -> bool:
        """Whether there is no evidence for the label anywhere; showing colours then would be a lie.

        Where the method also tells what speaks against the label, specks below `NEGLIGIBLE` of that are none.
        """
        against = 0.0 if self.opposing is None else float(self.opposing.max(initial=0.0))
        return self.scale <= max(1e-6, NEGLIGIBLE * against)

    @property
    def strip(self) -> NDArray[np.float32]:
        """(frames,) the largest value of each frame: where in the stack the evidence is."""
        return self.grids.max(axis=(1, 2))

    def heatmap(self, position: int, size: tuple[int, int] | None = None) -> NDArray[np.float32]:
        """The map of `frames[position]` on the scan's pixels, absolute values, (rows, columns) float32."""
        return self.geometry.to_scan(self.grids[position], size)
