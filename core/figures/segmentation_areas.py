"""How large the outlines are from slice to slice, or from frame to frame."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from core.colors import CLEAR, GRID, NEUTRAL
from core.figures.contours import outline_color
from core.formatting import frame_position, frame_word, in_sentence
from core.inference.masks import Segmentation
from core.scan import Scan
from core.segmentation.sizes import area_text, number_text, pixel_area_mm2

if TYPE_CHECKING:  # plotly takes most of a second to import
    from plotly.graph_objects import Figure


def area_figure(segmentation: Segmentation, scan: Scan, current_frame: int) -> Figure:
    """One line a label over the whole stack.

    Args:
        segmentation: Of all frames.
        scan: Tells slices from time, and pixels from mm².
        current_frame: Frame from 0 that is being looked at; marked by a line.

    Returns:
        A figure without background or font colour; `customdata` of each point is its frame from 0 and its words.
    """
    from plotly.graph_objects import Figure

    figure = Figure()
    unit, one = ("mm²", pixel_area_mm2(scan)) if scan.spacing_mm else ("pixels", 1.0)
    at = [frame_position(scan, frame) for frame in segmentation.frames]
    top = max(float(segmentation.pixels.max(initial=0)) * (one or 1.0), 1.0)
    for index, label in enumerate(segmentation.labels):
        counts = segmentation.pixels[:, index]
        words = [
            [frame, f"{frame_word(scan)} {frame + 1}: {area_text(int(count), scan)}"]
            for frame, count in zip(segmentation.frames, counts, strict=True)
        ]
        color = outline_color(index)
        figure.add_scatter(
            x=at, y=counts * (one or 1.0), name=escape(label), customdata=words, mode="lines", line_shape="hvh",
            line={"color": color, "width": 2}, fill="tozeroy", fillcolor=_faint(color),
            hovertemplate=f"{escape(label)}, %{{customdata[1]}}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=frame_position(scan, current_frame), line={"color": NEUTRAL, "width": 2})
    _lay_out(figure, scan, unit, top, len(segmentation.labels))
    return figure


def _faint(color: str) -> str:
    red, green, blue = (int(color[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.25)"


def _lay_out(figure: Figure, scan: Scan, unit: str, top: float, labels: int) -> None:
    word = frame_word(scan)
    timed = scan.axis == "time" and bool(scan.frame_time_ms)
    figure.update_layout(
        height=170 if labels == 1 else 200,
        margin={"l": 8, "r": 8, "t": 30, "b": 36},
        title={"text": f"Outlined area by {word}", "font": {"size": 13}, "x": 0.01, "y": 0.98, "yanchor": "top"},
        showlegend=labels > 1,
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom", "bgcolor": CLEAR},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        dragmode=False,
    )
    ends = [frame_position(scan, 0), frame_position(scan, scan.frames - 1)]
    figure.update_xaxes(
        showgrid=False, zeroline=False, fixedrange=True, ticks="", range=ends,
        dtick=None if timed or scan.frames > 20 else 1, tickformat="" if timed else "d",
        title={"text": f"{word}, time in ms" if timed else word, "font": {"size": 12}, "standoff": 4},
    )  # fmt: skip
    figure.update_yaxes(
        gridcolor=GRID, zeroline=False, fixedrange=True, ticks="", automargin=True, range=[0, top * 1.05],
        tickvals=[0, top], ticktext=["0", number_text(top)], title={"text": unit, "font": {"size": 12}},
    )  # fmt: skip


def describe_areas(segmentation: Segmentation, scan: Scan, current_frame: int) -> str:
    """The figure in words: where each outline is largest, and over how many frames it goes.

    Returns:
        E.g. `"Tumour is outlined on 12 of 40 slices, largest on slice 21 (412 mm²). Slice 10 is shown."`
    """
    word, parts = frame_word(scan), []
    for index, label in enumerate(segmentation.labels):
        counts = segmentation.pixels[:, index]
        if not counts.any():
            parts.append(f"No {in_sentence(label)} is outlined on any {word}.")
            continue
        best = int(np.argmax(counts))
        size = area_text(int(counts[best]), scan)
        parts.append(
            f"{label} is outlined on {int((counts > 0).sum())} of {len(counts)} {word}s, "
            f"largest on {word} {segmentation.frames[best] + 1} ({size})."
        )
    return f"{' '.join(parts)} {word.capitalize()} {current_frame + 1} is shown."
