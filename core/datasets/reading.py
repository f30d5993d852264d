"""How a case becomes a scan: its files, read in memory by the readers that open an upload."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from core.datasets.dataset import Case
from core.datasets.place import Place, read_all, stream_pieces
from core.errors import UnreadableScan
from core.readers import Source, open_sources
from core.scan import Scan


class UnreadableCase(UnreadableScan):
    """A case that gives no scan; the sentence is the reader's own."""

    def __init__(self, sentence: str) -> None:
        super().__init__("The file gives no image", "check it")
        self.args = (sentence,)


def scan_of(sources: Sequence[Source]) -> Scan:
    """The one scan of a case, read like an upload.

    Where the files hold several, it is the one with the most pixels, and its warnings say so.

    Raises:
        UnreadableCase: They hold none.
    """
    opened = open_sources(sources)
    if not opened.scans:
        reason = opened.skipped[0].reason if opened.skipped else "The file gives no image: check it."
        raise UnreadableCase(reason)
    largest = max(opened.scans, key=lambda scan: scan.pixels.size)
    if len(opened.scans) > 1:
        note = f"The case holds {len(opened.scans)} images or series; this is the largest."
        return replace(largest, warnings=(*largest.warnings, note))
    return largest


@dataclass(frozen=True, eq=False)
class FileCases:
    """Cases that are files of a place.

    Attributes:
        place: Where they lie.
        files: Name of a case to its files.
    """

    place: Place
    files: Mapping[str, tuple[str, ...]]

    def read(self, case: Case) -> Scan:
        """The scan of a case.

        Raises:
            ScanLensError: It cannot be read.
        """
        return scan_of([Source(name, read_all(self.place, name)) for name in self.files[case.name]])

    def pieces(self, case: Case) -> Iterator[bytes]:
        """The stored bytes of a case, piece by piece.

        Raises:
            UnreadableScan: A file is gone or broken.
        """
        for name in self.files[case.name]:
            yield from stream_pieces(self.place, name)

    def stamp(self, case: Case) -> str:
        """Sizes and times of its files."""
        return ";".join(self.place.stamp(name) for name in self.files[case.name])


@dataclass(frozen=True, eq=False)
class TableCases:
    """Cases that are rows of a table, with as many files as it has columns of them.

    Attributes:
        place: Where the files lie.
        column: The one that the images were opened by, `""` for a table without images.
        rows: Name of a case to the number of its row.
        cells: Column to its texts, a row each.
        files: Column to the files of each row.
    """

    place: Place
    column: str
    rows: Mapping[str, int]
    cells: Mapping[str, Sequence[str]]
    files: Mapping[str, Sequence[tuple[str, ...]]]

    @property
    def columns(self) -> tuple[str, ...]:
        """Headings, in the order of the table."""
        return tuple(self.cells)

    @property
    def image_columns(self) -> tuple[str, ...]:
        """Those whose cells name files."""
        return tuple(column for column in self.cells if column in self.files)

    def cell(self, case: Case, column: str) -> str:
        """The text of a case in a column."""
        return self.cells[column][self.rows[case.name]]

    def sources(self, case: Case, column: str) -> list[Source]:
        """The files of a case in a column, read into memory.

        Raises:
            UnreadableScan: One is gone or broken.
        """
        return [Source(name, read_all(self.place, name)) for name in self.files[column][self.rows[case.name]]]

    def has(self, case: Case, column: str) -> bool:
        """Whether a case names files in a column."""
        return bool(self.files[column][self.rows[case.name]])

    def read_column(self, case: Case, column: str) -> Scan:
        """The scan of a case in a column.

        Raises:
            ScanLensError: It cannot be read.
        """
        return scan_of(self.sources(case, column))

    def read(self, case: Case) -> Scan:
        """The scan of a case in the column that the images were opened by.

        Raises:
            ScanLensError: It cannot be read, or the table has no images.
        """
        if not self.column:
            raise UnreadableCase("Expected an image, received a table without any: choose a model of facts alone.")
        return self.read_column(case, self.column)

    def pieces(self, case: Case) -> Iterator[bytes]:
        """The stored bytes of all its files.

        Raises:
            UnreadableScan: A file is gone or broken.
        """
        for name in self._names(case):
            yield from stream_pieces(self.place, name)

    def stamp(self, case: Case) -> str:
        """Sizes and times of its files."""
        return ";".join(self.place.stamp(name) for name in self._names(case))

    def _names(self, case: Case) -> list[str]:
        """Those of the opened column first, each once."""
        columns = sorted(self.files, key=lambda column: column != self.column)
        return list(dict.fromkeys(name for column in columns for name in self.files[column][self.rows[case.name]]))


def short_name(text: str) -> str:
    """Letters, digits, `-` and `_` only, for addresses and files.

    Example:
        >>> short_name("Chest X-Ray (full)")
        'chest-x-ray-full'
    """
    return re.sub(r"[^0-9a-z_]+", "-", text.lower()).strip("-_") or "dataset"


def without_label(count: int) -> str:
    """What to say of cases whose label is not known.

    Example:
        >>> without_label(1), without_label(20)
        ('1 case has no label and counts in no metric', '20 cases have no label and count in no metric')
    """
    return (
        "1 case has no label and counts in no metric"
        if count == 1
        else (f"{count:,} cases have no label and count in no metric")
    )


def some(names: Sequence[str], most: int = 3) -> str:
    """The first of many names: `"a.png, b.png, c.png and 9 more"`.

    Example:
        >>> some(["a", "b", "c", "d"])
        'a, b, c and 1 more'
    """
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown
