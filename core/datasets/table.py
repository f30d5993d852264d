"""Tables as people export them: comma, semicolon, tab or bar; UTF-8 with or without its mark, UTF-16 or Latin-1."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from core.datasets.dataset import UnusableDataset
from core.datasets.place import Place, looks_like_text, read_head, stream_pieces

#: A table larger than this is no list of pictures.
_MOST_BYTES = 512 * 1024 * 1024
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, eq=False)
class Table:
    """A table as text.

    Attributes:
        name: Of its file.
        columns: Headings, made unique.
        rows: One tuple a row, as long as `columns`, without blanks at the ends of cells.
        notes: How it was read, where that is not the plain case.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def _places(self) -> dict[str, int]:
        return {column: index for index, column in enumerate(self.columns)}

    def values(self, column: str) -> list[str]:
        """The cells of one column."""
        index = self._places[column]
        return [row[index] for row in self.rows]

    def sample(self, column: str, most: int = 400) -> list[str]:
        """Evenly spaced cells of one column, empty ones left out."""
        index, step = self._places[column], max(1, len(self.rows) // most)
        return [row[index] for row in self.rows[::step] if row[index]]


def decode(data: bytes) -> tuple[str, str]:
    """Text of a table and the encoding it was in."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace"), "UTF-16"
    try:
        return data.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        # Windows-1252 is Latin-1 with letters in place of control codes; five of its places are empty.
        return data.decode("cp1252", errors="replace"), "Latin-1"


def find_delimiter(text: str) -> str:
    r"""The sign between cells: the one that parts the first lines into the same number of cells, the more the better.

    Example:
        >>> find_delimiter("path;label\na,b.png;1\n")
        ';'
    """
    best, most = "", 1
    lines = "\n".join(text.splitlines()[:50])
    for sign in _DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(io.StringIO(lines), delimiter=sign) if row)
        except csv.Error:
            continue
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        if width > most and count >= 0.8 * sum(widths.values()):
            best, most = sign, width
    return best


def parse_table(name: str, data: bytes) -> Table:
    """Read a table from its bytes.

    Raises:
        UnusableDataset: It has no columns or no rows.
    """
    text, encoding = decode(data)
    sign = find_delimiter(text)
    csv.field_size_limit(16 * 1024 * 1024)
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=sign or ",")]
    except csv.Error as error:
        raise UnusableDataset(
            "a table", f"{name}, whose rows cannot be told apart", "export it as CSV again"
        ) from error
    rows = [row for row in rows if any(row)]
    if len(rows) < 2 or not sign:
        raise UnusableDataset("a table with columns and rows", f"{name}, which has none", "export it as CSV again")
    columns = _unique(rows[0])
    width = len(columns)
    whole = tuple(tuple((row + [""] * width)[:width]) for row in rows[1:])
    words = {";": "semicolons", "\t": "tabs", "|": "bars"}
    notes = [f"{name} is parted by {words[sign]}."] if sign in words else []
    notes += [f"{name} is read as {encoding}."] if encoding != "UTF-8" else []
    ragged = sum(len(row) != width for row in rows[1:])
    notes += [f"{ragged:,} rows of {name} have more or fewer cells than its heading."] if ragged else []
    return Table(name, columns, whole, tuple(notes))


def _unique(headings: list[str]) -> tuple[str, ...]:
    """Headings without repeats or gaps."""
    found: list[str] = []
    for number, heading in enumerate(headings, start=1):
        name = heading or f"column {number}"
        while name in found:
            name = f"{name} (again)"
        found.append(name)
    return tuple(found)


def read_table(place: Place, name: str) -> Table:
    """Read one file of a place as a table.

    Raises:
        UnusableDataset: It is no table.
    """
    parts, size = [], 0
    for piece in stream_pieces(place, name):
        size += len(piece)
        if size > _MOST_BYTES:
            raise UnusableDataset("a table of at most 512 MB", f"{name}, which is larger", "leave columns out")
        parts.append(piece)
    return parse_table(name, b"".join(parts))


def table_files(place: Place) -> list[str]:
    """Files that could be tables: near the top, few of their kind, text, and parted into cells."""
    kinds = Counter(_ending(name) for name in place.files)
    near = [name for name in place.files if name.count("/") <= 2 and kinds[_ending(name)] <= 50]
    return [name for name in near if _is_table(read_head(place, name, 16_384))]


def _ending(name: str) -> str:
    """`"csv"`; `""` for none and for the last number of a UID."""
    start, _, end = name.rsplit("/", 1)[-1].rpartition(".")
    return end.lower() if start and not end.isdigit() else ""


def _is_table(head: bytes) -> bool:
    if not looks_like_text(head) or head.lstrip()[:1] in {b"{", b"[", b"<", b"#"}:
        return False
    text = decode(head)[0].rpartition("\n")[0] or decode(head)[0]
    return "\n" in text and find_delimiter(text) != ""
