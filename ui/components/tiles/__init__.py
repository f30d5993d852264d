"""Images in a grid with one scale for all; a click says which image and where.

The message is one block as `ui.packing` makes it, with one image for each tile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.lessons.inside.feature_maps import BALANCED_CSS, INFERNO_CSS
from ui.components.script import script
from ui.packing import encode_image, pack

_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "scanlens_tiles",
    html='<div class="tiles"></div>\n',
    css=(_HERE / "tiles.css").read_text(encoding="utf-8"),
    js=script("tiles"),
)


@dataclass(frozen=True)
class Mark:
    """A frame on a tile, in fractions of its width and height; `look` is `cell`, `wide` or `dashed`."""

    x: float
    y: float
    w: float
    h: float
    look: str = "cell"


@dataclass(frozen=True, eq=False)
class Tile:
    """One image.

    Attributes:
        image: (rows, columns[, 3]) uint8.
        alt: What it shows.
        label: Below it, left.
        value: Below it, right.
        marks: Frames on it.
    """

    image: NDArray[np.uint8]
    alt: str
    label: str = ""
    value: str = ""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Wall:
    """How tiles are hung.

    Attributes:
        columns: In a row.
        aspect: Width over height of a tile as it is shown.
        sharp: Whether cells stay squares.
        active: Number of the tile that is looked at, -1 for none.
        place: (down, across) from 0 to 1, where the arrow keys start.
        cells: (rows, columns) of a step of the arrow keys.
        scale: (low, high, unit) of the colours, None for no bar.
    """

    columns: int
    aspect: float
    sharp: bool = True
    active: int = -1
    place: tuple[float, float] = (0.5, 0.5)
    cells: tuple[int, int] = (10, 10)
    scale: tuple[float, float, str] | None = None


def message(tiles: Sequence[Tile], wall: Wall) -> bytes:
    """What is sent to the browser."""
    header = {
        "columns": wall.columns,
        "aspect": wall.aspect,
        "sharp": wall.sharp,
        "active": wall.active,
        "place": wall.place,
        "cells": wall.cells,
        "scale": None if wall.scale is None else _scale(*wall.scale),
        "tiles": [
            {"alt": t.alt, "label": t.label, "value": t.value, "marks": [vars(mark) for mark in t.marks]} for t in tiles
        ],
    }
    return pack(header, [encode_image(tile.image) for tile in tiles])


def _scale(low: float, high: float, unit: str) -> dict[str, str]:
    colours = BALANCED_CSS if low < 0 else INFERNO_CSS
    return {"colours": colours, "low": f"{low:.3g}", "high": f"{high:.3g} {unit}".rstrip()}


def show_tiles(tiles: Sequence[Tile], wall: Wall, key: str, on_pick: Callable[[], None] = lambda: None) -> None:
    """Draw them; a click runs `on_pick`, which finds [tile, down, across] in `st.session_state[key].picked`."""
    _COMPONENT(key=key, data=message(tiles, wall), on_picked_change=on_pick)
