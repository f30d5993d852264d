"""Attention: the weights that a network gives to places and channels, drawn on the scan, and switched off."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.lessons.inside.feature_maps import map_image
from core.lessons.inside.switchboard import Switch, Switchboard
from ui.components.tiles import (
    Mark,
    Tile,
    Wall,
    show_tiles,
)
from ui.lessons.fusion.work import (
    kept,
    show_move,
    shown_label,
    switchboard_of,
)
from ui.lessons.inside.columns import wide_columns
from ui.lessons.inside.work import (
    Work,
    frame_on_scan,
    maps_of,
    on_scan,
    place_on_model,
    shown_image,
)
from ui.lessons.question import show_question

DOWN, ACROSS = "down", "across"


def show_attention(work: Work) -> None:
    """The maps, the numbers of one place, and two switches."""
    board = switchboard_of(work.card)
    gates = [switch for switch in board.switches if switch.kind != "branch"]
    places = [switch for switch in gates if switch.kind == "places"]
    if not gates:
        st.info(
            f"{work.card.title} weighs nothing by attention. Choose “Pneumonia, chest X-ray, multi-scale with "
            "attention”, or look at a vision transformer on the page Explain."
        )
        return
    left, right = wide_columns("attention", (1.6, 1))
    with left:
        if places:
            _show_places(work, places)
    with right:
        _show_switches(work, board, gates)
        if places:
            _show_numbers(work, places, gates)
    show_question(
        "fusion-attention",
        "A place has an attention of 0.9. What does that say?",
        [
            "It speaks for the finding",
            "What was found there passes on nearly whole, whatever it speaks for",
            "The model is sure of its answer",
        ],
        1,
        "Attention weighs features before anything is known of a class. The same place can pass on what speaks against "
        "the finding. Where evidence for a class lies is what a heatmap asks.",
    )


def _show_places(work: Work, places: list[Switch]) -> None:
    weights = [maps_of(work, switch.number)[0] for switch in places]
    image = shown_image(work)
    size = image.shape[:2]
    grey = np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image
    cell = work.cell(places[-1].number, (st.session_state.get(DOWN, 50) / 100, st.session_state.get(ACROSS, 50) / 100))
    marks = (_mark(work, places[-1], cell),)
    tiles = [Tile(grey, "The scan", "the scan", marks=marks)]
    for switch, values in zip(places, weights, strict=True):
        name = work.network.boxes[switch.group].name.replace(" by place", "")
        heat = map_image(on_scan(work, values, size), 0.0, 1.0)
        drawn = (grey * 0.45 + heat * 0.55).astype(np.uint8)
        shown = f"{values.min():.2f} to {values.max():.2f}"
        tiles.append(Tile(drawn, f"Attention of {name}, {shown}", name, shown, marks))
    key = f"fusion-attention-{work.scan.digest[:12]}"

    def take() -> None:
        picked = st.session_state[key].picked
        if picked:
            down, across = place_on_model(work, picked[1], picked[2])
            st.session_state[DOWN], st.session_state[ACROSS] = int(down * 100), int(across * 100)

    st.markdown("**Where it looks**: the weight of each place, block after block")
    aspect = work.scan.columns / (work.scan.rows * work.scan.pixel_aspect)
    place = (st.session_state.get(DOWN, 50) / 100, st.session_state.get(ACROSS, 50) / 100)
    wall = Wall(3, aspect, False, -1, place, weights[0].shape, (0.0, 1.0, "weight of a place"))
    show_tiles(tiles, wall, key, take)
    st.caption("Same colours for all, from 0 to 1. Click a place for its numbers.")


def _mark(work: Work, switch: Switch, cell: tuple[int, int]) -> Mark:
    """The cell whose numbers are shown, on the scan."""
    model, grid = work.prepared.geometry.model_size, work.network.boxes[switch.number].grid or (1, 1)
    step = model[0] / grid[0], model[1] / grid[1]
    edges = (cell[0] * step[0], cell[1] * step[1], (cell[0] + 1) * step[0], (cell[1] + 1) * step[1])
    return Mark(*frame_on_scan(work, edges))


def _show_switches(work: Work, board: Switchboard, gates: list[Switch]) -> None:
    off: list[str] = []
    for kind, title in (("places", "Attention to places"), ("channels", "Attention to channels")):
        own = [switch.name for switch in gates if switch.kind == kind]
        if own and not st.toggle(title, value=True, key=f"attends-{kind}", bind="query-params"):
            off += own
    target = shown_label(work.card)
    whole = kept().get(("off", *work.key, "silent", ()), lambda: board.logits(work.prepared.batch))
    now = kept().get(("off", *work.key, "silent", tuple(off)), lambda: board.logits(work.prepared.batch, off))
    show_move(work.card, whole[0], now[0], target)
    st.caption(
        "Off means: every place, or every channel, gets the mean weight. How much passes stays, what is preferred goes."
    )


def _show_numbers(work: Work, places: list[Switch], gates: list[Switch]) -> None:
    """The weighing of one place in the last block, with its numbers."""
    switch = places[-1]
    weights = maps_of(work, switch.number)[0]
    place = (st.session_state.get(DOWN, 50) / 100, st.session_state.get(ACROSS, 50) / 100)
    row, column = work.cell(switch.number, place)
    box = work.network.boxes[switch.group]
    before = next(number for number in box.parents if number != switch.number)
    features = maps_of(work, before)
    channel = int(np.argmax(np.abs(features[:, row, column])))
    value, weight = float(features[channel, row, column]), float(weights[row, column])
    name = box.name.replace(" by place", "")
    st.markdown(f"**{name.capitalize()}, row {row}, column {column}, channel {channel}**")
    st.latex(rf"x \cdot p = {value:.2f} \cdot {weight:.2f} = {value * weight:.2f}")
    _show_channel(work, gates, before, channel, value)


def _show_channel(work: Work, gates: list[Switch], before: int, channel: int, value: float) -> None:
    for switch in gates:
        if switch.kind != "channels" or before not in work.network.boxes[switch.group].parents:
            continue
        weights: NDArray[np.float32] = maps_of(work, switch.number).reshape(-1)
        st.latex(rf"x \cdot c = {value:.2f} \cdot {weights[channel]:.2f} = {value * float(weights[channel]):.2f}")
        st.markdown(
            "*p* is the weight of the place, the same for all channels; *c* that of the channel, the same for all "
            f"places, here between {weights.min():.2f} and {weights.max():.2f}. Both products are added."
        )
