"""Rows that count, and splits for sets that come without one: reproducible from the table alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from core.training.data.tables import Row
from core.training.recipe.sources import Division


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
            fraction = (position + 0.5) / len(part)
            late = "test" if fraction > 1 - division.test else "val"
            homes.setdefault(row[group], "train" if fraction < 1 - division.test - division.val else late)
    return homes
