"""What the images of a dataset are, by a look at a few of them, before a model is suggested for it."""

from __future__ import annotations

from collections.abc import Sequence

from core.datasets.dataset import Case, Dataset
from core.errors import ScanLensError
from core.inference.recognise import Recognition, is_of_kind, recognise
from core.models.card import ModelCard

#: Images that are looked at, evenly spaced through the cases.
LOOKED_AT = 20


def spread(cases: Sequence[Case], count: int = LOOKED_AT) -> list[Case]:
    """So many cases, evenly spaced from the first to the last.

    Example:
        >>> [case for case in spread(list("abcdefg"), 3)]
        ['a', 'd', 'g']
    """
    if len(cases) <= count:
        return list(cases)
    return [cases[round(place * (len(cases) - 1) / (count - 1))] for place in range(count)]


def recognise_dataset(dataset: Dataset) -> list[Recognition]:
    """What each of some images of a dataset looks like; those that cannot be read are passed over."""
    found = []
    for case in spread(dataset.cases) if dataset.has_images else ():
        try:
            found.append(recognise(dataset.read(case)))
        except ScanLensError:
            continue
    return found


def may_know(card: ModelCard, found: Sequence[Recognition]) -> bool:
    """Whether a model may be suggested for images that were recognised so.

    At least half of them have to be of a kind that it knows. Where nothing was looked at, and for a model whose card
    names no kinds, nothing speaks against it.
    """
    if not found or not card.kinds:
        return True
    return 2 * sum(is_of_kind(card, each) for each in found) >= len(found)
