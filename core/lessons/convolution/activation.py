"""Activation functions, their derivatives, and where their gradient dies."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Function = Callable[[NDArray[np.float64]], NDArray[np.float64]]

#: A unit counts as saturated where the derivative is below this fraction of its largest value.
FRACTION = 0.01

#: Inputs between which the largest derivative is looked for.
REACH = 12.0


@dataclass(frozen=True, eq=False)
class Activation:
    """One function from a unit's sum to its output.

    Attributes:
        title: For people.
        formula: LaTeX of f(z).
        slope_formula: LaTeX of its derivative.
        function: f, any shape.
        derivative: f', any shape; at a kink the value that TensorFlow takes, which is the left one.
    """

    title: str
    formula: str
    slope_formula: str
    function: Function
    derivative: Function

    @property
    def steepest(self) -> float:
        """The largest derivative."""
        return _steepest(self.derivative)

    def saturated(self, z: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Where the derivative at `z` is under `FRACTION` of its largest value, so that hardly any gradient passes.

        The answer has the shape of `z`.
        """
        return np.abs(self.derivative(z)) < FRACTION * self.steepest


@lru_cache(maxsize=16)
def _steepest(derivative: Function) -> float:
    return float(np.abs(derivative(np.linspace(-REACH, REACH, 24_001))).max())


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + e^-z) in the shape of `z`, without overflow."""
    return np.exp(-np.logaddexp(0.0, -z))


def _sigmoid_slope(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return sigmoid(z) * sigmoid(-z)


def _tanh_slope(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return 4.0 * _sigmoid_slope(2.0 * z)  # 1 - tanh² loses its digits where tanh is near 1


def _relu(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(z, 0.0)


def _relu_slope(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return (z > 0).astype(np.float64)


def _gelu(z: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import ndtr

    return z * ndtr(z)


def _gelu_slope(z: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import ndtr

    return ndtr(z) + z * np.exp(-(z**2) / 2.0) / math.sqrt(2.0 * math.pi)


def _swish(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return z * sigmoid(z)


def _swish_slope(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return sigmoid(z) + z * _sigmoid_slope(z)


#: Functions without a setting of their own. GELU is the exact one (Keras' default), not the tanh approximation.
ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": Activation("sigmoid", r"\frac{1}{1 + e^{-z}}", r"f(z)\,(1 - f(z))", sigmoid, _sigmoid_slope),
    "tanh": Activation("tanh", r"\tanh z", r"1 - \tanh^2 z", np.tanh, _tanh_slope),
    "ReLU": Activation("ReLU", r"\max(0, z)", r"[z > 0]", _relu, _relu_slope),
    "GELU": Activation("GELU", r"z\,\Phi(z)", r"\Phi(z) + z\,\varphi(z)", _gelu, _gelu_slope),
    "swish": Activation(
        "swish", r"z\,\sigma(z)", r"\sigma(z) + z\,\sigma(z)\,(1 - \sigma(z))", _swish, _swish_slope
    ),
}  # fmt: skip

LEAKY = "leaky ReLU"

#: All of them in the order in which they are offered.
NAMES = ("sigmoid", "tanh", "ReLU", LEAKY, "GELU", "swish")


def leaky_relu(slope: float) -> Activation:
    """ReLU that lets a fraction of negative sums through.

    Args:
        slope: Of the negative side, 0 to 1; Keras' default is 0.3, often 0.01 to 0.2 is taken.
    """

    def function(z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(z > 0, z, slope * z)

    def derivative(z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(z > 0, 1.0, slope)

    formula = rf"\max(z, {slope:g}\,z)"
    return Activation(f"{LEAKY} {slope:g}", formula, rf"1 \text{{ for }} z > 0,\ \text{{else }} {slope:g}",
                      function, derivative)  # fmt: skip


def activation(name: str, slope: float = 0.1) -> Activation:
    """One of `NAMES`; `slope` is for the leaky one."""
    return leaky_relu(slope) if name == LEAKY else ACTIVATIONS[name]


def gradient_through(found: Activation, layers: int) -> float:
    """The most that a chain of layers can let through of a gradient by its activations alone: steepest ** layers."""
    return found.steepest**layers
