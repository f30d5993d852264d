"""What a recurrent cell did at one frame, as formulas with its numbers."""

from __future__ import annotations

from core.lessons.sequences.recurrent import Cell, Chain, Trace

#: What each gate is for.
GATES = {
    "h": "hidden state",
    "i": "input gate: how much is written",
    "f": "forget gate: how much is kept",
    "g": "candidate: what would be written",
    "o": "output gate: how much is shown",
    "z": "update gate: how much is kept",
    "r": "reset gate: how much of the past the candidate sees",
    "n": "candidate: what would be written",
}


def tex_number(value: float, digits: int) -> str:
    """A number for LaTeX, very small and very large ones as a power of ten."""
    text = f"{value:.{digits}g}"
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"


def cell_formulas(cell: Cell, trace: Trace, unit: int, frame: int) -> list[str]:
    """LaTeX lines for one unit at one frame of the first sequence.

    Args:
        cell: The cell.
        trace: What it did.
        unit: From 0.
        frame: From 0.
    """
    state = float(trace.states[0, frame, unit])
    before = float(trace.states[0, frame - 1, unit]) if frame else 0.0
    at = {name: float(values[0, frame, unit]) for name, values in trace.gates.items()}
    if cell.kind == "lstm":
        memory = float(trace.memories[0, frame, unit])
        kept = float(trace.memories[0, frame - 1, unit]) if frame else 0.0
        written = rf"{at['f']:.2f} \cdot ({kept:.2f}) + {at['i']:.2f} \cdot ({at['g']:.2f}) = {memory:.2f}"
        return [
            _two_lines(r"c_t = f\,c_{t-1} + i\,g", written),
            _two_lines(r"h_t = o \tanh c_t", rf"{at['o']:.2f} \cdot \tanh({memory:.2f}) = {state:.2f}"),
        ]
    if cell.kind == "gru":
        mixed = rf"{at['z']:.2f} \cdot ({before:.2f}) + {1 - at['z']:.2f} \cdot ({at['n']:.2f}) = {state:.2f}"
        return [_two_lines(r"h_t = z\,h_{t-1} + (1 - z)\,n", mixed)]
    given = float(trace.inputs[0, frame] @ cell.kernel[:, unit])
    past = trace.states[0, frame - 1] if frame else trace.states[0, 0] * 0
    kept, bias = float(past @ cell.recurrent[:, unit]), float(cell.bias[unit])
    summed = rf"\tanh({given:.2f} + ({kept:.2f}) + ({bias:.2f})) = {state:.2f}"
    return [_two_lines(r"h_t = \tanh(w\,x_t + u\,h_{t-1} + b)", summed)]


def _two_lines(rule: str, numbers: str) -> str:
    """The rule, and below it the same with numbers: beside a figure there is no room for both in one line."""
    left, right = rule.split(" = ", 1)
    return rf"\begin{{aligned}} {left} &= {right} \\ &= {numbers} \end{{aligned}}"


def probability_formula(logit: float) -> str:
    """LaTeX: the probability that is read from the state."""
    from core.lessons.sequences.recurrent import sigmoid

    return rf"p_t = \sigma(v \cdot h_t + b) = \sigma({logit:.2f}) = {float(sigmoid(logit)):.2f}"  # type: ignore[arg-type]


def chain_formula(chain: Chain, u: float, frame: int) -> list[str]:
    """LaTeX lines: one factor, and all factors from a frame to the end."""
    following = min(frame + 1, len(chain.states) - 1)
    state, last = float(chain.states[following]), len(chain.states)
    return [
        rf"\frac{{\partial h_{{{following + 1}}}}}{{\partial h_{{{following}}}}} = u\,(1 - h_{{{following + 1}}}^2) = "
        rf"{u:.2f} \cdot (1 - ({state:.2f})^2) = {chain.factors[following]:.3f}",
        rf"\frac{{\partial h_{{{last}}}}}{{\partial h_{{{frame + 1}}}}} = \prod_{{k={frame + 2}}}^{{{last}}} "
        rf"u\,(1 - h_k^2) = {tex_number(float(chain.products[frame]), 2)}",
    ]
