"""Tables of the data folder, read as those of any data set."""

from __future__ import annotations

from pathlib import Path

from core.datasets.tables.table import parse_table
from core.training.recipe.schema import InvalidRecipe

Row = dict[str, str]


def read_table(path: Path) -> tuple[list[Row], list[str]]:
    """The rows of a CSV table, every column as text without blanks at its ends, and the columns.

    Raises:
        InvalidRecipe: There is no such table.
        UnusableDataset: It is no table.
    """
    if not path.is_file():
        raise InvalidRecipe(f"There is no table {path.parent.name}/{path.name}", "check the data folder")
    table = parse_table(path.name, path.read_bytes())
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows], list(table.columns)
