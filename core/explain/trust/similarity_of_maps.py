"""How alike two heatmaps are, by the order of their cells.

Spearman's rank correlation: it asks whether the same places are hot, whatever the scale and however steep the peak. A
map without any heat has no order; its correlation with anything is 0.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.binary import midranks

#: Cells along a side at which maps of different resolution are compared.
COMMON = 16


def rank_correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Spearman's correlation of two maps of the same shape, -1 to 1; 0 where one of them is flat."""
    first, second = midranks(np.ravel(one).astype(np.float64)), midranks(np.ravel(other).astype(np.float64))
    spread = float(first.std() * second.std())
    if spread <= 1e-12:
        return 0.0
    return float(((first - first.mean()) * (second - second.mean())).mean() / spread)


def at_common_size(grid: NDArray[np.floating], cells: int = COMMON) -> NDArray[np.float32]:
    """A (rows, columns) map as (`cells`, `cells`), averaged where it is finer, interpolated where it is coarser."""
    smaller = min(grid.shape) >= cells
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(grid, np.float32), (cells, cells), interpolation=how)


def overlap_of_hottest(grids: list[NDArray[np.floating]], fraction: float = 0.2) -> NDArray[np.float32]:
    """In how many maps each cell is among the hottest, as a fraction of the maps.

    Args:
        grids: Maps of any resolution of the same frame.
        fraction: Of the cells that count as hottest.

    Returns:
        (`COMMON`, `COMMON`) float32, 0 to 1; a cell without heat never counts.
    """
    votes = np.zeros((COMMON, COMMON), np.float32)
    for grid in grids:
        common = at_common_size(grid)
        votes += (common >= np.quantile(common, 1 - fraction)) & (common > 0)
    return (votes / max(1, len(grids))).astype(np.float32)
