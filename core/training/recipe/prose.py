"""What a recipe has for the card beside numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from core.training.recipe.sources import Part


class Audit(Part, frozen=True):
    """What a result on a set without patients is worth.

    Attributes:
        among: The classes that come from one source, the fairer question.
        control: Whether the recipe is trained once more on a split by image.
    """

    among: tuple[str, ...]
    control: bool = False


class Patients(Part, frozen=True):
    """Whom the model knows, so far as the source of its data says; an answer about anybody else is withheld.

    Attributes:
        words: As they stand in "the model knows …", e.g. `children of one to five years`.
        age_years: Youngest and oldest in years; None where it is not recorded.
        sex: DICOM codes of the sexes in the data; empty where all are, or nobody wrote it down.
    """

    words: str
    age_years: tuple[float, float] | None = None
    sex: tuple[Literal["F", "M"], ...] = ()

    def __post_init__(self) -> None:
        if self.age_years is not None and not 0 <= self.age_years[0] <= self.age_years[1]:
            raise ValueError("ages that do not run upwards")

    def entry(self) -> dict[str, Any]:
        """As it stands in the card's contract."""
        ages = {} if self.age_years is None else {"age_years": list(self.age_years)}
        return {"words": self.words, **ages, **({"sex": list(self.sex)} if self.sex else {})}


class Prose(Part, frozen=True, rename={"for_": "for"}):
    """What the card says that no program can measure, in Markdown, and its licence.

    Attributes:
        license: As the Hugging Face hub names it.
        training_modality: What the model was trained on, in words for a user, e.g. `a chest radiograph`.
        for_: What it is for.
        not_for: What it is not for.
        data: Where the data are from.
        population: Whom they show.
        training: What the numbers of the schedule do not say.
        failure_modes: Where it goes wrong.
        credit: Whom to thank.
        license_name: Of a licence that the hub does not know.
        license_link: Where that is.
        non_commercial: Whether the licence forbids commercial use.
        datasets: Names on the hub.
        tags: Tags on the hub.
        results: What follows the table of results.
        ood: What is said of images out of distribution.
        heatmaps: Name of marked regions to what is said of them.
        variants: What is said of changed inputs.
        titles: Section (`variants`) to another title for it.
        audit: On near-duplicates and shortcuts; None for no such section.
        rivals: Slugs of models of the same question to compare with.
        against: What is said of that comparison.
        patients: Whom the model knows, for the check before an answer; None where the source does not say.
        shortcuts: Short sentences without numbers on what leads it astray, shown with each answer beside those that
            are measured.
    """

    license: str
    training_modality: str
    for_: str
    not_for: str
    data: str
    population: str
    training: str
    failure_modes: str
    credit: str
    license_name: str = ""
    license_link: str = ""
    non_commercial: bool = False
    datasets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    results: str = ""
    ood: str = ""
    heatmaps: Mapping[str, str] = {}
    variants: str = ""
    titles: Mapping[Literal["variants"], str] = {}
    audit: Audit | None = None
    rivals: tuple[str, ...] = ()
    against: str = ""
    patients: Patients | None = None
    shortcuts: tuple[str, ...] = ()
