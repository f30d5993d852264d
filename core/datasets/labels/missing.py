"""Texts that say that nothing is known, as R, pandas, spreadsheets, SAS and people write it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_MISSING = frozenset(
    {
        "", "na", "n/a", "n.a.", "n.a", "#n/a", "#na", "<na>", "nan", "-nan", "+nan", "nat", "null", "(null)", "<null>",
        "unknown", "unk", "missing", "not available", "not known", "not recorded", "not labelled", "not labeled",
        "undefined", "unlabelled", "unlabeled", "no label", "?", "??", "???", ".", "(empty)", "(blank)", "blank",
        "empty", "unbekannt", "keine angabe", "k.a.", "inconnu", "desconocido", "fehlt",
    }
)  # fmt: skip
#: What may be a gap and may be a label of its own: Python's None and "none", a dash, "nil".
_EITHER = frozenset({"none", "nil", "-", "--", "---"})
#: Numbers that people write where there is none.
_CODES = frozenset({-1, -9, -99, -999, -9999, 9, 99, 999, 9999})


def _plain(text: str) -> str:
    dashes = re.sub("[\u2010-\u2015\u2212]", "-", unicodedata.normalize("NFKC", text))
    return re.sub(r"[\s_]+", " ", dashes).strip().casefold()


def is_missing(text: str) -> bool:
    """Whether a cell can only mean that nothing is known.

    Example:
        >>> is_missing("NA"), is_missing(" N.A. "), is_missing("none"), is_missing("0")
        (True, True, False, False)
    """
    return _plain(text) in _MISSING


def is_empty(text: str) -> bool:
    """Whether a cell that should name something, such as a patient, names nothing."""
    plain = _plain(text)
    return plain in _MISSING or plain in _EITHER


def perhaps_missing(values: Iterable[str]) -> list[str]:
    """Values of a label column that may be a code for "not known" and may be a label.

    A dash beside a plus is a sign. A number is such a code where it stands apart: -1 or 9 beside 0 and 1, and not 9
    beside 8.

    Example:
        >>> perhaps_missing(["0", "1", "9"]), perhaps_missing(["7", "8", "9"]), perhaps_missing(["glioma", "None"])
        (['9'], [], ['None'])
    """
    there = [value for value in values if not is_missing(value)]
    words = [value for value in there if _plain(value) in _EITHER]
    if any(_plain(value) in {"+", "++", "+++"} for value in there):
        words = [value for value in words if not _plain(value).startswith("-")]
    numbers = {
        value: int(match[1]) for value in there if (match := re.fullmatch(r"\s*([+-]?\d+)(?:[.,]0+)?\s*", value))
    }
    if len(numbers) + len(words) < len(there):
        return words
    known = set(numbers.values())
    apart = [value for value, number in numbers.items() if number in _CODES and (number < 0 or number - 1 not in known)]
    rest = len(numbers) - len(apart)
    return words + (apart if rest > 1 or (rest and any(abs(numbers[value]) > 1 for value in apart)) else [])
