"""Logistic recalibration: how far a model's probabilities are off, as a slope and an intercept (Cox 1958).

The outcome is regressed on the logit of the probability. A slope below 1 says that the probabilities are too extreme,
an intercept below 0, with the slope fixed at 1, that they are too high on average (Van Calster et al. 2019, BMC
Medicine 17:230). Fitted by Newton's method; many resamples of the cases at once, as weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.evaluation.metrics.binary import usable

#: Newton's steps at most, and the size of a step from which on the fit is taken as reached.
STEPS, REACHED = 50, 1e-10


def logit(probability: ArrayLike) -> NDArray[np.float64]:
    """log(p / (1 − p)), in the shape of the probabilities, which are kept 2.2e-16 away from 0 and 1."""
    tiny = np.finfo(np.float64).eps
    bounded = np.clip(np.asarray(probability, np.float64), tiny, 1 - tiny)
    return np.asarray(np.log(bounded) - np.log1p(-bounded))


def calibration_slope(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Slope of the outcome on the logit of the probability; 1 is right.

    NaN where the fit does not exist: one class only, all scores equal, or scores that part the classes.
    """
    truth, score = usable(y_true, y_score)
    return float(slopes(truth, logit(score), np.ones((len(truth), 1)))[0])


def calibration_intercept(y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5) -> float:  # noqa: ARG001
    """Intercept with the slope fixed at 1, "calibration in the large"; 0 is right, NaN with one class only."""
    truth, score = usable(y_true, y_score)
    return float(intercepts(truth, logit(score), np.ones((len(truth), 1)))[0])


def intercepts(
    truth: NDArray[np.bool_], logits: NDArray[np.float64], weights: NDArray[np.floating], start: float = 0.0
) -> NDArray[np.float64]:
    """(resamples,) intercepts for (cases, resamples) weights of the cases, searched from `start`."""
    positives, cases = truth @ weights, weights.sum(0)
    result, defined = np.full(weights.shape[1], np.nan), (positives > 0) & (positives < cases)
    if not defined.any():
        return result
    used, target = np.asarray(weights[:, defined], np.float64), positives[defined]
    # The expected number of positives rises with the intercept: where a Newton step leaves the bracket, halve it.
    low, high = (np.full(len(target), side * (np.abs(logits).max() + 40.0)) for side in (-1, 1))
    found = np.full(len(target), start)
    for _ in range(4 * STEPS):
        fraction = _sigmoid(logits[:, None] + found)
        expected = used * fraction
        excess, slope = expected.sum(0) - target, np.einsum("cf,cf->f", expected, 1.0 - fraction)
        low, high = np.where(excess < 0, found, low), np.where(excess < 0, high, found)
        step = np.divide(excess, slope, out=np.full(len(found), np.inf), where=slope > 0)
        newer = np.where((found - step >= low) & (found - step <= high), found - step, (low + high) / 2.0)
        moved, found = np.abs(newer - found).max(), newer
        if moved < REACHED:
            break
    result[defined] = found
    return result


def slopes(
    truth: NDArray[np.bool_],
    logits: NDArray[np.float64],
    weights: NDArray[np.floating],
    start: tuple[float, float] | None = None,
) -> NDArray[np.float64]:
    """(resamples,) slopes for (cases, resamples) weights of the cases, from an (intercept, slope) where given."""
    result, defined = np.full(weights.shape[1], np.nan), _overlap(truth, logits, weights)
    if defined.any():
        result[defined] = fit(truth, logits, np.asarray(weights[:, defined], np.float64), start)[1]
    return result


def _overlap(truth: NDArray[np.bool_], logits: NDArray[np.float64], weights: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether the scores of the two classes overlap in each resample: only then has the likelihood a maximum."""
    if not len(truth):
        return np.zeros(weights.shape[1], bool)
    order = np.argsort(logits, kind="stable")
    drawn, ordered, kind = weights[order] > 0, logits[order], truth[order]
    ends = []
    for rows in (kind, ~kind):
        there, values = drawn[rows], ordered[rows]
        if not len(values):
            return np.zeros(weights.shape[1], bool)
        first, last = there.argmax(0), len(values) - 1 - there[::-1].argmax(0)
        ends.append((values[first], values[last], there.any(0)))
    (least, most, some), (least_other, most_other, others) = ends
    return np.asarray(some & others & (least < most_other) & (least_other < most))


def fit(
    truth: NDArray[np.bool_],
    logits: NDArray[np.float64],
    weights: NDArray[np.float64],
    start: tuple[float, float] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(resamples,) intercepts and slopes of logistic regressions that exist.

    From a good start plain Newton steps arrive in three or four; what has not arrived by then is fitted with steps
    that never let the likelihood fall.
    """
    if start is None:
        return _damped(truth, logits, weights)
    intercept, slope = (np.full(weights.shape[1], value) for value in start)
    left = np.ones(weights.shape[1], bool)
    for _ in range(6):
        steps = _newton_step(truth, logits, weights, intercept, slope)
        intercept, slope = intercept - steps[0], slope - steps[1]
        # Newton's error is squared with each step, so a step of 1e-6 was to the last digit.
        left = ~(np.abs(steps).max(0) < 1e-6)
        if not left.any():
            break
    if left.any():
        intercept[left], slope[left] = _damped(truth, logits, weights[:, left])
    return intercept, slope


def _newton_step(
    truth: NDArray[np.bool_],
    z: NDArray[np.float64],
    weights: NDArray[np.float64],
    intercept: NDArray[np.float64],
    slope: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(2, resamples) what to take from intercept and slope."""
    fraction = _sigmoid(intercept + z[:, None] * slope)
    powers = np.stack([np.ones(len(z)), z, z * z])
    g0, g1 = powers[:2] @ (weights * (fraction - truth[:, None]))
    h00, h01, h11 = powers @ (weights * fraction * (1.0 - fraction))
    determinant = np.maximum(h00 * h11 - h01 * h01, np.finfo(np.float64).tiny)
    return np.stack([(h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant])


def _damped(
    truth: NDArray[np.bool_], logits: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Newton's method with halved steps while the likelihood falls, on centred and scaled logits."""
    centre, scale = float(logits.mean()), float(logits.std()) or 1.0
    z, total = (logits - centre) / scale, weights.sum(0)
    sign = np.where(truth, 1.0, -1.0)[:, None]
    intercept, slope = np.log((truth @ weights) / (~truth @ weights)), np.zeros(weights.shape[1])

    def loss(intercept: NDArray[np.float64], slope: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((weights * np.logaddexp(0.0, -sign * (intercept + z[:, None] * slope))).sum(0) / total)

    current = loss(intercept, slope)
    for _ in range(STEPS):
        steps = _newton_step(truth, z, weights, intercept, slope)
        size = np.ones(len(total))
        for _ in range(30):
            trial = loss(intercept - size * steps[0], slope - size * steps[1])
            worse = ~(trial <= current + 1e-13)
            if not worse.any():
                break
            size = np.where(worse, size / 2.0, size)
        intercept, slope, current = intercept - size * steps[0], slope - size * steps[1], trial
        if np.abs(size * steps).max() < REACHED:
            break
    return intercept - slope * centre / scale, np.asarray(slope / scale)


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(0.5 * (1.0 + np.tanh(values / 2.0)))
