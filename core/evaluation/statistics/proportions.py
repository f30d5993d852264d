"""Intervals of a fraction of cases when patients have several cases: Wilson's, with the cases that they are worth."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.evaluation.statistics.intervals import Estimate, wilson
from core.evaluation.statistics.limits import Limits
from core.evaluation.statistics.patients import count
from core.evaluation.statistics.student import critical


def patient_wilson(right: NDArray[np.bool_], patient_index: NDArray[np.intp], everyone: int = 0) -> Estimate:
    """Wilson's interval with as many trials as the cases are worth.

    With one case a patient that is their number. Otherwise it is `effective_trials` times (t(n − 1) / t(patients − 1))²
    (Korn and Graubard 1998, Survey Methodology 24:193-201), as few patients do not say for sure how alike their cases
    are; a fraction of exactly 0 or 1 says nothing of that, and counts one trial a patient.

    Args:
        right: (cases,) whether each counts as a success.
        patient_index: (cases,) a number for each patient.
        everyone: Patients of the study, of whom some may have no case that counts: degrees of freedom are those of the
            design, not of the part. 0 for those who have.
    """
    cases, successes = len(right), int(right.sum())
    n_patients = count(patient_index)
    if n_patients == cases:
        return wilson(successes, cases)
    trials = effective_trials(right, patient_index)
    if n_patients > 1 and 0 < successes < cases:
        trials *= min(1.0, critical(cases - 1.0) / critical(max(n_patients, everyone) - 1.0)) ** 2
    fraction = wilson(successes / cases * trials, trials)
    return Estimate(successes / cases, fraction.low, fraction.high, cases, f"Wilson, {n_patients} patients")


def fraction_limits(right: NDArray[np.bool_], patient_index: NDArray[np.intp], everyone: int = 0) -> Limits:
    """Limits of a fraction at any level by Wilson's interval, for cases of which some are of the same patient.

    Args:
        right: (cases,) whether each counts as a success.
        patient_index: (cases,) a number for each patient.
        everyone: How many patients there are in all, where `patient_index` holds only some; see `patient_wilson`.
    """
    value, n_patients = float(right.mean()) if len(right) else float("nan"), count(patient_index)
    freedom = max(n_patients, everyone) - 1.0 if n_patients > 1 else 0.0
    return Limits(value, freedom, partial(_end, value, effective_trials(right, patient_index)))


def _end(fraction: float, trials: float, side: int, at: float) -> float:
    found = wilson(fraction * trials, trials, at)
    return found.high if side else found.low


def effective_trials(right: NDArray[np.bool_], patient_index: NDArray[np.intp]) -> float:
    """How many independent cases would make the fraction as sure as it is.

    It is p (1 − p) / v, where v is the variance of the fraction as a ratio of sums over patients (Dean and Pagano 2015,
    Journal of Survey Statistics and Methodology 3:484-503), at most the number of cases; as many as there are patients
    where the fraction is 0 or 1.

    Args:
        right: (cases,) whether each counts as a success.
        patient_index: (cases,) a number for each patient.
    """
    cases, n_patients = len(right), count(patient_index)
    if n_patients == cases:
        return float(cases)
    fraction = int(right.sum()) / cases
    if fraction in {0.0, 1.0} or n_patients < 2:
        return float(n_patients)
    variance = n_patients / (n_patients - 1) * float((fraction_influence(right, patient_index) ** 2).sum())
    return min(float(cases), fraction * (1 - fraction) / variance) if variance else float(cases)


def fraction_influence(
    right: NDArray[np.generic], patient_index: NDArray[np.intp], n_patients: int = 0
) -> NDArray[np.float64]:
    """(patients,) what the cases of each patient add to a mean or take from it; `n_patients` of them at least."""
    values = np.asarray(right, np.float64)
    return (
        np.bincount(patient_index, values - values.mean(), n_patients) / len(values)
        if len(values)
        else np.zeros(n_patients)
    )
