"""Is the heat where the model's evidence is? Parts of the scan are taken away and brought back, hottest first.

Deletion and insertion (Petsiuk et al. 2018, RISE, arXiv:1806.07421): if the hottest parts matter most, taking them away
lowers the score quickly, and bringing them back first raises it quickly. What such a curve means on one scan is only
known beside others on the same scan, so it is compared with random orders of the same patches. "Taken away" means a
smooth blur and not black, which no scan has there and which the model would answer to by itself.

Only forward passes are needed. Taking away the first half of an order and bringing back the second half of it give the
same image, so one set of images serves both questions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled
from core.explain.explanation import Explanation
from core.explain.inputs import Image, explained_image
from core.explain.patches import blur, patch_heat, patch_layout, patch_masks
from core.explain.region import explained_region, weighted_scores
from core.explain.request import Ask
from core.inference.bundle import Bundle
from core.inference.prepare import Geometry, Prepared

#: Fractions of the patches that are taken away. Symmetric, so that one set of images serves deletion and insertion.
FRACTIONS = (0.15, 0.5, 0.85)

#: Random orders to compare with.
ORDERS = 100

#: Random orders for a sequence or a volume, of which one prediction costs as much as many images.
FEW_ORDERS = 30

#: Patches of a sequence or a volume along its frames, and along its longer side.
TIMES, FEW_PATCHES = 4, 5

#: Images made and run at once; bounds the memory.
BLOCK = 32


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """How the explained score follows the heat, against random orders.

    Attributes:
        fractions: (k,) fractions of the patches.
        deletion: (k,) score after taking away the hottest share; lower is better.
        insertion: (k,) score with only the hottest share in place; higher is better.
        whole: Score of the untouched scan.
        nothing: Score with everything taken away.
        deletion_beats: Of 100 random orders, how many it beats at deletion.
        insertion_beats: Of 100 random orders, how many it beats at insertion.
        orders: Number of random orders behind these.
    """

    fractions: tuple[float, ...]
    deletion: NDArray[np.float64]
    insertion: NDArray[np.float64]
    whole: float
    nothing: float
    deletion_beats: float
    insertion_beats: float
    orders: int

    @property
    def beats(self) -> float:
        """The mean of both."""
        return (self.deletion_beats + self.insertion_beats) / 2


def measure_faithfulness(
    bundle: Bundle,
    prepared: Prepared,
    explanation: Explanation,
    weights: NDArray[np.float32],
    position: int = 0,
    orders: int | None = None,
    seed: int = 0,
    ask: Ask | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Faithfulness:
    """Deletion and insertion of one case against random orders.

    Of a sequence or a volume the patches are blocks in space and time. Other inputs stay as they are.

    Args:
        bundle: The model.
        prepared: What it was given.
        explanation: Of the same frames.
        weights: (units,) of the logits, from `core.explain.target.score_weights`.
        position: Which frame of both; of a sequence any of its frames.
        orders: Random orders; None for `ORDERS`, or `FEW_ORDERS` for a sequence or a volume.
        seed: Of these, and of the order among patches of equal heat.
        ask: What was asked for, for the input that is explained and the region of a segmentation; None for the first.
        progress: Called with the fraction done.
        cancelled: Asked before each block.

    Raises:
        Cancelled: `cancelled` said so.
    """
    ask = ask or Ask(0)
    image = explained_image(bundle, prepared, ask)
    case = position // image.depth
    region = explained_region(bundle, prepared, ask)
    layout = _layout(image, prepared.geometry)
    rng = np.random.default_rng(seed)
    heat = _block_heat(explanation.grids[case * image.depth :][: image.depth], prepared.geometry, layout)
    orders = orders or (ORDERS if image.values.ndim == 4 else FEW_ORDERS)
    # Sorting by heat, hottest first; a random key settles ties, which are many where a map is rectified.
    hottest = np.lexsort((rng.random(heat.size), -heat.ravel()))
    coldest = hottest[::-1]
    every = [hottest, coldest, *(rng.permutation(heat.size) for _ in range(orders))]
    counts = [max(1, round(fraction * heat.size)) for fraction in FRACTIONS]
    kept = np.stack([_kept(order, count) for order in every for count in counts])
    kept = np.concatenate([kept, np.ones((1, heat.size)), np.zeros((1, heat.size))]).astype(np.float32)
    scores = np.empty(len(kept))
    blurred = _blurred(image, case, prepared.geometry)
    taken = image.values[case] - blurred
    block = max(4, BLOCK // image.depth)
    for start in range(0, len(kept), block):
        if cancelled is not None and cancelled():
            raise Cancelled("the check of the explanation")
        masks = _block_masks(kept[start : start + block].reshape(-1, *layout), prepared.geometry, image)
        images = masks * taken
        images += blurred
        logits = bundle.run(image.batch(images, case), outputs=("logits",)).logits
        scores[start : start + block] = weighted_scores(logits, weights, None if region is None else region[case])
        if progress is not None:
            progress(min(1.0, (start + block) / len(kept)))
    return _judged(scores, len(every), [count / heat.size for count in counts], orders)


def _judged(scores: NDArray[np.float64], rows: int, fractions: list[float], orders: int) -> Faithfulness:
    curves = scores[:-2].reshape(rows, len(fractions))
    # Keeping the hottest share s is what is left when the coldest 1 - s are taken away: the curve of `coldest`, turned.
    deletion, insertion = curves[0], curves[1][::-1]
    random_deletion, random_insertion = curves[2:].mean(axis=1), curves[2:, ::-1].mean(axis=1)
    return Faithfulness(
        fractions=tuple(fractions),
        deletion=deletion,
        insertion=insertion,
        whole=float(scores[-2]),
        nothing=float(scores[-1]),
        deletion_beats=_beats(-deletion.mean(), -random_deletion),
        insertion_beats=_beats(insertion.mean(), random_insertion),
        orders=orders,
    )


def _layout(image: Image, geometry: Geometry) -> tuple[int, int, int]:
    """(along the frames, down, across) blocks."""
    if image.values.ndim == 4:
        return (1, *patch_layout(geometry))
    return (min(TIMES, image.depth), *patch_layout(geometry, FEW_PATCHES))


def _group_of_frames(depth: int, groups: int) -> NDArray[np.intp]:
    """(depth,) which block along the frames each belongs to."""
    return np.arange(depth) * groups // depth


def _block_heat(grids: NDArray[np.float32], geometry: Geometry, layout: tuple[int, int, int]) -> NDArray[np.float32]:
    """Mean heat of each block, of the shape of `layout`."""
    heat = np.stack([patch_heat(grid, geometry, layout[1:]) for grid in grids])
    group = _group_of_frames(len(grids), layout[0])
    return np.stack([heat[group == number].mean(axis=0) for number in range(layout[0])])


def _block_masks(kept: NDArray[np.float32], geometry: Geometry, image: Image) -> NDArray[np.float32]:
    """(n, groups, down, across) shares kept to masks that can be multiplied with n copies of the image."""
    flat = patch_masks(kept.reshape(-1, *kept.shape[2:]), geometry)
    masks = flat.reshape(*kept.shape[:2], *flat.shape[1:])[..., None]
    if image.values.ndim == 4:
        return masks[:, 0]
    return masks[:, _group_of_frames(image.depth, kept.shape[1])]


def _blurred(image: Image, case: int, geometry: Geometry) -> NDArray[np.float32]:
    """The case with every frame blurred, of the same shape."""
    whole = image.values[case]
    frames = whole.reshape(-1, *whole.shape[-3:])
    return np.stack([blur(frame, geometry) for frame in frames]).reshape(whole.shape)


def _kept(order: NDArray[np.intp], count: int) -> NDArray[np.float32]:
    kept = np.ones(len(order), np.float32)
    kept[order[:count]] = 0
    return kept


def _beats(value: float, others: NDArray[np.float64]) -> float:
    """How many of 100 others are worse than a value; equal ones count half."""
    return float(100 * ((others < value).mean() + (others == value).mean() / 2))
