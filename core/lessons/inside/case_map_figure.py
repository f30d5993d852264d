"""Cases as points: by label, by error, this scan among them, and lines to its nearest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.colors import (
    CLEAR,
    GRID,
    NEUTRAL,
    OKABE_ITO,
)
from core.lessons.inside.case_map import Plane, Point

if TYPE_CHECKING:  # plotly takes most of a second to import
    from plotly.graph_objects import Figure

HERE = "#D55E00"


@dataclass(frozen=True, eq=False)
class CaseMap:
    """What is drawn.

    Attributes:
        points: The cases.
        places: (cases, 2) where they lie.
        here: (2,) where this scan lies.
        near: Indices of its nearest.
        axes: Titles of the two axes.
        plane: For the ellipses of the training scans, None for none.
    """

    points: Sequence[Point]
    places: NDArray[np.float64]
    here: NDArray[np.float64]
    near: Sequence[int]
    axes: tuple[str, str]
    plane: Plane | None


def case_map_figure(drawn: CaseMap) -> Figure:
    """Points with a colour for each true label; crosses are wrong, grey ones have no known label."""
    from plotly.graph_objects import Figure

    figure = Figure()
    if drawn.plane is not None:
        _add_training(figure, drawn.plane)
    for index in drawn.near:
        x, y = zip(drawn.here, drawn.places[index], strict=True)
        figure.add_scatter(x=x, y=y, mode="lines", line={"color": HERE, "width": 1}, hoverinfo="skip", showlegend=False)
    _add_cases(figure, drawn)
    figure.add_scatter(
        x=[drawn.here[0]], y=[drawn.here[1]], mode="markers", name="this scan",
        hovertemplate="this scan<extra></extra>",
        marker={"symbol": "star", "size": 17, "color": HERE, "line": {"width": 1, "color": "#ffffff"}},
    )  # fmt: skip
    figure.update_layout(
        height=480,
        margin={"l": 56, "r": 8, "t": 8, "b": 48},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
    )
    figure.update_xaxes(title=drawn.axes[0], gridcolor=GRID, zeroline=False)
    figure.update_yaxes(title=drawn.axes[1], gridcolor=GRID, zeroline=False, scaleanchor="x")
    return figure


def _add_training(figure: Figure, plane: Plane) -> None:
    """Draw where a normal distribution with the spread of the training scans has 39 % and 86 % of its mass."""
    around = np.linspace(0, 2 * np.pi, 90)
    for times, name in ((1, "training scans, 1 SD"), (2, "2 SD")):
        x, y = (times * plane.deviations[axis] * turn for axis, turn in ((0, np.cos(around)), (1, np.sin(around))))
        figure.add_scatter(
            x=x, y=y, mode="lines", name=name, hoverinfo="skip",
            line={"color": NEUTRAL, "width": 1.5, "dash": "solid" if times == 1 else "dot"},
        )  # fmt: skip


def _add_cases(figure: Figure, drawn: CaseMap) -> None:
    truths = sorted({point.truth for point in drawn.points})
    for number, truth in enumerate(truths):
        for wrong in (False, True):
            chosen = [i for i, p in enumerate(drawn.points) if p.truth == truth and p.is_wrong == wrong]
            if not chosen:
                continue
            color = NEUTRAL if not truth else OKABE_ITO[(number - ("" in truths)) % len(OKABE_ITO)]
            figure.add_scatter(
                x=drawn.places[chosen, 0], y=drawn.places[chosen, 1], mode="markers",
                name=(truth or "samples, no known label") + (", wrong" if wrong else ""),
                text=[f"{drawn.points[i].name}<br>called {drawn.points[i].predicted}" for i in chosen],
                hovertemplate="%{text}<extra></extra>",
                marker={"symbol": "x" if wrong else "circle", "size": 9, "color": color, "line": {"width": 0}},
            )  # fmt: skip


def describe_case_map(drawn: CaseMap) -> str:
    """The figure in words."""
    wrong = sum(point.is_wrong for point in drawn.points)
    nearest = ", ".join(drawn.points[index].name for index in drawn.near[:3])
    return f"{len(drawn.points)} cases, {wrong} wrong, and this scan; nearest to it are {nearest}."
