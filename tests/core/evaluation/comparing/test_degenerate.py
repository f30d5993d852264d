"""Nothing that a set of cases can be makes a statistic fail or warn."""

import math
from dataclasses import replace

import numpy as np
import pytest

from core.evaluation.comparison.disagreement import disagreements
from core.evaluation.comparison.matrix import matrix
from core.evaluation.comparison.ranking import (
    TESTS,
    compare,
    compare_unpaired,
    sentence,
)
from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.calibration_curve import calibration_curve
from core.evaluation.results.case_scores import CaseScores
from core.evaluation.results.curves import precision_recall_curve, roc_curve, score_distribution
from core.evaluation.results.decision_curve import net_benefit
from core.evaluation.results.errors import mistakes
from core.evaluation.results.operating_point import confusion_of, threshold_sweep
from core.evaluation.results.prevalence import ppv_npv_at
from core.evaluation.results.subgroups import by_attribute

BINARY = [name for name, metric in METRICS.items() if metric.answers == "binary"]
NAN = math.nan

SETS = {
    "nothing": ([], []),
    "one case": ([1], [0.7]),
    "two cases": ([0, 1], [0.2, 0.8]),
    "two cases the wrong way": ([0, 1], [0.8, 0.2]),
    "only with": ([1, 1, 1], [0.1, 0.6, 0.9]),
    "only without": ([0, 0, 0], [0.1, 0.6, 0.9]),
    "all equal": ([0, 1, 0, 1, 1], [0.5] * 5),
    "zeros and ones": ([0, 1, 0, 1], [0.0, 1.0, 1.0, 0.0]),
    "parted": ([0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.3, 0.7, 0.8, 0.9]),
    "all missing": ([0, 1], [NAN, NAN]),
    "one missing": ([0, 1, 1, 0], [0.3, NAN, 0.6, 0.7]),
}


@pytest.fixture(params=SETS)
def cases(request):
    return SETS[request.param]


@pytest.fixture(params=["single", "one patient", "unknown"])
def n_patients(request, cases):
    n = len(cases[0])
    return {"single": np.arange(n), "one patient": np.zeros(n, int), "unknown": np.full(n, "", object)}[request.param]


pytestmark = pytest.mark.filterwarnings("error")


@pytest.mark.parametrize(
    "curve",
    [
        roc_curve, precision_recall_curve, calibration_curve, score_distribution, confusion_of, threshold_sweep,
        net_benefit, ppv_npv_at, mistakes,
    ],
)  # fmt: skip
def test_curve_of_any_cases_is_drawn_without_a_warning(curve, cases, n_patients, finding):
    found = curve(finding(*cases, n_patients))
    for entry in found if isinstance(found, tuple) else (found,):
        for name, values in fractions_of(entry).items():
            known = values[~np.isnan(values)]
            assert ((known >= 0) & (known <= 1)).all(), f"{name} is a fraction or not defined"
    counted = getattr(found, "n", None)
    assert counted is None or counted == len(cases[0]) - np.isnan(np.array(cases[1], float)).sum()


def fractions_of(entry) -> dict[str, np.ndarray]:
    """What lies between 0 and 1 in a result, by name."""
    names = ("false_positive_rate", "sensitivity", "recall", "precision", "smooth_x", "smooth_y", "ppv", "npv", "edges")
    held = {name: getattr(entry, name) for name in names if hasattr(entry, name)}
    values = {name: [one.value, one.low, one.high] if hasattr(one, "low") else one for name, one in held.items()}
    return {name: np.atleast_1d(np.array(one, float)) for name, one in values.items()}


@pytest.mark.parametrize("metric", BINARY)
def test_matrix_of_any_cases_is_made_without_a_warning(metric, cases, n_patients, evaluation):
    truth, score = np.array(cases[0], int), np.array(cases[1], float)
    logits = np.log(np.maximum(score, 1e-300)) - np.log(np.maximum(1 - score, 1e-300))
    names = np.array([f"c{k}" for k in range(len(truth))], object)
    made = [
        replace(
            evaluation(model, data, kind=kind),
            scores=CaseScores("binary", ("No", "Pneumonia"), truth, factor * logits, n_patients),
            cases=names,
            attributes={"site": np.array(["A", "B"] * len(truth))[: len(truth)]},
        )
        for model, factor in (("a", 1.0), ("b", 0.5))
        for data, kind in (("x", "internal"), ("y", "external"))
    ]
    found = matrix(made, "Pneumonia", metric, resamples=25)
    assert len(found.cells) == 4
    by_attribute(made[0], "Pneumonia", metric, "site", resamples=25)


OF_FRACTIONS = {"newcombe": "accuracy", "mcnemar": "accuracy", "mcnemar-mid-p": "accuracy"}


@pytest.mark.parametrize("test", TESTS)
def test_comparison_of_any_cases_has_a_sentence(test, cases, n_patients, finding):
    a = finding(*cases, n_patients)
    b = finding(cases[0], [1 - s for s in cases[1]], n_patients)
    found = compare(a, b, test, OF_FRACTIONS.get(test, "roc_auc"), resamples=30)
    assert math.isnan(found.p) or 0 <= found.p <= 1
    assert sentence(found, ("A", "B"), "X").endswith(".")
    disagreements(a, b)
    if test in {"delong", "bootstrap"}:
        compare_unpaired(a, b, test, resamples=30)


def test_metric_that_is_undefined_is_never_zero(finding):
    assert math.isnan(roc_curve(finding([1, 1], [0.2, 0.4])).auc.value)
    assert math.isnan(confusion_of(finding([1, 1], [0.2, 0.4])).specificity.value)
    assert math.isnan(net_benefit(finding([], [])).net_benefit[0])


def test_one_patient_says_nothing_about_others(finding):
    rng = np.random.default_rng(0)
    truth, score = rng.random(40) < 0.5, rng.random(40)
    lone = finding(truth, score, np.zeros(40, int))
    assert np.isnan(roc_curve(lone).band.low).all()
    assert math.isnan(compare(lone, finding(truth, score**2), metric="brier").p)
    assert math.isnan(compare(lone, finding(truth, score[::-1])).p)
