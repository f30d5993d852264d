"""Tables as people export them: comma, semicolon, tab or bar; UTF-8 with or without its mark, UTF-16 or Latin-1.

Titles, comments and separator lines above the headings are skipped, and a table may do without headings.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.datasets.dataset import UnusableDataset
from core.datasets.place import Place, looks_like_text, read_head, stream_pieces, utf_16_without_mark
from core.datasets.tables.headings import from_first_row, lay_out, without_separator_line

#: A table larger than this is no list of images.
_MOST_BYTES = 512 * 1024 * 1024
_DELIMITERS = ",;\t|"
#: Blanks, byte order marks and what nobody sees.
_BLANKS = " \t\r\n\v\f\xa0\u2007\u202f\ufeff\u200b"
_NUMBER = re.compile(r"[+-]?\d+(,\d+)?")


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

    @cached_property
    def memory(self) -> dict[tuple[str, str], Any]:
        """What was found out about columns, by a name for it and the column: tables are large and asked often."""
        return {}

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
    if silent := utf_16_without_mark(data):
        return data.decode(silent, errors="replace"), "UTF-16"
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
    best, most = "", (False, 1, 0.0)
    lines = "\n".join(text.splitlines()[:80])
    for sign in _DELIMITERS:
        try:
            whole = _cells(lines, sign)
        except csv.Error:
            continue
        rows = from_first_row(whole)
        widths = Counter(len(row) for row in rows)
        width, count = widths.most_common(1)[0] if widths else (1, 0)
        fraction = count / max(1, len(whole))  # titles count against a sign only where another has none
        if width > 1 and count >= 0.8 * len(rows) and (found := (fraction >= 0.8, width, fraction)) > most:
            best, most = sign, found
    return best


def _cells(text: str, sign: str) -> list[list[str]]:
    """Rows with any text in them, cells without blanks at their ends."""
    reader = csv.reader(io.StringIO(text), delimiter=sign or ",", skipinitialspace=sign != "\t")
    rows = [[cell.strip(_BLANKS) for cell in row] for row in reader]
    return [row for row in rows if any(row)]


def parse_table(name: str, data: bytes) -> Table:
    """Read a table from its bytes.

    Raises:
        UnusableDataset: It has no columns or no rows.
    """
    text, encoding = decode(data)
    text, told = without_separator_line(text.replace("\r\n", "\n").replace("\r", "\n"))
    sign = told or find_delimiter(text)
    csv.field_size_limit(16 * 1024 * 1024)
    try:
        rows = _cells(text, sign)
    except csv.Error as error:
        raise UnusableDataset(f"The rows of {name} cannot be told apart", "export it as CSV again") from error
    if len(rows) < 2 or not sign:
        raise UnusableDataset(f"{name} has no columns or no rows", "export it as CSV again")
    layout = lay_out(name, rows)
    columns = _unique(layout.headings)
    width = len(columns)
    cells, comma_notes = _with_points([(row + [""] * width)[:width] for row in layout.rows], columns, sign)
    whole = tuple(tuple(row) for row in cells)
    words = {";": "semicolons", "\t": "tabs", "|": "bars"}
    notes = [f"{name} is parted by {words[sign]}."] if sign in words else []
    notes += [f"{name} is read as {encoding}."] if encoding != "UTF-8" else []
    notes += [*layout.notes, *comma_notes]
    ragged = sum(len(row) != width for row in layout.rows)
    notes += [f"{ragged:,} rows of {name} have more or fewer cells than its heading."] if ragged else []
    return Table(name, columns, whole, tuple(notes))


def _with_points(rows: list[list[str]], columns: Sequence[str], sign: str) -> tuple[list[list[str]], list[str]]:
    """Numbers with a decimal comma as those with a point, where every number of a column is written so.

    Two numbers in one cell look the same, so a column counts where no cell has a second comma or a point, and commas
    are not before three digits throughout, as between thousands.
    """
    if sign == ",":
        return rows, []
    changed = []
    for place, column in enumerate(columns):
        filled = [row[place] for row in rows if row[place]]
        numbers = bool(filled) and all(_NUMBER.fullmatch(cell) for cell in filled)
        parted = [cell for cell in filled if "," in cell]
        if numbers and parted and not all(re.search(r",\d{3}$", cell) for cell in parted):
            changed.append(column)
            for row in rows:
                row[place] = row[place].replace(",", ".")
    return rows, [f"Numbers in {', '.join(changed)} have a decimal comma."] if changed else []


def _unique(headings: list[str]) -> tuple[str, ...]:
    """Headings without repeats or gaps: `note`, `note (again)`, `note (again 2)`."""
    found: dict[str, None] = {}
    times: Counter[str] = Counter()
    for number, heading in enumerate(headings, start=1):
        first = name = heading or f"column {number}"
        while name in found:
            times[first] += 1
            name = f"{first} (again{f' {times[first]}' if times[first] > 1 else ''})"
        found[name] = None
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
            raise UnusableDataset(f"{name} is larger than 512 MB", "leave columns out")
        parts.append(piece)
    return parse_table(name, b"".join(parts))


def table_files(place: Place) -> list[str]:
    """Files that could be tables: near the top, few of their kind, text, and parted into cells."""
    kinds = Counter(_ending(name) for name in place.files)
    near = [name for name in place.files if name.count("/") <= 2 and kinds[_ending(name)] <= 50]
    return [name for name in near if _is_table(read_head(place, name, 16_384))]


#: Endings of tables that are not read here, and what they are.
_OTHER_TABLES = {
    **dict.fromkeys(("xlsx", "xls", "xlsm", "xlsb", "ods", "numbers"), "a workbook"),
    **dict.fromkeys(("parquet", "feather", "sav", "dta", "rds", "rdata", "sas7bdat"), "no CSV"),
}


def other_tables(files: Sequence[str]) -> dict[str, str]:
    """Files near the top that may hold labels in a form that is not read, to what they are.

    Example:
        >>> other_tables(["labels.xlsx", "images/1.png"])
        {'labels.xlsx': 'a workbook'}
    """
    near = [name for name in files if name.count("/") <= 1]
    found = {name: _OTHER_TABLES[_ending(name)] for name in near if _ending(name) in _OTHER_TABLES}
    return dict(list(found.items())[:3]) if len(found) <= 20 else {}


def _ending(name: str) -> str:
    """`"csv"`; `""` for none and for the last number of a UID."""
    start, _, end = name.rsplit("/", 1)[-1].rpartition(".")
    return end.lower() if start and not end.isdigit() else ""


def _is_table(head: bytes) -> bool:
    if not looks_like_text(head) or head.lstrip()[:1] in {b"{", b"[", b"<"}:
        return False
    text, told = without_separator_line(decode(head)[0].replace("\r\n", "\n").replace("\r", "\n"))
    whole = text.rpartition("\n")[0] or text
    return "\n" in whole and (told or find_delimiter(whole)) != ""
