"""The sets that a network can be trained on in class, and how they are divided: rightly, or wrongly on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, ScanLensError
from core.lessons.synthetic_lesions import LESION_LABELS, synthetic_lesions
from core.scan import answered_frame, display_frame

if TYPE_CHECKING:
    from core.datasets.dataset import Case, Dataset

#: Most images of an added dataset, and the side at which they are kept: a class waits for each epoch.
MOST, SIDE = 1000, 64

#: Most classes that the lesson's figures can show.
MOST_CLASSES = 12

#: Fraction of the training and validation images of a class that stay when it is made rare.
RARE = 0.1


class UnfitDataset(ScanLensError):
    """A dataset that cannot be used to train in class."""


@dataclass(frozen=True, eq=False)
class LessonSet:
    """Images to train on.

    Attributes:
        key: Short name, for addresses and folders.
        title: For people.
        about: One or two sentences: what it is and where it comes from.
        images: (N, rows, columns) uint8.
        labels: (N,) int64 class indices.
        names: Of the classes.
        patients: (N,) str, whom each image shows; empty texts where not known.
        masks: (N, rows, columns) bool, what is to be found, or None where not known.
        kind: What one image is, in words for a refusal, e.g. `"a chest radiograph"`.
        modality: DICOM codes of the scans; `("OT",)` for what is no scan.
        body_part: In lower case.
        licence: Of the images, which a trained model inherits.
        as_displayed: Whether the images are what a scan looks like in its own window; else plain levels, 0 to 255.
    """

    key: str
    title: str
    about: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    patients: NDArray[np.str_]
    masks: NDArray[np.bool_] | None
    kind: str
    modality: tuple[str, ...] = ("OT",)
    body_part: tuple[str, ...] = ()
    licence: str = "unknown"
    as_displayed: bool = False

    @property
    def knows_patients(self) -> bool:
        """Whether images of the same patient can be told."""
        return bool((self.patients != "").all())

    def resized(self, size: int, part: NDArray[np.int64]) -> NDArray[np.uint8]:
        """(len(part), size, size) some of the images on the network's grid."""
        chosen = self.images[part]
        if chosen.shape[1:] == (size, size):
            return chosen
        way = cv2.INTER_AREA if size < chosen.shape[1] else cv2.INTER_LINEAR
        return np.stack([cv2.resize(image, (size, size), interpolation=way) for image in chosen])


@dataclass(frozen=True, eq=False)
class Division:
    """Which images go where; indices into a `LessonSet`.

    Attributes:
        train: Images to learn from; one may stand there twice.
        val: Images to watch.
        test: Images to judge by, once; never leaked and never made rare.
        words: Sentences on what was done.
    """

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]
    words: tuple[str, ...] = ()


def digits_set() -> LessonSet:
    """1,797 handwritten digits that come with scikit-learn, drawn up from 8 × 8 to 28 × 28, the size of MNIST."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = [cv2.resize(image, (28, 28), interpolation=cv2.INTER_CUBIC) for image in found.images * (255 / 16)]
    return LessonSet(
        key="digits",
        title="Handwritten digits",
        about=(
            "1,797 digits of 13 writers from scikit-learn (Alpaydin and Kaynak 1998), in place of MNIST: drawn up from "
            "8 × 8 to MNIST's 28 × 28. Who wrote which is not known."
        ),
        images=np.clip(np.round(np.stack(images)), 0, 255).astype(np.uint8),
        labels=np.asarray(found.target, np.int64),
        names=tuple(str(digit) for digit in range(10)),
        patients=np.full(len(found.target), ""),
        masks=None,
        kind="a handwritten digit",
        licence="cc-by-4.0",
    )


def lesions_set(count: int = 1000, seed: int = 7) -> LessonSet:
    """The made-up lesions, whose truth is known."""
    made = synthetic_lesions(count, seed, SIDE)
    return LessonSet(
        key="lesions",
        title="Synthetic lesions",
        about=(
            f"{count:,} made-up images of {len(set(made.patients))} invented patients: tissue, vessels, calcified "
            "spots, and in half of the patients a lesion whose outline is known. Nobody is ill here."
        ),
        images=made.images,
        labels=made.labels,
        names=LESION_LABELS,
        patients=made.patients,
        masks=made.masks,
        kind="a synthetic lesion image",
        licence="apache-2.0",
    )


def added_set(
    dataset: Dataset, progress: Callable[[float, str], None], cancelled: Callable[[], bool], most: int = MOST
) -> LessonSet:
    """A dataset that the user added: at most `most` cases, each class with its fraction, shrunk to grey squares.

    Cases that cannot be read are left out. A stack gives its middle frame.

    Raises:
        UnfitDataset: It has several findings a case, too few or too many classes, or too few cases that can be read.
        Cancelled: The user stopped it.
    """
    classes = [label for label in dataset.labels if any(case.labels == (label,) for case in dataset.cases)]
    if dataset.multilabel or not 2 <= len(classes) <= MOST_CLASSES:
        received = "several findings a case" if dataset.multilabel else f"{len(classes)} classes"
        raise UnfitDataset(f"one of 2 to {MOST_CLASSES} classes for each case", received, "choose another set")
    chosen = _drawn([case for case in dataset.cases if len(case.labels) == 1], most)
    images, kept, modalities, parts = [], [], set(), set()
    for number, case in enumerate(chosen):
        if cancelled():
            raise Cancelled("reading the set")
        progress(number / len(chosen), f"Reading {number + 1} of {len(chosen)} images")
        try:
            scan = dataset.read(case)
            images.append(_square(display_frame(scan, answered_frame(scan))))
        except ScanLensError:
            continue
        kept.append(case)
        modalities.add(scan.modality)
        parts.add(scan.body_part)
    labels = np.array([classes.index(case.labels[0]) for case in kept], np.int64)
    if len(labels) < 40 or min(np.bincount(labels, minlength=len(classes))) < 8:
        raise UnfitDataset(f"Only {len(labels)} cases can be read, or fewer than 8 of a class", "choose another set")
    known = bool(all(case.patient for case in kept))
    return LessonSet(
        key=dataset.name,
        title=dataset.title,
        about=(
            f"{len(kept):,} of its {len(dataset.cases):,} images, shrunk to {SIDE} × {SIDE} grey pixels, "
            + ("divided by patient." if known else "divided by image, since the patients are not known.")
        ),
        images=np.stack(images),
        labels=labels,
        names=tuple(classes),
        patients=np.array([case.patient if known else "" for case in kept]),
        masks=None,
        kind=f"an image as in {dataset.title}",
        modality=tuple(sorted(modalities - {""})) or ("OT",),
        as_displayed=True,
        body_part=tuple(sorted(parts)) if "" not in parts else (),
    )


def _drawn(cases: list[Case], most: int) -> list[Case]:
    """At most `most` cases drawn without regard to their class, always the same ones."""
    if len(cases) <= most:
        return cases
    return [cases[index] for index in sorted(np.random.default_rng(0).permutation(len(cases))[:most])]


def _square(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def divide(
    lesson_set: LessonSet, seed: int = 0, few: int | None = None, leak: bool = False, rare: bool = False
) -> Division:
    """Three fifths to learn from, a fifth to watch, a fifth to judge by; by patient where patients are known.

    Args:
        lesson_set: What to divide.
        seed: The same seed gives the same division, and the same test part with and without faults.
        few: Keep only so many training images, which invites overfitting.
        leak: Put half of the validation images into the training part too, and divide the two parts by image
            instead of by patient.
        rare: Keep only a tenth of the training and validation images of the last class, or of the last half of many.
    """
    random = np.random.default_rng(seed)
    count = len(lesson_set.labels)
    groups = lesson_set.patients if lesson_set.knows_patients else np.arange(count).astype(str)
    order = random.permutation(np.unique(groups))
    parts = np.split(order, [round(len(order) * 0.6), round(len(order) * 0.8)])
    train, val, test = (random.permutation(np.flatnonzero(np.isin(groups, part))) for part in parts)
    words = [f"Divided by {'patient' if lesson_set.knows_patients else 'picture, as it is not known whose they are'}."]
    if leak and lesson_set.knows_patients:
        both = random.permutation(np.concatenate([train, val]))
        train, val = both[: len(train)], both[len(train) :]
    if rare:
        train, val = (_made_rare(lesson_set, part) for part in (train, val))
        words.append(f"Rare: only {RARE:.0%} of {_rare_words(lesson_set)} are left in training and validation.")
    if few is not None and few < len(train):
        train = train[:few]
        words.append(f"Few: {few} training images.")
    if leak:
        train = np.concatenate([train, val[: len(val) // 2]])
        shared = np.isin(groups[val], groups[train]).mean()
        whose = f"; {shared:.0%} show a patient of the training part" if lesson_set.knows_patients else ""
        words.append(f"Leak: half of the validation images are in the training part too{whose}.")
    return Division(train, val, test, tuple(words))


def rare_classes(lesson_set: LessonSet) -> tuple[int, ...]:
    """Which classes are made rare: the last of two or three, the last half of more."""
    count = len(lesson_set.names)
    return tuple(range(count - max(1, count // 2), count)) if count > 3 else (count - 1,)


def _rare_words(lesson_set: LessonSet) -> str:
    return ", ".join(lesson_set.names[index] for index in rare_classes(lesson_set))


def _made_rare(lesson_set: LessonSet, part: NDArray[np.int64]) -> NDArray[np.int64]:
    keep = np.ones(len(part), bool)
    for index in rare_classes(lesson_set):
        own = np.flatnonzero(lesson_set.labels[part] == index)
        keep[own[max(2, round(len(own) * RARE)) :]] = False
    return part[keep] if keep.any() else part


def cases_to_watch(lesson_set: LessonSet, part: NDArray[np.int64], count: int = 6) -> NDArray[np.int64]:
    """(count,) indices from `part` of the validation images whose heatmaps are followed, spread over the classes.

    Where there are masks to compare with, the class that has them comes first.
    """
    labels = lesson_set.labels[part]
    order = sorted(set(labels.tolist()), reverse=lesson_set.masks is not None)
    weights = [2 if lesson_set.masks is not None and label == order[0] else 1 for label in order]
    queues = [list(np.flatnonzero(labels == label)) for label in order]
    chosen: list[int] = []
    while len(chosen) < min(count, len(part)):
        for queue, weight in zip(queues, weights, strict=True):
            chosen += [int(index) for index in queue[:weight]]
            del queue[:weight]
    return part[np.array(chosen[:count], dtype=np.int64)]
