"""Images side by side with a window on them that can be moved by pointer or arrow keys.

The browser gets finished images and rectangles and sends back which pixel of which image was pointed at; what
follows from that is the page's business.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.lessons.convolution.colors import Scale
from core.lessons.convolution.text import number_text
from ui.packing import encode_image

_HTML = '<div class="panes"></div>'
_CSS = """
.panes { display: flex; flex-wrap: wrap; gap: 1rem; font-family: var(--st-font); color: var(--st-text-color); }
figure { margin: 0; flex: 1 1 15rem; min-width: 0; max-width: 30rem; }
.panes[data-count="3"] figure { flex-basis: 10rem; }
figcaption { display: flex; justify-content: space-between; gap: 0.5rem; font-size: 0.9rem; padding-bottom: 0.3rem; }
figcaption .size { opacity: 0.86; font-variant-numeric: tabular-nums; white-space: nowrap; }
.pane { position: relative; background: #000; line-height: 0; touch-action: none; border-radius: 4px;
  outline-offset: 2px; padding: 10px; cursor: crosshair; }
.pane:focus-visible { outline: 2px solid var(--st-primary-color); }
.pane.still { cursor: default; }
.pane img { width: 100%; aspect-ratio: var(--ratio); image-rendering: pixelated; user-select: none; }
.pane svg { position: absolute; inset: 10px; width: calc(100% - 20px); height: calc(100% - 20px); overflow: visible;
  pointer-events: none; }
rect { fill: none; vector-effect: non-scaling-stroke; }
rect.under { stroke: #000; stroke-width: 4; }
rect.over { stroke: #ffd84d; stroke-width: 2; }
rect.cell { stroke: none; fill: #ffd84d; fill-opacity: 0.55; }
.legend { display: flex; align-items: center; gap: 0.5rem; font-size: 0.85rem; padding-top: 0.35rem;
  font-variant-numeric: tabular-nums; }
.legend .bar { flex: 1; height: 0.7rem; border-radius: 2px; border: 1px solid var(--st-border-color); }
"""
_JS = """
const SVG = "http://www.w3.org/2000/svg"
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }
const PAUSE = 120  // milliseconds between messages while the pointer moves

function element(name, className, text) {
  const made = document.createElement(name)
  if (className) made.className = className
  if (text !== undefined) made.textContent = text
  return made
}

function draw(svg, spec) {
  svg.setAttribute("viewBox", `0 0 ${spec.columns} ${spec.rows}`)
  svg.replaceChildren(...spec.boxes.flatMap(box => {
    const kinds = box.cell ? ["cell"] : ["under", "over"]
    return kinds.map(kind => {
      const rect = document.createElementNS(SVG, "rect")
      rect.setAttribute("class", kind)
      const place = { x: box.column, y: box.row, width: box.columns, height: box.rows }
      for (const [name, value] of Object.entries(place)) rect.setAttribute(name, value)
      return rect
    })
  }))
}

function build(spec) {
  const figure = element("figure")
  const caption = element("figcaption")
  caption.append(element("span", "title"), element("span", "size"))
  const pane = element("div", "pane")
  const image = element("img")
  image.draggable = false
  const svg = document.createElementNS(SVG, "svg")
  svg.setAttribute("preserveAspectRatio", "none")
  svg.setAttribute("aria-hidden", "true")
  pane.append(image, svg)
  const legend = element("div", "legend")
  legend.append(element("span", "low"), element("span", "bar"), element("span", "high"))
  figure.append(caption, pane, legend)
  figure.dataset.pane = spec.name
  return figure
}

function fill(figure, spec) {
  const find = name => figure.querySelector(name)
  find(".title").textContent = spec.title
  find(".size").textContent = `${spec.rows} × ${spec.columns}`
  const image = find("img"), source = `data:image/png;base64,${spec.image}`
  if (image.src !== source) image.src = source
  image.alt = spec.alt
  const pane = find(".pane")
  pane.style.setProperty("--ratio", `${spec.columns} / ${spec.rows}`)
  pane.classList.toggle("still", !spec.at)
  if (spec.at) {
    pane.tabIndex = 0
    pane.setAttribute("role", "group")
    pane.setAttribute("aria-label", `${spec.title}: the arrow keys move the window`)
  } else pane.removeAttribute("tabindex")
  draw(find("svg"), spec)
  find(".low").textContent = spec.low
  find(".high").textContent = spec.high
  find(".bar").style.background = spec.gradient
  pane.spec = spec
}

function pixel(pane, event) {
  const place = pane.querySelector("svg").getBoundingClientRect(), { rows, columns } = pane.spec
  const clip = (value, length) => Math.min(Math.max(Math.floor(value), 0), length - 1)
  return [
    clip((event.clientY - place.top) / place.height * rows, rows),
    clip((event.clientX - place.left) / place.width * columns, columns),
  ]
}

function follow(pane, send) {
  let last = 0, waiting = null, held = false
  const tell = (at, now) => {
    clearTimeout(waiting)
    const go = () => { last = Date.now(); send(pane.spec.name, at) }
    if (now || Date.now() - last >= PAUSE) go()
    else waiting = setTimeout(go, PAUSE)
  }
  pane.onpointerdown = event => {
    if (!pane.spec.at || event.button) return
    held = true
    pane.setPointerCapture(event.pointerId)
    tell(pixel(pane, event), true)
  }
  pane.onpointermove = event => { if (held) tell(pixel(pane, event), false) }
  pane.onpointerup = event => {
    if (held) tell(pixel(pane, event), false)
    held = false
  }
  pane.onpointercancel = () => { held = false }
  pane.onkeydown = event => {
    const step = STEPS[event.key]
    if (!step || !pane.spec.at) return
    event.preventDefault()
    const { at, rows, columns } = pane.spec
    const next = [at[0] + step[0], at[1] + step[1]]
    if (next[0] < 0 || next[1] < 0 || next[0] >= rows || next[1] >= columns) return
    pane.spec.at = next
    tell(next, false)
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  if (!data) return
  const root = parentElement.querySelector(".panes")
  const names = data.panes.map(spec => spec.name).join()
  if (root.dataset.names !== names) {
    root.replaceChildren(...data.panes.map(build))
    root.dataset.names = names
    root.dataset.count = data.panes.length
  }
  data.panes.forEach((spec, index) => {
    const figure = root.children[index]
    fill(figure, spec)
    const send = (name, at) => setTriggerValue("moved", { pane: name, row: at[0], column: at[1] })
    follow(figure.querySelector(".pane"), send)
  })
}
"""
_COMPONENT = st.components.v2.component("scanlens_lesson_panes", html=_HTML, css=_CSS, js=_JS)


def _short(value: float) -> str:
    return number_text(float(f"{value:.3g}"))


@dataclass(frozen=True)
class Box:
    """A rectangle over an image, in its pixels; it may reach over the edge.

    Attributes:
        row: Of the upper left pixel.
        column: Of the upper left pixel.
        rows: Height.
        columns: Width.
        cell: Filled, as one of the window's cells; else an outline.
    """

    row: float
    column: float
    rows: float
    columns: float
    cell: bool = False


@dataclass(frozen=True, eq=False)
class Pane:
    """One image.

    Attributes:
        name: Told back when it is pointed at.
        title: Above it.
        image: (rows, columns) or (rows, columns, 3) uint8.
        scale: What its colours mean.
        alt: What it shows, for those who cannot see it.
        boxes: Rectangles over it.
        at: (row, column) that the arrow keys move from; None for an image that only shows.
    """

    name: str
    title: str
    image: NDArray[np.uint8]
    scale: Scale
    alt: str
    boxes: Sequence[Box] = field(default=())
    at: tuple[int, int] | None = None

    def message(self) -> dict[str, Any]:
        """What is sent to the browser."""
        rows, columns = self.image.shape[:2]
        return {
            "name": self.name,
            "title": self.title,
            "rows": rows,
            "columns": columns,
            "picture": base64.b64encode(encode_image(np.ascontiguousarray(self.image))).decode(),
            "alt": self.alt,
            "at": self.at,
            "boxes": [vars(box) for box in self.boxes],
            "low": ("≤ " if self.scale.clipped and self.scale.signed else "") + _short(self.scale.low),
            "high": ("≥ " if self.scale.clipped else "") + _short(self.scale.high),
            "gradient": self.scale.css,
        }


def show_panes(panes: Sequence[Pane], key: str, on_move: Callable[[str, int, int], None]) -> None:
    """Draw images side by side.

    Args:
        panes: From left to right.
        key: Of the element.
        on_move: Called before the page runs again, with the name of the pane and the (row, column) pointed at.
    """

    def moved() -> None:
        sent = (st.session_state.get(key) or {}).get("moved")
        if sent:
            on_move(str(sent["pane"]), int(sent["row"]), int(sent["column"]))

    _COMPONENT(key=key, data={"panes": [pane.message() for pane in panes]}, on_moved_change=moved)
