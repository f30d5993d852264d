"""What the database of results knows of datasets and runs; where it does not work, the page does without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from core.datasets.dataset import Dataset
from core.errors import ScanLensError
from core.evaluation.store.database import default_url
from core.evaluation.store.datasets import Remembered
from core.evaluation.store.evaluations import Store
from core.evaluation.store.summary import RunSummary
from ui.cache import cached_store
from ui.datasets.shelf import Key, Shelf, place_key
from ui.visible import visible_datasets, visible_runs

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """One added dataset.

    Attributes:
        key: Of its place.
        title: For people.
        remembered: As the database has it, None for one that only this session knows.
    """

    key: Key
    title: str
    remembered: Remembered | None = None


@dataclass(frozen=True, eq=False)
class Records:
    """What there is now, as far as this visitor may see it.

    Attributes:
        store: The database, None where it does not work or nothing was stored yet.
        fault: Why it does not work, or `""`.
        datasets: Added ones, the newest first.
        runs: The newest first.
    """

    store: Store | None
    fault: str
    datasets: tuple[Remembered, ...] = ()
    runs: tuple[RunSummary, ...] = ()

    def entries(self, state: Shelf) -> list[Entry]:
        """What can be chosen: from the database, then what only this session knows."""
        found = {place_key(one.location, one.options): one for one in self.datasets}
        entries = [Entry(key, one.title, one) for key, one in found.items()]
        return entries + [Entry(key, title) for key, title in state.added.items() if key not in found]

    def of(self, key: Key) -> Remembered | None:
        """The remembered dataset at a place."""
        return next((one for one in self.datasets if place_key(one.location, one.options) == key), None)


def records() -> Records:
    """Look once; looking makes no database where there is none yet."""
    url = default_url()
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return Records(None, "")
    store, fault = cached_store(url)
    if store is None:
        return Records(None, fault)
    try:
        datasets = store.datasets()
        return Records(store, "", visible_datasets(datasets), visible_runs(store.evaluations(), datasets))
    except ScanLensError as problem:
        return Records(None, str(problem))


def working_store() -> Store:
    """The database, made where there is none yet.

    Raises:
        ScanLensError: It does not work.
    """
    store, _ = cached_store(default_url())
    if store is None:
        cached_store.clear()  # it is worth another try, as somebody waits for it
        store = Store(default_url(), patience=2.0)
    return store


def remember(dataset: Dataset, maps: dict[str, dict[str, str]] | None = None) -> str:
    """Keep where a dataset is; a sentence where the database does not take it, else `""`."""
    return attempt(lambda: working_store().remember(dataset, maps))


def attempt(work: Callable[[], object]) -> str:
    """Do something that may fail; the sentence why it did, or `""`."""
    try:
        work()
    except ScanLensError as problem:
        return str(problem)
    return ""
