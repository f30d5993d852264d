"""The design of a reading session: which cases, in which order, and what is written down of them."""

from __future__ import annotations

import json
import secrets
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.bounded import parse_json
from core.reader_study.faults import RoomFault, UnusableCases

#: Cases of a session.
LEAST, MOST = 6, 60
#: Characters of a room's code: no vowels, so that no words come about, and nothing that looks like something else.
ALPHABET, CODE_LENGTH = "BCDFGHJKMNPQRSTVWXZ23456789", 6
NICKNAME_LENGTH = 24
#: How sure one can be: from a guess to certain.
SURENESS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class StudyCase:
    """One case of a session.

    Attributes:
        name: As its source has it.
        truth: Whether the finding is there.
        score: The model's probability of the finding.
        patient: A number for whom it shows; cases of one patient share it.
    """

    name: str
    truth: bool
    score: float
    patient: int


@dataclass(frozen=True)
class Plan:
    """Everything that is fixed before the first answer.

    Attributes:
        title: Where the cases come from, for people.
        finding: What is asked, e.g. `"Lesion"`.
        without: Its absence, e.g. `"No lesion"`.
        model: Title of the model.
        model_sha256: Of its weights, `""` for one that is computed from a seed.
        threshold: Probability from which on the model says yes.
        cases: In the order of the source; each reader has another order.
        seed: Of the choice of cases.
        balanced: Whether as many cases with the finding as without were wanted.
        source: What it takes to find the images again.
    """

    title: str
    finding: str
    without: str
    model: str
    model_sha256: str
    threshold: float
    cases: tuple[StudyCase, ...]
    seed: int
    balanced: bool
    source: Mapping[str, Any]

    @property
    def truth(self) -> NDArray[np.bool_]:
        """(cases,) whether the finding is there."""
        return np.array([case.truth for case in self.cases], bool)

    @property
    def score(self) -> NDArray[np.float64]:
        """(cases,) the model's probability."""
        return np.array([case.score for case in self.cases], np.float64)

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """(cases,) the model's decision."""
        return np.asarray(self.score.astype(np.float32) >= np.float32(self.threshold))

    @property
    def patient(self) -> NDArray[np.intp]:
        """(cases,) whom each shows."""
        return np.array([case.patient for case in self.cases], np.intp)

    def to_json(self) -> str:
        """The plan as text, for storage."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Plan:
        """The plan that `to_json` wrote."""
        found = parse_json(text)
        cases = tuple(StudyCase(**case) for case in found.pop("cases"))
        return Plan(cases=cases, **found)


@dataclass(frozen=True)
class Answer:
    """What a reader said of a case.

    Attributes:
        place: Of the case in the plan.
        aided: Whether the model's answer was shown.
        predicted: Whether the reader says that the finding is there.
        sureness: 1, a guess, to 5, certain.
        seconds: From when the case was shown until the answer came.
    """

    place: int
    aided: bool
    predicted: bool
    sureness: int
    seconds: float

    @property
    def rating(self) -> int:
        """Suspicion from 1, certain that it is not there, to 10, certain that it is.

        Example:
            >>> [Answer(0, False, said, 5, 1.0).rating for said in (False, True)]
            [1, 10]
        """
        return 5 + self.sureness if self.predicted else 6 - self.sureness


@dataclass(frozen=True)
class Step:
    """What a reader does next.

    Attributes:
        place: The case.
        aided: Whether with the model.
        number: How many cases were begun before it.
    """

    place: int
    aided: bool
    number: int


def choose_cases(
    truth: ArrayLike, patients: Sequence[str], number: int, seed: int, balanced: bool = True
) -> NDArray[np.intp]:
    """Places of cases drawn at random, of different patients as far as there are enough.

    Args:
        truth: (n,) whether the finding is there.
        patients: (n,) whom each shows, `""` where not known.
        number: How many are wanted; fewer come where there are fewer.
        seed: The same seed draws the same cases.
        balanced: Draw as many with the finding as without.

    Returns:
        Sorted places.

    Raises:
        UnusableCases: There are fewer than `LEAST`, or all are of one kind.
    """
    kind = np.asarray(truth, bool)
    drawn = np.random.default_rng(seed).permutation(len(kind))
    ordered = _new_patients_first(drawn, patients)
    if balanced:
        half = min(number // 2, int(kind.sum()), int((~kind).sum()))
        ordered = np.concatenate([ordered[kind[ordered]][:half], ordered[~kind[ordered]][:half]])
    chosen = np.sort(ordered[:number])
    if len(chosen) < LEAST or kind[chosen].all() or not kind[chosen].any():
        received = f"{int(kind.sum())} cases with the finding and {int((~kind).sum())} without"
        raise UnusableCases(f"at least {LEAST} cases of both kinds", received, "choose another dataset or more cases")
    return chosen


def _new_patients_first(drawn: NDArray[np.intp], patients: Sequence[str]) -> NDArray[np.intp]:
    seen: set[str] = set()
    first: list[int] = []
    rest: list[int] = []
    for place in drawn.tolist():
        patient = patients[place]
        (rest if patient and patient in seen else first).append(place)
        seen.add(patient)
    return np.array(first + rest, np.intp)


def reading_order(count: int, seed: int) -> NDArray[np.intp]:
    """(count,) the cases in the order in which one reader sees them."""
    return np.random.default_rng(seed).permutation(count)


def next_step(order: ArrayLike, answers: Iterable[Answer]) -> Step | None:
    """The first case in a reader's order that lacks an answer; None once all are read twice."""
    said = {(answer.place, answer.aided) for answer in answers}
    for number, place in enumerate(np.asarray(order).tolist()):
        for aided in (False, True):
            if (place, aided) not in said:
                return Step(place, aided, number)
    return None


def new_code() -> str:
    """A room's code."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def clean_code(text: str) -> str:
    """A code as somebody typed it.

    Example:
        >>> clean_code(" bcd-f2 3 ")
        'BCDF23'
    """
    return "".join(sign for sign in text.upper() if sign.isalnum())[:32]


def clean_nickname(text: str) -> str:
    """A nickname without blanks at its ends.

    Raises:
        RoomFault: It is empty, too long, or holds signs that cannot be seen.
    """
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    if not 0 < len(name) <= NICKNAME_LENGTH or not name.isprintable():
        received = "none" if not name else f"one of {len(name)} characters" if name.isprintable() else "hidden signs"
        raise RoomFault(f"a nickname of 1 to {NICKNAME_LENGTH} characters", received, "choose another")
    return name
