"""Cells that say yes or no: zeros and ones, words, signs, crosses; with gaps and doubts between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.datasets.labels.missing import is_empty, is_missing
from core.datasets.labels.signs import MINUS, PLUS
from core.datasets.labels.words import meaning, plain_text

Mark = Literal["yes", "no", "blank", "unsure"]

#: What belongs together: a column that mixes two of them says something else, as T and N for tumour and normal.
_FAMILIES: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(yes.split("/")), frozenset(no.split("/")) if no else frozenset())
    for yes, no in (
        ("1", "0"), ("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"), ("positive/pos", "negative/neg"),
        ("present", "absent/not present"), ("detected", "not detected"), (f"{PLUS}", f"{MINUS}"), ("x/xx", ""),
        ("ja", "nein"), ("oui", "non"), ("si", "no"), ("wahr", "falsch"), ("vrai", "faux"), ("positiv", "negativ"),
        ("positif", "negatif"), ("verdadero", "falso"), ("vorhanden", "nicht vorhanden"),
    )
)  # fmt: skip


#: What stands for "uncertain" between yes and no.
_DOUBTS = frozenset({"u", "unc", "unsure", "0/1", "+/-", "±"})


@dataclass(frozen=True)
class Marks:
    """A column of yes and no.

    Attributes:
        cells: One a row.
        yes: The text of a yes as the column has it, `""` where there is none.
        no: The text of a no as the column has it, `""` where there is none.
    """

    cells: tuple[Mark, ...]
    yes: str
    no: str

    @property
    def both(self) -> bool:
        """Whether yes and no both occur."""
        return bool(self.yes and self.no)

    @property
    def crosses(self) -> bool:
        """Whether there are only crosses or ones, with gaps between them."""
        return bool(self.yes) and not self.no and "blank" in self.cells


def find_marks(values: Sequence[str]) -> Marks | None:
    """Read cells as marks; None where one of them is something else.

    A minus one, a question mark, "uncertain" and the like are unsure, as in the tables of CheXpert (Irvin et al. 2019,
    arXiv:1901.07031). A dash is a no beside a plus and a gap elsewhere.

    Example:
        >>> find_marks(["1.0", "0.0", "", "-1.0"]).cells
        ('yes', 'no', 'blank', 'unsure')
        >>> find_marks(["T", "N"]) is None
        True
    """
    texts: dict[str, str] = {}
    for value in values:
        if value not in texts:
            texts[value] = plain_text(value) if not is_missing(value) else ""
            if len(texts) > 24:
                return None
    signs = PLUS in texts.values()
    texts = {value: "" if is_empty(value) and not (signs and text == MINUS) else text for value, text in texts.items()}
    unsure = {value for value, text in texts.items() if text and _is_unsure(value)}
    said = {text for value, text in texts.items() if text and value not in unsure}
    family = next(((yes, no) for yes, no in _FAMILIES if said and said <= yes | no), None)
    if family is None:
        return None
    kinds: dict[str, Mark] = {
        value: "unsure" if value in unsure else "blank" if not text else "yes" if text in family[0] else "no"
        for value, text in texts.items()
    }
    first = {kind: value for value, kind in reversed(kinds.items())}
    return Marks(tuple(kinds[value] for value in values), first.get("yes", ""), first.get("no", ""))


def _is_unsure(value: str) -> bool:
    said = meaning(value)
    return (said.unsure and not said.words) or value.strip().casefold() in _DOUBTS
