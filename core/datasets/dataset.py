"""Datasets: labelled scans that stay where they lie.

A reader in `DATASET_READERS` looks at a place and says what it understood; what it cannot know becomes a question
whose answer is given as an option when the place is opened again. Images are read one by one, when needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from core.errors import ScanLensError
from core.readers.source import Source
from core.scan import Scan


class UnusableDataset(ScanLensError):
    """A place that holds no dataset, or an answer that does not fit it."""


@dataclass(frozen=True)
class Case:
    """One labelled scan of a dataset.

    Attributes:
        name: Unique in the dataset and the same on every machine, e.g. the path below its folder.
        labels: What is true of it, in the dataset's own words: one class, or any number of findings.
        patient: Whom it shows, `""` where not known.
        split: train, val or test, `""` where the dataset does not say.
        attributes: Column to text, e.g. `{"age": "63", "sex": "F", "site": "2"}`.
        unknown: Findings of which nobody knows whether they are there; any other finding is in `labels` or absent.
    """

    name: str
    labels: tuple[str, ...]
    patient: str = ""
    split: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class OpenQuestion:
    """What a reader could not know.

    Attributes:
        option: Key under which `open_dataset` takes the answer.
        sentence: For people, e.g. `"Which column names the patient?"`.
        choices: Possible answers; the last may be `""` for none.
        guess: The likeliest of them.
    """

    option: str
    sentence: str
    choices: tuple[str, ...]
    guess: str = ""


class CaseTable(Protocol):
    """The rows behind the cases of a dataset, for models with several inputs, and for masks.

    Attributes:
        columns: Headings.
        image_columns: Those whose cells name files.
        column: The one of them that the images were opened by, `""` for a table without images.
    """

    @property
    def column(self) -> str: ...  # noqa: D102 - see the attributes
    @property
    def columns(self) -> tuple[str, ...]: ...  # noqa: D102 - see the attributes
    @property
    def image_columns(self) -> tuple[str, ...]: ...  # noqa: D102

    def cell(self, case: Case, column: str) -> str:
        """The text of a case in a column, `""` where it is empty."""

    def has(self, case: Case, column: str) -> bool:
        """Whether a case has files in one of `image_columns`."""

    def sources(self, case: Case, column: str) -> list[Source]:
        """The files of a case in one of `image_columns`; raises a ScanLensError where one cannot be read."""

    def read_column(self, case: Case, column: str) -> Scan:
        """The scan of a case in one of `image_columns`; raises a ScanLensError where it cannot be read."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled scans in one place.

    Attributes:
        name: Short name, letters, digits, `-` and `_`, used in addresses and files.
        title: For people.
        location: Folder or file it was opened from.
        layout: Name of the reader.
        cases: In a stable order.
        labels: All labels in the dataset's own words, in a stable order.
        multilabel: Whether a case may have several labels or none.
        read: Gives the scan of a case; raises a ScanLensError where it cannot be read.
        digest: sha256 over names, labels and contents of all cases; `""` until it was taken.
        understood: Sentences on what was recognised, for people.
        questions: What is still open; a dataset with open questions cannot be evaluated.
        options: The answers it was opened with.
        decided: What was recognised or answered and may be answered otherwise; `guess` is what holds.
        warnings: Sentences on what is not as it should be and was left out or set right.
        pieces: Gives the stored bytes of a case, piece by piece, for its hash.
        stamp: Gives a cheap mark of a case's files, their sizes and times, that changes when they do.
        fingerprint: Of all stamps when the digest was taken; `""` until then.
        table: The table behind the cases, or None where there is none.
        has_images: Whether each case has an image that `read` gives; a table alone has none.
        variant: What tells a stressed copy from its original, e.g. `"noise-3"`; `""` for the original.
    """

    name: str
    title: str
    location: Path
    layout: str
    cases: tuple[Case, ...]
    labels: tuple[str, ...]
    multilabel: bool
    read: Callable[[Case], Scan]
    digest: str = ""
    understood: tuple[str, ...] = ()
    questions: tuple[OpenQuestion, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    decided: tuple[OpenQuestion, ...] = ()
    warnings: tuple[str, ...] = ()
    pieces: Callable[[Case], Iterator[bytes]] | None = None
    stamp: Callable[[Case], str] | None = None
    fingerprint: str = ""
    variant: str = ""
    table: CaseTable | None = None
    has_images: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """Headings of its table, `()` where it has none."""
        return self.table.columns if self.table is not None else ()

    @property
    def image_columns(self) -> tuple[str, ...]:
        """Those of `columns` whose cells name files."""
        return self.table.image_columns if self.table is not None else ()

    def split(self, name: str) -> tuple[Case, ...]:
        """The cases of one split; all of them for `""`."""
        return self.cases if not name else tuple(case for case in self.cases if case.split == name)
