"""The image viewer: one function, so that a better one can take its place.

The message to the browser is one block as `ui.packing` makes it. In its header `image` and `heat` index the frame at
full resolution, `reel` and `heat_reel` small versions of all frames, which are sent once, when the browser asks.
`outlines` indexes the lines over the frame and `outline_reel` those of all frames, both as JSON: the browser draws
them, sharp at any zoom.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.display import heat_rgba
from core.explain.explanation import Explanation
from core.overlay_planes import draw_planes
from core.scan import Scan, Voi, display_frame
from core.segmentation.contours import Outline
from ui.components.script import script
from ui.packing import encode_image, fit_within, pack
from ui.session import Recent

_HERE = Path(__file__).parent
_COMPONENT = st.components.v2.component(
    "scanlens_viewer",
    html=(_HERE / "viewer.html").read_text(encoding="utf-8"),
    css=(_HERE / "viewer.css").read_text(encoding="utf-8"),
    js=script("viewer"),
)

#: Long side of the moving images, and of the heat over them, in pixels. Heatmaps are smooth: few pixels do.
REEL_SIDE, HEAT_REEL_SIDE, HEAT_SIDE = 384, 96, 512
#: Frames beyond this are not sent at once; the slider then fetches one after the other.
REEL_FRAMES = 400


def _small(image: NDArray[np.uint8]) -> bytes:
    rows, columns = fit_within(image.shape, REEL_SIDE)
    return encode_image(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA), ".jpg")


def _heat(explanation: Explanation, position: int, side: int) -> bytes:
    """One frame's heat; the browser stretches it over the scan, which keeps its cells where they belong."""
    size = fit_within(explanation.geometry.scan_size, side)
    return encode_image(heat_rgba(explanation.heatmap(position, size), explanation.scale))


def _all(frames: int, make: Callable[[int], bytes]) -> list[bytes]:
    with ThreadPoolExecutor(4) as pool:  # the encoders let go of the interpreter's lock
        return list(pool.map(make, range(frames)))


@dataclass(frozen=True, eq=False)
class Lines:
    """Outlines to lay over a scan.

    Attributes:
        key: Names them, for the lines that are kept.
        frames: Frames of the scan that have any.
        draw: Frame and tolerance in pixels of the scan to the outlines.
        legend: Label, colour and whether it is a reference of everything that may be outlined, in order.
        alt: What the image with its outlines shows, for those who cannot see it.
    """

    key: str
    frames: tuple[int, ...]
    draw: Callable[[int, float], Sequence[Outline]]
    legend: tuple[tuple[str, str, bool], ...]
    alt: str

    def encoded(self, frame: int, tolerance: float) -> list[dict[str, object]]:
        """The outlines of one frame as the browser wants them: rings as x, y, x, y."""
        decimals = 2 if tolerance < 0.5 else 1
        return [
            {
                "label": outline.label,
                "color": outline.color,
                "reference": outline.is_reference,
                "rings": [np.round(ring.astype(float), decimals).ravel().tolist() for ring in outline.rings],
            }
            for outline in self.draw(frame, tolerance)
        ]


@dataclass(frozen=True, eq=False)
class View:
    """What the viewer shows.

    Attributes:
        scan: The scan.
        frame: Which frame, in full resolution.
        window: VOI transform for grey scans, None for colour.
        look: Names the window, for the images that are kept.
        invert: Dark for bright.
        explanation: Heat to lay over it, or None.
        heat_key: Names the explanation, for the images that are kept.
        heat_alt: What the image with its heat shows, where that is no evidence.
        lines: Outlines to lay over it, or None.
        overlays: Draw the overlay planes that the scan brought along.
    """

    scan: Scan
    frame: int
    window: Voi | None
    look: str
    invert: bool = False
    explanation: Explanation | None = None
    heat_key: str = ""
    heat_alt: str = ""
    lines: Lines | None = None
    overlays: bool = False

    @property
    def heat(self) -> Explanation | None:
        """The explanation, if there is anything in it to draw."""
        return None if self.explanation is None or self.explanation.is_empty else self.explanation

    @property
    def style(self) -> str:
        """Names the window and whether overlay planes are drawn."""
        return f"{self.look} with overlay planes" if self.overlays and self.scan.overlays else self.look

    @property
    def reel_key(self) -> str:
        """Names the small versions of all frames; `""` where they are not offered."""
        if not 1 < self.scan.frames <= REEL_FRAMES:
            return ""
        over = f"{self.heat_key if self.heat else ''} {self.lines.key if self.lines else ''}"
        return f"{self.scan.digest[:16]} {self.style} {self.invert} {over}"

    def image(self, frame: int) -> NDArray[np.uint8]:
        """One frame as people see it, (rows, columns[, 3]) uint8."""
        image = display_frame(self.scan, frame, self.window, self.invert)
        return draw_planes(image, self.scan.overlays, frame) if self.overlays else image


def message(view: View, with_reel: bool, images: Recent) -> bytes:
    """What is sent to the browser; see the head of this file.

    Args:
        view: What to show.
        with_reel: Add the small versions of all frames.
        images: Where encoded images are kept for the next run.
    """
    # Several scans may be open at once: whatever is kept is kept under the scan that it shows.
    look, heat, frame = (view.scan.digest, view.style, view.invert), view.heat, view.frame
    blobs = [images.get(("full", look, frame), lambda: encode_image(view.image(frame)))]
    header: dict[str, object] = {"picture": 0, "heat": None, "reel_key": view.reel_key} | _words(view)

    def add(name: str, pieces: list[bytes]) -> None:
        header[name] = list(range(len(blobs), len(blobs) + len(pieces)))
        blobs.extend(pieces)

    if heat is not None and frame in heat.frames:
        position = heat.frames.index(frame)
        header["heat"] = len(blobs)
        blobs.append(
            images.get(("heat", view.scan.digest, view.heat_key, frame), lambda: _heat(heat, position, HEAT_SIDE))
        )
    if with_reel:
        add("reel", images.get(("reel", look), lambda: _all(view.scan.frames, lambda i: _small(view.image(i)))))
    if with_reel and heat is not None and len(heat.frames) == view.scan.frames:
        key = ("heat reel", view.scan.digest, view.heat_key)
        add("heat_reel", images.get(key, lambda: _all(view.scan.frames, lambda i: _heat(heat, i, HEAT_REEL_SIDE))))
    if view.lines is not None:
        blobs += _lines(view, view.lines, with_reel, images, header, len(blobs))
    return pack(header, blobs)


def _lines(
    view: View, lines: Lines, with_reel: bool, images: Recent, header: dict[str, object], start: int
) -> list[bytes]:
    """The outlines of the frame, and of all frames where they are asked for; their places go into the header."""
    blobs = []
    if view.frame in lines.frames:
        header["outlines"] = start
        key = ("lines", view.scan.digest, lines.key, view.frame)
        # A quarter of a pixel, or on large photographs what a screen can still show.
        fine = max(0.25, max(view.scan.rows, view.scan.columns) / 4096)
        blobs.append(images.get(key, lambda: json.dumps(lines.encoded(view.frame, fine)).encode()))
    if with_reel and len(lines.frames) == view.scan.frames:
        header["outline_reel"] = start + len(blobs)
        coarse = max(0.5, max(view.scan.rows, view.scan.columns) / REEL_SIDE / 2)
        every = range(view.scan.frames)
        blobs.append(
            images.get(
                ("lines reel", view.scan.digest, lines.key),
                lambda: json.dumps([lines.encoded(frame, coarse) for frame in every]).encode(),
            )
        )
    return blobs


def _words(view: View) -> dict[str, object]:
    scan, heat, lines = view.scan, view.heat, view.lines
    seen = [view.heat_alt or f"the evidence for {heat.label}"] if heat else []
    seen += [lines.alt] if lines else []
    unit = {"slice": "Slice", "time": "Frame"}.get(scan.axis, "Image")
    return {
        "scan": scan.digest[:16],
        "frame": view.frame,
        "frames": scan.frames,
        "rows": scan.rows,
        "columns": scan.columns,
        "aspect": scan.pixel_aspect,
        "frame_ms": min(max(scan.frame_time_ms or 80.0, 16.0), 1000.0),
        "position": f"{unit} {{n}} of {scan.frames}",
        "hint": "Drag to move, plus and minus to zoom, double-click to fit",
        "alt": f"{scan.title}, {unit.lower()} {view.frame + 1} of {scan.frames}",
        "heat_alt": f"The same with {' and '.join(seen)} drawn over it" if seen else "",
        "scale_text": f"{heat.scale:.2g}" if heat else "",
        "scale_unit": heat.units.removesuffix(" units") if heat else "",
        "outlines": None,
        "outline_reel": None,
        "legend": list(lines.legend) if lines else [],
    }


def _key(scan: Scan) -> str:
    return f"viewer-{scan.digest[:16]}"


def turned_to(scan: Scan) -> int:
    """The frame that the user last turned to in the viewer; known before the viewer is drawn."""
    frame = (st.session_state.get(_key(scan)) or {}).get("frame")
    return 0 if frame is None else min(max(int(frame), 0), scan.frames - 1)


def show_viewer(view: View, images: Recent) -> None:
    """Draw the viewer. A frame that the user turns to runs the page again, see `turned_to`."""
    asked = (st.session_state.get(_key(view.scan)) or {}).get("reel")
    data = message(view, bool(view.reel_key) and asked == view.reel_key, images)
    _COMPONENT(key=_key(view.scan), data=data, on_frame_change=lambda: None, on_reel_change=lambda: None)
