"""A board of heatmaps that share zoom, opacity and threshold: several methods, or several models, on one scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.display import FADE_BELOW, inferno
from core.explain.explanation import Explanation
from core.scan import Scan
from ui.components.script import script
from ui.packing import encode_image, fit_within, pack

_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "scanlens_grid",
    html=(_HERE / "grid.html").read_text(encoding="utf-8"),
    css=(_HERE / "grid.css").read_text(encoding="utf-8"),
    js=script("grid"),
)

#: Long side of the image and of the heat over it, in pixels; a cell is some 250 wide and can be zoomed into.
IMAGE_SIDE, HEAT_SIDE = 900, 480


@dataclass(frozen=True, eq=False)
class Cell:
    """One place on the board.

    Attributes:
        name: Stays the same while the cell does.
        title: Above the image.
        explanation: What to draw, None while it is made or where there is none. What speaks against the label has a
            scale of its own, and where there is no evidence for it, that alone is drawn.
        position: Which frame of it.
        scale: Value at the bright end; None for the most that speaks for the label.
        verdict: One line, bold.
        note: One line, quiet.
        opinion: What an independent implementation draws, quiet; `""` where it was not asked.
        waiting: What stands in the image's place while there is no map.
        scan: The scan that gives the cell its shape; None for that of the board.
        image: The frame as people see it, uint8; None for that of the board.
    """

    name: str
    title: str
    explanation: Explanation | None = None
    position: int = 0
    scale: float | None = None
    verdict: str = ""
    note: str = ""
    opinion: str = ""
    waiting: str = ""
    scan: Scan | None = None
    image: NDArray[np.uint8] | None = None


@cache
def ramps() -> tuple[list[int], list[int]]:
    """256 colours from none to most, flat RGB: inferno for what speaks for, black over blue to white for against."""
    steps = np.linspace(0.0, 1.0, 256)
    warm = inferno(steps[None])[0]
    knots = np.array([[0, 0, 0], [0, 60, 110], [0, 114, 178], [86, 180, 233], [235, 247, 255]], float)
    cold = np.stack([np.interp(steps, np.linspace(0, 1, len(knots)), knots[:, k]) for k in range(3)], axis=1)
    return warm.astype(int).ravel().tolist(), cold.round().astype(int).ravel().tolist()


def _levels(explanation: Explanation, grid: NDArray[np.float32], scale: float | None) -> bytes:
    """A map on the scan's pixels as fractions of the scale, None for its own most, 0 to 255, PNG."""
    size = fit_within(explanation.geometry.scan_size, HEAT_SIDE)
    drawn = explanation.geometry.to_scan(grid, size)
    scale = max(float(grid.max()) if scale is None else scale, 1e-9)
    return encode_image((np.clip(drawn / scale, 0.0, 1.0) * 255 + 0.5).astype(np.uint8))


def _encoded(image: NDArray[np.uint8]) -> bytes:
    import cv2

    rows, columns = fit_within(image.shape, IMAGE_SIDE)
    return encode_image(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA))


def board_message(scan: Scan, image: NDArray[np.uint8], cells: Sequence[Cell], key: str) -> bytes:
    """What is sent to the browser.

    Args:
        scan: The scan that gives its shape to cells without one of their own.
        image: Its frame as people see it, uint8.
        cells: In order.
        key: Names the state, for those who wait until it is drawn.
    """
    blobs = [_encoded(image)]
    images, described = [0], []
    for cell in cells:
        heat, opposing = None, None
        found = cell.explanation
        if found is not None:
            if not found.is_empty:
                heat = len(blobs)
                blobs.append(_levels(found, found.grids[cell.position], cell.scale))
            if found.opposing is not None and found.opposing[cell.position].max() > 0:
                opposing = len(blobs)
                blobs.append(_levels(found, found.opposing[cell.position], None))
        if cell.image is not None:
            images.append(len(blobs))
            blobs.append(_encoded(cell.image))
        shape = cell.scan or scan
        described.append(
            {
                "name": cell.name,
                "title": cell.title,
                "picture": 0 if cell.image is None else len(images) - 1,
                "ratio": shape.columns / (shape.rows * shape.pixel_aspect),
                "heat": heat,
                "opposing": opposing,
                "verdict": cell.verdict,
                "note": cell.note,
                "opinion": cell.opinion,
                "waiting": cell.waiting,
                "alt": f"{cell.title} on {shape.title}. {cell.verdict} {cell.note} {cell.opinion}".rstrip(),
            }
        )
    warm, cold = ramps()
    header = {
        "key": key,
        "pictures": images,
        "cells": described,
        "fade": FADE_BELOW,
        "warm": warm,
        "cold": cold,
    }
    return pack(header, blobs)


def show_board(message: bytes, key: str) -> None:
    """Draw the board."""
    _COMPONENT(key=f"board-{key}", data=message)
