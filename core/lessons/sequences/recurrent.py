"""Recurrent cells in NumPy: every gate in the open, and exact gradients through time.

The equations and the order of the weights are those of Keras: the plain cell (Elman 1990), LSTM (Hochreiter and
Schmidhuber 1997; gates i, f, candidate g, o) and GRU (Cho et al. 2014; gates z, r, candidate n, with the reset after
the product, as Keras has it by default).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["rnn", "lstm", "gru"]
Array = NDArray[np.float64]

#: Kind to its name for people, and its gates in the order of its weights.
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "rnn": ("Plain RNN", ("h",)),
    "lstm": ("LSTM", ("i", "f", "g", "o")),
    "gru": ("GRU", ("z", "r", "n")),
}


@dataclass(frozen=True, eq=False)
class Cell:
    """A recurrent layer of U units for D inputs a frame; G is the number of its gates.

    Attributes:
        kind: Which cell.
        kernel: (D, G·U), from the inputs.
        recurrent: (U, G·U), from the state before.
        bias: (G·U,), or (2, G·U) for a GRU: for the inputs and for the state.
    """

    kind: Kind
    kernel: Array
    recurrent: Array
    bias: Array

    @property
    def units(self) -> int:
        """Length of the state."""
        return int(self.recurrent.shape[0])


@dataclass(frozen=True, eq=False)
class Trace:
    """What went on in a cell over N sequences of T frames.

    Attributes:
        inputs: (N, T, D).
        states: (N, T, U), the hidden state h after each frame.
        memories: (N, T, U), the memory c of an LSTM; the same as `states` for the others.
        gates: Name to (N, T, U), after their sigmoid or tanh.
        inner: (N, T, U), of a GRU what the reset gate multiplies; zeros for the others.
    """

    inputs: Array
    states: Array
    memories: Array
    gates: dict[str, Array]
    inner: Array


@dataclass(frozen=True, eq=False)
class Gradients:
    """The slope of a score with respect to everything.

    Attributes:
        inputs: (N, T, D).
        states: (N, T, U), with respect to the hidden state after each frame, along all later frames.
        memories: (N, T, U), the same for the memory of an LSTM; as `states` for the others.
        kernel: As the cell's, summed over the sequences.
        recurrent: As the cell's.
        bias: As the cell's.
    """

    inputs: Array
    states: Array
    memories: Array
    kernel: Array
    recurrent: Array
    bias: Array


def sigmoid(values: Array) -> Array:
    """1 / (1 + e^−x) in the shape of the values, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)), np.float64)


def new_cell(kind: Kind, inputs: int, units: int, seed: int, forget: float = 1.0) -> Cell:
    """Glorot-uniform kernel, orthogonal recurrent weights, biases 0; `forget` for an LSTM's forget gate."""
    random, gates = np.random.default_rng(seed), len(KINDS[kind][1])
    limit = np.sqrt(6 / (inputs + units))
    turned = [np.linalg.qr(random.standard_normal((units, units)))[0] for _ in range(gates)]
    bias = np.zeros((2, gates * units) if kind == "gru" else gates * units)
    if kind == "lstm":
        bias[units : 2 * units] = forget
    return Cell(kind, random.uniform(-limit, limit, (inputs, gates * units)), np.concatenate(turned, axis=1), bias)


def run_cell(cell: Cell, inputs: Array) -> Trace:
    """Run N sequences from a state of zeros.

    Args:
        cell: The cell.
        inputs: (N, T, D).
    """
    count, frames, _ = inputs.shape
    names = KINDS[cell.kind][1]
    shape = (count, frames, cell.units)
    states, memories, inner = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    gates = {name: np.zeros(shape) for name in names}
    state = memory = np.zeros((count, cell.units))
    for frame in range(frames):
        found, state, memory, product = _step(cell, inputs[:, frame], state, memory)
        for name in names:
            gates[name][:, frame] = found[name]
        states[:, frame], memories[:, frame], inner[:, frame] = state, memory, product
    return Trace(inputs, states, memories, gates, inner)


def _step(cell: Cell, x: Array, state: Array, memory: Array) -> tuple[dict[str, Array], Array, Array, Array]:
    """Gates, new state, new memory and the inner product of a GRU, for one frame."""
    units = cell.units
    if cell.kind == "gru":
        given, kept = x @ cell.kernel + cell.bias[0], state @ cell.recurrent + cell.bias[1]
        z, r = (sigmoid((given + kept)[:, k * units : (k + 1) * units]) for k in range(2))
        product = kept[:, 2 * units :]
        n = np.tanh(given[:, 2 * units :] + r * product)
        new = z * state + (1 - z) * n
        return {"z": z, "r": r, "n": n}, new, new, product
    total = x @ cell.kernel + state @ cell.recurrent + cell.bias
    nothing = np.zeros_like(state)
    if cell.kind == "rnn":
        new = np.tanh(total)
        return {"h": new}, new, new, nothing
    i, f, g, o = (total[:, k * units : (k + 1) * units] for k in range(4))
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    memory = f * memory + i * g
    return {"i": i, "f": f, "g": g, "o": o}, o * np.tanh(memory), memory, nothing


def gradients_through_time(cell: Cell, trace: Trace, last: Array) -> Gradients:
    """Exact slopes of a score that is read from the last state.

    Args:
        cell: The cell.
        trace: What it did.
        last: (N, U), slope of the score with respect to the last hidden state.
    """
    count, frames, _ = trace.inputs.shape
    found = Gradients(
        np.zeros_like(trace.inputs), np.zeros_like(trace.states), np.zeros_like(trace.states),
        np.zeros_like(cell.kernel), np.zeros_like(cell.recurrent), np.zeros_like(cell.bias),
    )  # fmt: skip
    state, memory = last.astype(np.float64), np.zeros_like(last, np.float64)
    for frame in range(frames - 1, -1, -1):
        found.states[:, frame] = state
        before = trace.states[:, frame - 1] if frame else np.zeros((count, cell.units))
        memory_before = trace.memories[:, frame - 1] if frame else np.zeros((count, cell.units))
        gates = {name: values[:, frame] for name, values in trace.gates.items()}
        back = {"rnn": _back_rnn, "lstm": _back_lstm, "gru": _back_gru}[cell.kind]
        given, kept, state, memory, whole = back(cell, gates, trace, frame, before, memory_before, state, memory)
        found.memories[:, frame] = whole
        found.inputs[:, frame] = given @ cell.kernel.T
        found.kernel[...] += trace.inputs[:, frame].T @ given
        found.recurrent[...] += before.T @ kept
        found.bias[...] += np.stack([given.sum(axis=0), kept.sum(axis=0)]) if cell.kind == "gru" else given.sum(axis=0)
    return found


#: Slopes before the gates for inputs and state, then for the state and the memory before, then for this memory.
_Back = tuple[Array, Array, Array, Array, Array]


def _back_rnn(
    cell: Cell, gates: dict[str, Array], _trace: Trace, _frame: int, _before: Array, _memory_before: Array,
    state: Array, memory: Array,
) -> _Back:  # fmt: skip
    slope = state * (1 - gates["h"] ** 2)
    return slope, slope, slope @ cell.recurrent.T, memory, state


def _back_lstm(
    cell: Cell, gates: dict[str, Array], trace: Trace, frame: int, _before: Array, memory_before: Array,
    state: Array, memory: Array,
) -> _Back:  # fmt: skip
    i, f, g, o = (gates[name] for name in "ifgo")
    bent = np.tanh(trace.memories[:, frame])
    whole = memory + state * o * (1 - bent**2)
    parts = (whole * g * i * (1 - i), whole * memory_before * f * (1 - f), whole * i * (1 - g**2))
    slope = np.concatenate([*parts, state * bent * o * (1 - o)], axis=1)
    return slope, slope, slope @ cell.recurrent.T, whole * f, whole


def _back_gru(
    cell: Cell, gates: dict[str, Array], trace: Trace, frame: int, before: Array, _memory_before: Array,
    state: Array, memory: Array,
) -> _Back:  # fmt: skip
    z, r, n = (gates[name] for name in "zrn")
    candidate = state * (1 - z) * (1 - n**2)
    opened = state * (before - n) * z * (1 - z)
    reset = candidate * trace.inner[:, frame] * r * (1 - r)
    given = np.concatenate([opened, reset, candidate], axis=1)
    kept = np.concatenate([opened, reset, candidate * r], axis=1)
    return given, kept, state * z + kept @ cell.recurrent.T, memory, state


@dataclass(frozen=True, eq=False)
class Chain:
    """A plain cell of one unit, h = tanh(w x + u h), and the slope of its last state along the frames.

    Attributes:
        states: (T,) h after each frame.
        factors: (T,) u · (1 − h²), the slope of each state with respect to the one before.
        products: (T,) slope of the last state with respect to that after each frame: all later factors together.
    """

    states: Array
    factors: Array
    products: Array


def plain_chain(curve: NDArray[np.floating], w: float, u: float) -> Chain:
    """Run a plain cell of one unit without bias.

    Args:
        curve: (T,) its inputs.
        w: Weight of the input.
        u: Weight of the state before.
    """
    cell = Cell("rnn", np.array([[w]]), np.array([[u]]), np.zeros(1))
    states = run_cell(cell, np.asarray(curve, np.float64)[None, :, None]).states[0, :, 0]
    factors = u * (1 - states**2)
    products = np.append(np.cumprod(factors[:0:-1])[::-1], 1.0)
    return Chain(states, factors, products)
