"""Many changed copies of one frame through the model, in blocks that bound the memory, with progress and a stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled
from core.explain.inputs import Image, explained_image
from core.explain.region import Region, explained_region, weighted_scores
from core.explain.request import Ask
from core.explain.target import score_weights
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared

#: Images made and run at once.
BLOCK = 32


@dataclass(frozen=True, eq=False)
class Probe:
    """The explained score of changed copies of one frame.

    Attributes:
        bundle: The model.
        prepared: What it was given.
        weights: (units,) of the logits.
        position: Which frame of `prepared`.
        image: The input that the frame belongs to; the other inputs and the other frames stay as they are.
        region: (rows, columns) on the output's grid, for a segmentation.
    """

    bundle: Bundle
    prepared: Prepared
    weights: NDArray[np.float32]
    position: int
    image: Image
    region: Region = None

    @property
    def frame(self) -> NDArray[np.float32]:
        """(rows, columns, channels) as the model gets it."""
        return self.image.frames[self.position]

    def logits(self, copies: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, …) logits of copies (n, rows, columns, channels) of the frame."""
        return self.bundle.run(self.image.with_frame(copies, self.position), outputs=("logits",)).logits

    def scores(
        self,
        copies: Iterable[NDArray[np.float32]],
        total: int,
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> NDArray[np.float64]:
        """(total,) scores of copies that are made block by block.

        Args:
            copies: Blocks (n, rows, columns, channels) of copies.
            total: How many there are in all.
            progress: Called with the fraction done.
            cancelled: Asked before each block.

        Raises:
            Cancelled: `cancelled` said so.
        """
        scores, done = np.empty(total), 0
        for block in copies:
            if cancelled is not None and cancelled():
                raise Cancelled("the explanation")
            scores[done : done + len(block)] = weighted_scores(self.logits(block), self.weights, self.region)
            done += len(block)
            if progress is not None:
                progress(done / total)
        return scores


def probes(bundle: Bundle, prepared: Prepared, ask: Ask) -> list[Probe]:
    """One probe a frame.

    Raises:
        UnsupportedModel: There is no such label, image or region.
    """
    weights = score_weights(bundle.card, bundle.units, ask.target, ask.against)
    image, region = explained_image(bundle, prepared, ask), explained_region(bundle, prepared, ask)
    regions = [None] * len(prepared.frames) if region is None else list(np.repeat(region, image.depth, axis=0))
    return [
        Probe(bundle, prepared, weights, position, image, regions[position]) for position in range(len(prepared.frames))
    ]


def blend(
    whole: NDArray[np.float32], other: NDArray[np.float32], masks: Iterable[NDArray[np.float32]]
) -> Iterable[NDArray[np.float32]]:
    """Blocks of masks (n, rows, columns) to blocks of copies: `whole` where a mask is 1, `other` where it is 0."""
    for block in masks:
        kept = block[..., None]
        yield (kept * whole + (1 - kept) * other).astype(np.float32)


def fraction_of(progress: Callable[[float], None] | None, index: int, count: int) -> Callable[[float], None] | None:
    """The part of a progress bar that belongs to frame `index` of `count`."""
    if progress is None:
        return None
    return lambda fraction: progress((index + fraction) / count)
