"""Where a table begins: titles, comments and a separator line above its headings, or no headings at all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets.tables.columns import file_name_rank, is_known_heading

Row = list[str]

#: Lines above the headings that are looked at.
_MOST_TITLES = 40
_IMAGE = re.compile(r"\.(png|jpe?g|tiff?|bmp|webp|gif|jp2|dcm|dicom|ima|nii|nii\.gz|npy|mha|nrrd)\s*$", re.IGNORECASE)
_UID = re.compile(r"[0-2](\.\d+){5,}")
_SEPARATOR_LINE = re.compile(r"\A\s*\"?sep=(.|\\t)\"?[ ,;\t]*\r?\n", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """A table taken apart.

    Attributes:
        headings: One a column, as they stand; may be empty or repeated.
        rows: Below them.
        notes: What was done, where that is not the plain case.
    """

    headings: Row
    rows: list[Row]
    notes: tuple[str, ...] = ()


def without_separator_line(text: str) -> tuple[str, str]:
    r"""A text without the line by which Excel is told the sign between cells, and that sign, `""` where it has none.

    Example:
        >>> without_separator_line("sep=;\nfile;label\n")
        ('file;label\n', ';')
    """
    found = _SEPARATOR_LINE.match(text)
    if found is None:
        return text, ""
    return text[found.end() :], "\t" if found[1] == "\\t" else found[1]


def modal_width(rows: Sequence[Row]) -> int:
    """Cells of most rows that have more than one; 1 where none has."""
    widths = Counter(len(row) for row in rows if len(row) > 1)
    return widths.most_common(1)[0][0] if widths else 1


def from_first_row(rows: Sequence[Row]) -> Sequence[Row]:
    """Rows from the first that is as wide as most, without comments."""
    width = modal_width(rows)
    start = next((number for number, row in enumerate(rows) if len(row) == width and not _is_comment(row)), 0)
    return [row for row in rows[min(start, _MOST_TITLES) :] if not (_is_comment(row) and len(row) != width)]


def lay_out(name: str, rows: list[Row]) -> Layout:
    """Part a table into headings and rows.

    Lines above the headings are narrower than the table, comments, or stand above the first line that has a known
    heading. A first line that names an image, or repeats what stands in its columns, is no heading.

    Args:
        name: Of its file, for the notes.
        rows: Cells without blanks at their ends; no row without any text.
    """
    width = modal_width(rows)
    start = _first_row(rows, width)
    titles, rest = rows[:start], rows[start:]
    headings, below, notes = rest[0], rest[1:], []
    commented = titles[-1] if titles and _is_comment(titles[-1]) else None
    if _is_data(headings, below):
        below = rest
        if commented is not None and len(commented) == width:
            headings, titles = [commented[0].lstrip("#").strip(), *commented[1:]], titles[:-1]
        else:
            headings = [f"column {number}" for number in range(1, width + 1)]
            notes.append(f"{name} has no line of headings: its columns are called column 1, column 2 and so on.")
    elif len(headings) == width - 1:
        headings = ["", *headings]  # R's write.table leaves the heading of the row names out
    if titles:
        words = "1 line" if len(titles) == 1 else f"{len(titles):,} lines"
        notes.append(f"{words} above the table in {name} {'was' if len(titles) == 1 else 'were'} skipped.")
    kept = [row for row in below if row != headings and not (_is_comment(row) and _filled(row) < max(2, width - 1))]
    if len(kept) < len(below):
        words = (
            "1 comment or repeated heading"
            if len(below) - len(kept) == 1
            else (f"{len(below) - len(kept):,} comments or repeated headings")
        )
        notes.append(f"{words} inside {name} {'was' if len(below) - len(kept) == 1 else 'were'} skipped.")
    return Layout(headings, kept, tuple(notes))


def _first_row(rows: Sequence[Row], width: int) -> int:
    """Place of the headings, or of the first row where there are none."""
    most = min(len(rows) - 1, _MOST_TITLES)
    first = next((n for n, row in enumerate(rows[:most]) if _whole(row, width)), 0)
    known = max(range(most + 1), key=lambda n: (_known(rows[n], width), -n))
    enough = _known(rows[known], width) > (1 if known > first and not _names_file(rows[known]) else 0)
    above = (n for n in range(first, known) if _whole(rows[n], width))
    return known if enough and not any(_is_data(rows[n], rows[n + 1 :]) for n in above) else first


def _whole(row: Row, width: int) -> bool:
    """Whether a row is one of the table's; a title that a spreadsheet padded has one filled cell, the first."""
    return len(row) >= width and not _is_comment(row) and not (_filled(row) == 1 and row[0])


def _known(row: Row, width: int) -> int:
    """How many usual headings a row has, 0 where it cannot be the line of headings."""
    if _is_comment(row) or len(row) < max(2, width - 1):
        return 0
    return sum(is_known_heading(cell) for cell in row)


def _names_file(row: Row) -> bool:
    return any(file_name_rank(cell) == 0 for cell in row)


def _is_comment(row: Row) -> bool:
    return row[0].startswith(("#", "//"))


def _filled(row: Row) -> int:
    return sum(bool(cell) for cell in row)


def _is_data(row: Row, below: Sequence[Row]) -> bool:
    """Whether a row is data and no headings."""
    if any(_IMAGE.search(cell) or _UID.fullmatch(cell) for cell in row):
        return True
    if any(is_known_heading(cell) for cell in row) or row in below:
        return False
    return any(
        _repeats(cell, [other[place] for other in below[:400] if place < len(other)]) for place, cell in enumerate(row)
    )


def _repeats(cell: str, below: Sequence[str]) -> bool:
    """Whether a cell stands in its column again, or differs from what follows in its digits only, as p001 and p002."""
    if not re.search(r"[^\W\d_]", cell):
        return False
    if cell in below:
        return True
    few = [value for value in below[:20] if value]
    masked = re.sub(r"\d", "0", cell)
    return bool(re.search(r"\d", cell)) and len(few) > 1 and all(re.sub(r"\d", "0", value) == masked for value in few)
