"""What a shift of the image does to a pooled map, over the size of the shift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from core.colors import (
    CLEAR,
    GRID,
    NEUTRAL,
    OKABE_ITO,
)
from core.lessons.pooling.compute import (
    FARTHEST,
    TITLES,
    Pooling,
    Shift,
)

if TYPE_CHECKING:  # plotly takes most of a second to import
    from plotly.graph_objects import Figure

#: Colour, mark and dash of each way to pool.
_LOOKS: dict[Pooling, tuple[str, str, str]] = {
    "none": (NEUTRAL, "circle", "dot"),
    "max": (OKABE_ITO[0], "square", "solid"),
    "average": (OKABE_ITO[1], "diamond", "solid"),
    "blur": (OKABE_ITO[2], "triangle-up", "solid"),
}

Curves = Mapping[Pooling, Sequence[Shift]]


def shift_figure(curves: Curves, pixels: int) -> Figure:
    """Change as it stands, and what is left of it after the map was moved back.

    Args:
        curves: For each way to pool, its shifts from 0 on.
        pixels: The shift that is looked at; marked by a line.
    """
    from plotly.subplots import make_subplots

    titles = ("Change of the map", "Left over after moving it back")
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.1, subplot_titles=titles, shared_yaxes=True)
    for kind, shifts in curves.items():
        color, symbol, dash = _LOOKS[kind]
        for column, values in ((1, [s.change for s in shifts]), (2, [s.left_over for s in shifts])):
            figure.add_scatter(
                x=[s.pixels for s in shifts], y=values, mode="lines+markers", row=1, col=column, cliponaxis=False,
                name=TITLES[kind], legendgroup=kind, showlegend=column == 1,
                line={"color": color, "width": 2, "dash": dash}, marker={"color": color, "size": 8, "symbol": symbol},
                hovertemplate=f"{TITLES[kind]}, shift %{{x}}: %{{y:.2f}}<extra></extra>",
            )  # fmt: skip
    figure.add_vline(x=pixels, line={"color": NEUTRAL, "width": 1.5, "dash": "dot"})
    _lay_out(figure, curves)
    return figure


def _lay_out(figure: Figure, curves: Curves) -> None:
    top = max((s.change for shifts in curves.values() for s in shifts if s.change == s.change), default=1.0)
    figure.update_layout(
        height=340,
        margin={"l": 48, "r": 8, "t": 30, "b": 92},
        legend={"orientation": "h", "x": 0, "y": -0.28, "yanchor": "top", "font": {"size": 13}},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        dragmode=False,
    )
    figure.update_annotations(font={"size": 14})
    quiet = {"gridcolor": GRID, "zeroline": False, "ticks": "", "fixedrange": True}
    figure.update_xaxes(
        title={"text": "shift of the scan in pixels", "font": {"size": 13}},
        range=[-0.3, FARTHEST + 0.3],
        dtick=1,
        **quiet,
    )
    figure.update_yaxes(range=[-0.03 * top, top * 1.08 or 1.0], **quiet)
    figure.update_yaxes(title={"text": "fraction of the map", "font": {"size": 13}}, row=1, col=1)


def describe_shift(curves: Curves, pixels: int) -> str:
    """The figure in words, at one shift."""
    parts = [
        f"{TITLES[kind]}: changed by {shifts[pixels].change:.2f}, {shifts[pixels].left_over:.2f} left over"
        for kind, shifts in curves.items()
    ]
    return f"A shift by {pixels} pixels, as fractions of the map before it. {'; '.join(parts)}."
