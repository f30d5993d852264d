"""Prediction sets for a card: quantiles from the validation scores, and how often the sets held on the test split.

Everything here is computed from the scores that are stored beside a model, so that a card can be completed without
running it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.calibration import choose_threshold
from core.evaluation.results.case_scores import CaseScores
from core.evaluation.statistics.intervals import Estimate, wilson
from core.inference.conformal import COVERAGE, class_quantiles, fewest_cases, label_sets
from core.models.conformal import SIDES
from core.training.card.tables import interval, table

#: Resamples of the validation split by patient, for the uncertainty of a threshold.
RESAMPLES = 1000

#: Decimals of what is written down.
DECIMALS = 6


@dataclass(frozen=True, eq=False)
class PredictionSets:
    """What a card says of its prediction sets.

    Attributes:
        contract: The entry `conformal`, empty where there are too few cases.
        section: The card's text.
    """

    contract: Mapping[str, Any]
    section: str


def columns(scores: CaseScores, temperature: float) -> NDArray[np.float64]:
    """(cases, labels) calibrated probabilities, also of a binary model."""
    found = scores.y_score(temperature)
    return np.column_stack([1.0 - found, found]) if found.ndim == 1 else found


def measure_sets(known: CaseScores, test: CaseScores, temperature: float, source: str) -> PredictionSets:
    """Quantiles of one split, and what the sets do on another.

    Args:
        known: Scores that took no part in training: the validation split, or the pooled folds of a cross-validation.
        test: Scores of the test split.
        temperature: Of the card.
        source: What `known` is, for the card.
    """
    if known.task == "multilabel":
        return _of_findings(known, test, temperature, source)
    probabilities = columns(known, temperature)
    counts = [int((known.y_true == index).sum()) for index in range(len(known.labels))]
    if min(counts) < fewest_cases():
        return PredictionSets({}, _too_few(dict(zip(known.labels, counts, strict=True)), source))
    quantiles = class_quantiles(probabilities, known.y_true)
    sets = label_sets(columns(test, temperature), quantiles)
    tested = {
        label: _covered(sets[test.y_true == index, index], test.patients[test.y_true == index])
        for index, label in enumerate(test.labels)
    }
    sizes = sets.sum(axis=1)
    held = {"none": (sizes == 0).mean(), "one": (sizes == 1).mean(), "several": (sizes > 1).mean()}
    contract = {
        "coverage": COVERAGE,
        "split": source,
        "quantiles": dict(zip(known.labels, map(float, quantiles), strict=True)),
        "cases": dict(zip(known.labels, counts, strict=True)),
        "tested": {label: _entry(estimate) for label, estimate in tested.items()},
        "sizes": {name: round(float(value), 4) for name, value in held.items()},
    }
    rows = [[label, counts[index], f"{quantiles[index]:.3f}", interval(tested[label]), tested[label].n]
            for index, label in enumerate(known.labels)]  # fmt: skip
    words = (
        f"A label belongs to the set of an image where 1 − its calibrated probability is at most its quantile, from "
        f"{source}: class-conditional split conformal prediction for a coverage of {100 * COVERAGE:.0f} %, see "
        "`core/inference/conformal.py`. On the test split "
        f"{100 * held['one']:.0f} % of the sets hold one label, {100 * held['several']:.0f} % several, and "
        f"{100 * held['none']:.0f} % none. "
        "Wilson intervals with the number of patients; one whose upper end is below 0.90 shows that the test split is "
        "not like the one that the quantiles are from.\n\n"
    )
    return PredictionSets(
        contract, words + table(["class", "cases", "quantile", "coverage on the test split", "images"], rows)
    )


def _of_findings(known: CaseScores, test: CaseScores, temperature: float, source: str) -> PredictionSets:
    quantiles: dict[str, dict[str, float]] = {}
    tested: dict[str, Any] = {}
    rows: list[list[object]] = []
    few: dict[str, int] = {}
    for index, label in enumerate(known.labels):
        truth, asked = known.y_true[:, index].astype(int), test.y_true[:, index].astype(int)
        least = int(min((truth == side).sum() for side in (0, 1)))
        if least < fewest_cases():
            few[label] = least
            continue
        pairs, others = (_pairs(scores.y_score(temperature)[:, index]) for scores in (known, test))
        limits = class_quantiles(pairs, truth)
        sets = label_sets(others, limits)
        held = {side: _covered(sets[asked == n, n], test.patients[asked == n]) for n, side in enumerate(SIDES)}
        quantiles[label] = dict(zip(SIDES, map(float, limits), strict=True))
        tested[label] = {side: _entry(estimate) for side, estimate in held.items()}
        both = float((sets.sum(axis=1) != 1).mean())
        rows.append([label, *[interval(held[side]) for side in SIDES], f"{100 * both:.0f} %"])
    words = _too_few(few, source) if few else ""
    if not quantiles:
        return PredictionSets({}, words)
    words += (
        f"Each finding is a question of its own, with a quantile for images that have it and one for those that have "
        f"it not, from {source}, for a coverage of {100 * COVERAGE:.0f} % of either; see "
        "`core/inference/conformal.py`.\n\n"
    )
    contract = {"coverage": COVERAGE, "split": source, "quantiles": quantiles, "tested": tested}
    return PredictionSets(
        contract, words + table(["finding", "covered without it", "covered with it", "cannot tell"], rows)
    )


def _pairs(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([1.0 - probability, probability])


def _too_few(counts: Mapping[str, int], source: str) -> str:
    named = ", ".join(f"{label} {count}" for label, count in counts.items())
    return (
        f"None for {named}: a coverage of {100 * COVERAGE:.0f} % takes {fewest_cases()} cases of each class at least, "
        f"and {source} has so few. "
    )


def _covered(inside: NDArray[np.bool_], patients: NDArray[Any]) -> Estimate:
    """A fraction with Wilson's interval for as many independent cases as there are patients."""
    if not len(inside):
        return wilson(0, 0)
    n_patients = len(np.unique(patients))
    found = wilson(float(inside.mean()) * n_patients, n_patients)
    return Estimate(float(inside.mean()), found.low, found.high, len(inside), f"Wilson, {n_patients} patients")


def _entry(estimate: Estimate) -> dict[str, Any]:
    return {
        "covered": round(estimate.value, 4), "low": round(estimate.low, 4), "high": round(estimate.high, 4),
        "n": estimate.n,
    }  # fmt: skip


def threshold_range(scores: CaseScores, rule: str, value: float, seed: int) -> tuple[float, float] | None:
    """Where 95 % of the thresholds lie that resamples of the validation split by patient choose.

    Args:
        scores: Of the validation split of a binary model.
        rule: Of the recipe.
        value: Of the rule.
        seed: Of the resamples.

    Returns:
        Two probabilities before calibration, None for a model that is not binary.
    """
    if scores.task != "binary":
        return None
    patients, index = np.unique(scores.patients, return_inverse=True)
    cases = [np.flatnonzero(index == patient) for patient in range(len(patients))]
    rng, truth, found = np.random.default_rng(seed), scores.y_true, []
    raw = scores.y_score()
    for _ in range(RESAMPLES):
        drawn = np.concatenate([cases[patient] for patient in rng.integers(0, len(patients), len(patients))])
        if len(np.unique(truth[drawn])) == 2:
            found.append(choose_threshold(truth[drawn], raw[drawn], rule, value))
    low, high = np.percentile(found, [2.5, 97.5])
    return round(float(low), DECIMALS), round(float(high), DECIMALS)
