"""What one session knows of datasets: the one on the page, and what is under way. Images stay where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from core.datasets.dataset import Dataset
from ui.background import Job, Jobs, jobs
from ui.session import Recent

#: A dataset's place: its location and the answers it is opened with.
Key = tuple[str, tuple[tuple[str, str], ...]]


def place_key(location: Path, options: Mapping[str, str]) -> Key:
    """What tells added datasets apart."""
    return str(location), tuple(sorted(options.items()))


def key_of(dataset: Dataset) -> Key:
    """The key of an opened dataset."""
    return place_key(dataset.location, dataset.options)


@dataclass(frozen=True)
class Opening:
    """What is being opened, the key of its job.

    Attributes:
        key: Of the place.
        was_added: Whether the dataset is one of the list, so that it stays there whatever comes of it.
        instead_of: Key of the dataset that it replaces, the same place with other answers.
    """

    key: Key
    was_added: bool = False
    instead_of: Key | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes:
        dataset: Short name of the dataset.
        split: That was run.
        done: (slug of the model, title of the dataset) of what is stored now.
        faults: Why others are not, a sentence each.
        stopped: Whether the user stopped it.
        hashed: The dataset with its hash.
    """

    dataset: str
    split: str
    done: tuple[tuple[str, str], ...] = ()
    faults: tuple[str, ...] = ()
    stopped: bool = False
    hashed: Dataset | None = None


@dataclass
class Shelf:
    """The state of the page.

    Attributes:
        opened: Datasets that were opened in this session, by key; few, because each holds the list of its cases.
        added: Keys of those that were added in this session, to their titles; all there are without a database.
        wanted: Key of the dataset on the page, None where none was chosen.
        adding: Whether the user is adding another one.
        trouble: What went wrong with the last opening, in one sentence.
        changed: Key to the sentence that says a dataset is not what it was.
        reports: Results of inspections, by key.
        images: Thumbnails and contact sheets.
        estimates: Seconds a case, by what is timed.
        outcome: What the last run came to.
        answers: Counts forms of answers, so that a reopened dataset is asked about anew.
    """

    opened: Recent = field(default_factory=lambda: Recent(3))
    added: dict[Key, str] = field(default_factory=dict)
    wanted: Key | None = None
    adding: bool = False
    trouble: str = ""
    changed: dict[Key, str] = field(default_factory=dict)
    reports: Recent = field(default_factory=lambda: Recent(4))
    images: Recent = field(default_factory=lambda: Recent(96))
    estimates: dict[tuple[object, ...], float | str] = field(default_factory=dict)
    outcome: Outcome | None = None
    answers: int = 0

    @property
    def jobs(self) -> Jobs:
        """What is under way in this session, here and on other pages."""
        return jobs()

    @property
    def opening(self) -> Job[tuple[Dataset, str]] | None:
        """The opening that is under way, or whose outcome was not taken yet."""
        return self.jobs.find("dataset")

    @property
    def dataset(self) -> Dataset | None:
        """The dataset on the page, once it is open."""
        if self.wanted is None or self.wanted not in self.opened:
            return None
        found: Dataset | None = self.opened.get(self.wanted, lambda: None)
        return found

    def put(self, dataset: Dataset) -> None:
        """Show an opened dataset."""
        self.opened.put(key_of(dataset), dataset)
        self.wanted, self.adding, self.trouble = key_of(dataset), False, ""

    def forget(self, key: Key) -> None:
        """Forget a dataset and all that was made of it."""
        self.opened.drop(key)
        self.reports.drop(key)
        self.images = Recent(self.images.limit)
        self.added.pop(key, None)
        self.changed.pop(key, None)
        inspection = self.jobs.find("inspection")
        if inspection is not None and inspection.key == key:
            self.jobs.drop("inspection")
        self.wanted = None if self.wanted == key else self.wanted


def shelf() -> Shelf:
    """This session's state."""
    if "shelf" not in st.session_state:
        st.session_state["shelf"] = Shelf()
    return st.session_state["shelf"]
