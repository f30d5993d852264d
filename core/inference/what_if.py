"""What the answer would be if one fact, or the end of a sequence, were another: the model asked again and again.

Both change one thing and leave all others as they are. That says what the model does with it, not what would happen to
a patient: a curve over age shows no one growing old.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, IncompatibleInput
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared
from core.models.card import FeatureSpec

#: Points of a curve over a number.
POINTS = 41


@dataclass(frozen=True, eq=False)
class WhatIf:
    """Probabilities over the values of one thing.

    Attributes:
        values: (points,) what it was set to; the number of frames seen for a sequence.
        probabilities: (points, classes).
        answers: Names of the points where they are answers and not numbers, else empty.
        here: The value as it is, or NaN where it is unknown.
    """

    values: NDArray[np.float64]
    probabilities: NDArray[np.float32]
    answers: tuple[str, ...]
    here: float


def what_if(bundle: Bundle, prepared: Prepared, feature: str, index: int = 0, known: bool = True) -> WhatIf:
    """The answer over all values of one fact.

    Args:
        bundle: The opened model.
        prepared: What it was given.
        feature: Name of the fact.
        index: Which case.
        known: Whether the fact is known, and not filled with its reference.

    Raises:
        IncompatibleInput: The model does not ask for this fact.
    """
    table, column, spec = _find(bundle, feature)
    values = np.array(sorted(spec.choices.values())) if spec.choices else np.linspace(spec.low, spec.high, POINTS)
    batch = {name: np.repeat(array[index : index + 1], len(values), axis=0) for name, array in prepared.batch.items()}
    here = float(batch[table][0, column])
    batch[table][:, column] = values
    logits = bundle.run(batch, outputs=("logits",)).logits
    names = {number: answer for answer, number in spec.choices.items()}
    answers = tuple(names[value] for value in values) if names else ()
    found = bundle.probabilities(logits)
    return WhatIf(values.astype(np.float64), found, answers, here if known else float("nan"))


def _find(bundle: Bundle, feature: str) -> tuple[str, int, FeatureSpec]:
    for spec in bundle.card.inputs:
        for column, entry in enumerate(spec.features):
            if entry.name == feature:
                return spec.name, column, entry
    raise IncompatibleInput(f"The model does not ask for {feature}", "choose another fact")


def answer_over_time(
    bundle: Bundle,
    prepared: Prepared,
    name: str,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> WhatIf:
    """The answer as if the sequence had stopped at each of the model's frames, the last one standing still.

    Args:
        bundle: The opened model.
        prepared: One case with a sequence.
        name: Of the sequence.
        progress: Called with the fraction done.
        cancelled: Asked before each frame.

    Raises:
        Cancelled: `cancelled` said so.
        IncompatibleInput: The input is no sequence.
    """
    whole = prepared.batch[name]
    if whole.ndim != 5:
        raise IncompatibleInput(f"{name} is no sequence", "choose another input")
    rows = []
    for last in range(whole.shape[1]):
        if cancelled is not None and cancelled():
            raise Cancelled("the answer over time")
        stopped = whole[:1].copy()
        stopped[:, last + 1 :] = whole[:1, last : last + 1]
        batch = {other: array[:1] for other, array in prepared.batch.items()} | {name: stopped}
        rows.append(bundle.run(batch, outputs=("logits",)).logits)
        if progress is not None:
            progress((last + 1) / whole.shape[1])
    found = bundle.probabilities(np.concatenate(rows))
    frames = np.arange(1, len(found) + 1, dtype=np.float64)
    return WhatIf(frames, found, (), float(len(found)))
