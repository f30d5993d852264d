"""What is wrong with a dataset, and which of it would flatter a metric."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from core.datasets.dataset import Case, Dataset
from core.datasets.place import Progress, Stopper
from core.datasets.quality.duplicates import Alike, find_near_duplicates
from core.datasets.quality.fingerprint import Look, look_at
from core.datasets.quality.outliers import (
    Odd,
    Shortcut,
    find_odd,
    find_shortcuts,
)
from core.datasets.quality.text import findings
from core.errors import Cancelled, ScanLensError, TooLarge

#: Cases that are decoded before the next are asked for, so that memory does not grow with the dataset.
_CHUNK = 64
#: Fraction of the progress bar for reading; comparing is the rest.
_READING = 0.95


@dataclass(frozen=True, eq=False)
class QualityReport:
    """What an inspection found.

    Attributes:
        dataset: Its title.
        cases: How many it has.
        labels: Label to split to number of cases.
        attributes: Attribute to value to number of cases.
        patients: How many are named.
        copies: Groups of cases whose pixels are equal.
        near_duplicates: Pairs of cases that show the same image, but for compression, size or a moment in time.
        patients_in_splits: Patients that are in more than one split, to those splits.
        unreadable: Name of a case to the sentence that says why.
        odd: Images unlike the others.
        shortcuts: Plain facts that give labels away.
        findings: Sentences, the gravest first; empty where nothing was found.
    """

    dataset: str
    cases: int
    labels: Mapping[str, Mapping[str, int]]
    attributes: Mapping[str, Mapping[str, int]]
    patients: int
    copies: tuple[Alike, ...]
    near_duplicates: tuple[Alike, ...]
    patients_in_splits: Mapping[str, tuple[str, ...]]
    unreadable: Mapping[str, str]
    odd: tuple[Odd, ...]
    shortcuts: tuple[Shortcut, ...]
    findings: tuple[str, ...]


def inspect(dataset: Dataset, progress: Progress | None = None, cancelled: Stopper | None = None) -> QualityReport:
    """Read every image once and compare them.

    Memory is about 5 kB a case beside the images that are being read.

    Args:
        dataset: As opened.
        progress: Called with a fraction from 0 to 1 and a few words.
        cancelled: Asked between images and steps.

    Raises:
        Cancelled: The user stopped it.
    """

    def stop() -> None:
        if cancelled is not None and cancelled():
            raise Cancelled("the inspection")

    looks, unreadable = _read_all(dataset, progress, stop)
    if progress is not None:
        progress(_READING, "Comparing images")
    copies, near_duplicates = find_near_duplicates(dataset.cases, looks, stop)
    torn = _patients_in_splits(dataset.cases)
    labels = _count_labels(dataset)
    odd, shortcuts = find_odd(looks), find_shortcuts(dataset.cases, looks)
    if progress is not None:
        progress(1.0, "Done")
    return QualityReport(
        dataset=dataset.title,
        cases=len(dataset.cases),
        labels=labels,
        attributes=_count_attributes(dataset.cases),
        patients=len({case.patient for case in dataset.cases if case.patient}),
        copies=copies,
        near_duplicates=near_duplicates,
        patients_in_splits=torn,
        unreadable=unreadable,
        odd=odd,
        shortcuts=shortcuts,
        findings=findings(dataset, labels, copies, near_duplicates, torn, unreadable, odd, shortcuts),
    )


def _read_all(
    dataset: Dataset, progress: Progress | None, stop: Callable[[], None]
) -> tuple[dict[str, Look], dict[str, str]]:
    looks: dict[str, Look] = {}
    unreadable: dict[str, str] = {}

    def look(case: Case) -> Look | str:
        try:
            return look_at(dataset.read(case))
        except Cancelled:
            raise
        except MemoryError:
            return str(TooLarge("An image does not fit into memory", "take it out of the dataset"))
        except ScanLensError as error:
            return str(error)

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for start in range(0, len(dataset.cases), _CHUNK):
            stop()
            part = dataset.cases[start : start + _CHUNK]
            for case, found in zip(part, pool.map(look, part), strict=True):
                if isinstance(found, str):
                    unreadable[case.name] = found
                else:
                    looks[case.name] = found
            if progress is not None:
                done = min(start + _CHUNK, len(dataset.cases))
                progress(_READING * done / len(dataset.cases), f"Image {done:,} of {len(dataset.cases):,}")
    return looks, unreadable


def _count_labels(dataset: Dataset) -> dict[str, dict[str, int]]:
    counts = {label: Counter(c.split for c in dataset.cases if label in c.labels) for label in dataset.labels}
    none = Counter(case.split for case in dataset.cases if not case.labels)
    return {label: dict(count) for label, count in counts.items()} | ({"": dict(none)} if none else {})


def _count_attributes(cases: Sequence[Case]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for case in cases:
        for name, value in case.attributes.items():
            found[name][value] += 1
    return {name: dict(counts.most_common()) for name, counts in sorted(found.items())}


def _patients_in_splits(cases: Sequence[Case]) -> dict[str, tuple[str, ...]]:
    homes: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        if case.patient and case.split:
            homes[case.patient].add(case.split)
    return {patient: tuple(sorted(splits)) for patient, splits in sorted(homes.items()) if len(splits) > 1}
