"""Two tests of two models on the same cases: McNemar's, of their decisions, and one that swaps their answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.binary import midranks
from core.evaluation.results.questions import Taken
from core.evaluation.results.resamples import merit, resample_function
from core.evaluation.statistics.delong import Z
from core.evaluation.statistics.patients import count
from core.evaluation.statistics.proportions import fraction_influence
from core.evaluation.statistics.significance import mcnemar_p, normal_p
from core.evaluation.statistics.student import critical

#: Swaps a time.
BLOCK = 25


@dataclass(frozen=True)
class DecisionsDiffer:
    """What McNemar's test found.

    Attributes:
        value: Fraction right of the first minus that of the second.
        low: Lower end of the 95 % interval (Agresti and Min 2005, Statistics in Medicine 24:729-740).
        high: Upper end.
        p: Two-sided.
        cases: Cases of the metric: those with the finding for the sensitivity, and so on.
        n_patients: Their patients.
        only_first: Cases that the first alone got right.
        only_second: Cases that the second alone got right.
    """

    value: float
    low: float
    high: float
    p: float
    cases: int
    n_patients: int
    only_first: int
    only_second: int


def mcnemar(one: Taken, two: Taken, mid: bool = False) -> DecisionsDiffer:
    """McNemar's exact test, or with mid-p, of accuracy, sensitivity or specificity.

    Where patients have several cases, these are not independent, and the exact test does not hold: the interval is then
    taken of as many cases as they are worth (`effective_cases`), and p is the level at which it ends at 0.

    Args:
        one: Answers of the first model.
        two: Those of the second on the same cases.
        mid: Take the mid-p value.
    """
    of = _fraction_of(one)
    first, second = _right(one)[of], _right(two)[of]
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    cases, n_patients = len(first), count(one.patient_index[of])
    if not cases:
        return DecisionsDiffer(np.nan, np.nan, np.nan, np.nan, 0, 0, 0, 0)
    worth = effective_cases(first, second, one.patient_index[of])
    # Half a case more in each of the four cells.
    n, b, c = worth + 2.0, only_first * worth / cases + 0.5, only_second * worth / cases + 0.5
    centre, error = (b - c) / n, float(np.sqrt(b + c - (b - c) ** 2 / n) / n)
    p = mcnemar_p(only_first, only_second, mid) if n_patients == cases else normal_p(centre / error)
    return DecisionsDiffer(
        (only_first - only_second) / cases, max(-1.0, centre - Z * error), min(1.0, centre + Z * error), p, cases,
        n_patients, only_first, only_second,
    )  # fmt: skip


def effective_cases(first: NDArray[np.bool_], second: NDArray[np.bool_], patient_index: NDArray[np.intp]) -> float:
    """How many independent cases would make the difference of two shares as sure; for few patients fewer.

    The variance of the difference for independent cases by that over patients, at most the number of cases, times
    (t(n − 1) / t(patients − 1))² (Korn and Graubard 1998). As many as there are patients where the two never differ.

    Args:
        first: (cases,) whether the first was right.
        second: (cases,) whether the second was.
        patient_index: (cases,) a number for each patient.
    """
    cases, n_patients = len(first), count(patient_index)
    if n_patients in {cases, 1}:
        return float(n_patients)
    gap = first.astype(np.float64) - second
    if not gap.any():
        return float(n_patients)
    seen = n_patients / (n_patients - 1) * float((fraction_influence(gap, patient_index) ** 2).sum())
    worth = min(float(cases), float(gap.var()) / seen) if seen else float(cases)
    return worth * (critical(cases - 1.0) / critical(n_patients - 1.0)) ** 2


def _fraction_of(cases: Taken) -> NDArray[np.bool_]:
    if cases.metric.name == "sensitivity":
        return np.asarray(cases.truth, bool)
    return ~cases.truth if cases.metric.name == "specificity" else np.ones(len(cases), bool)


def _right(cases: Taken) -> NDArray[np.bool_]:
    if cases.metric.answers == "multiclass":
        return np.asarray(cases.score.argmax(axis=1) == cases.truth)
    return np.asarray((cases.score >= cases.threshold) == cases.truth)


def permutation(one: Taken, two: Taken, resamples: int = 2000, seed: int = 0) -> float:
    """p-value of "which model gave which answer does not matter", by swapping them for a random half of the patients.

    All cases of a patient are swapped together. Scores of two models need not be on one scale: metrics of the order
    are taken of ranks (Bandos, Rockette and Gur 2005, Statistics in Medicine 24:2873-2893), metrics of decisions of the
    decisions. The identity counts as one swap, so p is never 0.

    Args:
        one: Answers of the first model.
        two: Those of the second on the same cases.
        resamples: Swaps.
        seed: Of the swaps.
    """
    if not len(one):
        return float("nan")
    n_patients = int(one.patient_index.max()) + 1
    # Each patient stands twice, with the answers of either model; a swap chooses which one counts.
    joint = replace(
        one,
        truth=np.concatenate([one.truth, two.truth]),
        score=np.concatenate([_comparable(one), _comparable(two)]),
        cases=np.concatenate([one.cases, two.cases]),
        patient_index=np.concatenate([one.patient_index, two.patient_index + n_patients]),
        threshold=0.5,
    )
    evaluate, rng = resample_function(joint), np.random.default_rng(seed)

    def difference(chosen: NDArray[np.float32]) -> NDArray[np.float64]:
        pair = [evaluate(np.concatenate(halves)) for halves in ((chosen, 1 - chosen), (1 - chosen, chosen))]
        return merit(one.metric, pair[0]) - merit(one.metric, pair[1])

    observed = abs(float(difference(np.ones((n_patients, 1), np.float32))[0]))
    if np.isnan(observed):
        return float("nan")
    beyond = 0
    for start in range(0, resamples, BLOCK):
        chosen = rng.integers(0, 2, (n_patients, min(BLOCK, resamples - start))).astype(np.float32)
        # Swaps with equal results must not fall on either side by rounding.
        beyond += int((np.abs(difference(chosen)) >= observed - 1e-7).sum())
    return (beyond + 1) / (resamples + 1)


def _comparable(cases: Taken) -> NDArray[np.float64]:
    needs, decided = cases.metric.needs, cases.metric.answers == "multiclass"
    if needs in {"probability", "mask"} or (needs == "decision" and decided):
        return cases.score
    if needs == "decision":
        return (cases.score >= cases.threshold).astype(np.float64)
    columns = cases.score.reshape(len(cases), -1).T
    ranks = np.stack([midranks(column) for column in columns], axis=1) / len(cases)
    return ranks.reshape(cases.score.shape)
