"""Rows that count, and splits for sets that come without one: reproducible from the table alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Row = dict[str, str]


@dataclass(frozen=True)
class Division:
    """How to divide rows that the table does not divide, class by class.

    Attributes:
        how: `groups` orders groups by the hash of their name; `blocks` by a running number, so that neighbours, which
            may be of one patient, stay together except at the two borders.
        order: Column of the running number, for `blocks`: the lowest are in train, the highest in test.
        descending: The other way round; each group stands as a whole where its lowest number does.
        val: Share of the validation split.
        test: Share of the test split.
    """

    how: Literal["groups", "blocks"]
    val: float
    test: float = 0.0
    order: str = ""
    descending: bool = False

    def __post_init__(self) -> None:
        if self.how not in {"groups", "blocks"} or (self.how == "blocks") != bool(self.order):
            raise ValueError(f"a division {self.how!r} ordered by {self.order!r}")
        if not 0 < self.val < 1 or not 0 <= self.test < 1 or self.val + self.test >= 1:
            raise ValueError(f"shares {self.val:g} and {self.test:g}")


def _place(division: Division, row: Row, group: str, lowest: Mapping[str, float]) -> tuple[float, str]:
    if division.how == "blocks":
        return -lowest[group] if division.descending else float(row[division.order]), group
    return 0.0, hashlib.sha256(group.encode()).hexdigest()


def _lowest(division: Division, rows: Sequence[Row], group: str) -> dict[str, float]:
    """The lowest running number of each group."""
    found: dict[str, float] = {}
    for row in rows if division.how == "blocks" else ():
        found[row[group]] = min(float(row[division.order]), found.get(row[group], float("inf")))
    return found


def divide(division: Division, rows: Sequence[Row], group: str, label: str) -> dict[str, str]:
    """Which split each group goes to.

    Args:
        division: The rule.
        rows: Rows to divide.
        group: Column whose values must not be torn apart.
        label: Column of the class; each class is divided for itself.

    Returns:
        Value of the group column to train, val or test. A group with rows of two classes follows its first.
    """
    homes: dict[str, str] = {}
    for text in sorted({row[label] for row in rows}):
        part = [row for row in rows if row[label] == text]
        lowest = _lowest(division, part, group)
        part.sort(key=lambda row: _place(division, row, row[group], lowest))
        for position, row in enumerate(part):
            share = (position + 0.5) / len(part)
            late = "test" if share > 1 - division.test else "val"
            homes.setdefault(row[group], "train" if share < 1 - division.test - division.val else late)
    return homes
