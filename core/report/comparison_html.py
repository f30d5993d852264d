"""A comparison as one HTML file that stands alone: numbers, findings, figures, methods, and no network.

`templates/comparison.html` says how it looks. Whatever is filled in is escaped, but for plotly.js, which is embedded
once, and the figures' JSON. Each figure has buttons for SVG and PNG. The file's content security policy lets
nothing in or out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.evaluation.comparison.matrix import Cell, Heading
from core.report.comparison import Comparison, cell_text, pair_sentences
from core.report.comparison_facts import methods, sources, versions
from core.report.comparison_figures import Panel

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Width of a figure in pixels, and times that for PNG.
WIDTH, SCALE = 900, 3
INK = "#1b2529"

TEMPLATES = Path(__file__).parent / "templates"

#: Heading of each column of the table of sources, and the key of what stands in it.
_SOURCES = {
    "Model": "model",
    "Dataset": "dataset",
    "Split": "split",
    "Origin": "origin",
    "Cases": "cases",
    "Patients": "patients",
    "Threshold": "threshold",
    "From": "threshold_from",
    "Model sha256": "model_sha256",
    "Dataset sha256": "dataset_sha256",
}


def report_html(
    comparison: Comparison, figures: Iterable[Panel], made: date, embed: Callable[[], str] | None = None
) -> str:
    """The whole report as the text of an HTML file.

    Args:
        comparison: What is exported.
        figures: As `comparison_figures.panels` gives them.
        made: The day it was made.
        embed: Gives plotly.js; that of the installed package for None.
    """
    # Imported here: the compare page needs neither before somebody wants a report.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    # Names of datasets may hold anything, so figures are numbered on the page.
    drawn = [
        {
            "key": f"figure-{place}", "dataset": panel.dataset, "name": panel.name, "alt": panel.alt,
            "json": _json(panel.figure),
        }
        for place, panel in enumerate(figures)
    ]  # fmt: skip
    table = comparison.table
    return templates.get_template("comparison.html").render(
        title=f"{table.metric.title}: {comparison.title}",
        made=made.isoformat(),
        ink=INK,
        matrix=[
            {"model": model.title, "cells": [_cell(table.cells.get((model.key, one.key))) for one in table.datasets]}
            for model in table.models
        ],
        datasets=[_dataset(comparison, heading, drawn) for heading in table.datasets],
        methods=methods(comparison),
        sources={
            "names": list(_SOURCES),
            "rows": [_source_cells(row) for row in sources(comparison.used)],
            "hashes": [place for place, name in enumerate(_SOURCES) if name.endswith("sha256")],
        },
        versions=", ".join(f"{name} {number}" for name, number in versions().items()),
        plotly=(embed or _plotly_js)() if drawn else "",
        png_scale=SCALE,
    )


def _plotly_js() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _cell(cell: Cell | None) -> dict[str, Any] | None:
    if cell is None:
        return None
    return {"text": cell_text(cell), "best": cell.best, "not_different": cell.not_different}


def _dataset(comparison: Comparison, heading: Heading, drawn: list[dict[str, Any]]) -> dict[str, Any]:
    """All that is said and drawn of one dataset."""
    cells = comparison.table.cells.items()
    return {
        "title": heading.title,
        "split": heading.split,
        "sentences": pair_sentences(comparison, heading.key),
        "notes": list(dict.fromkeys(cell.note for (_, key), cell in cells if key == heading.key and cell.note)),
        "figures": [one for one in drawn if one["dataset"] == heading.key],
    }


def _json(figure: Figure) -> str:
    """A figure as JSON for a script element, which `</` would end: dark ink on white, whatever theme it was seen in."""
    printed = type(figure)(figure)
    printed.update_layout(
        template="none", width=WIDTH, paper_bgcolor="#ffffff", plot_bgcolor="#ffffff", font_color=INK,
        font_family="Source Sans 3, Source Sans Pro, sans-serif",
    )  # fmt: skip
    return str(printed.to_json()).replace("<", "\\u003c")


def _source_cells(row: dict[str, Any]) -> list[str]:
    own = row["threshold"] if row["threshold"] is not None else row["thresholds"]
    return [_shown({**row, "threshold": own}[key]) for key in _SOURCES.values()]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(part)}" for name, part in value.items()) or "largest probability"
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
