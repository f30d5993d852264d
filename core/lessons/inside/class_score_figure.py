"""How channels add up to the score of a class, as a row of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.colors import (
    CLEAR,
    GRID,
    NEUTRAL,
    OKABE_ITO,
)
from core.lessons.inside.class_score import ClassScore

if TYPE_CHECKING:  # plotly takes most of a second to import
    from plotly.graph_objects import Figure

RAISES, LOWERS = OKABE_ITO[1], OKABE_ITO[0]


def score_figure(score: ClassScore, count: int = 10) -> Figure:
    """The largest shares in logit units; where they are exact, as steps from the bias to the logit.

    Args:
        score: One label's.
        count: Channels with a bar of their own.
    """
    names, values = steps_of(score, count)
    starts = np.cumsum([0.0, *values[:-1]]) if score.exact else np.zeros(len(values))
    from plotly.graph_objects import Figure

    figure = Figure()
    figure.add_bar(
        y=names, x=values, base=starts, orientation="h",
        marker={"color": [RAISES if value >= 0 else LOWERS for value in values], "line": {"width": 0}},
        text=[f"{value:+.2f}" for value in values], textposition="outside", cliponaxis=False,
        hovertemplate="%{y}: %{text} logit units<extra></extra>",
    )  # fmt: skip
    if score.exact:
        figure.add_vline(x=score.logit, line={"color": NEUTRAL, "width": 1.5, "dash": "dot"})
        figure.add_annotation(
            x=score.logit, y=1.0, yref="paper", yanchor="bottom", showarrow=False, text=f"logit {score.logit:.2f}"
        )
    _lay_out(figure, score, values)
    return figure


def steps_of(score: ClassScore, count: int) -> tuple[list[str], list[float]]:
    """Names and values of the bars: the bias, the largest shares, and all others together."""
    chosen = [int(index) for index in score.strongest(count)]
    names, values = [f"channel {index}" for index in chosen], [float(score.fractions[index]) for index in chosen]
    rest = len(score.fractions) - len(chosen)
    if rest > 0 and score.exact:
        names.append(f"{rest} others")
        values.append(float(score.fractions.sum() - sum(values)))
    if score.bias is not None:
        names.insert(0, "bias")
        values.insert(0, score.bias)
    return names, values


def _lay_out(figure: Figure, score: ClassScore, values: list[float]) -> None:
    words = "logit" if score.exact else "logit lost without the channel"
    figure.update_layout(
        height=70 + 24 * len(values),
        margin={"l": 8, "r": 48, "t": 28, "b": 44},
        showlegend=False,
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        bargap=0.25,
        dragmode=False,
    )
    ends = np.cumsum([0.0, *values]) if score.exact else np.array([0.0, *values])
    low, high = float(ends.min()), float(ends.max())
    room = 0.2 * max(high - low, 1e-6)
    figure.update_xaxes(range=[low - room, high + room])
    figure.update_xaxes(gridcolor=GRID, zeroline=True, zerolinecolor=NEUTRAL, fixedrange=True, title={"text": words})
    figure.update_yaxes(autorange="reversed", fixedrange=True, automargin=True, ticks="")


def describe_score(score: ClassScore, count: int = 3) -> str:
    """What the channels add to the score, in words."""
    parts = [f"channel {index} adds {score.fractions[index]:+.2f}" for index in score.strongest(count)]
    return f"The logit for {score.label} is {score.logit:.2f}; {', '.join(parts)}."
