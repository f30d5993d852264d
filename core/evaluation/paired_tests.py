"""Two tests of two models on the same cases: McNemar's, of their decisions, and one that swaps their answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.evaluation.binary import midranks
from core.evaluation.delong import Z
from core.evaluation.patients import count
from core.evaluation.questions import Taken
from core.evaluation.resamples import merit, resample_function
from core.evaluation.significance import mcnemar_p

#: Swaps a time.
BLOCK = 25


@dataclass(frozen=True)
class DecisionsDiffer:
    """What McNemar's test found.

    Attributes:
        value: Share right of the first minus that of the second.
        low: Lower end of the 95 % interval (Agresti and Min 2005, Statistics in Medicine 24:729-740).
        high: Upper end.
        p: Two-sided.
        cases: Cases of the metric: those with the finding for the sensitivity, and so on.
        people: Their patients.
        only_first: Cases that the first alone got right.
        only_second: Cases that the second alone got right.
    """

    value: float
    low: float
    high: float
    p: float
    cases: int
    people: int
    only_first: int
    only_second: int


def mcnemar(one: Taken, two: Taken, mid: bool = False) -> DecisionsDiffer:
    """McNemar's exact test, or with mid-p, of accuracy, sensitivity or specificity.

    Args:
        one: Answers of the first model.
        two: Those of the second on the same cases.
        mid: Take the mid-p value.
    """
    of = _share_of(one)
    first, second = _right(one)[of], _right(two)[of]
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    cases, people = len(first), count(one.owner[of])
    if not cases:
        return DecisionsDiffer(np.nan, np.nan, np.nan, np.nan, 0, 0, 0, 0)
    # Half a case more in each of the four cells.
    n, b, c = cases + 2.0, only_first + 0.5, only_second + 0.5
    centre, half = (b - c) / n, Z * np.sqrt(b + c - (b - c) ** 2 / n) / n
    return DecisionsDiffer(
        (only_first - only_second) / cases, max(-1.0, float(centre - half)), min(1.0, float(centre + half)),
        mcnemar_p(only_first, only_second, mid), cases, people, only_first, only_second,
    )  # fmt: skip


def _share_of(cases: Taken) -> NDArray[np.bool_]:
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
    people = int(one.owner.max()) + 1
    # Each patient stands twice, with the answers of either model; a swap chooses which one counts.
    joint = replace(
        one,
        truth=np.concatenate([one.truth, two.truth]),
        score=np.concatenate([_comparable(one), _comparable(two)]),
        cases=np.concatenate([one.cases, two.cases]),
        owner=np.concatenate([one.owner, two.owner + people]),
        threshold=0.5,
    )
    evaluate, rng = resample_function(joint), np.random.default_rng(seed)

    def difference(chosen: NDArray[np.float32]) -> NDArray[np.float64]:
        pair = [evaluate(np.concatenate(halves)) for halves in ((chosen, 1 - chosen), (1 - chosen, chosen))]
        return merit(one.metric, pair[0]) - merit(one.metric, pair[1])

    observed = abs(float(difference(np.ones((people, 1), np.float32))[0]))
    if np.isnan(observed):
        return float("nan")
    beyond = 0
    for start in range(0, resamples, BLOCK):
        chosen = rng.integers(0, 2, (people, min(BLOCK, resamples - start))).astype(np.float32)
        # Swaps with equal results must not fall on either side by rounding.
        beyond += int((np.abs(difference(chosen)) >= observed - 1e-7).sum())
    return (beyond + 1) / (resamples + 1)


def _comparable(cases: Taken) -> NDArray[np.float64]:
    needs, decided = cases.metric.needs, cases.metric.answers == "multiclass"
    if needs == "probability" or (needs == "decision" and decided):
        return cases.score
    if needs == "decision":
        return (cases.score >= cases.threshold).astype(np.float64)
    columns = cases.score.reshape(len(cases), -1).T
    ranks = np.stack([midranks(column) for column in columns], axis=1) / len(cases)
    return ranks.reshape(cases.score.shape)
