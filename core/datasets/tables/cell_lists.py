"""Several findings in one cell, however they are parted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets.labels.missing import is_missing

#: A cell such as `['a', 'b']` or `{a, b}`.
BRACKETS = "[]"
#: Signs that part findings wherever they recur, and those that also stand inside the name of one.
_PLAIN, _AMBIGUOUS = ("|", ";", "\n"), (",", "/", " + ", " & ", " and ", " und ", " et ")
_NOTHING = frozenset({"no finding", "no findings", "nofinding", "none", "normal finding", "no abnormality", ""})


@dataclass(frozen=True)
class Parting:
    """How cells hold several findings.

    Attributes:
        sign: Between them; `BRACKETS` for lists in brackets.
        certain: Whether it can mean nothing else.
    """

    sign: str
    certain: bool


def find_parting(values: Sequence[str]) -> Parting | None:
    """How the distinct values of a column hold several findings, None where they hold one each.

    A sign between findings recurs and makes fewer names than there were cells; a comma, a slash or an "and" may belong
    to the name of one finding, so it is certain only where every part also stands alone.

    Example:
        >>> find_parting(["Mass|Edema", "Mass", "Edema"])
        Parting(sign='|', certain=True)
        >>> find_parting(["Edema, Effusion", "Edema"])
        Parting(sign=',', certain=False)
        >>> find_parting(["collecting duct, connecting tubule", "podocytes"]) is None
        True
    """
    filled = [value for value in values if not is_missing(value)]
    if filled and all(re.fullmatch(r"[\[({].*[\])}]", value, re.DOTALL) for value in filled):
        return Parting(BRACKETS, True)
    for sign in _PLAIN:
        joint = [value for value in filled if sign in value]
        if joint and len({part for value in filled for part in parts(value, sign)}) <= max(len(filled), 3):
            return Parting(sign, True)
    for sign in _AMBIGUOUS:
        several = dict.fromkeys(value for value in filled if len(parts(value, sign)) > 1)
        if not several:
            continue
        numbers = all(re.fullmatch(r"[\d.,/ ]+", value) for value in several)  # a date, or a decimal comma
        alone = {value.strip().casefold() for value in filled if value not in several}
        counts = Counter(part.casefold() for value in several for part in parts(value, sign))
        if all(part in alone for part in counts):
            return Parting(sign, sign == "," and not numbers)
        if not numbers and any(part in alone or count > 1 for part, count in counts.items()):
            return Parting(sign, False)
    return None


def parts(value: str, sign: str) -> list[str]:
    """The findings of one cell in their order, each once; empty where it says that there are none.

    Example:
        >>> parts("['Mass', 'Edema']", "[]"), parts("No Finding", "|"), parts("Mass | Mass", "|")
        (['Mass', 'Edema'], [], ['Mass'])
    """
    if sign == BRACKETS:
        inner = value.strip()[1:-1]
        found = [first or second for first, second in re.findall(r"'([^']*)'|\"([^\"]*)\"", inner)]
        pieces = found or re.split(r"[,;|]", inner)
    else:
        pieces = value.split(sign)
    return [part for part in dict.fromkeys(piece.strip() for piece in pieces) if not says_nothing(part)]


def says_nothing(part: str) -> bool:
    """Whether a part of a cell says that nothing was found."""
    return re.sub(r"[_\s]+", " ", part).strip().casefold() in _NOTHING
