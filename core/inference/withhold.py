"""Whether a scan is inside a model's contract, and if not, why its answer is withheld. Decided here and nowhere else.

An answer is shown where the scan is what the model learned from: the kind of image, the modality and body part that the
file names, one image or a stack, enough pixels, a patient of the population that the card states, and features within
the card's limit. What a file does not say is not held against it. The reasons stand in that order, the plainest first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from core.inference.ood import Similarity
from core.inference.recognise import Recognition, knows, recognise
from core.inference.study import Study
from core.models.card import InputSpec, ModelCard
from core.models.compatibility import input_fit
from core.models.population import SEX_WORDS
from core.scan import Scan

#: Pixels on the shorter side below which an image shows nothing that a model here was validated on.
LEAST_SIDE = 32

About = Literal["kind", "modality", "frames", "resolution", "age", "sex", "similarity"]


@dataclass(frozen=True)
class Reason:
    """One reason why an answer is withheld.

    Attributes:
        about: What does not fit.
        sentence: A clause in small letters, without its full stop.
    """

    about: About
    sentence: str


@dataclass(frozen=True)
class Withheld:
    """That a model has no answer for a scan.

    Attributes:
        reasons: One at least, in order.
        knows: What the model expects instead, in words.
    """

    reasons: tuple[Reason, ...]
    knows: str

    @property
    def headline(self) -> str:
        """The refusal, e.g. `"No answer: this is a CT of the abdomen. The model expects a chest radiograph."`."""
        return f"No answer: {self.reasons[0].sentence}. The model expects {self.knows}."

    @property
    def warning(self) -> str:
        """What stands over an answer that was asked for all the same, and in every file that is made of it."""
        return f"Not valid: {'; '.join(reason.sentence for reason in self.reasons)}. The model expects {self.knows}."


def expected(card: ModelCard) -> str:
    """What a model takes, in words: the scan, and whom it shows where the card says so."""
    return card.training_modality + (f" of {card.population.words}" if card.population else "")


def scan_reasons(
    card: ModelCard, study: Study, look: Callable[[Scan], Recognition] | None = None
) -> tuple[Reason, ...]:
    """Why the scans of a study are outside the contract, whatever the model makes of their pixels.

    Args:
        card: Of the model.
        study: What it is asked about.
        look: Says what a scan looks like, for who has looked at it already; None to look now.
    """
    inputs = {spec.name: spec for spec in card.inputs}
    found = [
        reason for name, scan in study.scans.items() for reason in _of_scan(card, inputs[name], scan, look or recognise)
    ]
    order = {about: place for place, about in enumerate(About.__args__)}  # type: ignore[attr-defined]
    return tuple(sorted(dict.fromkeys(found), key=lambda reason: order[reason.about]))


def withheld(card: ModelCard, reasons: Sequence[Reason], similarity: Similarity | None) -> Withheld | None:
    """What `scan_reasons` and the similarity of one frame come to; None where the answer may be shown."""
    found = list(reasons)
    if similarity is not None and not similarity.is_similar:
        found.append(Reason("similarity", "the image is unlike those that the model was validated on"))
    return Withheld(tuple(found), expected(card)) if found else None


def _of_scan(card: ModelCard, spec: InputSpec, scan: Scan, look: Callable[[Scan], Recognition]) -> list[Reason]:
    found = _kind(card, scan, look)
    fit = input_fit(card, spec, scan)
    if not fit.fits:
        about: About = "frames" if fit.reason.startswith("expects a sequence") or "volume" in fit.reason else "modality"
        found.append(Reason(about, f"this is {fit.reason.rsplit(', this is ', 1)[-1]}"))
    if min(scan.rows, scan.columns) < LEAST_SIDE:
        found.append(Reason("resolution", f"{scan.rows} × {scan.columns} pixels are too few to show anything"))
    return found + _patient(card, scan)


def _patient(card: ModelCard, scan: Scan) -> list[Reason]:
    """Age and sex, where the file has them and the card states a population."""
    population, found = card.population, []
    if population is None:
        return []
    if scan.age_years is not None and not population.age_fits(scan.age_years):
        found.append(Reason("age", f"the patient is {_age_words(scan.age_years)} old"))
    if scan.sex and not population.sex_fits(scan.sex):
        found.append(Reason("sex", f"the patient is {SEX_WORDS[scan.sex]}"))
    return found


def _age_words(years: float) -> str:
    if years >= 2:
        return f"{int(years)} years"
    months = int(years * 12)
    return f"{months} month{'' if months == 1 else 's'}"


def _kind(card: ModelCard, scan: Scan, look: Callable[[Scan], Recognition]) -> list[Reason]:
    """What the image looks like, where the card names the kinds that it knows."""
    if not card.kinds:
        return []
    found = look(scan)
    if knows(card, found):
        return []
    if found.disagreement:
        sentence = found.disagreement.rstrip(".")
        return [Reason("kind", sentence[:1].lower() + sentence[1:])]
    looks = found.words if found.kind is not None else "none of the images that the models here were trained on"
    return [Reason("kind", f"this looks like {looks}")]
