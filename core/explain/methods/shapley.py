"""KernelSHAP over superpixels: a fair fraction of the score for each part of the scan.

Lundberg and Lee 2017, arXiv:1705.07874: the Shapley values of a game whose players are the superpixels and whose value
is the score with only these in place, found by a weighted regression over sampled coalitions. The fractions and the
score of the blurred scan add up to the score, exactly, because the regression is bound to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from core.explain.explanation import Explanation
from core.explain.forward import BLOCK, Probe, blend, fraction_of, probes
from core.explain.methods.perturbation import signed
from core.explain.methods.superpixels import superpixels
from core.explain.patches import blur
from core.explain.request import Ask
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared

#: Superpixels and sampled coalitions; each coalition is joined by its complement, which halves the noise.
PARTS, COALITIONS = 40, 600


def kernel_shap(
    bundle: Bundle,
    prepared: Prepared,
    ask: Ask,
) -> Explanation:
    """Shapley values of about `PARTS` superpixels, in logit units, drawn on the model's grid.

    Args:
        bundle: The opened model.
        prepared: Frames on the model's grid. Of several images one is changed, of a sequence one frame at a time.
        ask: What is wanted.

    Raises:
        UnsupportedModel: There is no such label, image or region.
        Cancelled: The user stopped it.
    """
    asked = probes(bundle, prepared, ask)
    values = [
        _fractions(p, ask.seed, fraction_of(ask.progress, n, len(asked)), ask.cancelled) for n, p in enumerate(asked)
    ]
    return signed(bundle, prepared, np.stack(values), "kernel-shap", ask, "logit units of a superpixel")


def _fractions(
    probe: Probe, seed: int, progress: Callable[[float], None] | None, cancelled: Callable[[], bool] | None
) -> NDArray[np.float32]:
    top, left, bottom, right = probe.prepared.geometry.view
    size = probe.prepared.geometry.model_size
    parts = superpixels(probe.frame[top:bottom, left:right], PARTS)
    players = int(parts.max()) + 1
    coalitions = sampled_coalitions(players, COALITIONS, np.random.default_rng(seed))
    everyone = np.concatenate([np.zeros((1, players)), np.ones((1, players)), coalitions]).astype(np.float32)

    def masks() -> Iterator[NDArray[np.float32]]:
        for start in range(0, len(everyone), BLOCK):
            chosen = everyone[start : start + BLOCK]
            block = np.ones((len(chosen), *size), np.float32)
            block[:, top:bottom, left:right] = chosen[:, parts]
            yield block

    blurred = blur(probe.frame, probe.prepared.geometry)
    scores = probe.scores(blend(probe.frame, blurred, masks()), len(everyone), progress, cancelled)
    fractions = shapley_values(coalitions, scores[2:], float(scores[0]), float(scores[1]))
    values = np.zeros(size, np.float32)
    values[top:bottom, left:right] = fractions[parts]
    return values


def sampled_coalitions(players: int, count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Coalitions drawn with the weight of the Shapley kernel, each followed by its complement.

    A size s is drawn with a chance in proportion to (players - 1) / (s (players - s)), which is the kernel's weight
    summed over all coalitions of that size; so all drawn ones weigh the same afterwards.

    Returns:
        (count, players) bool, none empty and none full; `count` is rounded up to an even number.
    """
    sizes = np.arange(1, players)
    chance = 1.0 / (sizes * (players - sizes))
    drawn = rng.choice(sizes, size=(count + 1) // 2, p=chance / chance.sum())
    found = np.zeros((2 * len(drawn), players), bool)
    for index, size in enumerate(drawn):
        found[2 * index, rng.permutation(players)[:size]] = True
        found[2 * index + 1] = ~found[2 * index]
    return found


def shapley_values(
    coalitions: NDArray[np.bool_], scores: NDArray[np.float64], nobody: float, everybody: float
) -> NDArray[np.float64]:
    """Least squares over coalitions that weigh the same, bound to add up to `everybody - nobody`.

    Args:
        coalitions: (n, players).
        scores: (n,) of the coalitions.
        nobody: Score without any player.
        everybody: Score with all.

    Returns:
        (players,) values.
    """
    total = everybody - nobody
    last = coalitions[:, -1].astype(np.float64)
    design = coalitions[:, :-1] - last[:, None]  # the last value follows from the others, so the sum holds exactly
    goal = scores - nobody - last * total
    # A breath of ridge keeps the answer finite where too few coalitions were drawn.
    gram = design.T @ design + 1e-9 * len(design) * np.eye(design.shape[1])
    first = np.linalg.solve(gram, design.T @ goal)
    return np.append(first, total - first.sum())
