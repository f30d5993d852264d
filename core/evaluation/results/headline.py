"""The few numbers that an evaluation is summed up in, with 95 % intervals over patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.evaluation.metrics.mask_cases import MEASURES
from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.estimates import estimate_of
from core.evaluation.results.evaluation import Evaluation
from core.evaluation.statistics.intervals import Estimate

#: By task, the main one first.
HEADLINES: Mapping[str, tuple[str, ...]] = {
    "binary": ("roc_auc", "average_precision", "sensitivity", "specificity"),
    "multiclass": ("roc_auc_macro", "accuracy_multiclass", "balanced_accuracy_multiclass"),
    "ordinal": ("kappa_quadratic", "roc_auc_macro", "accuracy_multiclass"),
    "multilabel": ("roc_auc_labels", "average_precision_labels"),
    "segmentation": ("mask_dice", "mask_hausdorff_95_mm", "mask_average_precision"),
}


@dataclass(frozen=True)
class Line:
    """One number.

    Attributes:
        title: For people.
        about: The finding, `""` for all labels together.
        estimate: The number.
    """

    title: str
    about: str
    estimate: Estimate


def headline(evaluation: Evaluation, resamples: int = 2000) -> list[Line]:
    """The main metrics, of a model with classes also those of its derived question.

    Args:
        evaluation: At least one case.
        resamples: Resamples of the patients.
    """
    scores = evaluation.scores
    if scores.task == "binary":
        return _of_finding(evaluation, evaluation.findings[0], resamples)
    if scores.task == "segmentation":
        return _of_masks(evaluation, resamples)
    estimates = {
        name: estimate_of(name, scores.y_true, scores.y_score(), scores.patients, resamples=resamples)
        for name in HEADLINES[scores.task]
    }
    lines = [Line(METRICS[name].title, "", estimate) for name, estimate in estimates.items()]
    return lines + [line for name in scores.derived for line in _of_finding(evaluation, name, resamples)]


def _of_masks(evaluation: Evaluation, resamples: int) -> list[Line]:
    """Each metric of each label; distances in pixels where no size of a pixel is known."""
    scores, lines = evaluation.scores, []
    for place, label in enumerate(scores.mask_labels):
        rows, truth = scores.measures(place), np.asarray(scores.y_true)[:, place]
        in_mm = not np.isnan(rows[:, MEASURES.index("hausdorff_95_mm")]).all()
        for wanted in HEADLINES["segmentation"]:
            name = wanted if in_mm else wanted.replace("_mm", "_pixels")
            found = estimate_of(name, truth, rows, scores.patients, resamples=resamples)
            lines.append(Line(METRICS[name].title.partition(" (")[0], label, found))
    return lines


def _of_finding(evaluation: Evaluation, name: str, resamples: int) -> list[Line]:
    finding = evaluation.finding(name)
    threshold = 0.5 if finding.threshold is None else finding.threshold
    return [
        Line(
            METRICS[metric].title,
            name,
            estimate_of(metric, finding.truth, finding.score, finding.patients, threshold, resamples),
        )
        for metric in HEADLINES["binary"]
    ]


def in_words(line: Line) -> str:
    """`"AUC (Pneumonia) 0.964, 0.951 to 0.976"`; what is undefined says so.

    Example:
        >>> in_words(Line("AUC", "", Estimate(0.9, 0.85, 0.95, 100, "")))
        'AUC 0.900, 0.850 to 0.950'
    """
    title, estimate = f"{line.title} ({line.about})" if line.about else line.title, line.estimate
    if estimate.value != estimate.value:
        return f"{title} not defined"
    if estimate.low != estimate.low:
        return f"{title} {estimate.value:.3f}, interval not defined"
    return f"{title} {estimate.value:.3f}, {estimate.low:.3f} to {estimate.high:.3f}"
