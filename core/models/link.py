"""The link of a model: what makes probabilities of its logits. One rule for pages, evaluation and training.

What was compiled says how a model ends (`core.keras_process.model.ending`), the card says what is asked of it. Where
both contradict each other the model is refused, for its numbers would be no answer to the question.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.models.card import Task

#: `sigmoid`: each unit has a probability of its own. `softmax`: those of all units add up to 1.
Link = Literal["sigmoid", "softmax"]


def task_link(task: Task, units: int) -> Link:
    """The link that a task calls for: sigmoid for findings and for a single unit, else softmax."""
    return "sigmoid" if task == "multilabel" or units == 1 else "softmax"


def link_of(activation: str, task: Task, units: int, labels: int) -> Link:
    """The link of a compiled model.

    A model that ends in logits is taken at its card's word. Two sigmoid units for two labels are two probabilities that
    need not add up to 1; they are shown as they are.

    Args:
        activation: `softmax`, `sigmoid` or `linear`, as the compiled file says.
        task: Of the card.
        units: Number of logits.
        labels: Number of labels on the card.

    Raises:
        ValueError: The model cannot answer what its card asks; the text says what it gives instead.
    """
    if units != labels and not (units == 1 and labels == 2 and task in {"binary", "segmentation"}):
        raise ValueError(f"{units} output{'s' if units > 1 else ''} for {labels} labels")
    if activation == "softmax" and task == "multilabel":
        raise ValueError("a softmax, whose probabilities add up to 1, for findings that may be present together")
    if activation == "softmax" and units == 1:
        raise ValueError("a softmax of a single unit, whose only answer is 1")
    if activation == "sigmoid" and units > 1 and task in {"multiclass", "ordinal"}:
        raise ValueError(f"{units} sigmoid units, each with a probability of its own, for classes of which one is true")
    if activation == "softmax":
        return "softmax"
    return "sigmoid" if activation == "sigmoid" else task_link(task, units)


def class_probabilities(
    logits: NDArray[np.floating], task: Task, temperature: float = 1.0, link: Link | None = None
) -> NDArray[np.float32]:
    """Logits to one column a label.

    Args:
        logits: (cases, outputs); a binary model may have one output, which speaks for the second label.
        task: Of the model.
        temperature: Divides the logits.
        link: Of the model, see `link_of`; None for the one that the task calls for.

    Returns:
        (cases, classes) float32.

    Example:
        >>> class_probabilities(np.array([[0.0]]), "binary").tolist()
        [[0.5, 0.5]]
    """
    scaled = np.asarray(logits, np.float64) / temperature
    if (link or task_link(task, scaled.shape[1])) == "sigmoid":
        # Written with tanh so that no exponential can overflow.
        positive = 0.5 * (1.0 + np.tanh(0.5 * scaled))
        for_two = task != "multilabel" and scaled.shape[1] == 1
        result = np.concatenate([1.0 - positive, positive], axis=1) if for_two else positive
    else:
        shifted = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        result = shifted / shifted.sum(axis=1, keepdims=True)
    return result.astype(np.float32)
