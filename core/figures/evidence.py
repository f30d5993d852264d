"""Where in a stack the evidence is: one value a slice or frame, and the probability below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.colors import (
    CLEAR,
    GRID,
    NEUTRAL,
    OKABE_ITO,
)
from core.explain.explanation import Explanation
from core.formatting import evidence_text, frame_position, frame_word, has_times
from core.scan import Scan

if TYPE_CHECKING:  # plotly takes most of a second to import
    from plotly.graph_objects import Figure


def evidence_figure(
    explanation: Explanation,
    scan: Scan,
    probabilities_by_frame: NDArray[np.floating] | None,
    current_frame: int,
    threshold: float | None = None,
) -> Figure:
    """The strip under a viewer.

    Args:
        explanation: Its strongest value of each frame is drawn, in logit units.
        scan: Tells slices from time.
        probabilities_by_frame: (frames,) probability of the explained label for `explanation.frames`, or None.
        current_frame: Frame from 0 that is being looked at; marked by a line.
        threshold: Drawn across the probabilities where given.

    Returns:
        A figure without background or font colour; `customdata` of each point is its frame from 0.
    """
    from plotly.subplots import make_subplots

    panels = 1 if probabilities_by_frame is None else 2
    figure = make_subplots(
        rows=panels,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.14,
        row_heights=[1.0] if panels == 1 else [0.62, 0.38],
    )
    at = [frame_position(scan, frame) for frame in explanation.frames]
    numbers = [[frame, f"{frame_word(scan)} {frame + 1}"] for frame in explanation.frames]
    _add_evidence(figure, explanation, at, numbers)
    if probabilities_by_frame is not None:
        figure.add_scatter(
            x=at, y=[float(p) for p in probabilities_by_frame], customdata=numbers, row=2, col=1,
            mode="lines+markers" if len(at) == 1 else "lines", line={"color": NEUTRAL, "width": 1.5},
            hovertemplate="%{customdata[1]}: probability %{y:.2f}<extra></extra>",
        )  # fmt: skip
        _lay_out_probability(figure, threshold)
    figure.add_vline(x=frame_position(scan, current_frame), line={"color": OKABE_ITO[5], "width": 2})
    _lay_out(figure, explanation, scan, panels)
    return figure


def _add_evidence(figure: Figure, explanation: Explanation, at: list[float], numbers: list[list[object]]) -> None:
    figure.add_bar(
        x=at, y=[float(value) for value in explanation.strip], customdata=numbers, row=1, col=1,
        marker={"color": OKABE_ITO[0], "line": {"width": 0}},
        hovertemplate="%{customdata[1]}: %{y:.3g} logit<extra></extra>",
    )  # fmt: skip
    if explanation.is_empty:
        figure.add_annotation(
            xref="x domain", yref="y domain", x=0.5, y=0.5, showarrow=False, text="no evidence found in any frame"
        )


def _lay_out_probability(figure: Figure, threshold: float | None) -> None:
    if threshold is not None:
        figure.add_hline(y=threshold, line={"color": NEUTRAL, "width": 1, "dash": "dot"}, row=2, col=1)
    figure.update_yaxes(row=2, col=1, range=[0, 1.02], tickvals=[0, 1], title={"text": "prob.", "font": {"size": 12}})


def _lay_out(figure: Figure, explanation: Explanation, scan: Scan, panels: int) -> None:
    top = explanation.scale if not explanation.is_empty else 1.0
    figure.update_layout(
        height=110 if panels == 1 else 160,
        margin={"l": 8, "r": 8, "t": 8, "b": 36},
        showlegend=False,
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        bargap=0.1,
        dragmode=False,
    )
    figure.update_xaxes(showgrid=False, zeroline=False, fixedrange=True, ticks="", range=_limits(scan))
    words = f"{frame_word(scan)}, time in ms" if has_times(scan) else frame_word(scan)
    figure.update_xaxes(row=panels, col=1, title={"text": words, "font": {"size": 12}, "standoff": 4})
    figure.update_yaxes(gridcolor=GRID, zeroline=False, fixedrange=True, ticks="", automargin=True)
    figure.update_yaxes(
        row=1,
        col=1,
        range=[0, top * 1.05],
        tickvals=[0, top],
        ticktext=["0", evidence_text(top)],
        title={"text": "logit", "font": {"size": 12}},
    )


def _limits(scan: Scan) -> list[float]:
    step = frame_position(scan, 1) - frame_position(scan, 0)
    return [frame_position(scan, 0) - step / 2, frame_position(scan, scan.frames - 1) + step / 2]


def describe_evidence(explanation: Explanation, scan: Scan, current_frame: int) -> str:
    """The strip in words: where the evidence is strongest, over how many frames it spreads, and where one is.

    Returns:
        E.g. `"Evidence for Pneumonia is strongest in slice 12 of 40 (1.8 logit units), and above half of that in 3
        slices. Slice 10 is shown."`
    """
    word = frame_word(scan)
    shown = f"{word.capitalize()} {current_frame + 1} is shown."
    if explanation.is_empty:
        return f"No evidence for {explanation.label} was found in any {word}. {shown}"
    strip = explanation.strip
    best = explanation.frames[int(np.argmax(strip))]
    spread = int((strip > explanation.scale / 2).sum())
    return (
        f"Evidence for {explanation.label} is strongest in {word} {best + 1} of {scan.frames} "
        f"({evidence_text(explanation.scale)} logit units), and above half of that in {spread} "
        f"{word if spread == 1 else word + 's'}. {shown}"
    )
