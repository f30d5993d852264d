"""How activations and gradients become a map: one small function a method, all on plain arrays.

Each takes A, the activations of a layer (N, h, w, C) or (N, frames, h, w, C), and G, the gradient of the explained
score with respect to A, of the same shape, and returns the same without C. What is below 0 speaks against the target
and is cut by the caller.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.float32]


def places_of(activations: Maps) -> tuple[int, ...]:
    """The axes between the first, of the scans, and the last, of the channels."""
    return tuple(range(1, activations.ndim - 1))


def weighted_channels(activations: Maps, weights: Maps) -> Maps:
    """The sum over the channels with weights (N, C)."""
    return np.asarray(np.einsum("n...c,nc->n...", activations, weights), np.float32)


def grad_cam_rule(activations: Maps, gradient: Maps) -> Maps:
    """A weighted by the mean gradient of each channel (Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74, eq. 1, 2)."""
    return weighted_channels(activations, gradient.mean(axis=places_of(activations)))


def hires_cam_rule(activations: Maps, gradient: Maps) -> Maps:
    """A times G cell by cell: with an affine head the cells and a bias add up to the score (arXiv:2011.08891)."""
    return np.asarray((activations * gradient).sum(axis=-1), np.float32)


def layer_cam_rule(activations: Maps, gradient: Maps) -> Maps:
    """A times what is positive of G, cell by cell (Jiang et al. 2021, doi:10.1109/TIP.2021.3089943)."""
    return np.asarray((activations * np.maximum(gradient, 0)).sum(axis=-1), np.float32)


def xgrad_cam_rule(activations: Maps, gradient: Maps) -> Maps:
    """Channels weighted by the mean of G where the channel is active (Fu et al. 2020, arXiv:2008.02312)."""
    total = activations.sum(axis=places_of(activations))
    total = np.where(np.abs(total) > 1e-12, total, 1.0)
    return weighted_channels(activations, (activations * gradient).sum(axis=places_of(activations)) / total)


def grad_cam_plus_plus_rule(activations: Maps, gradient: Maps) -> Maps:
    """Channels weighted by their positive gradients, each place by how much it is alone.

    Chattopadhyay et al. 2018, arXiv:1710.11063, eq. 19, with the normalisation of its authors' code.
    """
    places = places_of(activations)
    total = activations.sum(axis=places, keepdims=True)
    below = 2 * gradient**2 + total * gradient**3
    alone = np.divide(gradient**2, below, out=np.zeros_like(gradient), where=np.abs(below) > 1e-20)
    sums = alone.sum(axis=places, keepdims=True)
    alone = np.divide(alone, sums, out=np.zeros_like(alone), where=np.abs(sums) > 1e-20)
    return weighted_channels(activations, (alone * np.maximum(gradient, 0)).sum(axis=places))


def eigen_cam_rule(activations: Maps, _gradient: Maps) -> Maps:
    """The first principal component of the activations over the cells (Muhammad and Yeasin 2020, arXiv:2008.00299).

    It knows nothing of the class. Its sign, which the decomposition leaves open, is that under which the strong
    activations are positive.
    """
    maps = []
    for frame in activations:
        cells = frame.reshape(-1, frame.shape[-1]).astype(np.float64)
        _, _, directions = np.linalg.svd(cells, full_matrices=False)
        projected = cells @ directions[0]
        maps.append((projected * np.sign(projected.sum() or 1.0)).reshape(frame.shape[:-1]))
    return np.stack(maps).astype(np.float32)


#: Name in `EXPLAINERS` to rule.
RULES: dict[str, Callable[[Maps, Maps], Maps]] = {
    "grad-cam": grad_cam_rule,
    "grad-cam++": grad_cam_plus_plus_rule,
    "hires-cam": hires_cam_rule,
    "xgrad-cam": xgrad_cam_rule,
    "layer-cam": layer_cam_rule,
    "eigen-cam": eigen_cam_rule,
}
