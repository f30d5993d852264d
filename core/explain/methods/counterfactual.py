"""What would have to be hidden for another decision: a small region whose blurring turns it.

Patches are blurred in the order in which each alone lowers the score, until the decision turns; then each is brought
back if the decision stays turned without it. The region that is left is minimal: no single patch of it can be spared.
There may be another, smaller region; finding the smallest would mean trying them all (Fong and Vedaldi 2017,
arXiv:1704.03296, look for it by gradients).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, UnsupportedModel
from core.explain.explanation import Explanation
from core.explain.forward import BLOCK, Probe, fraction_of, probes
from core.explain.patches import blur, patch_layout, patch_masks
from core.explain.request import Ask
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared

#: Patches along the longer side of the scan.
PATCHES = 10


def smallest_turning_region(
    bundle: Bundle,
    prepared: Prepared,
    ask: Ask,
) -> Explanation:
    """The region of each frame whose blurring makes the model no longer call the target.

    Args:
        bundle: The opened model.
        prepared: Frames on the model's grid. Of several images one is changed, of a sequence one frame at a time.
        ask: What is wanted.

    Returns:
        A map of 1 where the region is and 0 elsewhere; empty where not even blurring everything turns the decision, and
        on frames where the model does not call the target. `facts` holds `share_of_scan`, `score_before` and
        `score_after` of the first frame in which it does.

    Raises:
        UnsupportedModel: The model calls the target nowhere, or answers for each place and not for the scan.
        Cancelled: The user stopped it.
    """
    calls, layout = _calls(bundle, ask.target), patch_layout(prepared.geometry, PATCHES)
    asked = probes(bundle, prepared, replace(ask, against=None))
    searches = [
        _Search(p, calls, layout, fraction_of(ask.progress, n, len(asked)), ask.cancelled) for n, p in enumerate(asked)
    ]
    found = [search.run() for search in searches]
    predicted = [turn for turn in found if turn is not None]
    if not predicted:
        label = bundle.card.labels[ask.target]
        raise UnsupportedModel(
            f"The model does not call {label}, so that there is no such answer to turn", "choose the other label"
        )
    regions = [np.zeros(layout, np.float32) if turn is None else turn.region.astype(np.float32) for turn in found]
    first = predicted[0]
    return Explanation(
        grids=np.stack([_on_model_grid(region, prepared) for region in regions]),
        frames=prepared.frames,
        geometry=prepared.geometry,
        method="counterfactual",
        label=bundle.card.labels[ask.target],
        layer="",
        units="1 where blurring turns the decision",
        facts={
            "share_of_scan": float(first.region.mean()),
            "score_before": first.before,
            "score_after": first.after,
        },
    )


@dataclass(frozen=True, eq=False)
class _Turn:
    """What a search found: the region (down, across), empty where nothing turns it, and the score before and after."""

    region: NDArray[np.bool_]
    before: float
    after: float


def _calls(bundle: Bundle, target: int) -> Callable[[NDArray[np.float32]], NDArray[np.bool_]]:
    """From (n, units) logits to whether the model calls the target, by the rules of the card."""
    card = bundle.card
    if card.task == "segmentation":
        raise UnsupportedModel("A model that segments calls no one label that could be turned", "choose another method")
    if card.task == "binary" and bundle.units == 1:
        threshold = _logit(card.threshold if card.threshold is not None else 0.5)
        return lambda logits: (logits[:, 0] >= threshold) == (target == 1)
    if card.task == "binary":
        threshold = _logit(card.threshold if card.threshold is not None else 0.5)
        return lambda logits: (logits[:, 1] - logits[:, 0] >= threshold) == (target == 1)
    if card.task == "multilabel":
        threshold = _logit(card.thresholds.get(card.labels[target], 0.5))
        return lambda logits: logits[:, target] >= threshold
    return lambda logits: logits.argmax(axis=1) == target


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1e-7), 1 - 1e-7)
    return float(np.log(bounded / (1 - bounded)))


def _on_model_grid(region: NDArray[np.float32], prepared: Prepared) -> NDArray[np.float32]:
    top, left, bottom, right = prepared.geometry.view
    full = np.zeros(prepared.geometry.model_size, np.float32)
    full[top:bottom, left:right] = cv2.resize(region, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)
    return full


class _Search:
    """Grow the region until the decision turns, then shrink it."""

    def __init__(
        self,
        probe: Probe,
        calls: Callable[[NDArray[np.float32]], NDArray[np.bool_]],
        layout: tuple[int, int],
        progress: Callable[[float], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self.probe, self.calls, self.layout = probe, calls, layout
        self.progress, self.cancelled = progress, cancelled
        self.count = layout[0] * layout[1]
        self.blurred = blur(probe.frame, probe.prepared.geometry)

    def run(self) -> _Turn | None:
        """None where the model does not call the target in the first place."""
        nothing = np.zeros((1, self.count), bool)
        logits = self._logits(nothing)
        if not self.calls(logits)[0]:
            return None
        before = float(logits[0] @ self.probe.weights)
        alone = self._logits(np.eye(self.count, dtype=bool)) @ self.probe.weights
        self._tell(0.4)
        region = self._grow(np.argsort(alone, kind="stable"))
        self._tell(0.7)
        if region is not None:
            region = self._shrink(region, np.argsort(-alone, kind="stable"))
        after = float(self._logits(~nothing if region is None else region[None])[0] @ self.probe.weights)
        self._tell(1.0)
        return _Turn((nothing[0] if region is None else region).reshape(self.layout), before, after)

    def _grow(self, order: NDArray[np.intp]) -> NDArray[np.bool_] | None:
        regions = np.zeros((self.count, self.count), bool)
        for step, patch in enumerate(order):
            regions[step:, patch] = True
        for start in range(0, self.count, BLOCK):
            turned = ~self.calls(self._logits(regions[start : start + BLOCK]))
            if turned.any():
                return np.asarray(regions[start + int(turned.argmax())])
        return None

    def _shrink(self, region: NDArray[np.bool_], least_first: NDArray[np.intp]) -> NDArray[np.bool_]:
        for patch in least_first:
            if not region[patch]:
                continue
            smaller = region.copy()
            smaller[patch] = False
            if not self.calls(self._logits(smaller[None]))[0]:
                region = smaller
        return region

    def _logits(self, hidden: NDArray[np.bool_]) -> NDArray[np.float32]:
        """(n, patches) which are blurred, to (n, units) logits."""
        parts = []
        for start in range(0, len(hidden), BLOCK):
            if self.cancelled is not None and self.cancelled():
                raise Cancelled("the explanation")
            kept = 1 - hidden[start : start + BLOCK].reshape(-1, *self.layout).astype(np.float32)
            masks = patch_masks(kept, self.probe.prepared.geometry)[..., None]
            copies = (masks * self.probe.frame + (1 - masks) * self.blurred).astype(np.float32)
            parts.append(self.probe.logits(copies))
        return np.concatenate(parts)

    def _tell(self, fraction: float) -> None:
        if self.progress is not None:
            self.progress(fraction)
