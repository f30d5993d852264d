"""The answer of a model that segments: probabilities on its own grid, masks on the scan's pixels, and their doubt.

Nothing is chosen here: the thresholds come from the card, which took them from the validation split. A mask is drawn by
bringing the probability back onto the scan's pixels, through the exact inverse of crop, letterbox or stretch, and
cutting it there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, IncompatibleInput
from core.inference.bundle import CHUNK, Bundle
from core.inference.ood import Similarity
from core.inference.prepare import Geometry
from core.inference.study import Study, main_scan, prepare_study, study_fit
from core.inference.withhold import Reason, Withheld, scan_reasons, withheld
from core.models.card import ModelCard
from core.scan import Step


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What a model outlines on some frames of a scan.

    Attributes:
        card: The model.
        frames: Frames of the scan, in the order of the rows below.
        probabilities: (frames, rows, columns, labels) float16 on the model's grid, without the background. Half
            precision keeps a stack of 300 slices at 256 px in 40 MB and moves no probability by more than 0.0003.
        geometry: The way back to the scan's pixels.
        pixels: (frames, labels) how many pixels of the scan each mask covers.
        pieces: (frames, labels) of how many separate pieces it consists; pixels that touch by a corner are together.
        similarity: One entry a frame: how near it is to what the model has seen; empty where the bundle cannot tell.
        warning: Why this scan does not fit the model, or `""`.
        note: What could not be checked about the fit, or `""`.
        provenance: What was done to the scan on its way to the model.
        study: What the model was asked about, None where that is not known.
    """

    card: ModelCard
    frames: tuple[int, ...]
    probabilities: NDArray[np.float16]
    geometry: Geometry
    pixels: NDArray[np.int64]
    pieces: NDArray[np.int64]
    similarity: tuple[Similarity, ...]
    warning: str
    note: str
    provenance: tuple[Step, ...]
    study: Study | None = None

    @cached_property
    def reasons(self) -> tuple[Reason, ...]:
        """Why the scans are outside the model's contract, whatever it makes of their pixels; worked out when asked."""
        return () if self.study is None else scan_reasons(self.card, self.study)

    def withheld(self, position: int = 0) -> Withheld | None:
        """Why the answer for `frames[position]` is withheld, None where it may be shown."""
        return withheld(self.card, self.reasons, self.similarity[position] if self.similarity else None)

    @property
    def labels(self) -> tuple[str, ...]:
        """What may be outlined: the card's labels but the background."""
        return self.card.labels[1:]

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Probability from which on a pixel belongs to each of `labels`."""
        return thresholds_of(self.card)

    def probability(self, position: int, label: int, size: tuple[int, int] | None = None) -> NDArray[np.float32]:
        """Probability of `labels[label]` in `frames[position]` on the scan's pixels: (rows, columns)."""
        return self.geometry.to_scan(self.probabilities[position, ..., label], size)

    def mask(self, position: int, label: int) -> NDArray[np.bool_]:
        """Which pixels of the scan are outlined as `labels[label]` in `frames[position]`: (rows, columns)."""
        return apply_threshold(self.probability(position, label), self.thresholds[label])

    def volume(self, label: int) -> NDArray[np.bool_]:
        """The masks of all frames: (frames, rows, columns)."""
        return np.stack([self.mask(position, label) for position in range(len(self.frames))])


def thresholds_of(card: ModelCard) -> tuple[float, ...]:
    """The card's threshold for each label but the background."""
    if card.threshold is not None:
        return (card.threshold,) * (len(card.labels) - 1)
    return tuple(card.thresholds[label] for label in card.labels[1:])


def apply_threshold(probability: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Where a probability reaches its threshold; pixels that the model did not see never do."""
    return (probability >= np.float32(threshold)) & (probability > 0)


def count_components(mask: NDArray[np.bool_]) -> int:
    """Separate pieces of a mask (rows, columns)."""
    return int(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0]) - 1


def mask_probabilities(bundle: Bundle, logits: NDArray[np.floating]) -> NDArray[np.float16]:
    """Logits (N, rows, columns, units) to probabilities (N, rows, columns, labels) without the background.

    Raises:
        IncompatibleInput: The model does not give one value a pixel for each of its labels.
    """
    card, units = bundle.card, logits.shape[-1]
    if logits.ndim != 4 or ((units, len(card.labels)) != (1, 2) and units != len(card.labels)):
        received = " × ".join(str(size) for size in logits.shape[1:])
        raise IncompatibleInput(
            f"The model's output of {received} is no map for each of {len(card.labels)} labels", "choose another model"
        )
    flat = bundle.probabilities(logits.reshape(-1, units))
    return flat[:, 1:].reshape(*logits.shape[:3], -1).astype(np.float16)


def masks(
    bundle: Bundle,
    study: Study,
    frames: Sequence[int] | None,
    progress: Callable[[float], None] | None,
    cancelled: Callable[[], bool] | None,
) -> Segmentation:
    """What a model segments in a study, one row a frame; see `core.inference.predict.predict`, which calls this."""
    card = bundle.card
    scan = main_scan(card, study)
    chosen = tuple(range(scan.frames)) if frames is None else tuple(frames)
    grids, sizes, near = [], [], []
    for start in range(0, len(chosen), CHUNK):
        if cancelled is not None and cancelled():
            raise Cancelled("the segmentation")
        prepared = prepare_study(study, card, chosen[start : start + CHUNK])
        output = bundle.run(prepared.batch, outputs=("features",))
        grids.append(mask_probabilities(bundle, output.logits))
        sizes += [_sizes(card, prepared.geometry, grid) for grid in grids[-1]]
        near += list(bundle.similarity(output.features))
        if progress is not None:
            progress(min(start + CHUNK, len(chosen)) / len(chosen))
    fit = study_fit(card, study)
    return Segmentation(
        card=card,
        frames=chosen,
        probabilities=np.concatenate(grids),
        geometry=prepared.geometry,
        pixels=np.array([pixels for pixels, _ in sizes], np.int64),
        pieces=np.array([pieces for _, pieces in sizes], np.int64),
        similarity=tuple(near),
        warning="" if fit.fits else fit.reason,
        note=fit.reason if fit.fits else "",
        provenance=prepared.provenance,
        study=study,
    )


def _sizes(card: ModelCard, geometry: Geometry, grid: NDArray[np.float16]) -> tuple[list[int], list[int]]:
    """Pixels and pieces of each label of one frame (rows, columns, labels)."""
    masks = [
        apply_threshold(geometry.to_scan(grid[..., label]), threshold)
        for label, threshold in enumerate(thresholds_of(card))
    ]
    return [int(mask.sum()) for mask in masks], [count_components(mask) for mask in masks]
