"""What each part of a model adds, and how two contrasts go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.colors import (
    CLEAR,
    GRID,
    NEUTRAL,
    OKABE_ITO,
)
from core.lessons.fusion.pixel_fusion import PixelModel

if TYPE_CHECKING:  # plotly takes most of a second to import
    from plotly.graph_objects import Figure

#: Inferno without its black end, so that rare pairs differ from none.
_SCALE = [[0.0, "#320a5e"], [0.3, "#781c6d"], [0.55, "#bc3754"], [0.75, "#ed6925"], [0.9, "#fbb61a"], [1.0, "#fcffa4"]]
RAISES, LOWERS = OKABE_ITO[1], OKABE_ITO[0]


def parts_figure(lost: Mapping[str, float], label: str, faded: Sequence[str] = ()) -> Figure:
    """What the logit loses when one part alone is off.

    Args:
        lost: Title of the part to logit units; above 0 it spoke for the label.
        label: What the logit speaks for.
        faded: Parts that are off now.
    """
    from plotly.graph_objects import Figure

    names, values = list(lost), list(lost.values())
    figure = Figure()
    figure.add_bar(
        y=names, x=values, orientation="h",
        marker={
            "color": [RAISES if value >= 0 else LOWERS for value in values],
            "opacity": [0.35 if name in faded else 1.0 for name in names],
        },
        text=[f"{value:+.2f}" for value in values], textposition="outside", cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>",
    )  # fmt: skip
    reach = max((abs(value) for value in values), default=1.0) or 1.0
    figure.update_layout(
        height=66 + 25 * max(len(names), 2), margin={"l": 8, "r": 16, "t": 8, "b": 46},
        showlegend=False, paper_bgcolor=CLEAR, plot_bgcolor=CLEAR, bargap=0.25, dragmode=False,
    )  # fmt: skip
    figure.update_xaxes(
        gridcolor=GRID, zerolinecolor=NEUTRAL, fixedrange=True, range=[-1.3 * reach, 1.3 * reach],
        title={"text": f"logit of {label} lost without it alone"},
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", fixedrange=True, automargin=True, ticks="")
    return figure


def contrasts_figure(
    joint: NDArray[np.floating], titles: tuple[str, str], model: PixelModel | None, here: tuple[float, float]
) -> Figure:
    """How often each pair of brightnesses occurs, with the line beyond which a pixel is called lesion.

    Args:
        joint: (bins, bins) fractions of the pixels, first contrast downwards.
        titles: Of the two contrasts.
        model: Of exactly these two, None for no line.
        here: Brightness of the chosen pixel in both.
    """
    from plotly.graph_objects import Figure

    bins = len(joint)
    centres = (np.arange(bins) + 0.5) / bins
    shown = np.where(joint.T > 0, np.log10(np.maximum(joint.T, 1e-12)), np.nan)
    figure = Figure()
    figure.add_heatmap(
        x=centres, y=centres, z=shown, colorscale=_SCALE, hoverongaps=False,
        colorbar={"title": {"text": "share, log₁₀"}, "thickness": 10},
        hovertemplate=f"{titles[0]} %{{x:.2f}}, {titles[1]} %{{y:.2f}}<extra></extra>",
    )  # fmt: skip
    if model is not None and abs(model.weights[1]) > 1e-9:
        x = np.array([0.0, 1.0])
        cut = np.log(model.threshold / (1 - model.threshold))
        y = (cut - model.bias - model.weights[0] * x) / model.weights[1]
        figure.add_scatter(
            x=x, y=y, mode="lines", line={"color": OKABE_ITO[4], "width": 2}, name="called lesion from here on"
        )
    figure.add_scatter(
        x=[here[0]], y=[here[1]], mode="markers", name="the chosen pixel",
        marker={"size": 12, "symbol": "cross", "color": OKABE_ITO[2], "line": {"width": 1, "color": "#ffffff"}},
    )  # fmt: skip
    figure.update_layout(
        height=380, margin={"l": 52, "r": 8, "t": 30, "b": 48}, paper_bgcolor=CLEAR, plot_bgcolor=CLEAR,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, dragmode=False,
    )  # fmt: skip
    figure.update_xaxes(title=titles[0], range=[0, 1], gridcolor=GRID, fixedrange=True, constrain="domain")
    figure.update_yaxes(title=titles[1], range=[0, 1], gridcolor=GRID, fixedrange=True, scaleanchor="x")
    return figure


def curve_figure(
    values: NDArray[np.floating], probabilities: NDArray[np.floating], here: tuple[float, float], title: str, label: str
) -> Figure:
    """A probability over one thing that is moved.

    Args:
        values: (points,).
        probabilities: (points,).
        here: The value and the probability now.
        title: Of the value, with its unit.
        label: What the probability is of.
    """
    from plotly.graph_objects import Figure

    figure = Figure()
    figure.add_scatter(
        x=values, y=probabilities, mode="lines", line={"color": OKABE_ITO[0], "width": 2},
        hovertemplate="%{x:.3g}: %{y:.2f}<extra></extra>", showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        x=[here[0]], y=[here[1]], mode="markers", marker={"size": 12, "color": OKABE_ITO[5]}, showlegend=False,
        hovertemplate="here: %{y:.2f}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(
        height=260, margin={"l": 52, "r": 8, "t": 8, "b": 46}, paper_bgcolor=CLEAR, plot_bgcolor=CLEAR, dragmode=False
    )
    figure.update_xaxes(title=title, gridcolor=GRID, fixedrange=True, zeroline=False)
    figure.update_yaxes(title=f"probability of {label}", range=[0, 1.02], gridcolor=GRID, fixedrange=True)
    return figure
