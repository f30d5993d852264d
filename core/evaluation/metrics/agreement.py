"""Agreement of decisions with the truth from the four counts: Matthews' correlation and Cohen's kappa.

The `table_…` functions take counts of any shape, so that many resamples can be evaluated together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.metrics.binary import confusion


def _divide(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)


def table_mcc(tp: ArrayLike, fp: ArrayLike, tn: ArrayLike, fn: ArrayLike) -> NDArray[np.float64]:
    """Matthews' correlation coefficient (Matthews 1975) of true and false positives, true and false negatives.

    Counts are single numbers or arrays of one shape, which the answer has too.

    NaN where all cases, or all decisions, are of one kind.
    """
    tp, fp, tn, fn = (np.asarray(counts, np.float64) for counts in (tp, fp, tn, fn))
    return _divide(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn)) * np.sqrt((tn + fp) * (tn + fn)))


def table_kappa(tp: ArrayLike, fp: ArrayLike, tn: ArrayLike, fn: ArrayLike) -> NDArray[np.float64]:
    """Cohen's kappa (Cohen 1960); NaN where no disagreement can be expected, all being of one kind.

    Counts are single numbers or arrays of one shape, which the answer has too.
    """
    tp, fp, tn, fn = (np.asarray(counts, np.float64) for counts in (tp, fp, tn, fn))
    return _divide(2.0 * (tp * tn - fn * fp), (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn))


def mcc(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:
    """Matthews' correlation of decision and truth, −1 to 1.

    Example:
        >>> round(mcc([1, 1, 0, 0], [0.9, 0.8, 0.7, 0.1]), 3)
        0.577
    """
    return float(table_mcc(*confusion(y_true, y_score, threshold)))


def kappa(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:
    """Agreement of decision and truth beyond chance.

    Example:
        >>> kappa([1, 1, 0, 0], [0.9, 0.8, 0.7, 0.1])
        0.5
    """
    return float(table_kappa(*confusion(y_true, y_score, threshold)))
