"""A comparison as one HTML file that stands alone: numbers, findings, figures, methods, and no network.

plotly.js is embedded once; each figure has buttons for SVG and PNG. Its content security policy lets nothing in or out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any

from core.evaluation.comparison.matrix import Heading
from core.report.comparison import Comparison, cell_text, pair_sentences
from core.report.comparison_facts import methods, sources, versions
from core.report.comparison_figures import Panel

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Width of a figure in pixels, and times that for PNG.
WIDTH, SCALE = 900, 3
INK = "#1b2529"

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)
_STYLE = """
body { margin: 2rem auto; max-width: 62rem; padding: 0 1.5rem; color: #1b2529; background: #fff;
  font: 16px/1.5 "Source Sans 3", "Source Sans Pro", system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin-bottom: 0; } h2 { font-size: 1.25rem; margin-top: 2.2rem; } h3 { font-size: 1.05rem; }
p.quiet, figcaption, .small { color: #37444a; font-size: 0.9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
th, td { text-align: left; padding: 0.35rem 0.9rem 0.35rem 0; border-bottom: 1px solid #c9d1d4; vertical-align: top; }
thead th { border-bottom: 2px solid #1b2529; }
td.hash { font-family: ui-monospace, monospace; font-size: 0.8rem; word-break: break-all; }
figure { margin: 1.5rem 0 2.5rem; } .plot { overflow-x: auto; }
button { font: inherit; padding: 0.2rem 0.8rem; border: 1px solid #7a878c; border-radius: 6px; background: #fff;
  color: inherit; cursor: pointer; }
button:focus-visible { outline: 2px solid #0b6b73; outline-offset: 1px; }
@media print { button { display: none; } figure { break-inside: avoid; } }
"""
_SCRIPT = """
for (const block of document.querySelectorAll("script[type='application/json'][data-figure]")) {
  const { data, layout } = JSON.parse(block.textContent)
  Plotly.newPlot(block.dataset.figure, data, layout, { displayModeBar: false, responsive: false })
}
for (const button of document.querySelectorAll("button[data-take]")) {
  button.onclick = () => {
    const graph = document.getElementById(button.dataset.of)
    const { width, height } = graph._fullLayout
    const scale = button.dataset.take === "png" ? %SCALE% : 1
    Plotly.downloadImage(graph, { format: button.dataset.take, filename: button.dataset.name, width, height, scale })
  }
}
"""


def report_html(
    comparison: Comparison, figures: Iterable[Panel], made: date, embed: Callable[[], str] | None = None
) -> str:
    """The whole report.

    Args:
        comparison: What is taken home.
        figures: As `comparison_figures.panels` gives them.
        made: The day it was made.
        embed: Gives plotly.js; that of the installed package for None.
    """
    drawn = list(figures)
    title = f"{comparison.table.metric.title}: {comparison.title}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="quiet">ScanLens, {made.isoformat()}. For research and teaching only, never for diagnosis.</p>',
        "<h2>Models and datasets</h2>",
        _matrix(comparison),
        *(_dataset(comparison, heading, drawn) for heading in comparison.table.datasets),
        "<h2>Methods</h2>",
        f"<ul>{''.join(f'<li>{escape(words)}</li>' for words in methods(comparison))}</ul>",
        "<h2>What it rests on</h2>",
        _sources(comparison),
        f'<p class="small">{escape(", ".join(f"{name} {number}" for name, number in versions().items()))}</p>',
    ]
    plotly = (embed or _plotly_js)() if drawn else ""
    scripts = f"<script>{plotly}</script><script>{_SCRIPT.replace('%SCALE%', str(SCALE))}</script>" if drawn else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{''.join(body)}{scripts}</body></html>"
    )


def _plotly_js() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _matrix(comparison: Comparison) -> str:
    table = comparison.table
    rows = []
    for model in table.models:
        cells = [table.cells.get((model.key, column.key)) for column in table.datasets]
        shown = [
            "–" if cell is None else f"<strong>{escape(cell_text(cell))}</strong>" if cell.best
            else f"{escape(cell_text(cell))}{' †' if cell.not_different else ''}"
            for cell in cells
        ]  # fmt: skip
        rows.append([escape(model.title), *shown])
    heads = ["Model", *(column.title for column in table.datasets)]
    return (
        f'<div class="wide">{_table(heads, rows)}</div><p class="quiet">In brackets 95 % intervals. Bold: the best of '
        "its dataset. †: not significantly different from it.</p>"
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], hashes: frozenset[int] = frozenset()) -> str:
    """Heads as plain text, rows as HTML; the first cell of a row is its heading."""
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(
            f'<td class="hash">{cell}</td>' if place in hashes else f"<td>{cell}</td>"
            for place, cell in enumerate(row[1:], 1)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _dataset(comparison: Comparison, heading: Heading, drawn: Sequence[Panel]) -> str:
    sentences = pair_sentences(comparison, heading.key)
    found = "".join(f"<li>{escape(words)}</li>" for words in sentences)
    notes = dict.fromkeys(
        cell.note for (_, dataset), cell in comparison.table.cells.items() if dataset == heading.key and cell.note
    )
    parts = [f"<h2>{escape(heading.title)}{f', {escape(heading.split)}' if heading.split else ''}</h2>"]
    parts += [f"<ul>{found}</ul>"] if found else []
    parts += [f'<p class="quiet">{escape(note)}</p>' for note in notes]
    # Names of datasets may hold anything, so figures are numbered on the page.
    parts += [_figure(panel, f"figure-{place}") for place, panel in enumerate(drawn) if panel.dataset == heading.key]
    return "".join(parts)


def _figure(panel: Panel, key: str) -> str:
    name, alt = escape(panel.name, quote=True), escape(panel.alt, quote=True)
    buttons = " ".join(
        f'<button type="button" data-take="{kind}" data-of="{key}" data-name="{name}" '
        f'aria-label="Save as {kind.upper()}: {name}">{kind.upper()}</button>'
        for kind in ("svg", "png")
    )
    return (
        f'<figure><div class="plot"><div id="{key}" role="img" aria-label="{alt}"></div></div>'
        f'<script type="application/json" data-figure="{key}">{_json(panel.figure)}</script>'
        f"<figcaption>{escape(panel.alt)}</figcaption>{buttons}</figure>"
    )


def _json(figure: Figure) -> str:
    """For a script element, which `</` would end; dark ink on white, whatever theme it was looked at in."""
    printed = type(figure)(figure)
    printed.update_layout(
        template="none", width=WIDTH, paper_bgcolor="#ffffff", plot_bgcolor="#ffffff", font_color=INK,
        font_family="Source Sans 3, Source Sans Pro, sans-serif",
    )  # fmt: skip
    return str(printed.to_json()).replace("<", "\\u003c")


def _sources(comparison: Comparison) -> str:
    heads = (
        "Model",
        "Dataset",
        "Split",
        "Origin",
        "Cases",
        "Patients",
        "Threshold",
        "From",
        "Model sha256",
        "Dataset sha256",
    )
    rows = [[escape(_shown(value)) for value in _source_row(row)] for row in sources(comparison.used)]
    return f'<div class="wide">{_table(heads, rows, frozenset({8, 9}))}</div>'


def _source_row(row: dict[str, Any]) -> tuple[Any, ...]:
    own = row["threshold"] if row["threshold"] is not None else row["thresholds"]
    return (
        row["model"], row["dataset"], row["split"], row["origin"], row["cases"], row["patients"], own,
        row["threshold_from"], row["model_sha256"], row["dataset_sha256"],
    )  # fmt: skip


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(part)}" for name, part in value.items()) or "largest probability"
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
