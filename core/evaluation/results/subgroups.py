"""For whom a model works: a metric by groups of an attribute, and whether the groups differ at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import ScanLensError
from core.evaluation.results.attribute_groups import attribute_groups
from core.evaluation.results.estimates import (
    FRACTIONS,
    Measured,
    estimate,
    measure_aucs,
    right_of,
)
from core.evaluation.results.evaluation import Evaluation
from core.evaluation.results.questions import Taken, answer, taken
from core.evaluation.results.resamples import merit, resample_function
from core.evaluation.statistics.intervals import Estimate
from core.evaluation.statistics.patients import count
from core.evaluation.statistics.proportions import effective_trials
from core.evaluation.statistics.resampling import patient_counts
from core.evaluation.statistics.significance import chi_squared_p

NAN = float("nan")


@dataclass(frozen=True)
class SubgroupRow:
    """One row of a forest plot.

    Attributes:
        name: Of the group.
        estimate: The metric with its interval; its `n` is what it is a fraction of, for a fraction.
        cases: Cases in the group.
        positives: Those with the finding; 0 for a question about all classes.
        patients: Whom they show.
    """

    name: str
    estimate: Estimate
    cases: int
    positives: int
    patients: int


@dataclass(frozen=True, eq=False)
class Subgroups:
    """A metric by the groups of an attribute.

    Attributes:
        attribute: Name of the column.
        metric: Key of `METRICS`.
        whole: All cases, those whose value is not known included.
        rows: The groups, in the order of their values.
        p: Of "the metric is the same in all groups" (interaction), NaN where it cannot be tested.
        test: Which test, for people.
        fewest: Cases in the smallest group, 0 without groups.
        unknown: Cases whose value is not known.
        note: What a reader should know, or `""`.
    """

    attribute: str
    metric: str
    whole: SubgroupRow
    rows: tuple[SubgroupRow, ...]
    p: float
    test: str
    fewest: int
    unknown: int
    note: str


def attributes(evaluation: Evaluation) -> tuple[str, ...]:
    """The attributes that part the cases into two groups or more."""
    return tuple(
        name
        for name, values in evaluation.attributes.items()
        if len(attribute_groups(name, np.asarray(values)).names) > 1
    )


def by_attribute(
    evaluation: Evaluation,
    question: str,
    metric: str = "roc_auc",
    attribute: str = "age",
    resamples: int = 2000,
    seed: int = 0,
) -> Subgroups:
    """A metric in each group of an attribute, and a test of whether the groups differ.

    The test is Cochran's Q on the logit scale for AUCs (DeLong's variances) and for shares (half a case added to either
    side), and for all other metrics a Wald test with the covariance of the groups over resampled patients, which also
    serves AUCs where one patient has cases in several groups.

    Args:
        evaluation: Of one model on one dataset.
        question: Key of a `Question`.
        metric: Key of `METRICS`.
        attribute: One of `evaluation.attributes`.
        resamples: Resamples.
        seed: Of the draws.

    Raises:
        ScanLensError: There is no such attribute, or no answer to the question.
    """
    answered = answer(evaluation, question)
    if answered is None or attribute not in evaluation.attributes:
        wanted = "an answer to the question" if answered is None else f"one of {', '.join(evaluation.attributes)}"
        raise ScanLensError(wanted, question if answered is None else attribute, "choose another one")
    cases = taken(answered, metric)
    groups = attribute_groups(attribute, np.asarray(evaluation.attributes[attribute]))
    # Cases without a score were left out of the answers: leave them out here as well.
    index = groups.index[_kept(evaluation, cases)]
    members = [np.flatnonzero(index == number) for number in range(len(groups.names))]
    parts = [cases.part(chosen) for chosen in members]
    named = [(name, part) for name, part in zip(groups.names, parts, strict=True) if len(part)]
    rows = tuple(_row(name, part, resamples, seed) for name, part in named)
    p, test, note = _interaction(cases, [chosen for chosen in members if len(chosen)], rows, resamples, seed)
    fewest = min((row.cases for row in rows), default=0)
    return Subgroups(
        attribute, metric, _row("All", cases, resamples, seed), rows, p, test, fewest, int((index < 0).sum()),
        " ".join(part for part in (cases.note, note) if part),
    )  # fmt: skip


def _kept(evaluation: Evaluation, cases: Taken) -> NDArray[np.intp]:
    if len(cases) == len(evaluation.cases):
        return np.arange(len(cases))
    place = {name: number for number, name in enumerate(evaluation.cases.tolist())}
    return np.array([place[name] for name in cases.cases.tolist()], np.intp)


def _row(name: str, cases: Taken, resamples: int, seed: int) -> SubgroupRow:
    positives = int(cases.truth.sum()) if cases.metric.answers == "binary" else 0
    return SubgroupRow(name, estimate(cases, resamples, seed), len(cases), positives, count(cases.patient_index))


def _interaction(
    cases: Taken, members: Sequence[NDArray[np.intp]], rows: Sequence[SubgroupRow], resamples: int, seed: int
) -> tuple[float, str, str]:
    """(p, test, note)."""
    if len(members) < 2:
        return NAN, "none", "There is only one group." if members else "No case has a value."
    parts = [cases.part(chosen) for chosen in members]
    apart = sum(row.patients for row in rows) == count(
        np.concatenate([cases.patient_index[chosen] for chosen in members])
    )
    name = cases.metric.name
    if name in FRACTIONS:
        note = "" if apart else "Patients with cases in several groups were taken for different ones."
        values, variances = zip(*(_logit_fraction(part) for part in parts), strict=True)
        return _cochran(values, variances, rows, "Cochran's Q of the logits of the fractions", note)
    if name == "roc_auc" and apart:
        found = [_logit_auc(measure_aucs(part, part.score[None])[0]) for part in parts]
        values, variances = zip(*found, strict=True)
        return _cochran(values, variances, rows, "Cochran's Q of the logits of the AUCs, DeLong's variances", "")
    return _wald(cases, members, rows, resamples, seed)


def _logit_auc(measured: Measured) -> tuple[float, float]:
    auc = measured.estimate.value
    if not 0.0 < auc < 1.0:
        return NAN, NAN
    return float(np.log(auc / (1.0 - auc))), measured.variance / (auc * (1.0 - auc)) ** 2


def _logit_fraction(cases: Taken) -> tuple[float, float]:
    """Logit of a fraction with half a case added to either side, and its variance."""
    right, patient_index = right_of(cases)
    trials = effective_trials(right, patient_index)
    if not trials:
        return NAN, NAN
    tp = float(right.mean()) * trials + 0.5
    fn = trials + 1.0 - tp
    return float(np.log(tp / fn)), 1.0 / tp + 1.0 / fn


def _cochran(
    values: Sequence[float], variances: Sequence[float], rows: Sequence[SubgroupRow], test: str, note: str
) -> tuple[float, str, str]:
    """Σ (x − x̄)² / v with the mean weighted by 1 / v (Cochran 1954, Biometrics 10:101-129)."""
    x, v = np.array(values), np.array(variances)
    used = np.isfinite(x) & np.isfinite(v) & (v > 0)
    note = " ".join(part for part in (note, _left_out(used, rows)) if part)
    if used.sum() < 2:
        return NAN, test, note
    weight = 1.0 / v[used]
    mean = float((weight * x[used]).sum() / weight.sum())
    return chi_squared_p(float((weight * (x[used] - mean) ** 2).sum()), int(used.sum()) - 1), test, note


def _wald(
    cases: Taken, members: Sequence[NDArray[np.intp]], rows: Sequence[SubgroupRow], resamples: int, seed: int
) -> tuple[float, str, str]:
    """Wald's test that all groups are equal, with the covariance of their values over resampled patients."""
    test = f"Wald test with the covariance over a patient bootstrap, {resamples} resamples"
    functions = [resample_function(cases.part(chosen)) for chosen in members]
    n_patients = [np.unique(cases.patient_index[chosen]) for chosen in members]
    everyone = int(cases.patient_index.max()) + 1
    drawn = np.concatenate(
        [
            np.stack([function(counts[group]) for function, group in zip(functions, n_patients, strict=True)])
            for counts in patient_counts(everyone, resamples, seed)
        ],
        axis=1,
    )
    values = merit(cases.metric, np.array([row.estimate.value for row in rows]))
    drawn = merit(cases.metric, drawn)
    used = np.isfinite(values) & (np.isfinite(drawn).mean(axis=1) >= 0.9)
    spread = np.array([np.nanstd(row) if some else 0.0 for row, some in zip(drawn, used, strict=True)])
    used &= spread > 1e-12
    note = _left_out(used, rows)
    whole = drawn[:, np.isfinite(drawn[used]).all(axis=0)][used]
    if used.sum() < 2 or whole.shape[1] < 0.5 * resamples:
        return NAN, test, note
    contrast = np.diff(np.eye(int(used.sum())), axis=0)
    gaps, covariance = contrast @ values[used], contrast @ np.cov(whole) @ contrast.T
    statistic = float(gaps @ np.linalg.pinv(covariance) @ gaps)
    return chi_squared_p(statistic, len(gaps)), test, note


def _left_out(used: NDArray[np.bool_], rows: Sequence[SubgroupRow]) -> str:
    names = [row.name for row, some in zip(rows, used, strict=True) if not some]
    return f"Too few cases for the test in {', '.join(names)}." if names else ""
