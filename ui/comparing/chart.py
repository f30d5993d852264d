"""A figure of a comparison on the page, with what there is to export of it: SVG, PNG and the numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.report.comparison import csv_text
from ui.charts import show_chart
from ui.comparing.words import plain
from ui.downloads import show_download

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Times the size on the screen: 300 dots an inch where a figure fills a column of a page.
SCALE = 3

_HTML = """
<div class="take">
  <button type="button" data-kind="svg" aria-label="Save the figure as SVG">SVG</button>
  <button type="button" data-kind="png" aria-label="Save the figure as PNG">PNG</button>
</div>
"""
_CSS = """
.take { display: flex; gap: 0.5rem; font-family: var(--st-font); }
button { font: inherit; color: var(--st-text-color); background: var(--st-background-color); cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius); padding: 0.25rem 0.75rem;
  min-height: 2.5rem; line-height: 1.6; }
button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
"""
#: Plotly's own image of the graph, asked for as its mode bar does, with dark ink on white whatever the theme: Plotly
#: reads the layout while the button is clicked, so a printed copy of it stands in for that moment.
_JS = """
const INK = "#1b2529"

function printed(layout) {
  const copy = structuredClone(layout)
  copy.paper_bgcolor = copy.plot_bgcolor = "#ffffff"
  copy.font = { ...copy.font, color: INK }
  for (const name of Object.keys(copy).filter(name => /^[xy]axis/.test(name))) {
    const axis = copy[name]
    axis.tickfont = { ...axis.tickfont, color: INK }
    if (axis.title) axis.title.font = { ...axis.title.font, color: INK }
  }
  return copy
}

function save(data, kind) {
  const graph = document.querySelector(`.st-key-${data.chart} .js-plotly-plot`)
  const button = graph?.querySelector(".modebar-btn")
  if (!button) return
  const { clientWidth: width, clientHeight: height } = graph
  const scale = kind === "png" ? data.scale : 1
  graph._context.toImageButtonOptions = { format: kind, filename: data.name, width, height, scale }
  const shown = graph.layout
  graph.layout = printed(shown)
  try { button.click() } finally { graph.layout = shown }
}

export default function ({ data, parentElement }) {
  for (const button of parentElement.querySelectorAll("button")) button.onclick = () => save(data, button.dataset.kind)
}
"""
_COMPONENT = st.components.v2.component("scanlens_take_figure", html=_HTML, css=_CSS, js=_JS)


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure with its words and numbers, each made when it is needed.

    Attributes:
        figure: Makes the figure.
        alt: What it shows, for those who cannot see it.
        rows: Makes the numbers behind it, as rows with the same keys.
        note: What a reader should know, below it.
    """

    figure: Callable[[], Figure]
    alt: str
    rows: Callable[[], Sequence[Mapping[str, Any]]]
    note: str = ""


def show_drawn(drawn: Drawn, key: str, name: str) -> None:
    """Draw a figure and what there is to export of it.

    Args:
        drawn: The figure.
        key: Of the element: letters, digits and hyphens.
        name: Of the files, without extension.
    """
    options = {"format": "png", "filename": name, "scale": SCALE}
    bar = {
        "displayModeBar": True,
        "displaylogo": False,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": options,
    }
    show_chart(drawn.figure, key, drawn.alt, bar)
    if drawn.note:
        st.caption(plain(drawn.note))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _COMPONENT(key=f"take-{key}", data={"chart": key, "name": name, "scale": SCALE}, width="content")
        show_download(
            "CSV",
            lambda: csv_text(drawn.rows()),
            f"{name}.csv",
            "text/csv",
            key=f"csv-{key}",
        )
