"""Text in the cells of a CSV that a spreadsheet will open.

Excel, LibreOffice and others run a cell that begins with `=`, `+`, `-`, `@`, a tab or a line end as a formula, which
may call programs or send what stands in other cells elsewhere. An apostrophe in front makes it text. Numbers are
numbers and stay as they are.
"""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")

#: What a formula may begin with, the full-width forms that some spreadsheets accept among them.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def as_cell(value: T) -> T | str:
    """The value as it may stand in a cell.

    Args:
        value: Text, or anything else, which is returned as it is.

    Example:
        >>> as_cell("=1+1"), as_cell("Normal"), as_cell(-0.5)
        ("'=1+1", 'Normal', -0.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def reversible_cell(text: str) -> str:
    """Like `as_cell`, with an apostrophe before an apostrophe too, so that `from_cell` gives back any text."""
    return f"'{text}" if text.startswith((*_FORMULA, "'")) else text


def from_cell(text: str) -> str:
    """The way back from `reversible_cell`.

    Example:
        >>> [from_cell(reversible_cell(text)) for text in ("=1", "'=1", "''", "plain")]
        ['=1', "'=1", "''", 'plain']
    """
    return text[1:] if text.startswith("'") else text
