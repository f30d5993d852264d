"""Small tables as Markdown.

`st.table` and `st.dataframe` import pandas, which costs a server 70 MB and the first answer a third of a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ui.foreign_text import plain


def markdown_table(rows: Sequence[Mapping[str, object]]) -> str:
    r"""Rows as a Markdown table, each cell shown as the text that it is; a row need not have every column.

    Example:
        >>> print(markdown_table([{"Fact": "Rows", "Value": 512}, {"Fact": "a|b"}]))
        | Fact | Value |
        | --- | --- |
        | Rows | 512 |
        | a\|b |  |
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines: list[list[object]] = [
        [*columns],
        ["---"] * len(columns),
        *([row.get(name, "") for name in columns] for row in rows),
    ]
    return "\n".join(
        f"| {' | '.join(cell if place == 1 else _cell(cell) for cell in map(str, line))} |"
        for place, line in enumerate(lines)
    )


def _cell(text: str) -> str:
    """On one line: a line break would end the row."""
    return plain(" ".join(text.split()))
