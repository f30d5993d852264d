"""The answer of a segmentation model: probabilities on its own grid, masks on the scan's pixels, and their doubt.

Nothing is chosen here: the thresholds come from the card, which took them from the validation split. A mask is drawn by
bringing the probability back onto the scan's pixels, through the exact inverse of crop, letterbox or stretch, and
cutting it there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, IncompatibleInput
from core.inference.bundle import CHUNK, Bundle
from core.inference.ood import Similarity
from core.inference.prepare import Geometry, Prepared, prepare
from core.inference.study import Study, prepare_study
from core.models.card import ModelCard
from core.models.compatibility import compatibility
from core.scan import Scan, Step


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

    @property
    def labels(self) -> tuple[str, ...]:
        """What may be outlined: the card's labels but the background."""
        return self.card.labels[1:]

    @property
    def cuts(self) -> tuple[float, ...]:
        """Probability from which on a pixel belongs to each of `labels`."""
        return cuts_of(self.card)

    def probability(self, position: int, label: int, size: tuple[int, int] | None = None) -> NDArray[np.float32]:
        """Probability of `labels[label]` in `frames[position]` on the scan's pixels: (rows, columns)."""
        return self.geometry.to_scan(self.probabilities[position, ..., label], size)

    def mask(self, position: int, label: int) -> NDArray[np.bool_]:
        """Which pixels of the scan are outlined as `labels[label]` in `frames[position]`: (rows, columns)."""
        return cut(self.probability(position, label), self.cuts[label])

    def volume(self, label: int) -> NDArray[np.bool_]:
        """The masks of all frames: (frames, rows, columns)."""
        return np.stack([self.mask(position, label) for position in range(len(self.frames))])


def cuts_of(card: ModelCard) -> tuple[float, ...]:
    """The card's threshold for each label but the background."""
    if card.threshold is not None:
        return (card.threshold,) * (len(card.labels) - 1)
    return tuple(card.thresholds[label] for label in card.labels[1:])


def cut(probability: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Where a probability reaches its threshold; pixels that the model did not see never do."""
    return (probability >= np.float32(threshold)) & (probability > 0)


def count_pieces(mask: NDArray[np.bool_]) -> int:
    """Separate pieces of a mask (rows, columns)."""
    return int(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0]) - 1


def prepare_frames(card: ModelCard, scan: Scan, frames: Sequence[int]) -> Prepared:
    """The model's input for some frames; other inputs that may be missing are left out.

    Raises:
        IncompatibleInput: The model needs more than this scan, or a frame does not exist.
    """
    first = next((spec for spec in card.inputs if spec.is_picture), card.inputs[0])
    if first.kind != "image":
        raise IncompatibleInput("a model that outlines one picture", f"one that takes a {first.kind}", "choose another")
    if len(card.inputs) > 1:
        return prepare_study(Study({first.name: scan}), card, frames)
    return prepare(scan, first, frames)


def outlined_probabilities(bundle: Bundle, logits: NDArray[np.floating]) -> NDArray[np.float16]:
    """Logits (N, rows, columns, units) to probabilities (N, rows, columns, labels) without the background.

    Raises:
        IncompatibleInput: The model does not give one value a pixel for each of its labels.
    """
    card, units = bundle.card, logits.shape[-1]
    if logits.ndim != 4 or ((units, len(card.labels)) != (1, 2) and units != len(card.labels)):
        received = " × ".join(str(size) for size in logits.shape[1:])
        raise IncompatibleInput(
            f"a map for each of {len(card.labels)} labels", f"an output of {received}", "choose another model"
        )
    flat = bundle.probabilities(logits.reshape(-1, units))
    return flat[:, 1:].reshape(*logits.shape[:3], -1).astype(np.float16)


def segment(
    bundle: Bundle,
    scan: Scan,
    frames: Sequence[int] | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Segmentation:
    """Outline what the model finds in frames of a scan.

    A scan that does not fit the contract is still outlined, and the answer then carries the reason as a warning.

    Args:
        bundle: The opened model, of task segmentation.
        scan: The scan.
        frames: Which frames; None for all.
        progress: Called with the share done.
        cancelled: Asked between chunks of frames.

    Raises:
        IncompatibleInput: The model does not outline, or needs more than this scan.
        Cancelled: The user stopped it.
    """
    card = bundle.card
    if card.task != "segmentation":
        raise IncompatibleInput("a model that outlines", f"one for {card.task} answers", "choose another model")
    chosen = tuple(range(scan.frames)) if frames is None else tuple(frames)
    grids, sizes, near = [], [], []
    for start in range(0, len(chosen), CHUNK):
        if cancelled is not None and cancelled():
            raise Cancelled("the outline")
        prepared = prepare_frames(card, scan, chosen[start : start + CHUNK])
        output = bundle.run(prepared.batch, outputs=("features",))
        grids.append(outlined_probabilities(bundle, output.logits))
        sizes += [_sizes(card, prepared.geometry, grid) for grid in grids[-1]]
        near += list(bundle.similarity(output.features))
        if progress is not None:
            progress(min(start + CHUNK, len(chosen)) / len(chosen))
    fit = compatibility(card, scan)
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
    )


def _sizes(card: ModelCard, geometry: Geometry, grid: NDArray[np.float16]) -> tuple[list[int], list[int]]:
    """Pixels and pieces of each label of one frame (rows, columns, labels)."""
    masks = [cut(geometry.to_scan(grid[..., label]), threshold) for label, threshold in enumerate(cuts_of(card))]
    return [int(mask.sum()) for mask in masks], [count_pieces(mask) for mask in masks]
