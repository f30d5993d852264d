"""95 % intervals of single numbers: Wilson's for shares, and percentiles of a bootstrap that draws patients.

Several images of one patient are not independent: the bootstrap draws patients with replacement (`resampling`).
`estimates` chooses the interval that suits a metric.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.statistics.delong import Z
from core.evaluation.statistics.resampling import ResampleFunction, patient_counts
from core.evaluation.statistics.student import expanded_level

NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A number with its uncertainty.

    Attributes:
        value: The estimate, NaN where undefined.
        low: Lower end of the 95 % interval.
        high: Upper end.
        n: Cases it rests on.
        method: How the interval was made.
    """

    value: float
    low: float
    high: float
    n: int
    method: str


def wilson(successes: float, trials: float, at: float = Z) -> Estimate:
    """Score interval of a proportion (Wilson 1927, JASA 22:209-212); NaN for no trials.

    Args:
        successes: Of the trials; need not be whole.
        trials: Need not be whole.
        at: Critical value, that of 95 % without.

    Example:
        >>> estimate = wilson(8, 10)
        >>> round(estimate.low, 3), round(estimate.high, 3)
        (0.49, 0.943)
    """
    if trials == 0:
        return Estimate(NAN, NAN, NAN, 0, "Wilson")
    fraction, z2 = successes / trials, at * at
    centre = (fraction + z2 / (2 * trials)) / (1 + z2 / trials)
    half = at / (1 + z2 / trials) * float(np.sqrt(fraction * (1 - fraction) / trials + z2 / (4 * trials * trials)))
    # The ends at 0 and at all successes are exactly 0 and 1; rounding must not leave the value outside.
    return Estimate(
        fraction, min(max(0.0, centre - half), fraction), max(min(1.0, centre + half), fraction), int(trials), "Wilson"
    )


def percentiles(values: NDArray[np.float64], n_patients: int) -> tuple[float, float]:
    """Expanded percentile interval from values over resamples of so many patients; see `student.expanded_level`.

    Returns:
        (low, high), NaN where more than a tenth of the resamples have no value, or all have the same, which says
        nothing.
    """
    defined = values[~np.isnan(values)]
    if len(defined) < 0.9 * len(values) or not len(defined) or np.ptp(defined) <= 1e-12:
        return NAN, NAN
    beyond = 100.0 * expanded_level(n_patients)
    low, high = (float(end) for end in np.percentile(defined, (beyond, 100.0 - beyond)))
    return low, high


def bootstrap_words(resamples: int) -> str:
    """How an interval was made."""
    return f"patient bootstrap, {resamples} resamples, expanded percentiles"


def resampled_estimate(value: float, values: NDArray[np.float64], n_patients: int, cases: int) -> Estimate:
    """A number with the percentiles of its (resamples,) values over resamples of patients.

    There is no interval where the value is undefined, and none where it would leave out the value: a binned calibration
    error grows in resamples of few cases.
    """
    method = bootstrap_words(len(values))
    low, high = percentiles(values, n_patients)
    if low <= value <= high:
        return Estimate(value, low, high, cases, method)
    return Estimate(value, NAN, NAN, cases, method)


def percentile_interval(
    value: float, evaluate: ResampleFunction, n_patients: int, cases: int, resamples: int = 2000, seed: int = 0
) -> Estimate:
    """A number of so many patients and cases with its interval over resampled patients."""
    if n_patients < 2:  # one patient is drawn again and again, which says nothing about others
        return Estimate(value, NAN, NAN, cases, bootstrap_words(resamples))
    values = np.concatenate([evaluate(counts) for counts in patient_counts(n_patients, resamples, seed)])
    return resampled_estimate(value, values, n_patients, cases)
