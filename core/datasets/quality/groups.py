"""Images that are alike enough to be of one person, for sets that name no patients: groups that no split tears apart.

Near-duplicates, the same image twice, are found by `duplicates.find_alike`: hashes propose, textures decide. Here the
question is wider, so grey levels decide, over every pair: neighbouring slices of one head have other textures and
correlate by 0.8 to 0.99, slices of two heads at one height by up to 0.85, so a limit finds some of the former only. In
two real sets every pair that `find_alike` names lies within one group of a limit of 0.85 or 0.9, and the groups hold
two to four times as many pairs: for a split the wider finder is the better one, for a report of copies the narrower.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def unit_thumbnails(thumbnails: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """(images, pixels) thumbnails with mean 0 and length 1, so that products of rows are correlations.

    Args:
        thumbnails: (EDGE, EDGE) each, as `fingerprint.grey_thumbnail` gives them; one that is blank is all 0.

    Example:
        >>> ramp = np.arange(4, dtype=np.uint8).reshape(2, 2)
        >>> both = unit_thumbnails([ramp, 255 - ramp])
        >>> round(float(both[0] @ both[1]), 3)
        -1.0
    """
    rows = [thumbnail.ravel() for thumbnail in thumbnails]
    levels = np.array(rows, np.float32).reshape(len(rows), -1)
    levels -= levels.mean(axis=1, keepdims=True)
    return levels / np.maximum(np.linalg.norm(levels, axis=1, keepdims=True), 1e-6)


def groups_of(images: NDArray[np.float32], limit: float) -> NDArray[np.intp]:
    """(images,) index of the first member of each image's group.

    Whoever correlates above the limit is in one group, and so is who is alike to one of its members.

    Args:
        images: (images, D) as `unit_thumbnails` gives them.
        limit: Correlation.
    """
    alike = images @ images.T > limit
    np.fill_diagonal(alike, True)
    first = np.arange(len(images))
    while True:
        lower = np.where(alike, first[None, :], len(first)).min(axis=1, initial=len(first))
        if (lower == first).all():
            return first
        first = lower


def nearest(images: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each image the index of the most alike among others, and their correlation.

    Args:
        images: (images, D) as `unit_thumbnails` gives them.
        others: (others, D), likewise.
    """
    products = images @ others.T
    return products.argmax(axis=1), products.max(axis=1)
