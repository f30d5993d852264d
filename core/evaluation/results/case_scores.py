"""Scores of cases as they are stored beside a model, `evaluations/<dataset>--<split>.parquet`, read for any task.

Columns: case, patient, split, `attr_…`, and
- binary: y_true (0 or 1), y_score and logit of `labels[1]`;
- multiclass and ordinal: y_true (class index), y_score_0 … and logit_0 … in the order of the labels;
- multilabel: y_true_0 …, y_score_0 … and logit_0 … in the order of the labels;
- segmentation: a row a case and label, see `read_masks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.calibration import sigmoid, softmax
from core.evaluation.metrics.mask_cases import MEASURES
from core.evaluation.metrics.registry import METRICS
from core.models.card import ModelCard, Task

if TYPE_CHECKING:
    import pandas as pd

#: Before the name of a metric of binary answers that is about one label against the others, `label` in its entry.
OF_LABEL = "label_"


@dataclass(frozen=True, eq=False)
class CaseScores:
    """What a model said of labelled cases.

    Attributes:
        task: Of the model.
        labels: Of the model.
        y_true: (cases,) 0 or 1, or class indices; (cases, labels) for multilabel, and true pixels for segmentation.
        logits: (cases,) for binary, else (cases, labels). For segmentation (cases, labels × measures): what is stored
            of the masks of each label but the background, see `measures`.
        patients: (cases,) whom each case shows.
        derived: Name of a yes-or-no question to the labels that mean yes; its probability is the sum of theirs.
    """

    task: Task
    labels: tuple[str, ...]
    y_true: NDArray[Any]
    logits: NDArray[np.float64]
    patients: NDArray[Any]
    derived: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def y_score(self, temperature: float = 1.0) -> NDArray[np.float64]:
        """Probabilities: (cases,) of `labels[1]` for binary, else (cases, labels).

        Raises:
            ValueError: The model segments, and has no score of a whole image.
        """
        if self.task == "segmentation":
            raise ValueError("Expected a model that classifies. Received one that segments.")
        scaled = self.logits / temperature
        return sigmoid(scaled) if self.task in {"binary", "multilabel"} else softmax(scaled)

    @property
    def mask_labels(self) -> tuple[str, ...]:
        """What a model that segments marks: its labels but the background; empty for any other."""
        return self.labels[1:] if self.task == "segmentation" else ()

    def measures(self, place: int) -> NDArray[np.float64]:
        """(cases, measures) of `mask_labels[place]`, in the order of `MEASURES`."""
        return self.logits.reshape(len(self.logits), len(self.mask_labels), len(MEASURES))[:, place]

    def of_label(self, label: str, temperature: float = 1.0) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """(cases,) whether one label, or a derived question, is true, and its probability at a temperature.

        Raises:
            ValueError: The task has no scores by label, or there is no such label.
        """
        members = [self.labels.index(name) for name in self.derived.get(label, (label,))]
        if self.task == "multilabel":
            return np.asarray(self.y_true[:, members[0]], bool), self.y_score(temperature)[:, members[0]]
        if self.task == "binary":
            raise ValueError(f"Expected an answer with more than two classes. Received a binary one for {label!r}.")
        return np.isin(self.y_true, members), self.y_score(temperature)[:, members].sum(axis=1)


def read_scores(
    table: pd.DataFrame, task: Task, labels: Sequence[str], derived: Mapping[str, Sequence[str]] | None = None
) -> CaseScores:
    """Stored columns as arrays.

    Raises:
        KeyError: A column is missing.
    """
    numbered = [str(index) for index in range(len(labels))]
    several = task == "multilabel"
    truth = table[[f"y_true_{n}" for n in numbered]] if several else table["y_true"]
    logits = table["logit"] if task == "binary" else table[[f"logit_{n}" for n in numbered]]
    return CaseScores(
        task=task,
        labels=tuple(labels),
        y_true=truth.to_numpy(),
        logits=logits.to_numpy(np.float64),
        patients=table["patient"].to_numpy(),
        derived=derived or {},
    )


def read_masks(table: pd.DataFrame, labels: Sequence[str]) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """Stored columns of masks as arrays: case, patient, label, areas in pixels, average precision and distances.

    Args:
        table: One row a case and label.
        labels: Of the model, the background first.

    Returns:
        Names of the cases in order, whom each shows, and (cases, labels × measures).

    Raises:
        KeyError: A column is missing.
        ValueError: A case lacks one of the labels.
    """
    cases = list(dict.fromkeys(table["case"].astype(str)))
    patients = dict(zip(table["case"].astype(str), table["patient"].astype(str), strict=True))
    parts = []
    for label in labels[1:]:
        parts.append(mask_measures(table[table["label"] == label].set_index("case").reindex(cases)))
    values = np.concatenate(parts, axis=1)
    if np.isnan(values[:, :: len(MEASURES)]).any():
        raise ValueError("a case without one of the labels")
    return cases, [patients[case] for case in cases], values


def mask_measures(rows: pd.DataFrame) -> NDArray[np.float64]:
    """(rows, measures) of stored rows of one label, in the order of `MEASURES`; NaN for what is not stored.

    Raises:
        KeyError: There is no column of areas.
    """
    stored = {"hausdorff_95_pixels": "hausdorff_95"}
    columns = [rows[column] if (column := stored.get(name, name)) in rows else rows["pixels"] * np.nan
               for name in MEASURES]  # fmt: skip
    return np.stack([column.to_numpy(np.float64) for column in columns], axis=1)


def card_scores(table: pd.DataFrame, card: ModelCard) -> CaseScores:
    """Stored columns of one of the card's evaluations as arrays."""
    derived = {card.derived["name"]: card.derived["labels"]} if card.derived else None
    return read_scores(table, card.task, card.labels, derived)


def entry_value(entry: Mapping[str, Any], scores: CaseScores, card: ModelCard) -> float:
    """A metric of the card's model-index, computed again from the stored scores.

    Raises:
        KeyError: There is no such metric.
    """
    name = str(entry["type"])
    if name.startswith(OF_LABEL):
        truth, score = scores.of_label(entry["label"])
        threshold = card.thresholds.get(entry["label"], 0.5)
        return METRICS[name.removeprefix(OF_LABEL)].function(truth, score, threshold)
    temperature = card.temperature if entry["probabilities"] == "calibrated" else 1.0
    threshold = 0.5 if card.threshold is None else card.threshold
    return METRICS[name].function(scores.y_true, scores.y_score(temperature), threshold)
