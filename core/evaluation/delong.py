"""Areas under ROC curves with their covariance: DeLong's, and Obuchowski's where patients have several cases.

DeLong, DeLong and Clarke-Pearson 1988 (Biometrics 44:837-845) estimate the covariance of AUCs from placements: for each
case with the finding the share of the others that it outranks, and the reverse. Obuchowski 1997 (Biometrics
53:567-578) sums placements by patient first, so pictures of one patient need not be independent, whether they all show
the finding or only some do. With one case a patient the two are equal, so there is one implementation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: 97.5th percentile of the standard normal distribution.
Z = 1.959963984540054


def placements(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of the other kind that is outranked, equal scores counting half.

    Returns:
        (positives,) share of the negatives below each case with the finding, and (negatives,) share of the positives
        above each case without. The mean of either is the AUC. Costs two sorts.
    """
    positives, negatives = score[truth], score[~truth]
    up, down = np.argsort(positives), np.argsort(negatives)
    above, below = np.empty(len(positives)), np.empty(len(negatives))
    above[up] = _share_below(negatives[down], positives[up])
    below[down] = 1.0 - _share_below(positives[up], negatives[down])
    return above, below


def _share_below(ordered: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    places = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return np.asarray(places / (2.0 * len(ordered)))


def auc_covariance(
    truth: NDArray[np.bool_], scores: NDArray[np.float64], owner: NDArray[np.intp] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """AUCs of several models on the same cases, and their covariance.

    Args:
        truth: (cases,) whether the finding is there.
        scores: (models, cases) without NaN.
        owner: (cases,) a number from 0 for each patient; None for one case a patient.

    Returns:
        (models,) AUCs, NaN where one kind of case is missing, and (models, models) covariance, NaN where fewer than two
        patients have cases of a kind.
    """
    models, positives, negatives = len(scores), int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return np.full(models, np.nan), np.full((models, models), np.nan)
    people = np.arange(len(truth)) if owner is None else owner
    width = int(people.max()) + 1
    with_finding, without = people[truth], people[~truth]
    counts = [np.count_nonzero(np.bincount(group)) for group in (with_finding, without, people)]
    aucs = np.empty(models)
    gains, losses = np.empty((models, width)), np.empty((models, width))
    for index, score in enumerate(scores):
        above, below = placements(truth, score)
        aucs[index] = above.mean()
        gains[index] = np.bincount(with_finding, above - aucs[index], width) / positives
        losses[index] = np.bincount(without, below - aucs[index], width) / negatives
    if min(counts[:2]) < 2:
        return aucs, np.full((models, models), np.nan)
    of_gains, of_losses, of_both = (number / (number - 1.0) for number in counts)
    cross = gains @ losses.T
    return aucs, of_gains * (gains @ gains.T) + of_losses * (losses @ losses.T) + of_both * (cross + cross.T)


def auc_interval(auc: float, variance: float) -> tuple[float, float]:
    """95 % interval of an AUC on the logit scale, so that it stays within 0 and 1.

    NaN at an AUC of exactly 0 or 1, where the variance says nothing.
    """
    if not 0.0 < auc < 1.0 or not variance >= 0.0:
        return float("nan"), float("nan")
    centre, half = np.log(auc / (1.0 - auc)), Z * np.sqrt(variance) / (auc * (1.0 - auc))
    low, high = (float(0.5 * (1.0 + np.tanh((centre + side * half) / 2.0))) for side in (-1, 1))
    return low, high
