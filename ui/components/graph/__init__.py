"""The network as a graph whose boxes can be clicked, each with a small image of what it makes of the scan.

The message is one block as `ui.packing` makes it: the boxes, and their thumbnails below each other as one image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.lessons.inside.feature_maps import strip
from core.lessons.inside.network import Box, Network
from core.lessons.inside.network_layout import lay_out
from ui.components.script import script
from ui.packing import encode_image, pack

_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "scanlens_network",
    html='<div class="graph" role="group" aria-label="The network, one button for each box"></div>\n',
    css=(_HERE / "graph.css").read_text(encoding="utf-8"),
    js=script("graph"),
)
SIDE = 32
SIGNS = {"sum": "+", "gate": "×", "average": "x̄", "dense": "Σ", "join": "∥", "row": "▤"}
SHORT = {
    "convolution": "",
    "depthwise": "",
    "pool": "max ",
    "average": "average",
    "dense": "dense",
    "sum": "sum",
    "gate": "product",
    "join": "joined",
    "row": "in a row",
    "input": "input",
    "enlarge": "enlarge",
}


def message(network: Network, thumbnails: Sequence[NDArray[np.float32] | None], chosen: int, model: str) -> bytes:
    """What is sent to the browser.

    Args:
        network: The boxes.
        thumbnails: A map for each box, None for a box without one.
        chosen: Number of the box that is looked at.
        model: Names the model; another one starts at the top.
    """
    drawn = [number for number, values in enumerate(thumbnails) if values is not None]
    image = strip([thumbnails[number] for number in drawn], SIDE)
    boxes = []
    for box, spot in zip(network.boxes, lay_out(network), strict=True):
        boxes.append({
            "number": box.number,
            "row": spot.row,
            "column": spot.column,
            "lane": spot.lane,
            "parents": box.parents,
            "picture": drawn.index(box.number) if box.number in drawn else None,
            "sign": SIGNS.get(box.kind, "▪"),
            "short": _short(box),
            "size": _size(box),
            "heat": box.number == network.heat,
            "tip": _tip(box, network),
        })  # fmt: skip
    return pack({"boxes": boxes, "chosen": chosen, "model": model}, [encode_image(image)])


def _short(box: Box) -> str:
    if box.kind in {"convolution", "depthwise", "pool"}:
        size = SHORT[box.kind] + box.title.split(" ", 1)[1].replace("of ", "").replace(" ", "")
        marks = {"stride": "s", "dilation": "d"}
        extra = [part.split() for part in box.details.split(", ") if part.split()[:1] and part.split()[0] in marks]
        return size + "".join(f" {marks[words[0]]}{words[-1]}" for words in extra)
    return SHORT.get(box.kind, box.title)


def _size(box: Box) -> str:
    if box.grid is None:
        return f"{box.channels}"
    return f"{box.grid[0]}×{box.grid[1]}×{box.channels}" if box.has_map else f"1×1×{box.channels}"


def _tip(box: Box, network: Network) -> str:
    details = f", {box.details}" if box.details else ""
    heat = ". The heatmap is drawn from here" if box.number == network.heat else ""
    return f"{box.number}. {box.title}{details}: {box.output_words}. {box.name.capitalize()}{heat}"


def show_graph(data: bytes, key: str, on_pick: Callable[[], None]) -> None:
    """Draw it; a click runs `on_pick`, which finds the number in `st.session_state[key].picked`."""
    _COMPONENT(key=key, data=data, on_picked_change=on_pick)
