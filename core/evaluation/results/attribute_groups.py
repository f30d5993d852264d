"""Cases by a column of what is known of them: ages in decades that mean something, other numbers in quarters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: First year of each age group.
AGES = (0, 18, 40, 60, 80)

#: More different numbers than this are put into quarters.
NUMBERS = 8

#: More different words than this: the rarer ones are put together.
WORDS = 12

#: Years in what DICOM counts ages in (PS3.5, value representation AS).
_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


@dataclass(frozen=True, eq=False)
class Groups:
    """Cases parted by an attribute.

    Attributes:
        attribute: Name of the column.
        names: Of the groups, in the order of their values.
        index: (cases,) which group each case is in, −1 where the value is not known.
    """

    attribute: str
    names: tuple[str, ...]
    index: NDArray[np.intp]


def attribute_groups(attribute: str, values: NDArray[Any]) -> Groups:
    """Group cases by their value.

    Args:
        attribute: Name of the column; one that is called age is parted at 18, 40, 60 and 80 years.
        values: (cases,) texts, `""` where not known.
    """
    listed = values.tolist()
    # Thousands of cases have a few values: each is looked at once.
    known = {value: _text(value) for value in dict.fromkeys(listed)}
    texts = [known[value] for value in listed]
    is_age = re.fullmatch(r"(patient.?)?age(.?(in.?)?years?)?", attribute.casefold()) is not None
    numbers = _numbers(texts, is_age)
    if numbers is not None and is_age:
        return _ages(attribute, numbers)
    if numbers is not None and len(np.unique(numbers[~np.isnan(numbers)])) > NUMBERS:
        return _quarters(attribute, numbers)
    return _words(attribute, texts, numbers)


def _text(value: Any) -> str:
    """A value as text, `""` where it is not known."""
    text = "" if value is None else str(value).strip()
    return "" if text.casefold() in {"nan", "none", "unknown", "n/a"} else text


def _numbers(texts: Sequence[str], is_age: bool) -> NDArray[np.float64] | None:
    """The values as numbers, NaN where not known; None where some are words."""
    try:
        known = {text: _number(text, is_age) for text in dict.fromkeys(texts)}
    except ValueError:
        return None
    numbers = np.array([known[text] for text in texts], np.float64)
    return numbers if np.isfinite(numbers).any() else None


def _number(text: str, is_age: bool) -> float:
    dated = re.fullmatch(r"(\d{1,3})([YMWD])", text) if is_age else None
    if dated:
        return float(dated[1]) * _YEARS[dated[2]]
    return float(text) if text else float("nan")


def _ages(attribute: str, years: NDArray[np.float64]) -> Groups:
    ends = [f"{low}–{high - 1}" for low, high in pairwise(AGES)]
    known = np.isfinite(years)
    index = np.where(known, np.searchsorted(AGES, np.where(known, years, 0.0), "right") - 1, -1)
    return _without_empty(attribute, [*ends, f"{AGES[-1]}+"], np.asarray(np.maximum(index, -1), np.intp))


def _quarters(attribute: str, numbers: NDArray[np.float64]) -> Groups:
    known = np.isfinite(numbers)
    cuts = np.unique(np.quantile(numbers[known], (0.25, 0.5, 0.75)))
    index = np.where(known, np.searchsorted(cuts, np.where(known, numbers, 0.0), "left"), -1)
    words = [f"{cut:.4g}" for cut in cuts]
    middle = [f"over {low} to {high}" for low, high in pairwise(words)]
    return _without_empty(attribute, [f"up to {words[0]}", *middle, f"over {words[-1]}"], index.astype(np.intp))


def _words(attribute: str, texts: Sequence[str], numbers: NDArray[np.float64] | None) -> Groups:
    counted = Counter(text for text in texts if text)
    names = [name for name, _ in counted.most_common(WORDS if len(counted) <= WORDS else WORDS - 1)]
    names.sort(key=(lambda name: (float(name), name)) if numbers is not None and _plain(names) else str.casefold)
    place = {name: number for number, name in enumerate(names)}
    rest = len(counted) - len(names)
    if rest:
        place |= {name: len(names) for name in counted if name not in place}
        names.append(f"other ({rest} values)")
    return Groups(attribute, tuple(names), np.array([place.get(text, -1) for text in texts], np.intp))


def _plain(names: Sequence[str]) -> bool:
    return all(re.fullmatch(r"[-+]?\d*\.?\d+(e[-+]?\d+)?", name, re.IGNORECASE) for name in names)


def _without_empty(attribute: str, names: Sequence[str], index: NDArray[np.intp]) -> Groups:
    there = [number for number in range(len(names)) if (index == number).any()]
    place = np.full(len(names) + 1, -1, np.intp)
    place[there] = np.arange(len(there))
    return Groups(attribute, tuple(names[number] for number in there), place[index])
