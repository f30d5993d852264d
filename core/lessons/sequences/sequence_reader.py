"""A recurrent network for brightness curves, small enough to be trained while the page loads."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.lessons.sequences.beating_heart import beats
from core.lessons.sequences.recurrent import (
    Array,
    Cell,
    Kind,
    Trace,
    gradients_through_time,
    new_cell,
    run_cell,
    sigmoid,
)

UNITS = 6

#: Sequences that a cell learns from and is judged by, both drawn anew.
LEARNT, JUDGED = 256, 200


@dataclass(frozen=True, eq=False)
class Reader:
    """A cell and one logit read from its state.

    Attributes:
        cell: With one input a frame.
        weights: (U,), from the state to the logit of the second class.
        bias: Of the logit.
        accuracy: On phantoms that it did not learn from; NaN before training.
    """

    cell: Cell
    weights: Array
    bias: float
    accuracy: float = float("nan")

    def logits(self, trace: Trace) -> Array:
        """(N, T) what the logit would be if the sequence ended at each frame."""
        return trace.states @ self.weights + self.bias


def read(reader: Reader, curves: NDArray[np.floating]) -> tuple[Trace, Array]:
    """What goes on, and the probability (N, T) of the second class after each frame.

    Args:
        reader: Trained or not.
        curves: (N, T) standardised.
    """
    trace = run_cell(reader.cell, np.asarray(curves, np.float64)[..., None])
    return trace, sigmoid(reader.logits(trace))


def fresh_reader(kind: Kind, seed: int = 0) -> Reader:
    """A reader with random weights."""
    random = np.random.default_rng(seed + 100)
    return Reader(new_cell(kind, 1, UNITS, seed), random.normal(0, 0.5, UNITS), 0.0)


def train_reader(kind: Kind, frames: int, steps: int = 240, seed: int = 0, rate: float = 0.02) -> Reader:
    """Learn to tell the two rhythms apart, by backpropagation through time and Adam (Kingma and Ba 2015).

    Args:
        kind: Of the cell.
        frames: Of each sequence.
        steps: Of descent; each sees 64 of the sequences.
        seed: Of weights and order.
        rate: Of learning; gradients longer than 1 are shortened to 1.
    """
    given = beats(LEARNT, frames, seed + 1)
    random = np.random.default_rng(seed)
    reader = fresh_reader(kind, seed)
    values = [reader.cell.kernel, reader.cell.recurrent, reader.cell.bias, reader.weights, np.zeros(1)]
    first, second = ([np.zeros_like(value) for value in values] for _ in range(2))
    for step in range(1, steps + 1):
        chosen = random.integers(0, LEARNT, 64)
        slopes = _slopes(_reader(kind, values), given.curves[chosen], given.labels[chosen])
        length = np.sqrt(sum(float((slope**2).sum()) for slope in slopes))
        for weight, slope, mean, square in zip(values, slopes, first, second, strict=True):
            shortened = slope / max(length, 1.0)
            mean[...] = 0.9 * mean + 0.1 * shortened
            square[...] = 0.999 * square + 0.001 * shortened**2
            weight[...] = weight - rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    trained = _reader(kind, values)
    return replace(trained, accuracy=judged(trained, beats(JUDGED, frames, seed + 2).curves))


def judged(reader: Reader, curves: NDArray[np.floating]) -> float:
    """Fraction of (N, T) `beats(…).curves`, whose classes take turns, that is correct after the last frame."""
    _, probabilities = read(reader, curves)
    return float(((probabilities[:, -1] > 0.5) == (np.arange(len(curves)) % 2 == 1)).mean())


def _reader(kind: Kind, values: list[Array]) -> Reader:
    return Reader(Cell(kind, values[0], values[1], values[2]), values[3], float(values[4][0]))


def _slopes(reader: Reader, curves: Array, labels: NDArray[np.int64]) -> list[Array]:
    """Gradient of the mean cross-entropy with respect to all weights."""
    trace, probabilities = read(reader, curves)
    error = (probabilities[:, -1] - labels) / len(labels)
    found = gradients_through_time(reader.cell, trace, error[:, None] * reader.weights)
    return [found.kernel, found.recurrent, found.bias, error @ trace.states[:, -1], np.array([error.sum()])]


def slopes_by_frame(reader: Reader, curve: NDArray[np.floating]) -> Array:
    """(T,) length of the slope of the last logit with respect to what the cell carries on from each frame.

    For an LSTM that is its memory, along which it is meant to flow, and for the others the hidden state.
    """
    trace, _ = read(reader, curve[None])
    found = gradients_through_time(reader.cell, trace, reader.weights[None])
    carried = found.memories if reader.cell.kind == "lstm" else found.states
    return np.linalg.norm(carried[0], axis=1)


#: Ways to spoil a sequence, with their names for people.
SPOILT = {
    "whole": "As recorded",
    "dropped": "Every other frame dropped",
    "shuffled": "Shuffled",
    "frozen": "Frozen",
    "backwards": "Backwards",
}


def frame_order(way: str, frames: int, frozen_from: int = 0, seed: int = 0) -> NDArray[np.int64]:
    """Which frame is shown when; always as many as there were, so that a model takes them.

    A dropped frame is replaced by the one before it, a frozen sequence stops at `frozen_from`.
    """
    order = np.arange(frames)
    if way == "dropped":
        order = order - order % 2
    elif way == "shuffled":
        order = np.random.default_rng(seed).permutation(frames)
    elif way == "frozen":
        order = np.minimum(order, max(frozen_from, 0))
    elif way == "backwards":
        order = order[::-1]
    return np.asarray(order, np.int64)
