"""Where the cases of a session come from, and what a model says of them: made-up lesions, or an opened dataset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import Case, Dataset
from core.datasets.labels.truth import targets
from core.display import resample, square_size
from core.errors import Cancelled
from core.evaluation.runs.studies import study_of
from core.explain import EXPLAINERS
from core.explain.request import Ask, KerasTasks
from core.inference.bundle import Bundle
from core.inference.predict import Prediction, predict
from core.lessons.synthetic_lesions import LESION_LABELS, LesionSet, synthetic_lesions
from core.models.card import ModelCard
from core.models.compatibility import compatibility
from core.reader_study.design import Plan, StudyCase, choose_cases
from core.reader_study.faults import UnusableCases
from core.reader_study.lesion_model import TITLE, lesion_model
from core.scan import answered_frame, display_frame

#: Made-up images to choose from for each case that is wanted: there are about 2.5 of each patient.
POOL = 3
#: Longer side of an image, and of the heat over it, in pixels. Heatmaps are smooth: few pixels do.
SIDE, HEAT_SIDE = 768, 128
METHOD = "grad-cam"
#: The same model on the same image differs by rounding only.
SAME_SCORE = 1e-3

Progress = Callable[[float, str], None]
Stopper = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Seen:
    """A case as it is read.

    Attributes:
        image: (rows, columns) or (rows, columns, 3) uint8, square pixels.
        heat: (rows, columns) float32 over the same rectangle, coarser: what speaks for the finding, 0 or more.
        scale: The largest value of the heat that the colours should reach.
        score: The model's probability of the finding.
        mask: (rows, columns) bool, where the finding is, for those who may know; None where that is not known.
    """

    image: NDArray[np.uint8]
    heat: NDArray[np.float32]
    scale: float
    score: float
    mask: NDArray[np.bool_] | None = None


class Source(Protocol):
    """Cases with their truth, and a model that has an answer to each."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What of a `Plan` is known beforehand, `source` included."""

    @property
    def names(self) -> Sequence[str]:
        """(n,) of the cases."""

    @property
    def truth(self) -> NDArray[np.bool_]:
        """(n,) whether the finding is there."""

    @property
    def patients(self) -> Sequence[str]:
        """(n,) whom each shows."""

    def see(self, name: str) -> Seen:
        """The case with a name; raises a ScanLensError where it cannot be read."""


@lru_cache(maxsize=16)
def _made(count: int, seed: int) -> LesionSet:
    """Nobody's images, so all sessions may share them."""
    return synthetic_lesions(count, seed)


@dataclass(frozen=True, eq=False)
class LesionCases:
    """Made-up lesions, with the model of `lesion_model`.

    Attributes:
        count: Images to choose from.
        seed: Of the images.
    """

    count: int
    seed: int

    @property
    def _made(self) -> LesionSet:
        return _made(self.count, self.seed)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What of a `Plan` is known beforehand, `source` included."""
        return {
            "title": "Made-up lesions",
            "finding": LESION_LABELS[1],
            "without": LESION_LABELS[0],
            "model": TITLE,
            "model_sha256": "",
            "threshold": lesion_model().threshold,
            "source": {"kind": "lesions", "count": self.count, "seed": self.seed},
        }

    @property
    def names(self) -> Sequence[str]:
        """(n,) names of the made-up cases."""
        return [f"lesions-{self.seed}-{index:03d}" for index in range(self.count)]

    @property
    def truth(self) -> NDArray[np.bool_]:
        """(n,) whether the lesion is there."""
        return np.asarray(self._made.labels == 1)

    @property
    def patients(self) -> Sequence[str]:
        """(n,) the made-up patient whom each case shows."""
        return [str(patient) for patient in self._made.patients]

    def see(self, name: str) -> Seen:
        """The made-up case with a name."""
        index, model = self.names.index(name), lesion_model()
        image = self._made.images[index]
        heat = np.maximum(model.contributions(image), 0)
        return Seen(image, heat, model.scale, model.probability(image), self._made.masks[index])


def can_be_read_against(card: ModelCard) -> bool:
    """Whether people can read the same cases as a model: one image each, and yes or no as the answer.

    A reader sees one image. Who is compared with a model that also knows other images, a film or facts would be
    compared on less than it had.
    """
    return card.task == "binary" and len(card.inputs) == 1 and card.inputs[0].kind == "image"


@dataclass(frozen=True, eq=False)
class DatasetCases:
    """Cases of an opened dataset, with a model that answers yes or no.

    Attributes:
        dataset: Opened; its images are read where they lie.
        bundle: The model.
        mapping: Label of the dataset to that of the model.
        split: The split whose cases are taken, `""` for all.
        keras: For heads whose heatmap needs a gradient.
    """

    dataset: Dataset
    bundle: Bundle
    mapping: Mapping[str, str]
    split: str
    keras: KerasTasks | None = None
    _found: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def card(self) -> ModelCard:
        """The card of the model."""
        return self.bundle.card

    @property
    def facts(self) -> Mapping[str, Any]:
        """What of a `Plan` is known beforehand, `source` included."""
        card, dataset = self.card, self.dataset
        return {
            "title": dataset.title,
            "finding": card.labels[1],
            "without": card.labels[0],
            "model": card.title,
            "model_sha256": card.sha256.get("model.keras", ""),
            "threshold": 0.5 if card.threshold is None else card.threshold,
            "source": {
                "kind": "dataset",
                "location": str(dataset.location),
                "options": dict(dataset.options),
                "model": card.slug,
                "mapping": dict(self.mapping),
                "split": self.split,
            },
        }

    @cached_property
    def _cases(self) -> tuple[tuple[Case, ...], NDArray[np.bool_]]:
        cases = self.dataset.split(self.split)
        places, truth = targets(self.dataset, self.mapping, self.card, cases)
        return tuple(cases[place] for place in places.tolist()), np.asarray(truth == 1)

    @property
    def names(self) -> Sequence[str]:
        """(n,) names of the cases."""
        return [case.name for case in self._cases[0]]

    @property
    def truth(self) -> NDArray[np.bool_]:
        """(n,) whether the finding is there."""
        return self._cases[1]

    @property
    def patients(self) -> Sequence[str]:
        """(n,) whom each case shows."""
        return [case.patient for case in self._cases[0]]

    @cached_property
    def _by_name(self) -> dict[str, Case]:
        return {case.name: case for case in self.dataset.cases}

    def see(self, name: str) -> Seen:
        """The case with a name; of a stack the middle frame is read.

        Raises:
            UnusableCases: The case is no longer in the dataset.
            ScanLensError: It cannot be read.
        """
        if name not in self._by_name:
            raise UnusableCases(f"{self.dataset.title} lacks some of the cases of this room", "open a new room")
        study = study_of(self.dataset, self._by_name[name], self.card, self.mapping)
        scan = study.scans[self.card.inputs[0].name]
        fit = compatibility(self.card, scan)
        if not fit.fits:
            raise UnusableCases(f"A case of the room does not fit {self.card.title}: it {fit.reason}", "choose again")
        frame = answered_frame(scan)
        prediction = predict(self.bundle, study, [frame], expect=Prediction)
        score = float(prediction.probabilities[0][1])
        ask = Ask(target=1, output=prediction.output, keras=self.keras)
        found = EXPLAINERS[METHOD].function(self.bundle, prediction.prepared, ask)
        size = square_size(scan.rows, scan.columns, scan.pixel_aspect)
        image = resample(display_frame(scan, frame), _within(size, SIDE))
        return Seen(image, found.heatmap(0, _within(size, HEAT_SIDE)), found.scale, score)


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    zoom = min(1.0, side / max(size))
    return max(1, round(size[0] * zoom)), max(1, round(size[1] * zoom))


def make_plan(
    source: Source, number: int, seed: int, balanced: bool, progress: Progress, cancelled: Stopper
) -> tuple[Plan, list[Seen]]:
    """Choose cases and let the model read them.

    Returns:
        The plan, and its cases as they are read, in its order.

    Raises:
        UnusableCases: There are too few, or they do not fit the model.
        ScanLensError: One cannot be read.
        Cancelled: The user stopped it.
    """
    places = choose_cases(source.truth, source.patients, number, seed, balanced)
    names = [source.names[place] for place in places]
    seen = look(source, names, progress, cancelled)
    patients = [source.patients[place] or f"\0{place}" for place in places]
    numbers = {patient: index for index, patient in enumerate(dict.fromkeys(patients))}
    cases = tuple(
        StudyCase(name, bool(source.truth[place]), one.score, numbers[patient])
        for name, place, one, patient in zip(names, places, seen, patients, strict=True)
    )
    return Plan(cases=cases, seed=seed, balanced=balanced, **source.facts), seen


def look(source: Source, names: Sequence[str], progress: Progress, cancelled: Stopper) -> list[Seen]:
    """Cases as they are read, one after the other."""
    found = []
    for index, name in enumerate(names):
        if cancelled():
            raise Cancelled("reading the cases")
        progress(index / len(names), f"The model reads case {index + 1} of {len(names)}")
        found.append(source.see(name))
    return found


def look_again(plan: Plan, source: Source, progress: Progress, cancelled: Stopper) -> list[Seen]:
    """The cases of a plan.

    Raises:
        UnusableCases: The model's answers are not those of the plan: images or model have changed.
        ScanLensError: One cannot be read.
        Cancelled: The user stopped it.
    """
    seen = look(source, [case.name for case in plan.cases], progress, cancelled)
    if any(abs(one.score - case.score) > SAME_SCORE for one, case in zip(seen, plan.cases, strict=True)):
        raise UnusableCases("The images or the model of this room have changed", "open a new room")
    return seen
