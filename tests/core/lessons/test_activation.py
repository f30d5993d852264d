"""Activation functions and their derivatives."""

import numpy as np
import pytest

from core.lessons.convolution.activation import NAMES, activation, gradient_through

Z = np.linspace(-8, 8, 4001) + 1e-4  # beside the kinks, not on them


@pytest.mark.parametrize("name", NAMES)
def test_a_derivative_is_what_differences_give(name):
    found, step = activation(name), 1e-6
    wanted = (found.function(Z + step) - found.function(Z - step)) / (2 * step)
    np.testing.assert_allclose(found.derivative(Z), wanted, atol=1e-8)


def test_known_values():
    at = np.array([0.0, 1.0, -1.0])
    known = {
        "sigmoid": [0.5, 0.731058579, 0.268941421],
        "tanh": [0, 0.761594156, -0.761594156],
        "ReLU": [0, 1, 0],
        "leaky ReLU": [0, 1, -0.1],
        "GELU": [0, 0.841344746, -0.158655254],
        "swish": [0, 0.731058579, -0.268941421],
    }
    for name, values in known.items():
        np.testing.assert_allclose(activation(name).function(at), values, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "steepest"),
    [("sigmoid", 0.25), ("tanh", 1), ("ReLU", 1), ("leaky ReLU", 1), ("GELU", 1.12890), ("swish", 1.09984)],
)
def test_the_largest_derivative_is_the_known_one(name, steepest):
    assert activation(name).steepest == pytest.approx(steepest, abs=1e-5)


def test_saturation_begins_where_the_derivative_falls_under_a_hundredth():
    edge = np.log((1 + np.sqrt(0.99)) / (1 - np.sqrt(0.99)))  # σ' = 0.0025, solved for z
    sigmoid = activation("sigmoid")
    assert not sigmoid.saturated(np.array([edge - 1e-6]))[0]
    assert sigmoid.saturated(np.array([edge + 1e-6, -edge - 1e-6])).all()
    assert activation("ReLU").saturated(np.array([-0.001, 0.001])).tolist() == [True, False]
    assert not activation("leaky ReLU", 0.1).saturated(Z).any()


def test_nothing_overflows_far_out():
    far = np.array([-1e4, 1e4])
    for name in NAMES:
        found = activation(name)
        assert np.isfinite(found.function(far)).all()
        assert np.isfinite(found.derivative(far)).all()


def test_ten_sigmoids_let_through_less_than_a_millionth():
    assert gradient_through(activation("sigmoid"), 10) == pytest.approx(0.25**10)
