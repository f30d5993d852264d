"""Areas under ROC curves with their covariance: DeLong's, and Obuchowski's where patients have several cases.

DeLong, DeLong and Clarke-Pearson 1988 (Biometrics 44:837-845) estimate the covariance of AUCs from placements: for each
case with the finding the fraction of the others that it outranks, and the reverse. Obuchowski 1997 (Biometrics
53:567-578) sums placements by patient first, so images of one patient need not be independent, whether they all show
the finding or only some do. With one case a patient the two are equal, so there is one implementation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: 97.5th percentile of the standard normal distribution.
Z = 1.959963984540054


def placements(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fraction of the other kind that is outranked, equal scores counting half.

    Returns:
        (positives,) fraction of the negatives below each case with the finding, and (negatives,) fraction of the
        positives above each case without. The mean of either is the AUC. Costs two sorts.
    """
    positives, negatives = score[truth], score[~truth]
    up, down = np.argsort(positives), np.argsort(negatives)
    above, below = np.empty(len(positives)), np.empty(len(negatives))
    above[up] = _fraction_below(negatives[down], positives[up])
    below[down] = 1.0 - _fraction_below(positives[up], negatives[down])
    return above, below


def _fraction_below(ordered: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    places = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return np.asarray(places / (2.0 * len(ordered)))


@dataclass(frozen=True, eq=False)
class AucParts:
    """AUCs of several models on the same cases, with what says how sure they are.

    Attributes:
        aucs: (models,) NaN where one kind of case is missing.
        covariance: (models, models) NaN where fewer than two patients have cases of a kind.
        influence: (models, patients) what each patient adds to or takes from the AUC.
        freedom: (models,) degrees of freedom of the variances (Satterthwaite 1946, Biometrics Bulletin 2:110-114).
        cases: Those with the finding, and those without.
        patients: Who have cases with the finding, who have some without, and all.
    """

    aucs: NDArray[np.float64]
    covariance: NDArray[np.float64]
    influence: NDArray[np.float64]
    freedom: NDArray[np.float64]
    cases: tuple[int, int]
    patients: tuple[int, int, int]


def auc_parts(
    truth: NDArray[np.bool_], scores: NDArray[np.float64], patient_index: NDArray[np.intp] | None = None
) -> AucParts:
    """AUCs of several models on the same cases.

    Args:
        truth: (cases,) whether the finding is there.
        scores: (models, cases) without NaN.
        patient_index: (cases,) a number from 0 for each patient; None for one case a patient.
    """
    models, cases = len(scores), (int(truth.sum()), int((~truth).sum()))
    n_patients = np.arange(len(truth)) if patient_index is None else patient_index
    width = int(n_patients.max(initial=-1)) + 1
    with_finding, without = n_patients[truth], n_patients[~truth]
    patients = [int(np.count_nonzero(np.bincount(group))) for group in (with_finding, without, n_patients)]
    aucs, covariance, freedom = np.full(models, np.nan), np.full((models, models), np.nan), np.zeros(models)
    gains, losses = np.zeros((models, width)), np.zeros((models, width))
    if min(cases):
        for index, score in enumerate(scores):
            above, below = placements(truth, score)
            aucs[index] = above.mean()
            gains[index] = np.bincount(with_finding, above - aucs[index], width) / cases[0]
            losses[index] = np.bincount(without, below - aucs[index], width) / cases[1]
    if min(patients) > 1:
        of_gains, of_losses, of_both = (number / (number - 1.0) for number in patients)
        cross = gains @ losses.T
        covariance = of_gains * (gains @ gains.T) + of_losses * (losses @ losses.T) + of_both * (cross + cross.T)
        up, down = of_gains * (gains**2).sum(axis=1), of_losses * (losses**2).sum(axis=1)
        spread = up**2 / (patients[0] - 1) + down**2 / (patients[1] - 1)
        least = np.full(models, min(patients) - 1.0)
        freedom = np.divide((up + down) ** 2, spread, out=least, where=spread > 0)
    return AucParts(aucs, covariance, gains + losses, freedom, cases, (patients[0], patients[1], patients[2]))


def auc_covariance(
    truth: NDArray[np.bool_], scores: NDArray[np.float64], patient_index: NDArray[np.intp] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(models,) AUCs of several models on the same cases, and their (models, models) covariance; see `auc_parts`."""
    parts = auc_parts(truth, scores, patient_index)
    return parts.aucs, parts.covariance
