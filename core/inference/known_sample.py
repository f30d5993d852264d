"""Which of the samples a model knows, so that its card can be tried at once."""

from __future__ import annotations

from dataclasses import dataclass

from core.inference.bundle import Bundle
from core.inference.recognise import knows, recognise
from core.models.card import ModelCard
from core.models.compatibility import compatibility
from core.samples import SAMPLES, Sample, open_sample
from core.scan import Scan


@dataclass(frozen=True)
class KnownSample:
    """A sample of the kind that a model reads.

    Attributes:
        sample: From the catalogue.
        is_known: Whether it is recognised as a kind that the model knows.
    """

    sample: Sample
    is_known: bool


def known_sample(bundle: Bundle) -> KnownSample | None:
    """The sample that a model knows best, None where none is of its kind.

    A sample is of a model's kind where the contract takes it and it shows one of the contract's body parts. A model of
    several inputs has no sample: one image is not enough for it.

    Args:
        bundle: Opened.
    """
    card = bundle.card
    if len(card.inputs) != 1 or not card.inputs[0].body_part:
        return None
    found = []
    for sample in SAMPLES:
        scan = open_sample(sample.key) if _may_show(card, sample) else None
        if scan is not None and compatibility(card, scan).fits and _shows(card, sample, scan):
            recognition = recognise(scan)
            found.append((not knows(card, recognition), recognition.distances.get(recognition.slug, 2.0), sample))
    if not found:
        return None
    is_strange, _, sample = min(found, key=lambda entry: entry[:2])
    return KnownSample(sample, not is_strange)


def _may_show(card: ModelCard, sample: Sample) -> bool:
    """Whether opening a sample is worth it: its own words name a body part, or its file may."""
    words = f"{sample.title} {sample.sentence}".casefold()
    return any(part in words for part in card.inputs[0].body_part)


def _shows(card: ModelCard, sample: Sample, scan: Scan) -> bool:
    told = scan.body_part or sample.title.casefold()
    return any(part in told for part in card.inputs[0].body_part)
