"""Whom a model knows: the ages and sexes of the people it learned from, as its card states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Sexes as DICOM codes them (PS3.3 C.7.1.1) to words.
SEX_WORDS: dict[str, str] = {"F": "female", "M": "male", "O": "other"}


@dataclass(frozen=True)
class Population:
    """The people that a model learned from.

    Attributes:
        words: For people, as they stand in "the model knows …", e.g. `"children of one to five years"`.
        age_years: Youngest and oldest in years, each included to the last day; None where the card does not say.
        sex: DICOM codes of the sexes that are in the data; empty where all are, or nobody wrote it down.
    """

    words: str
    age_years: tuple[float, float] | None = None
    sex: tuple[str, ...] = ()

    def age_fits(self, years: float) -> bool:
        """Whether an age in years, counted in fractions, is within: five years and eleven months are still five."""
        return self.age_years is None or self.age_years[0] <= years < self.age_years[1] + 1.0

    def sex_fits(self, code: str) -> bool:
        """Whether a sex in DICOM's code is among those of the data; "other" is not held against a file."""
        return not self.sex or code not in {"F", "M"} or code in self.sex


def read_population(contract: Mapping[str, Any]) -> Population | None:
    """The entry `population` of a contract, None where there is none; words alone name no ages and no sexes.

    Raises:
        ValueError: The ages do not run upwards, or a sex is none of DICOM's codes.
    """
    entry = contract.get("population")
    if not entry:
        return None
    if isinstance(entry, str):
        return Population(entry)
    if not isinstance(entry, Mapping):
        raise ValueError("a population that is neither words nor a mapping with words")
    ages = entry.get("age_years")
    low, high = (float(age) for age in ages) if ages is not None else (0.0, 0.0)
    sex = tuple(str(code) for code in entry.get("sex") or ())
    if not 0 <= low <= high < float("inf") or not set(sex) <= set(SEX_WORDS):
        raise ValueError("a population whose ages do not run upwards, or whose sexes are not F, M or O")
    return Population(str(entry["words"]), None if ages is None else (low, high), sex)
