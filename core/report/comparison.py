"""A comparison of models as something to export: what it rests on, and its numbers as CSV and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.csv_cells import as_cell
from core.evaluation.comparison.matrix import (
    Cell,
    Matrix,
    PairOfCells,
    dataset_key,
    model_key,
)
from core.evaluation.comparison.text import sentence
from core.evaluation.results.evaluation import Evaluation
from core.figures.comparing.lines import Line
from core.figures.comparing.numbers import number_text

#: Resamples of patients behind the intervals of a matrix, and behind the bands of figures.
RESAMPLES, BAND_RESAMPLES = 2000, 1000

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "−": "$-$", "–": "--", "×": r"$\times$", "≥": r"$\geq$", "≤": r"$\leq$",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Comparison:
    """What is taken home.

    Attributes:
        title: Of the question, for people.
        table: The matrix.
        evaluations: What it was computed from, in the order in which `matrix` had them.
        lines: Key of a model to its look and the name it has in figures.
    """

    title: str
    table: Matrix
    evaluations: tuple[Evaluation, ...]
    lines: Mapping[str, Line]

    def of_dataset(self, key: str) -> dict[str, Evaluation]:
        """Key of a model to its evaluation on a dataset; of several the last counts, as in the matrix."""
        found = {model_key(one): one for one in self.evaluations if dataset_key(one) == key}
        return {model.key: found[model.key] for model in self.table.models if (model.key, key) in self.table.cells}

    @property
    def used(self) -> tuple[Evaluation, ...]:
        """The evaluations that are in the matrix, in their order."""
        latest = {(model_key(one), dataset_key(one)): one for one in self.evaluations}
        return tuple(one for cell, one in latest.items() if cell in self.table.cells)


def matrix_rows(table: Matrix) -> list[dict[str, Any]]:
    """One row a cell, with all that is known of it."""
    titles = {heading.key: heading.title for heading in (*table.models, *table.datasets)}
    return [
        {
            "model": titles[cell.model], "dataset": titles[cell.dataset], "origin": cell.kind,
            "metric": table.metric.name, "value": cell.estimate.value, "low": cell.estimate.low,
            "high": cell.estimate.high, "interval": cell.estimate.method, "cases": cell.estimate.n,
            "patients": cell.patients, "best": cell.best, "not_different_from_best": cell.not_different,
            "p_from_best_holm": cell.from_best.corrected if cell.from_best else None, "note": cell.note,
        }
        for cell in table.cells.values()
    ]  # fmt: skip


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as CSV; text that a spreadsheet would run as a formula is marked as text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: as_cell(value) for name, value in row.items()})
    return text.getvalue()


def latex_table(table: Matrix) -> str:
    """The matrix as a LaTeX table for the package booktabs, values with their 95 % intervals."""
    columns = "l" + "c" * len(table.datasets)
    heads = " & ".join(["Model", *(latex_text(heading.title) for heading in table.datasets)])
    lines = [
        " & ".join([latex_text(model.title), *(_latex_cell(table, model.key, one.key) for one in table.datasets)])
        for model in table.models
    ]
    caption = (
        f"{latex_text(table.metric.title)} with 95\\,\\% intervals. Bold: best of its dataset. "
        "$\\dagger$: not significantly different from it (Holm over the dataset's pairs)."
    )
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}", "\\begin{table}", "  \\centering", f"  \\caption{{{caption}}}",
            f"  \\begin{{tabular}}{{{columns}}}", "    \\toprule", f"    {heads} \\\\", "    \\midrule",
            *(f"    {line} \\\\" for line in lines), "    \\bottomrule", "  \\end{tabular}", "\\end{table}", "",
        ]
    )  # fmt: skip


def _latex_cell(table: Matrix, model: str, dataset: str) -> str:
    cell = table.cells.get((model, dataset))
    if cell is None:
        return "--"
    value = latex_text(cell_text(cell).partition(" (")[0])
    rest = cell_text(cell).partition(" (")[2]
    shown = f"\\textbf{{{value}}}" if cell.best else value
    mark = "$^\\dagger$" if cell.not_different else ""
    return f"{shown}{mark} ({latex_text(rest)}" if rest else f"{shown}{mark}"


def cell_text(cell: Cell) -> str:
    """`"0.964 (0.951 to 0.976)"`; what is undefined says so."""
    estimate = cell.estimate
    if estimate.value != estimate.value:
        return "not defined"
    if estimate.low != estimate.low:
        return number_text(estimate.value)
    return f"{number_text(estimate.value)} ({number_text(estimate.low)} to {number_text(estimate.high)})"


def latex_text(text: str) -> str:
    r"""Text with LaTeX's own signs made harmless.

    Example:
        >>> print(latex_text("90 % of a_b & {c}"))
        90 \% of a\_b \& \{c\}
    """
    return "".join(_LATEX.get(sign, sign) for sign in text)


def pair_sentences(comparison: Comparison, dataset: str) -> list[str]:
    """What the tests between the models of a dataset found, the surest first."""
    table = comparison.table
    titles = {heading.key: heading.title for heading in (*table.models, *table.datasets)}
    pairs = sorted((pair for pair in table.pairs if pair.dataset == dataset), key=_rank)
    return [_in_words(pair, titles) for pair in pairs]


def _rank(pair: PairOfCells) -> float:
    return pair.difference.corrected if pair.difference and pair.difference.corrected >= 0 else 2.0


def _in_words(pair: PairOfCells, titles: Mapping[str, str]) -> str:
    names = titles[pair.first], titles[pair.second]
    if pair.difference is None:
        return f"{names[0]} and {names[1]} cannot be compared. {pair.problem}"
    return sentence(pair.difference, names, titles[pair.dataset])
