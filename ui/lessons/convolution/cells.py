"""Grids of numbers on the page, as tables that can be read, copied and heard."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st

from core.lessons.convolution.colors import colored
from core.lessons.convolution.figure import Panel
from core.lessons.convolution.text import cell_text, number_text

_STYLE = """
.cells { display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem 0.8rem; }
.cells .joined { display: flex; align-items: center; gap: 0.8rem; }
.cells figure { margin: 0; }
.cells figcaption { font-size: 0.9rem; padding-bottom: 0.2rem; }
.cells .sign { font-size: 1.4rem; padding-top: 1.2rem; }
.cells table { border-collapse: collapse; border: 0; margin: 0; }
.cells td { border: 1px solid rgba(127, 127, 127, 0.6); text-align: center; padding: 0 0.15rem; min-width: 3.2rem;
  height: 2.5rem; font-variant-numeric: tabular-nums; font-size: 0.95rem; white-space: nowrap; }
.cells .many td { min-width: 2.75rem; height: 1.9rem; font-size: 0.8rem; }
.cells td.outside { color: inherit; background: repeating-linear-gradient(45deg, transparent 0 4px,
  rgba(127, 127, 127, 0.35) 4px 6px); }
.cells td.marked { outline: 3px solid #d55e00; outline-offset: -3px; font-weight: 700; }
"""


def cells_html(panels: Sequence[Panel], words: str) -> str:
    """Grids from left to right.

    Args:
        panels: In order.
        words: The same in a sentence, for those who hear the page.
    """
    pieces = []
    for panel in panels:
        sign = f'<span class="sign">{escape(panel.sign)}</span>' if panel.sign else ""
        pieces.append(f'<div class="joined">{sign}{_grid(panel)}</div>')
    return (
        f'<style>{_STYLE}</style><div class="cells" role="group" aria-label="{escape(words)}">{"".join(pieces)}</div>'
    )


def _grid(panel: Panel) -> str:
    rows, columns = panel.values.shape
    colors = colored(panel.values, panel.scale)
    lines = [
        "<tr>" + "".join(_cell(panel, row, column, colors[row, column]) for column in range(columns)) + "</tr>"
        for row in range(rows)
    ]
    many = ' class="many"' if columns > 3 else ""
    return f"<figure><figcaption>{escape(panel.title)}</figcaption><table{many}>{''.join(lines)}</table></figure>"


def _cell(panel: Panel, row: int, column: int, color: np.ndarray) -> str:
    value = float(panel.values[row, column])
    text, whole = cell_text(value), number_text(value)
    note = f' title="{escape(f"{panel.notes[row][column]}: {whole}" if panel.notes else whole)}"'
    marked = " marked" if panel.marked is not None and panel.marked[row, column] else ""
    if panel.outside is not None and panel.outside[row, column]:
        return f'<td class="outside{marked}"{note}>{text}</td>'
    red, green, blue = (int(part) for part in color)
    ink = "#fff" if 0.299 * red + 0.587 * green + 0.114 * blue < 128 else "#000"
    return f'<td class="{marked.strip()}"{note} style="background:rgb({red},{green},{blue});color:{ink}">{text}</td>'


def show_cells(panels: Sequence[Panel], words: str) -> None:
    """Draw grids from left to right; see `cells_html`."""
    st.html(cells_html(panels, words), width="content")
