"""Limits of an AUC: DeLong's variance, held up by Hanley and McNeil's where few patients give it.

Newcombe 2006 (Statistics in Medicine 25:559-573, method 5) takes those AUCs for possible whose own standard error,
by a variant of Hanley and McNeil 1982 (Radiology 143:29-36), reaches as far as the one that was observed. Such an
interval stays within 0 and 1, is longer on the side of 0.5, and has a length where every pair was put right. Here the
variance of that model is scaled to DeLong's, which knows the curve and the patients. With few patients DeLong's
variance is by chance too small as often as too large, and most of all where the AUC is near 1; it is then drawn up to
the model's as if that had been seen with `PRIOR` degrees of freedom. With many patients nothing is left of this.
"""

from __future__ import annotations

import math
from functools import partial

from core.evaluation.statistics.delong import AucParts
from core.evaluation.statistics.limits import Limits, root

#: Weight of the variance by Hanley and McNeil, in degrees of freedom. `benchmarks/coverage.py` measures what it does.
PRIOR = 40.0


def hanley_mcneil(auc: float, positives: int, negatives: int) -> float:
    """Variance of an AUC of independent cases, in Newcombe's form, which does not change when the kinds are swapped.

    Example:
        >>> round(hanley_mcneil(0.8, 20, 30), 5)
        0.00418
    """
    half = (positives + negatives) / 2.0 - 1.0
    spread = 1.0 + half * (1.0 - auc) / (2.0 - auc) + half * auc / (1.0 + auc)
    return auc * (1.0 - auc) * spread / (positives * negatives)


def auc_limits(parts: AucParts, model: int) -> Limits:
    """Limits of one of several AUCs; none with fewer than two patients of a kind.

    Where every pair is put right, or wrong, the variance says nothing: a patient then counts as one case.
    """
    auc, variance = float(parts.aucs[model]), float(parts.covariance[model, model])
    if not variance >= 0.0 or math.isnan(auc):
        return Limits(auc, 0.0, lambda *_: math.nan)
    cases, scale = parts.patients[:2], 1.0
    if 0.0 < auc < 1.0 and variance > 0.0:
        cases, freedom = parts.cases, float(parts.freedom[model])
        seen = variance / hanley_mcneil(auc, *cases)
        scale = (freedom * seen + PRIOR * max(seen, 1.0)) / (freedom + PRIOR)
    return Limits(auc, parts.patients[2] - 1.0, partial(_end, auc, scale, *cases))


def _end(auc: float, scale: float, positives: int, negatives: int, side: int, at: float) -> float:
    """The last possible AUC on the way from the observed one to 0 or 1."""
    way = side - auc
    if not way:
        return auc

    def possible(fraction: float) -> float:
        """Above 0 where the AUC may lie at this fraction of the way."""
        variance = scale * hanley_mcneil(auc + way * fraction, positives, negatives)
        return at * math.sqrt(variance) - abs(way) * fraction

    # At an AUC of 0 or 1 the function begins at 0 and rises before it falls.
    return auc + way * root(possible, 1e-9, 1.0)
