"""Images that occur more than once: exact copies by their pixels, near-duplicates by hashes and textures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import Case
from core.datasets.quality.fingerprint import Correlation, Look
from core.datasets.quality.near_duplicates import MOST_BITS, near_pairs

#: Bits in which the second hash of a proposed pair may differ.
_OTHER_BITS = 18
#: Correlation of tiny thumbnails from which on textures are compared at all.
_TINY_ALIKE = 0.95
#: Likeness from which on two images count as the same; the tests hold it against the known copies in real sets.
ALIKE = 0.75
#: Images from which on it is measured how alike any two of the set are, and what is taken for granted below.
_ENOUGH, _USUAL = 20, 0.45


@dataclass(frozen=True)
class Alike:
    """Cases that show the same image.

    Attributes:
        names: Of the cases, two or more.
        exact: Whether their decoded pixels are equal.
        likeness: Correlation of their textures on a scale where any two images of the set have 0 and copies have 1.
        labels: What is said of them, each once; `""` for none.
        splits: The splits they are in, each once.
        patients: Whom they are said to show, each once.
    """

    names: tuple[str, ...]
    exact: bool
    likeness: float
    labels: tuple[str, ...]
    splits: tuple[str, ...]
    patients: tuple[str, ...]

    @property
    def across_splits(self) -> bool:
        """Whether they are in more than one split."""
        return len([split for split in self.splits if split]) > 1

    @property
    def across_labels(self) -> bool:
        """Whether they are labelled differently."""
        return len(self.labels) > 1


def find_near_duplicates(
    cases: Sequence[Case], looks: Mapping[str, Look], stop: Callable[[], None] = lambda: None
) -> tuple[tuple[Alike, ...], tuple[Alike, ...]]:
    """Exact copies as groups, and near-duplicates as pairs of images that are no copies of each other.

    Args:
        cases: All of them.
        looks: Name to look, for those that could be read.
        stop: Called between steps; may raise.

    Returns:
        Copies and near-duplicates, each the likest first.
    """
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if case.name in looks:
            groups[looks[case.name].digest].append(case)
    copies = tuple(_alike(group, True, 1.0) for group in groups.values() if len(group) > 1)
    kept = [group for group in groups.values() if not looks[group[0].name].is_blank]
    near = []
    for first, second, likeness in _near_duplicates([looks[group[0].name] for group in kept], stop):
        together = _alike([*kept[first], *kept[second]], False, likeness)
        # Shown as two images; labels and splits are those of all their copies.
        names = (kept[first][0].name, kept[second][0].name)
        near.append(Alike(names, False, likeness, together.labels, together.splits, together.patients))
    return copies, tuple(sorted(near, key=lambda pair: (-pair.likeness, pair.names)))


def _alike(cases: Sequence[Case], exact: bool, likeness: float) -> Alike:
    return Alike(
        names=tuple(case.name for case in cases),
        exact=exact,
        likeness=likeness,
        labels=tuple(sorted({", ".join(case.labels) for case in cases})),
        splits=tuple(sorted({case.split for case in cases})),
        patients=tuple(sorted({case.patient for case in cases if case.patient})),
    )


def _near_duplicates(looks: Sequence[Look], stop: Callable[[], None]) -> list[tuple[int, int, float]]:
    if len(looks) < 2:
        return []
    pairs = propose(np.stack([look.hashes for look in looks]), np.stack([look.tiny for look in looks]), stop)
    textures = np.stack([look.texture for look in looks])
    usual = _usual_likeness(textures)
    likeness = (Correlation(textures)(pairs) - usual) / (1.0 - usual)
    found = likeness >= ALIKE
    return [(int(a), int(b), float(c)) for (a, b), c in zip(pairs[found], likeness[found], strict=True)]


def _usual_likeness(textures: NDArray[np.int8]) -> float:
    """Correlation of any two images of the set: high where all share an outline, as fundus photographs do."""
    if len(textures) < _ENOUGH:
        return _USUAL
    draw = np.random.default_rng(0)
    chosen = np.sort(draw.choice(len(textures), min(len(textures), 45), replace=False))
    first, second = np.triu_indices(len(chosen), 1)
    found = Correlation(textures[chosen])(np.stack([first, second], axis=1).astype(np.int64))
    return float(np.clip(np.median(found), 0.0, 0.8))


def propose(
    hashes: NDArray[np.uint64], tiny: NDArray[np.uint8], stop: Callable[[], None] = lambda: None
) -> NDArray[np.int64]:
    """(pairs, 2) places that agree in one hash, roughly in the other, and in the tiny image.

    Args:
        hashes: (cases, 2) uint64.
        tiny: (cases, TINY, TINY) uint8.
        stop: Called between steps; may raise.
    """

    def keep(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        differ = np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]])
        rough = pairs[differ.max(axis=1) <= _OTHER_BITS]
        return rough[likeness(rough) >= _TINY_ALIKE]

    likeness = Correlation(tiny)
    found = [near_pairs(hashes[:, side], MOST_BITS, stop, keep) for side in (0, 1)]
    return np.unique(np.concatenate(found), axis=0)
