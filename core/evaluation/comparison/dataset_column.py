"""Several models on one dataset: each with its interval, and every pair of them tested."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from core.errors import ScanLensError
from core.evaluation.comparison.difference import Difference, corrected, from_resamples
from core.evaluation.comparison.ranking import (
    BY_LIMITS,
    common,
    paired,
    paired_limits,
)
from core.evaluation.results.estimates import (
    Measured,
    measure,
    measure_aucs,
    measure_resamples,
)
from core.evaluation.results.questions import Taken
from core.evaluation.results.resamples import resampled_values
from core.evaluation.statistics.patients import count

#: A difference, or None and the sentence that says why there is none.
Tested = tuple[Difference | None, str]


def compare_column(
    models: Sequence[Taken], resamples: int = 2000, seed: int = 0
) -> tuple[list[Measured], list[Tested]]:
    """Every model measured, and all pairs in the order of `itertools.combinations`, corrected for their number.

    Args:
        models: Answers of each model as the metric takes them.
        resamples: Resamples of the patients for metrics other than AUCs and shares, the same for every model.
        seed: Of the draws.
    """
    same = all(_same_cases(models[0], other) for other in models[1:])
    if same:
        found, pairs = (
            _by_limits(models) if models[0].metric.name in BY_LIMITS else _by_bootstrap(models, resamples, seed)
        )
    else:
        found = [measure(model, resamples, seed) for model in models]
        pairs = [_pair(one, two, resamples, seed) for one, two in combinations(models, 2)]
    fixed = iter(corrected([difference for difference, _ in pairs if difference]))
    return found, [(next(fixed) if difference else None, problem) for difference, problem in pairs]


def _same_cases(one: Taken, two: Taken) -> bool:
    return all(
        np.array_equal(a, b)
        for a, b in ((one.cases, two.cases), (one.truth, two.truth), (one.patient_index, two.patient_index))
    )


def _by_limits(models: Sequence[Taken]) -> tuple[list[Measured], list[Tested]]:
    first = models[0]
    if first.metric.name == "roc_auc":
        found = measure_aucs(first, np.stack([model.score for model in models]))
    else:
        found = [measure(model) for model in models]
    return found, [
        (paired_limits(first, found[i], found[j], _notes(models[i], models[j])), "")
        for i, j in combinations(range(len(models)), 2)
    ]


def _by_bootstrap(models: Sequence[Taken], resamples: int, seed: int) -> tuple[list[Measured], list[Tested]]:
    values, n_patients = resampled_values(models, resamples, seed), count(models[0].patient_index)
    found = [measure_resamples(model, row) for model, row in zip(models, values, strict=True)]
    return found, [
        (
            from_resamples(
                models[i].metric, (found[i].estimate.value, found[j].estimate.value), values[[i, j]], n_patients,
                len(models[i]), "paired bootstrap", _notes(models[i], models[j]),
            ),
            "",
        )
        for i, j in combinations(range(len(models)), 2)
    ]  # fmt: skip


def _notes(one: Taken, two: Taken) -> str:
    return " ".join(dict.fromkeys(model.note for model in (one, two) if model.note))


def _pair(one: Taken, two: Taken, resamples: int, seed: int) -> Tested:
    """A pair whose models have scored different cases."""
    try:
        first, second, note = common(one, two)
    except ScanLensError as problem:
        return None, str(problem)
    return paired(first, second, note, resamples, seed), ""
