"""The score of models that answer for every place: the logits of a class, summed over a chosen region of the output.

Vinogradova et al. 2020, Towards Interpretable Semantic Segmentation via Gradient-weighted Class Activation Mapping,
arXiv:2002.11434, eq. 2: the region may be one pixel, an outline, or all that the model calls the class.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.explain.request import Ask
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared

Region = NDArray[np.float32] | None


def explained_region(bundle: Bundle, prepared: Prepared, ask: Ask) -> Region:
    """(N, rows, columns) weights on the output's grid for a segmentation, None for any other task.

    Without `ask.region` it is where the model itself calls the target.

    Raises:
        UnsupportedModel: The region is empty or not on the output's grid, the model calls the target nowhere, or a
            region is given and the model has one answer for the whole scan.
    """
    if bundle.card.task != "segmentation":
        if ask.region is not None:
            raise UnsupportedModel(
                "The model gives one answer for the whole scan, so that it has none for a region",
                "leave the region away",
            )
        return None
    output = ask.output if ask.output is not None else bundle.run(prepared.batch, outputs=("logits",))
    grid = output.logits.shape[:-1]
    if ask.region is None:
        region = _predicted(bundle, output.logits, ask.target)
    elif ask.region.shape in {grid, grid[1:]}:
        region = np.broadcast_to(ask.region, grid).astype(np.float32)
    else:
        size = " × ".join(str(n) for n in grid[1:])
        raise UnsupportedModel(f"a region of {size} cells", "another size", "draw it on the model's output")
    if not region.any():
        label = bundle.card.labels[ask.target]
        raise UnsupportedModel(
            f"No pixel was segmented as {label}, so there is no region to explain", "choose a region or another label"
        )
    return region


def _predicted(bundle: Bundle, logits: NDArray[np.float32], target: int) -> NDArray[np.float32]:
    if bundle.units == 1:  # one unit speaks for the last label
        predicted = (logits[..., 0] >= 0) == (target == len(bundle.card.labels) - 1)
    elif bundle.link == "sigmoid":  # each label by itself
        predicted = logits[..., target] >= 0
    else:
        predicted = logits.argmax(axis=-1) == target
    return predicted.astype(np.float32)


def weighted_scores(
    logits: NDArray[np.float32], weights: NDArray[np.float32], region: Region = None
) -> NDArray[np.float32]:
    """(n,) explained scores.

    Args:
        logits: (n, units), or (n, rows, columns, units) for a segmentation.
        weights: (units,), from `core.explain.target.score_weights`.
        region: (rows, columns) on the output's grid, for a segmentation.

    Raises:
        UnsupportedModel: An answer for every place or frame, and no region to sum over.
    """
    values = logits @ weights
    if region is not None and values.ndim == 3:
        return np.asarray((values * region).sum(axis=(1, 2)), np.float32)
    if values.ndim != 1:
        raise UnsupportedModel(
            "The model gives a row of answers, neither one a scan nor a segmentation", "choose another model"
        )
    return values


def target_probability(bundle: Bundle, logits: NDArray[np.float32], ask: Ask, region: Region) -> NDArray[np.float32]:
    """(n,) probability of the target, less that of `ask.against`; over a region its mean."""
    found = bundle.probabilities(logits.reshape(-1, logits.shape[-1]))
    against = 0.0 if ask.against is None else found[:, ask.against]
    values = (found[:, ask.target] - against).reshape(logits.shape[:-1])
    if region is not None:
        values = (values * region).sum(axis=(1, 2)) / region.sum()
    return np.asarray(values, np.float32)
