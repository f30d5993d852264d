"""Wilson's interval of a share of cases when patients have several cases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.evaluation.intervals import Estimate, wilson
from core.evaluation.patients import count


def patient_wilson(right: NDArray[np.bool_], owner: NDArray[np.intp]) -> Estimate:
    """Wilson's interval with as many trials as the cases are worth.

    With one case a patient that is their number. Otherwise it is p (1 − p) / v, where v is the variance of the share
    as a ratio of sums over patients (Korn and Graubard 1998, Survey Methodology 24:193-201; Dean and Pagano 2015,
    Journal of Survey Statistics and Methodology 3:484-503), at most the number of cases; a share of exactly 0 or 1
    says nothing about v, and counts one trial a patient.

    Args:
        right: (cases,) whether each counts as a success.
        owner: (cases,) a number for each patient.
    """
    cases, successes = len(right), int(right.sum())
    people = count(owner)
    if people == cases:
        return wilson(successes, cases)
    trials = effective_trials(right, owner)
    share = wilson(successes / cases * trials, trials)
    return Estimate(successes / cases, share.low, share.high, cases, f"Wilson, {people} patients")


def effective_trials(right: NDArray[np.bool_], owner: NDArray[np.intp]) -> float:
    """With how many independent cases the share would be as sure; see `patient_wilson`."""
    cases, people = len(right), count(owner)
    if people == cases:
        return float(cases)
    share = int(right.sum()) / cases
    if share in {0.0, 1.0} or people < 2:
        return float(people)
    residuals = np.bincount(owner, right - share)
    variance = people / (people - 1) * float((residuals**2).sum()) / cases**2
    return min(float(cases), share * (1 - share) / variance) if variance else float(cases)
