"""Walking through a network: the graph, the maps of one box, what one cell sees and how its number came about."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.lessons.inside.feature_maps import (
    field_image,
    limits,
    map_image,
    most_varied,
)
from core.lessons.inside.network import Box
from core.models.card import ModelCard
from ui.components.graph import message, show_graph
from ui.components.tiles import (
    Mark,
    Tile,
    Wall,
    show_tiles,
)
from ui.lessons.inside.columns import wide_columns
from ui.lessons.inside.text import (
    about_cell,
    about_field,
    about_kernel,
    about_layer,
)
from ui.lessons.inside.work import (
    Work,
    field_at,
    frame_on_scan,
    maps_of,
    memory,
    on_scan,
    place_on_model,
    shown_image,
    thumbnails,
)
from ui.show import forget_unknown

#: Maps that are shown at once.
MOST = 24
DOWN, ACROSS, LAYER, CHANNEL = "down", "across", "layer", "channel"


def can_be_walked(card: ModelCard) -> bool:
    """Whether the model takes one image, which is what can be followed through it box by box; says so where not."""
    if len(card.inputs) == 1 and card.inputs[0].kind == "image":
        return True
    st.info(
        f"{card.title} takes more than one image, and here one image is followed through a model: choose another "
        "model. In the lesson on fusion, “Two images” and “Image and facts” take such models apart."
    )
    return False


def show_walk(work: Work) -> None:
    """Graph, scan, maps and numbers."""
    names = _names(work)
    forget_unknown(LAYER, names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = names.index(
            st.selectbox("Box", names, min(1, len(names) - 1), key=LAYER, bind="query-params", width=320)
        )
        down, across = choose_place()
    graph = f"inside-graph-{work.card.slug}"
    data = memory().kept.get(
        ("graph", *work.key, number), lambda: message(work.network, thumbnails(work), number, work.card.slug)
    )
    show_graph(data, graph, lambda: _take_layer(graph, names))
    st.caption(
        "Click a box. Small images: the channel that varies most. A row begins where maps get smaller. "
        "The orange foot marks the box that heatmaps are drawn from."
    )
    _show_box(work, work.network.boxes[number], (down, across))


def _names(work: Work) -> list[str]:
    return [f"{box.number} {box.name}" for box in work.network.boxes]


def choose_place() -> tuple[float, float]:
    """A place of the model's image in fractions of its height and width, by sliders that a click moves as well."""
    down = st.slider("Place, down (%)", 0, 99, 50, key=DOWN, bind="query-params", width=200)
    across = st.slider("Place, across (%)", 0, 99, 50, key=ACROSS, bind="query-params", width=200)
    return (down + 0.5) / 100, (across + 0.5) / 100


def _take_layer(key: str, names: list[str]) -> None:
    picked = st.session_state[key].picked
    if isinstance(picked, int) and 0 <= picked < len(names):
        st.session_state[LAYER] = names[picked]
        st.session_state.pop(CHANNEL, None)


def _take_place(down: float, across: float) -> None:
    st.session_state[DOWN] = int(min(max(down, 0), 0.99) * 100)
    st.session_state[ACROSS] = int(min(max(across, 0), 0.99) * 100)


def _picked(key: str) -> tuple[int, float, float] | None:
    picked: Any = st.session_state[key].picked
    return (int(picked[0]), float(picked[1]), float(picked[2])) if picked and len(picked) == 3 else None


def _show_box(work: Work, box: Box, place: tuple[float, float]) -> None:
    cell, maps = work.cell(box.number, place), maps_of(work, box.number)
    scan, many, words = wide_columns("walk", (1.05, 1.55, 1.1))
    channel = 0
    with many:
        if box.has_map:
            channel = _show_maps(work, box, maps, place, cell)
        else:
            _show_numbers(box, maps)
    with scan:
        _show_scan(work, box, cell, place)
    with words:
        about_layer(work, box)
        if box.has_map:
            about_cell(work, box, maps, channel, cell)
            about_field(work, box, cell)
    if box.kernel is not None and box.has_map:
        about_kernel(box, channel)


def _show_maps(
    work: Work, box: Box, maps: NDArray[np.float32], place: tuple[float, float], cell: tuple[int, int]
) -> int:
    """The channels that vary most; returns the one that is looked at."""
    order = most_varied(maps, MOST)
    low, high = limits(maps[order])
    asked = st.session_state.get(CHANNEL, int(order[0]))
    channel = int(asked) if 0 <= int(asked) < len(maps) else int(order[0])
    if channel not in order:
        order = np.append(order[:-1], channel)
    rows, columns = maps.shape[1:]
    mark = (Mark(cell[1] / columns, cell[0] / rows, 1 / columns, 1 / rows),)
    tiles = [
        Tile(
            map_image(maps[index], low, high),
            f"Channel {index}",
            f"{index}",
            f"{maps[index][cell]:.2g}",
            mark if len(order) < 7 or index == channel else (),
        )
        for index in order
    ]
    key = f"inside-maps-{work.card.slug}-{box.number}"

    def take() -> None:
        if picked := _picked(key):
            st.session_state[CHANNEL] = int(order[picked[0]])
            _take_place(picked[1], picked[2])

    shown = f"{len(order)} of {len(maps)} channels, those that vary most" if len(order) < len(maps) else "All channels"
    st.markdown(f"**What it makes of the scan.** {shown}")
    size = work.prepared.geometry.model_size
    columns_shown = 6 if len(order) > 6 else max(2, len(order))
    show_tiles(
        tiles,
        Wall(
            columns_shown, size[1] / size[0], True, list(order).index(channel), place, (rows, columns), (low, high, "")
        ),
        key,
        take,
    )
    st.caption("Under each: channel and its value at the place. Same colours for all; click one for its numbers.")
    return channel


def _show_numbers(box: Box, values: NDArray[np.float32]) -> None:
    flat = values.reshape(-1)
    st.markdown(f"**What it gives.** {box.output_words}, no places any more")
    side = int(np.ceil(np.sqrt(len(flat))))
    grid = np.zeros(side * max(1, int(np.ceil(len(flat) / side))), np.float32)
    grid[: len(flat)] = flat
    low, high = limits(flat)
    image = map_image(grid.reshape(-1, side), low, high)
    top = np.argsort(-np.abs(flat))[:5]
    if len(flat) > 1:
        wall = Wall(2, image.shape[1] / image.shape[0], True, -1, scale=(low, high, ""))
        show_tiles([Tile(image, "All numbers, row after row")], wall, f"inside-numbers-{box.number}")
    st.markdown("Largest: " + ", ".join(f"no. {index}: {flat[index]:.3g}" for index in top))


def _show_scan(work: Work, box: Box, cell: tuple[int, int], place: tuple[float, float]) -> None:
    """The scan with what the cell can see; a click moves the place."""
    image = shown_image(work)
    found = field_at(work, box.number, cell)
    paths = on_scan(work, found.paths / (found.paths.max() or 1.0), image.shape[:2])
    marks = []
    if found.box is not None:
        marks.append(Mark(*frame_on_scan(work, found.box), look="wide"))
    if box.has_map:
        rows, columns = box.grid or (1, 1)
        size = work.prepared.geometry.model_size
        step = size[0] / rows, size[1] / columns
        edges = (cell[0] * step[0], cell[1] * step[1], (cell[0] + 1) * step[0], (cell[1] + 1) * step[1])
        marks.append(Mark(*frame_on_scan(work, edges)))
    key = f"inside-scan-{work.scan.digest[:12]}"

    def take() -> None:
        if picked := _picked(key):
            _take_place(*place_on_model(work, picked[1], picked[2]))

    st.markdown("**What one cell sees of the scan**")
    alt = f"{work.scan.title} with the receptive field of one cell"
    aspect = work.scan.columns / (work.scan.rows * work.scan.pixel_aspect)
    tile = Tile(field_image(image, paths), alt, marks=tuple(marks))
    show_tiles([tile], Wall(1, aspect, False, 0, place, box.grid or (10, 10)), key, take)
    st.caption("White: the cell. Teal: the pixels that can change it, brighter where more paths lead. Click to move.")
