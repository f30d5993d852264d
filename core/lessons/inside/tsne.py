"""t-SNE of a few hundred cases, step by step, so that progress shows and it can be stopped.

Van der Maaten and Hinton 2008, Visualizing Data using t-SNE, JMLR 9. Distances between far points and sizes of clusters
on such an image mean nothing; which points are neighbours does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled

Array = NDArray[np.float64]
STEPS, EARLY, EXAGGERATION = 500, 120, 12.0


def tsne(
    points: NDArray[np.floating],
    perplexity: float = 20.0,
    steps: int = STEPS,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Array:
    """Put cases on a plane so that near ones stay near.

    Starts from the two strongest directions, so the same cases always give the same image.

    Args:
        points: (cases, dimensions), 5 cases at least.
        perplexity: About how many neighbours each case is held to; at most a third of the cases.
        steps: Of gradient descent.
        progress: Called with the fraction done.
        cancelled: Asked now and then.

    Returns:
        (cases, 2).

    Raises:
        Cancelled: The user stopped it.
        ValueError: Fewer than 5 cases.
    """
    values = np.asarray(points, np.float64)
    if len(values) < 5:
        raise ValueError(f"Expected 5 cases at least. Received {len(values)}. Add some.")
    near = _joint(values, min(perplexity, (len(values) - 1) / 3))
    place = _start(values)
    speed, gains = np.zeros_like(place), np.ones_like(place)
    rate = max(len(values) / EXAGGERATION / 4, 50.0)
    for step in range(steps):
        if step % 10 == 0:
            if cancelled is not None and cancelled():
                raise Cancelled("the map of cases")
            if progress is not None:
                progress(step / steps)
        slope = _slope(near * (EXAGGERATION if step < EARLY else 1.0), place)
        gains = np.maximum(np.where(np.sign(slope) != np.sign(speed), gains + 0.2, gains * 0.8), 0.01)
        speed = (0.5 if step < EARLY else 0.8) * speed - rate * gains * slope
        place = place + speed
        place -= place.mean(axis=0)
    return place


def _squares(values: Array) -> Array:
    length = (values**2).sum(axis=1)
    found: Array = np.maximum(length[:, None] + length[None] - 2 * values @ values.T, 0.0)
    return found


def _start(values: Array) -> Array:
    centred = values - values.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    place = left[:, :2] * singular[:2]
    if place.shape[1] < 2:
        place = np.column_stack([place, np.zeros(len(place))])
    # A plane that is flat to the last bit would never leave its line.
    jitter = np.random.default_rng(0).normal(0, 1e-6, place.shape)
    start: Array = place / max(float(place[:, 0].std()), 1e-12) * 1e-4 + jitter
    return start


def _joint(values: Array, perplexity: float) -> Array:
    """(cases, cases) how near each pair is, adding up to 1; widths by bisection so that each row has the perplexity."""
    squares = _squares(values)
    np.fill_diagonal(squares, np.inf)
    goal, low, high = np.log(perplexity), np.zeros(len(values)), np.full(len(values), np.inf)
    shifted = squares - squares.min(axis=1, keepdims=True)
    finite = np.where(np.isfinite(shifted), shifted, 0.0)
    tight = 1.0 / np.maximum(finite.mean(axis=1), 1e-12)
    for _ in range(60):
        weights = np.exp(-shifted * tight[:, None])
        total = weights.sum(axis=1)
        entropy = np.log(total) + tight * (finite * weights).sum(axis=1) / total
        loose = entropy > goal
        low, high = np.where(loose, tight, low), np.where(loose, high, tight)
        tight = np.where(np.isinf(high), tight * 2, (low + np.where(np.isinf(high), low, high)) / 2)
    rows = weights / total[:, None]
    joint: Array = np.maximum((rows + rows.T) / (2 * len(values)), 1e-12)
    return joint


def _slope(near: Array, place: Array) -> Array:
    pull = 1.0 / (1.0 + _squares(place))
    np.fill_diagonal(pull, 0.0)
    force = (near - pull / pull.sum()) * pull
    slope: Array = 4 * (force.sum(axis=1)[:, None] * place - force @ place)
    return slope
