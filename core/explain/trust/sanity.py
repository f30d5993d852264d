"""Does the heat depend on what the model learned?

The weights are replaced by chance from the last layers backwards, and the map is made again each time (Adebayo et al.
2018, arXiv:1810.03292). A map that stays as it was describes the image and not the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled
from core.explain.explanation import Explanation
from core.explain.trust.similarity_of_maps import at_common_size, rank_correlation
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared
from core.inference.randomised import randomised_bundle

#: Fractions of the layers that are replaced, from the last one on.
FRACTIONS = (0.0, 0.3, 1.0)

#: Draws at each fraction: one draw may by chance look alike.
DRAWS = 2


@dataclass(frozen=True, eq=False)
class Sanity:
    """How alike the map stays while the weights are replaced.

    Attributes:
        fractions: (k,) fractions of the layers that were replaced; 0 is the last layer alone.
        correlations: (k,) mean rank correlation with the map of the trained model, by size.
        untrained: The map of a wholly untrained copy, to look at.
    """

    fractions: tuple[float, ...]
    correlations: NDArray[np.float64]
    untrained: Explanation

    @property
    def mean(self) -> float:
        """Over the steps; near 0 where the map depends on the weights, near 1 where it does not."""
        return float(self.correlations.mean())


def measure_sanity(
    bundle: Bundle,
    prepared: Prepared,
    explanation: Explanation,
    explain: Callable[[Bundle, Prepared], Explanation],
    position: int = 0,
    fractions: Sequence[float] = FRACTIONS,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Sanity:
    """Explain one case with copies of the model whose weights were drawn anew.

    Args:
        bundle: The model.
        prepared: What it was given.
        explanation: Of the same frames.
        explain: The method with everything but model and images filled in.
        position: Which frame; of a sequence any of its frames.
        fractions: How much is replaced at each step.
        progress: Called with the fraction done.
        cancelled: Asked before each copy.

    Raises:
        Cancelled: `cancelled` said so.
        UnsupportedModel: The method cannot explain a copy.
    """
    depth = max(1, len(prepared.frames) // len(next(iter(prepared.batch.values()))))
    case = position // depth
    where = slice(case * depth, (case + 1) * depth)
    arrays = {name: array[case : case + 1] for name, array in prepared.batch.items()}
    one = Prepared(arrays, prepared.geometry, prepared.frames[where], prepared.provenance)
    before = _together(explanation.grids[where])
    found = np.zeros((len(fractions), DRAWS))
    untrained = explanation
    for step, fraction in enumerate(fractions):
        for draw in range(DRAWS):
            if cancelled is not None and cancelled():
                raise Cancelled("the check of the explanation")
            untrained = explain(randomised_bundle(bundle, fraction, seed=draw), one)
            # An anticorrelated map is as dependent on the old one as a correlated one.
            found[step, draw] = abs(rank_correlation(before, _together(untrained.grids)))
            if progress is not None:
                progress((step * DRAWS + draw + 1) / found.size)
    return Sanity(tuple(fractions), found.mean(axis=1), untrained)


def _together(grids: NDArray[np.float32]) -> NDArray[np.float64]:
    """The maps of all frames of one case at a common size, one after another."""
    return np.concatenate([at_common_size(grid) for grid in grids])
