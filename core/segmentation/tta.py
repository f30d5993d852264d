"""How sure an outline is: the same image mirrored, and by how much the answer changes.

A model that has learnt the thing and not its place should outline the same on a mirrored image. Test-time flips
(Wang et al. 2019, doi:10.1016/j.neucom.2019.01.103) take forward passes only. They show where the outline would move;
they do not show an error that the model makes on every mirror image alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled
from core.explain.explanation import Explanation
from core.inference.bundle import CHUNK, Bundle
from core.inference.masks import apply_threshold, mask_probabilities, thresholds_of
from core.inference.study import Study, prepare_study
from core.scan import Scan

#: Axes of (N, rows, columns, channels) that are turned round: as it is, left to right, upside down, both.
FLIPS: tuple[tuple[int, ...], ...] = ((), (2,), (1,), (1, 2))


@dataclass(frozen=True, eq=False)
class Spread(Explanation):
    """By how much the probability of a pixel changes among mirror images, as a map like a heatmap.

    `grids` hold the largest less the smallest probability among the flips, 0 to 1, of the label where that is largest.

    Attributes:
        areas: (frames, flips, labels) pixels of the scan in the mask of each mirror image, as it is first.
    """

    areas: NDArray[np.int64] | None = None

    @property
    def scale(self) -> float:
        """The whole range of a probability, so that maps of two images can be compared."""
        return 1.0

    @property
    def is_empty(self) -> bool:
        """Whether no mirror image changes anything that could be seen."""
        return float(self.grids.max(initial=0.0)) < 0.01

    def area_range(self, position: int, label: int) -> tuple[int, int]:
        """Smallest and largest mask among the mirror images, in pixels of the scan."""
        assert self.areas is not None  # `tta_uncertainty` fills it
        found = self.areas[position, :, label]
        return int(found.min()), int(found.max())


def tta_uncertainty(
    bundle: Bundle,
    scan: Scan,
    frames: Sequence[int] | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Spread:
    """Run the model on the mirror images of frames.

    Args:
        bundle: The opened model, of task segmentation.
        scan: The scan.
        frames: Which frames; None for all.
        progress: Called with the fraction done.
        cancelled: Asked between chunks of frames.

    Raises:
        IncompatibleInput: The model does not outline one image.
        Cancelled: The user stopped it.
    """
    card, thresholds = bundle.card, thresholds_of(bundle.card)
    first = next(spec.name for spec in card.inputs if spec.is_image)
    chosen = tuple(range(scan.frames)) if frames is None else tuple(frames)
    grids, areas = [], []
    for start in range(0, len(chosen), CHUNK):
        prepared = prepare_study(Study.of(card, scan), card, chosen[start : start + CHUNK])
        mirrored = []
        for axes in FLIPS:
            if cancelled is not None and cancelled():
                raise Cancelled("the mirror images")
            batch = {**prepared.batch, first: np.flip(prepared.batch[first], axes).copy()}
            mirrored.append(np.flip(mask_probabilities(bundle, bundle.run(batch, outputs=()).logits), axes))
        stack = np.stack(mirrored)  # (flips, frames, rows, columns, labels)
        grids.append(np.ptp(stack, axis=0).max(axis=-1))
        areas += [
            [
                [_area(prepared.geometry.to_scan(one[..., n]), thresholds[n]) for n in range(len(thresholds))]
                for one in frame
            ]
            for frame in np.swapaxes(stack, 0, 1)
        ]
        if progress is not None:
            progress(min(start + CHUNK, len(chosen)) / len(chosen))
    return Spread(
        grids=np.concatenate(grids).astype(np.float32),
        frames=chosen,
        geometry=prepared.geometry,
        method="flips",
        label=", ".join(card.labels[1:]),
        layer="",
        units="change of probability",
        areas=np.array(areas, np.int64),
    )


def _area(probability: NDArray[np.float32], threshold: float) -> int:
    return int(apply_threshold(probability, threshold).sum())
