"""How models' heatmaps lie against marked regions, gathered from their cards, to be compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.evaluation.statistics.intervals import Estimate
from core.explain.trust.localisation import MEASURES
from core.models.card import ModelCard


@dataclass(frozen=True)
class LocalisedModel:
    """One measure of one model's heatmaps on one kind of mark.

    Attributes:
        model: Title of the model.
        marks: What was marked, and in which set.
        method: Name in `EXPLAINERS`.
        measure: Key of `MEASURES`.
        estimate: Mean over the maps with its interval over patients.
        centre: What a blob at the image's centre reaches, which knows nothing of the image.
        chance: What an even map reaches.
        patients: How many it rests on.
    """

    model: str
    marks: str
    method: str
    measure: str
    estimate: Estimate
    centre: float
    chance: float
    patients: int


def localised_models(cards: Iterable[ModelCard]) -> list[LocalisedModel]:
    """Every measure of every card that has marked regions, all marks of a kind together.

    What is on the cards follows from rows a case, `evaluations/*--<method>.parquet`, which tests recompute. A card from
    elsewhere whose entry has another shape is passed over.
    """
    found: list[LocalisedModel] = []
    for card in cards:
        try:
            found += _of_card(card)
        except (LookupError, TypeError, AttributeError, ValueError):
            continue
    return found


def _of_card(card: ModelCard) -> list[LocalisedModel]:
    found = []
    for entry in (card.front_matter.get("scanlens") or {}).get("localisation") or []:
        for part in entry["parts"]:
            if set(part["group"]) - {"marks"}:
                continue  # a part of the marks, such as those that were correct
            for measure in MEASURES:
                values = part["measures"][measure]
                estimate = Estimate(values["value"], values["low"], values["high"], part["n"], values["method"])
                marks = f"{part['group']['marks']}, {entry['name']}"
                found.append(
                    LocalisedModel(
                        card.title, marks, entry["method"], measure, estimate, values["centre"], values["chance"],
                        part["patients"],
                    )
                )  # fmt: skip
    return found
