"""The answer of a classifier: probabilities, the decision at the stored threshold, calibration, and its doubt.

Nothing is chosen here: threshold and temperature come from the card, which took them from the validation split.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.card import ModelCard, Task
from core.compatibility import compatibility
from core.preprocess import Prepared, prepare
from core.runtime.session import Bundle, ModelOutput
from core.scan import Scan
from core.similarity import Similarity


@dataclass(frozen=True)
class Decision:
    """What one frame's probabilities come to.

    Attributes:
        label: The chosen label.
        class_index: Its place in the card's labels.
        probability: The model's probability of the label that the threshold is about (binary) or of `label`.
        threshold: The stored threshold, or None where the largest probability decides.
        sentence: The decision in words, e.g. `"Pneumonia is likely"`.
    """

    label: str
    class_index: int
    probability: float
    threshold: float | None
    sentence: str


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of some frames of a scan.

    Attributes:
        card: The model.
        frames: Frames of the scan, in the order of the rows below.
        logits: (frames, outputs) before the final activation.
        probabilities: (frames, classes) after it.
        calibrated: (frames, classes) with the card's temperature.
        similarity: One entry a frame: how near it is to what the model has seen; empty where the bundle cannot tell.
        warning: Why this scan does not fit the model, or `""`.
        note: What could not be checked about the fit, or `""`.
        prepared: The model's input, kept for explanations.
        output: Raw outputs, kept for explanations.
    """

    card: ModelCard
    frames: tuple[int, ...]
    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    calibrated: NDArray[np.float32]
    similarity: tuple[Similarity, ...]
    warning: str
    note: str
    prepared: Prepared
    output: ModelOutput

    def decision(self, position: int = 0) -> Decision:
        """The decision for `frames[position]` at the card's threshold."""
        return decide(self.card, self.probabilities[position])


def class_probabilities(logits: NDArray[np.floating], task: Task, temperature: float = 1.0) -> NDArray[np.float32]:
    """Logits to one column a label.

    Args:
        logits: (cases, outputs); a binary model may have one output, which speaks for the second label.
        task: Sigmoid for `multilabel` and for one output, softmax for the others.
        temperature: Divides the logits.

    Returns:
        (cases, classes) float32.

    Example:
        >>> class_probabilities(np.array([[0.0]]), "binary").tolist()
        [[0.5, 0.5]]
    """
    scaled = np.asarray(logits, np.float64) / temperature
    if task == "multilabel" or scaled.shape[1] == 1:
        # Written with tanh so that no exponential can overflow.
        positive = 0.5 * (1.0 + np.tanh(0.5 * scaled))
        result = positive if task == "multilabel" else np.concatenate([1.0 - positive, positive], axis=1)
    else:
        shifted = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        result = shifted / shifted.sum(axis=1, keepdims=True)
    return result.astype(np.float32)


def decide(card: ModelCard, probabilities: NDArray[np.floating]) -> Decision:
    """One row of probabilities to a decision in words.

    A binary answer within 0.05 of its threshold is called near the threshold, because a slightly different exposure
    could turn it.
    """
    if card.task == "binary" and card.threshold is not None:
        positive = float(probabilities[1])
        # Both as float32, in which scores are computed and thresholds were found among them.
        index = int(np.float32(positive) >= np.float32(card.threshold))
        word = "likely" if index else "unlikely"
        near = ", but near the threshold" if abs(positive - card.threshold) < 0.05 else ""
        sentence = f"{card.labels[1]} is {word}{near}"
        return Decision(card.labels[index], index, positive, card.threshold, sentence)
    index = int(np.argmax(probabilities))
    probability = float(probabilities[index])
    return Decision(card.labels[index], index, probability, None, f"{card.labels[index]} is the most likely answer")


def classify(
    bundle: Bundle,
    scan: Scan,
    frames: Sequence[int] | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Prediction:
    """Run a model over frames of a scan.

    A scan that does not fit the contract is still run, and the prediction then carries the reason as a warning: whether
    to ask at all is the user's decision.

    Args:
        bundle: The opened model.
        scan: The scan.
        frames: Which frames; None for all.
        progress: Called with the share done.
        cancelled: Asked between chunks.

    Raises:
        IncompatibleInput: The model has no image input.
        Cancelled: The user stopped it.
    """
    card = bundle.card
    prepared = prepare(scan, card.inputs[0], frames)
    output = bundle.run(prepared.batch, progress=progress, cancelled=cancelled)
    fit = compatibility(card, scan)
    return Prediction(
        card=card,
        frames=prepared.frames,
        logits=output.logits,
        probabilities=class_probabilities(output.logits, card.task),
        calibrated=class_probabilities(output.logits, card.task, card.temperature),
        similarity=bundle.similarity(output.features),
        warning="" if fit.fits else fit.reason,
        note=fit.reason if fit.fits else "",
        prepared=prepared,
        output=output,
    )
