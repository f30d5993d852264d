"""An evaluation: what one model said of the labelled cases of one split of one dataset.

Metrics are derived from it and never stored alone. Models with different tasks meet in a `Finding`: a yes-or-no
question that a binary model answers directly, a multiclass model by one of its labels or by its derived question, and a
multilabel model by one of its findings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.evaluation.results.case_scores import CaseScores

#: Where the images come from as the model sees it: where it was trained, elsewhere, a stressed copy, not known.
Kind = Literal["internal", "external", "stress", "unknown"]


@dataclass(frozen=True, eq=False)
class Finding:
    """The answers to one yes-or-no question.

    Attributes:
        name: What is asked, e.g. `"Pneumonia"`.
        truth: (cases,) bool.
        score: (cases,) float64 probability as the model gives it, to which the threshold belongs.
        calibrated: (cases,) float64 probability after the temperature; equal to `score` at a temperature of 1.
        threshold: From which score on the answer is yes; None for one label of several, which has none of its own.
        patients: (cases,) whom each case shows.
        cases: (cases,) names.
    """

    name: str
    truth: NDArray[np.bool_]
    score: NDArray[np.float64]
    calibrated: NDArray[np.float64]
    threshold: float | None
    patients: NDArray[Any]
    cases: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores by case with what is needed to know where they come from.

    Attributes:
        model: Slug of the model.
        model_title: For people.
        model_sha256: Of `model.keras`.
        dataset: Short name of the dataset.
        dataset_title: For people.
        dataset_digest: sha256 of what was scored: contents where the dataset was opened here, else names and labels.
        split: train, val or test, or `""` where the dataset has no splits.
        kind: Where the images come from as the model sees it.
        scores: Truth, logits and patients.
        cases: (cases,) names, the same for every model on this dataset.
        attributes: Name to (cases,) texts, `""` where not known.
        threshold: Of a binary model.
        thresholds: Of findings and of the derived question.
        threshold_from: How and on which split they were chosen.
        temperature: Divides the logits to calibrate.
        failed: Name of a case that could not be scored to the sentence that says why.
    """

    model: str
    model_title: str
    model_sha256: str
    dataset: str
    dataset_title: str
    dataset_digest: str
    split: str
    kind: Kind
    scores: CaseScores
    cases: NDArray[Any]
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    threshold: float | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    threshold_from: str = ""
    temperature: float = 1.0
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """(model hash, dataset hash, split): what is never computed twice."""
        return self.model_sha256, self.dataset_digest, self.split

    @property
    def findings(self) -> tuple[str, ...]:
        """The yes-or-no questions that this evaluation answers, the main one first."""
        if self.scores.task == "binary":
            return (self.scores.labels[1],)
        if self.scores.task == "segmentation":
            return ()
        return (*self.scores.derived, *self.scores.labels)

    def finding(self, name: str) -> Finding:
        """The answers to one of `findings`.

        Raises:
            ValueError: It is none of them.
        """
        if name not in self.findings:
            raise ValueError(f"Expected one of {', '.join(self.findings)}. Received {name!r}.")
        if self.scores.task == "binary":
            truth, score = np.asarray(self.scores.y_true, bool), self.scores.y_score()
            calibrated, threshold = self.scores.y_score(self.temperature), self.threshold
        else:
            truth, score = self.scores.of_label(name)
            calibrated, threshold = self.scores.of_label(name, self.temperature)[1], self.thresholds.get(name)
        return Finding(name, truth, score, calibrated, threshold, self.scores.patients, self.cases)
