"""Is one model better than another, and how sure is that: on the same cases, on different ones, over many pairs.

Two models are compared on the cases that both have scored. Patients, not pictures, are what is drawn, swapped or summed
over, wherever a patient has several cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.errors import ScanLensError
from core.evaluation.comparison_words import sentence
from core.evaluation.delong import auc_covariance
from core.evaluation.difference import Difference, corrected, from_resamples, joined, wald
from core.evaluation.estimates import Measured, estimate, measure
from core.evaluation.evaluation import Evaluation
from core.evaluation.metrics import METRICS
from core.evaluation.paired_tests import mcnemar, permutation
from core.evaluation.patients import clustered, count, same_cases
from core.evaluation.questions import Answered, Taken, answer, taken
from core.evaluation.resamples import resampled_values
from core.evaluation.significance import holm

__all__ = [
    "DECISIONS", "TESTS", "Difference", "Pair", "compare", "compare_all", "compare_unpaired", "corrected", "holm",
    "sentence",
]  # fmt: skip

NAN = float("nan")

#: The tests by name, as people read them.
TESTS = {
    "delong": "DeLong's test",
    "bootstrap": "paired bootstrap",
    "permutation": "permutation test",
    "mcnemar": "McNemar's exact test",
    "mcnemar-mid-p": "McNemar's mid-p test",
}

#: Metrics that are a share of the same cases for both models, as McNemar's test needs.
DECISIONS = ("accuracy", "sensitivity", "specificity", "accuracy_multiclass")

#: Fewer cases of a kind than this are said to be few.
FEW = 10


def default_test(metric: str) -> str:
    """`delong` for the AUC, else `bootstrap`; both allow for several cases of a patient."""
    return tests_for(metric)[0]


def compare(
    a: Answered, b: Answered, test: str = "", metric: str = "roc_auc", resamples: int = 2000, seed: int = 0
) -> Difference:
    """Two models on the cases that both have scored.

    Args:
        a: Answers of the first.
        b: Answers of the second to the same question.
        test: Key of `TESTS`; `default_test` for `""`. `delong` is for the AUC (DeLong et al. 1988; Obuchowski 1997
            where patients have several cases), McNemar's for accuracy, sensitivity and specificity.
        metric: Key of `METRICS`.
        resamples: Resamples or swaps.
        seed: Of the draws.

    Raises:
        ScanLensError: The truth differs on a common case, there is no such test, or it is not for this metric.
    """
    test = test or default_test(metric)
    _check(test, metric)
    # `common` takes the patients of the first for both.
    one, two, note = common(taken(a, metric), taken(b, metric, np.zeros(len(b.truth), np.intp)))
    if test == "delong":
        return delong_difference(one, two, note)
    if test == "bootstrap":
        return bootstrap_difference(one, two, note, resamples, seed)
    if test == "permutation":
        return _with_p(
            bootstrap_difference(one, two, note, resamples, seed),
            permutation(one, two, resamples, seed),
            _permuted(resamples),
        )
    return _mcnemar(one, two, note, test)


def tests_for(metric: str) -> tuple[str, ...]:
    """Keys of `TESTS` that fit a metric, the default one first."""
    fitting = ["bootstrap", "permutation"]
    if metric == "roc_auc":
        fitting.insert(0, "delong")
    return tuple(fitting + (["mcnemar", "mcnemar-mid-p"] if metric in DECISIONS else []))


def _check(test: str, metric: str) -> None:
    if test not in TESTS:
        raise ScanLensError(f"one of the tests {', '.join(TESTS)}", repr(test), "choose one of them")
    if test not in tests_for(metric):
        wanted = " or ".join(TESTS[name] for name in tests_for(metric))
        raise ScanLensError(f"{wanted} for {METRICS[metric].title}", TESTS[test], "choose one of these")


def common(one: Taken, two: Taken) -> tuple[Taken, Taken, str]:
    """Both without the cases that the other lacks, in the same order, and a sentence on what was left out.

    The patients are those of the first.

    Raises:
        ScanLensError: The truth differs on a case.
    """
    here, there = same_cases(one.cases, two.cases)
    sizes = len(one) + one.left_out, len(two) + two.left_out
    if len(here) < len(one) or len(here) < len(two) or not np.array_equal(here, there):
        one, two = one.part(here), two.part(there)
    two = replace(two, owner=one.owner)
    wrong = (one.truth != two.truth).reshape(len(one), -1).any(axis=1) if len(one) else np.zeros(0, bool)
    if wrong.any():
        first = one.cases[np.flatnonzero(wrong)[0]]
        raise ScanLensError(
            "the same truth of a case for both models",
            f"different truths for {int(wrong.sum())} of {len(one)} common cases, the first being {first}",
            "map the labels of the dataset to both models in the same way",
        )
    notes = list(dict.fromkeys(note for note in (one.note, two.note) if note and "no score" not in note))
    if max(sizes) > len(one):
        notes.append(f"On the {len(one)} cases that both have scored, of {sizes[0]} and {sizes[1]}.")
    return one, two, " ".join(notes)


def delong_difference(one: Taken, two: Taken, note: str = "") -> Difference:
    """Difference of two AUCs on the same cases with DeLong's covariance, clustered by patient where that matters."""
    aucs, covariance = auc_covariance(one.truth, np.stack([one.score, two.score]), one.owner)
    variance = float(covariance[0, 0] + covariance[1, 1] - 2.0 * covariance[0, 1])
    note = joined(note, few_cases(one))
    return wald(float(aucs[0]), float(aucs[1]), variance, len(one), delong_words(one.owner), note, "roc_auc")


def few_cases(cases: Taken) -> str:
    """A sentence where one kind of cases is so rare that intervals by normal approximation are rough, else `""`."""
    if cases.metric.answers != "binary" or not len(cases):
        return ""
    rarer = min(int(cases.truth.sum()), int((~cases.truth).sum()))
    if not 0 < rarer < FEW:
        return ""
    kind = "with" if cases.truth.sum() == rarer else "without"
    return f"Only {rarer} {'case' if rarer == 1 else 'cases'} {kind} the finding: the interval is rough."


def delong_words(owner: NDArray[np.intp]) -> str:
    """What DeLong's test is called for these cases."""
    if clustered(owner):
        return f"DeLong's test, clustered by patient (Obuchowski 1997, {count(owner)} patients)"
    return "DeLong's test"


def bootstrap_difference(one: Taken, two: Taken, note: str, resamples: int = 2000, seed: int = 0) -> Difference:
    """Difference of any metric on the same cases, from resamples of their patients that both models share."""
    values = resampled_values([one, two], resamples, seed)
    return from_resamples(one.metric, (one.value, two.value), values, len(one), "paired bootstrap", note)


def _permuted(resamples: int) -> str:
    return f"permutation test, answers of the models swapped within patients, {resamples} times"


def _with_p(difference: Difference, p: float, test: str) -> Difference:
    """Another test's p-value beside the interval of the bootstrap."""
    p = NAN if np.isnan(difference.value) else p
    test = f"{test}; interval by paired bootstrap of patients"
    return replace(difference, p=p, corrected=p, test=test)


def _mcnemar(one: Taken, two: Taken, note: str, test: str) -> Difference:
    found = mcnemar(one, two, mid=test == "mcnemar-mid-p")
    if clustered(one.owner):
        note = joined(
            note,
            f"The test takes the {found.cases} pictures for as many patients, but there are only "
            f"{found.people}: p is too small; the bootstrap allows for that.",
        )
    p = NAN if np.isnan(found.value) else found.p
    return Difference(
        found.value, found.low, found.high, p, found.cases, f"{TESTS[test]}, interval by Agresti and Min 2005", note,
        one.metric.name, one.value, two.value, p,
    )  # fmt: skip


def compare_unpaired(
    a: Answered, b: Answered, test: str = "", metric: str = "roc_auc", resamples: int = 2000, seed: int = 0
) -> Difference:
    """Answers on different cases, as of one model on two datasets whose patients have nothing in common.

    Args:
        a: The first answers.
        b: The second.
        test: `delong` for the AUC, else `bootstrap`; `default_test` for `""`.
        metric: Key of `METRICS`.
        resamples: Resamples.
        seed: Of the draws.

    Raises:
        ScanLensError: The test is none of these, or not for this metric.
    """
    test = test or default_test(metric)
    if test not in {"delong", "bootstrap"}:
        raise ScanLensError("DeLong's test or the bootstrap for different cases", test, "choose one of them")
    _check(test, metric)
    one, two = taken(a, metric), taken(b, metric)
    if metric == "roc_auc" and test == "bootstrap":
        parts = [
            Measured(estimate(c), NAN, resampled_values([c], resamples, seed + k)[0]) for k, c in enumerate((one, two))
        ]
    else:
        parts = [measure(cases, resamples, seed + k) for k, cases in enumerate((one, two))]
    return independent(one, two, parts[0], parts[1])


def independent(one: Taken, two: Taken, first: Measured, second: Measured) -> Difference:
    """The difference of two measurements whose patients have nothing in common."""
    note = " ".join(dict.fromkeys(cases.note for cases in (one, two) if cases.note))
    values, n = (first.estimate.value, second.estimate.value), len(one) + len(two)
    if len(first.values):
        drawn = np.stack([first.values, second.values])
        return from_resamples(one.metric, values, drawn, n, "unpaired bootstrap", note)
    words = " and ".join(dict.fromkeys(delong_words(cases.owner) for cases in (one, two)))
    return wald(*values, first.variance + second.variance, n, f"{words}, unpaired", note, one.metric.name)


@dataclass(frozen=True)
class Pair:
    """Two models on one dataset.

    Attributes:
        first: Title of the first model.
        second: Title of the second.
        dataset: Title of the dataset.
        difference: The first minus the second, None where it could not be taken.
        problem: Why not, or `""`.
    """

    first: str
    second: str
    dataset: str
    difference: Difference | None
    problem: str = ""


def compare_all(
    evaluations: Sequence[Evaluation], question: str, metric: str = "roc_auc", test: str = "", resamples: int = 2000
) -> list[Pair]:
    """Every pair of models on every dataset and split that both have, with Holm's correction over all of them.

    Args:
        evaluations: What to compare.
        question: Key of a `Question`.
        metric: Key of `METRICS`.
        test: Key of `TESTS`, `""` for the default.
        resamples: Resamples or swaps.
    """
    pairs: list[Pair] = []
    for index, first in enumerate(evaluations):
        for second in evaluations[index + 1 :]:
            if (first.dataset, first.split) == (second.dataset, second.split):
                pairs += _pair(first, second, question, metric, test, resamples)
    made = [pair for pair in pairs if pair.difference]
    fixed = iter(corrected([pair.difference for pair in made if pair.difference]))
    return [replace(pair, difference=next(fixed)) if pair.difference else pair for pair in pairs]


def _pair(first: Evaluation, second: Evaluation, question: str, metric: str, test: str, resamples: int) -> list[Pair]:
    a, b = answer(first, question), answer(second, question)
    if a is None or b is None:
        return []
    names = first.model_title, second.model_title, first.dataset_title
    try:
        return [Pair(*names, compare(a, b, test, metric, resamples))]
    except ScanLensError as problem:
        return [Pair(*names, None, str(problem))]
