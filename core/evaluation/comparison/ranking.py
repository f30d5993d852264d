"""Is one model better than another, and how sure is that: on the same cases, on different ones, over many pairs.

Two models are compared on the cases that both have scored. Patients, not images, are what is drawn, swapped or summed
over, wherever a patient has several cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.errors import ScanLensError
from core.evaluation.comparison.difference import (
    Difference,
    corrected,
    from_limits,
    from_resamples,
    joined,
)
from core.evaluation.comparison.paired_tests import mcnemar, permutation
from core.evaluation.comparison.text import sentence
from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.estimates import (
    FRACTIONS,
    Measured,
    measure,
    measure_resamples,
)
from core.evaluation.results.evaluation import Evaluation
from core.evaluation.results.questions import (
    Answered,
    Taken,
    answer,
    taken,
)
from core.evaluation.results.resamples import resampled_values
from core.evaluation.statistics.limits import capped
from core.evaluation.statistics.patients import clustered, count, same_cases
from core.evaluation.statistics.significance import holm

__all__ = [
    "DECISIONS", "TESTS", "Difference", "Pair", "compare", "compare_all", "compare_unpaired", "corrected", "holm",
    "sentence",
]  # fmt: skip

NAN = float("nan")

#: The tests by name, as people read them.
TESTS = {
    "delong": "DeLong's test",
    "newcombe": "Newcombe's method",
    "bootstrap": "paired bootstrap",
    "permutation": "permutation test",
    "mcnemar": "McNemar's exact test",
    "mcnemar-mid-p": "McNemar's mid-p test",
}

#: Metrics that are a fraction of the same cases for both models, as McNemar's test needs.
DECISIONS = ("accuracy", "sensitivity", "specificity", "accuracy_multiclass")

#: Metrics whose limits are known at any level, so that those of a difference are.
BY_LIMITS = ("roc_auc", *FRACTIONS)

#: Fewer cases of a kind than this are said to be few.
FEW = 10


def default_test(metric: str) -> str:
    """`delong` for the AUC, `newcombe` for shares, else `bootstrap`; all allow for several cases of a patient."""
    return tests_for(metric)[0]


def compare(
    a: Answered, b: Answered, test: str = "", metric: str = "roc_auc", resamples: int = 2000, seed: int = 0
) -> Difference:
    """Two models on the cases that both have scored.

    Args:
        a: Answers of the first.
        b: Answers of the second to the same question.
        test: Key of `TESTS`; `default_test` for `""`. `delong` is for the AUC (DeLong et al. 1988; Obuchowski 1997
            where patients have several cases), `newcombe` for shares (Newcombe 1998), McNemar's for accuracy,
            sensitivity and specificity. The first two give interval and p-value by Zou and Donner 2008.
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
    if test in {"delong", "newcombe"}:
        return paired(one, two, note)
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
    if metric in BY_LIMITS:
        fitting.insert(0, "delong" if metric == "roc_auc" else "newcombe")
    return tuple(fitting + (["mcnemar", "mcnemar-mid-p"] if metric in DECISIONS else []))


def _check(test: str, metric: str) -> None:
    if test not in TESTS:
        raise ScanLensError(f"There is no test called {test!r}", f"choose one of {', '.join(TESTS)}")
    if test not in tests_for(metric):
        wanted = " or ".join(TESTS[name] for name in tests_for(metric))
        raise ScanLensError(f"{TESTS[test]} does not compare {METRICS[metric].title}", f"choose {wanted}")


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
    two = replace(two, patient_index=one.patient_index)
    wrong = (one.truth != two.truth).reshape(len(one), -1).any(axis=1) if len(one) else np.zeros(0, bool)
    if wrong.any():
        first = one.cases[np.flatnonzero(wrong)[0]]
        raise ScanLensError(
            f"What is true of {int(wrong.sum())} of {len(one)} common cases differs, first of {first}",
            "map the labels of the dataset to both models in the same way",
        )
    notes = list(dict.fromkeys(note for note in (one.note, two.note) if note and "no score" not in note))
    if max(sizes) > len(one):
        notes.append(f"On the {len(one)} cases that both have scored, of {sizes[0]} and {sizes[1]}.")
    return one, two, " ".join(notes)


def paired(one: Taken, two: Taken, note: str = "", resamples: int = 2000, seed: int = 0) -> Difference:
    """Two models on the same cases by the default test of the metric."""
    if one.metric.name in BY_LIMITS:
        first, second = measure(one), measure(two)
        return paired_limits(one, first, second, note)
    return bootstrap_difference(one, two, note, resamples, seed)


def paired_limits(cases: Taken, first: Measured, second: Measured, note: str = "") -> Difference:
    """The difference of two AUCs or fractions of the same cases, from limits and how the estimates go together.

    Args:
        cases: Of either model; truth and patients are the same.
        first: Measured on them.
        second: Measured on them.
        note: For people.
    """
    assert first.limits is not None  # AUCs and shares have limits
    assert second.limits is not None
    spread = float(np.sqrt((first.influence**2).sum() * (second.influence**2).sum()))
    together = float(first.influence @ second.influence) / spread if spread else 0.0
    n_patients = count(cases.patient_index)
    freedom = min(first.limits.freedom, second.limits.freedom)
    words = delong_words(cases.patient_index) if cases.metric.name == "roc_auc" else newcombe_words(cases.patient_index)
    return from_limits(
        first.limits, second.limits, capped(together, n_patients), freedom,
        max(first.estimate.n, second.estimate.n), words, joined(note, few_cases(cases)), cases.metric.name,
    )  # fmt: skip


def newcombe_words(patient_index: NDArray[np.intp]) -> str:
    """Name of the test of fractions for these cases; `patient_index` is (cases,), the number of each one's patient."""
    by_patient = f", clustered by patient ({count(patient_index)} patients)" if clustered(patient_index) else ""
    return f"Newcombe's method{by_patient}"


def few_cases(cases: Taken) -> str:
    """A sentence where one kind of cases is so rare that intervals by normal approximation are rough, else `""`."""
    if cases.metric.answers != "binary" or not len(cases):
        return ""
    rarer = min(int(cases.truth.sum()), int((~cases.truth).sum()))
    if not 0 < rarer < FEW:
        return ""
    kind = "with" if cases.truth.sum() == rarer else "without"
    return f"Only {rarer} {'case' if rarer == 1 else 'cases'} {kind} the finding: the interval is rough."


def delong_words(patient_index: NDArray[np.intp]) -> str:
    """What DeLong's test is called for these cases; `patient_index` is the (cases,) number of each one's patient."""
    if clustered(patient_index):
        return f"DeLong's test, clustered by patient (Obuchowski 1997, {count(patient_index)} patients)"
    return "DeLong's test"


def bootstrap_difference(one: Taken, two: Taken, note: str, resamples: int = 2000, seed: int = 0) -> Difference:
    """Difference of any metric on the same cases, from resamples of their patients that both models share."""
    values, n_patients = resampled_values([one, two], resamples, seed), count(one.patient_index)
    return from_resamples(one.metric, (one.value, two.value), values, n_patients, len(one), "paired bootstrap", note)


def _permuted(resamples: int) -> str:
    return f"permutation test, answers of the models swapped within patients, {resamples} times"


def _with_p(difference: Difference, p: float, test: str) -> Difference:
    """Another test's p-value beside the interval of the bootstrap."""
    p = NAN if np.isnan(difference.value) else p
    test = f"{test}; interval by paired bootstrap of patients"
    return replace(difference, p=p, corrected=p, test=test)


def _mcnemar(one: Taken, two: Taken, note: str, test: str) -> Difference:
    found = mcnemar(one, two, mid=test == "mcnemar-mid-p")
    words = f"{TESTS[test]}, interval by Agresti and Min 2005"
    if found.n_patients < found.cases:
        words = f"McNemar's test by Agresti and Min 2005, clustered by patient ({found.n_patients} patients)"
    p = NAN if np.isnan(found.value) else found.p
    return Difference(
        found.value, found.low, found.high, p, found.cases, words, note, one.metric.name, one.value, two.value, p
    )


def compare_unpaired(
    a: Answered, b: Answered, test: str = "", metric: str = "roc_auc", resamples: int = 2000, seed: int = 0
) -> Difference:
    """Answers on different cases, as of one model on two datasets whose patients have nothing in common.

    Args:
        a: The first answers.
        b: The second.
        test: `delong` for the AUC, `newcombe` for shares, else `bootstrap`; `default_test` for `""`.
        metric: Key of `METRICS`.
        resamples: Resamples.
        seed: Of the draws.

    Raises:
        ScanLensError: The test is none of these, or not for this metric.
    """
    test = test or default_test(metric)
    if test not in {"delong", "newcombe", "bootstrap"}:
        raise ScanLensError(f"The test {test!r} is none for different cases", "choose DeLong's test or the bootstrap")
    _check(test, metric)
    one, two = taken(a, metric), taken(b, metric)
    if test == "bootstrap":
        parts = [
            measure_resamples(cases, resampled_values([cases], resamples, seed + k)[0])
            for k, cases in enumerate((one, two))
        ]
    else:
        parts = [measure(cases, resamples, seed + k) for k, cases in enumerate((one, two))]
    return independent(one, two, parts[0], parts[1])


def independent(one: Taken, two: Taken, first: Measured, second: Measured) -> Difference:
    """The difference of two measurements whose patients have nothing in common."""
    note = " ".join(dict.fromkeys(cases.note for cases in (one, two) if cases.note))
    n = len(one) + len(two)
    if first.limits is None or second.limits is None:
        drawn, n_patients = (
            np.stack([first.values, second.values]),
            min(count(cases.patient_index) for cases in (one, two)),
        )
        values = first.estimate.value, second.estimate.value
        return from_resamples(one.metric, values, drawn, n_patients, n, "unpaired bootstrap", note)
    named = delong_words if one.metric.name == "roc_auc" else newcombe_words
    words = " and ".join(dict.fromkeys(named(cases.patient_index) for cases in (one, two)))
    return from_limits(
        first.limits, second.limits, 0.0, _freedom(first, second), n, f"{words}, unpaired", note, one.metric.name
    )


def _freedom(first: Measured, second: Measured) -> float:
    """Degrees of freedom of a difference of independent numbers (Welch 1947, Biometrika 34:28-35)."""
    freedoms = [part.limits.freedom if part.limits else 0.0 for part in (first, second)]
    spreads = [(part.estimate.high - part.estimate.low) ** 2 for part in (first, second)]
    if min(freedoms) <= 0 or not sum(spreads) > 0:
        return 0.0
    return sum(spreads) ** 2 / sum(spread**2 / freedom for spread, freedom in zip(spreads, freedoms, strict=True))


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
