"""Pairs of hashes that differ in few bits, without comparing all with all.

Two words of 64 bits that differ in at most 7 agree in one of 8 bytes at least (the pigeonhole principle; Norouzi et al.
2012, Fast Search in Hamming Space with Multi-Index Hashing). So only pairs that share a byte are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

#: Bits that may differ; the bands below find every such pair.
MOST_BITS = 7
_BANDS = 8
#: Pairs that are compared in one step, to bound memory.
_STEP = 4_000_000


def near_pairs(
    hashes: NDArray[np.uint64],
    most: int = MOST_BITS,
    stop: Callable[[], None] = lambda: None,
    keep: Callable[[NDArray[np.int64]], NDArray[np.int64]] = lambda pairs: pairs,
) -> NDArray[np.int64]:
    """Places of all pairs that differ in at most `most` bits.

    Args:
        hashes: (cases,) uint64.
        most: At most `MOST_BITS`.
        stop: Called between steps; may raise.
        keep: Given the pairs of a step, sorted, returns those to keep, so that only they take memory.

    Returns:
        (pairs, 2) int64, the smaller place first, each pair once, sorted.
    """
    if most > MOST_BITS:
        raise ValueError(f"Expected at most {MOST_BITS} bits. Received {most}.")
    parts = [keep(part) for band in range(_BANDS) for part in _in_band(hashes, band, most, stop)]
    found = np.concatenate(parts) if parts else np.empty((0, 2), np.int64)
    return found[np.lexsort((found[:, 1], found[:, 0]))]


def _in_band(hashes: NDArray[np.uint64], band: int, most: int, stop: Callable[[], None]) -> Iterator[NDArray[np.int64]]:
    """Pairs that agree in this byte and in no earlier one, so that each is found once."""
    keys = (hashes >> np.uint64(8 * band)) & np.uint64(0xFF)
    order = np.argsort(keys, kind="stable")
    bounds = np.flatnonzero(np.diff(keys[order])) + 1
    for members in np.split(order, bounds):
        group = np.sort(members)
        rows = max(1, _STEP // max(len(group), 1))
        for start in range(0, len(group) - 1, rows):
            stop()
            left = group[start : start + rows]
            differ = hashes[left][:, None] ^ hashes[group][None, :]
            close = np.bitwise_count(differ) <= most
            close &= left[:, None] < group[None, :]
            first, second = np.nonzero(close)
            bits = differ[first, second]
            new = np.ones(len(bits), bool)
            for earlier in range(band):
                new &= (bits >> np.uint64(8 * earlier)) & np.uint64(0xFF) != 0
            yield np.stack([left[first[new]], group[second[new]]], axis=1).astype(np.int64)
