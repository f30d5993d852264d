"""Which images a class trains on, and what is done wrong with them on purpose."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.datasets.dataset import Dataset
from core.errors import Cancelled, ScanLensError
from core.lessons.training.data import (
    Division,
    LessonSet,
    added_set,
    divide,
)
from ui.background import Progress, Stopper, Work, computed
from ui.datasets.records import Entry, records
from ui.datasets.shelf import Key, shelf
from ui.lessons.training.state import Training, cached_lesson_set

SHIPPED = {"Handwritten digits": "digits", "Synthetic lesions": "lesions"}
SIZES = (16, 28, 32, 48, 64)

#: Training images that are left when overfitting is asked for.
FEW = 60

FAULTS = {
    "few": ("Few images, to overfit", f"Only {FEW} training images are left."),
    "leak": ("Leak between the splits", "Half of the validation images are learnt from as well."),
    "rare": ("One class rare", "A tenth of one class, or of half of many classes, is left to learn from and to watch."),
}


@dataclass(frozen=True, eq=False)
class Material:
    """What a run is trained on.

    Attributes:
        lesson_set: The images.
        size: Side at which the network sees them.
        division: Which go where.
        faults: Keys in `FAULTS` that are switched on.
    """

    lesson_set: LessonSet
    size: int
    division: Division
    faults: tuple[str, ...]


def choose_material(state: Training) -> Material | None:
    """The widgets for data and preprocessing; None while an added dataset is being read or cannot be used."""
    entries = {entry.title: entry for entry in records().entries(shelf())}
    titles = [*SHIPPED, *(title for title in entries if title not in SHIPPED)]
    title = st.selectbox("Images", titles, key="train-set", bind="query-params")
    found = cached_lesson_set(SHIPPED[title]) if title in SHIPPED else _added(state, entries[title])
    size = st.segmented_control(
        "Pixels a side", SIZES, default=28, required=True, key="train-pixels", bind="query-params"
    )
    faults = tuple(
        key
        for key, (words, help_text) in FAULTS.items()
        if st.toggle(words, key=f"train-{key}", bind="query-params", help=help_text)
    )
    if found is None:
        return None
    division = divide(found, 0, FEW if "few" in faults else None, "leak" in faults, "rare" in faults)
    return Material(found, size if size in SIZES else 28, division, faults)


def _added(state: Training, entry: Entry) -> LessonSet | None:
    """The images of an added dataset, read in the background."""
    title, work = f"Reading {entry.title}", _reading(entry.key)
    return computed("training-set", entry.key, state.added, title, work, again="Try again", patience=0.5)


def _reading(key: Key) -> Work[LessonSet]:
    """Work that opens and reads a dataset; it holds no session, as it runs in a thread of its own."""
    dataset: Dataset | None = shelf().opened.peek(key)

    def work(progress: Progress, cancelled: Stopper) -> LessonSet:
        from pathlib import Path

        from core.datasets.readers import open_dataset

        found = dataset or open_dataset(Path(key[0]), dict(key[1]), progress, cancelled)
        if found.questions:
            raise ScanLensError(
                f"The set has an open question, “{found.questions[0].sentence}”", "answer it on the page Datasets"
            )
        if cancelled():
            raise Cancelled("reading the set")
        return added_set(found, progress, cancelled)

    return work
