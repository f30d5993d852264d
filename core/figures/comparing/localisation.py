"""Dot plot: how models' heatmaps lie on marked regions, beside a blob at the centre that knows nothing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from core.colors import NEUTRAL, OKABE_ITO
from core.explain.trust.localisation import MEASURES
from core.explain.trust.localised_models import LocalisedModel
from core.figures.comparing.canvas import axis, canvas, unit_axis
from core.figures.comparing.numbers import number_text

if TYPE_CHECKING:  # plotly takes most of a second to import
    from plotly.graph_objects import Figure

#: Pixels of a row.
ROW = 34


def localisation_figure(found: Sequence[LocalisedModel]) -> Figure:
    """A row for each model and kind of mark: the mean with its interval, the centre and chance beside it.

    Args:
        found: All of one measure.
    """
    figure = canvas(
        "Do the heatmaps find what is marked?",
        f"{MEASURES[found[0].measure]}. Dot: heatmaps with 95 % interval over patients; diamond: a blob at the "
        "image's centre; cross: an even map",
        150 + ROW * len(found),
    )
    rows = list(range(len(found)))[::-1]
    figure.add_scatter(
        x=[one.estimate.value for one in found], y=rows, mode="markers", name="heatmaps", cliponaxis=False,
        marker={"size": 11, "color": OKABE_ITO[0]},
        error_x={
            "type": "data", "symmetric": False, "color": OKABE_ITO[0], "thickness": 1.5, "width": 4,
            "array": [one.estimate.high - one.estimate.value for one in found],
            "arrayminus": [one.estimate.value - one.estimate.low for one in found],
        },
        customdata=[escape(f"{one.model}: {one.marks}") for one in found],
        hovertemplate="%{customdata}<br>heatmaps %{x:.3f}<extra></extra>",
    )  # fmt: skip
    for name, symbol, values in (
        ("centre", "diamond-open", [one.centre for one in found]), ("chance", "x-thin", [one.chance for one in found])
    ):  # fmt: skip
        figure.add_scatter(
            x=values, y=rows, mode="markers", cliponaxis=False, name=name,
            hovertemplate=f"{name} %{{x:.3f}}<extra></extra>",
            marker={"size": 10, "symbol": symbol, "color": NEUTRAL, "line": {"width": 2, "color": NEUTRAL}},
        )  # fmt: skip
    small = "<span style='font-size:11px'>"
    figure.update_layout(margin_l=250)
    figure.update_xaxes(**unit_axis("mean over maps"))
    figure.update_yaxes(
        **axis(
            "", range=[-0.6, len(rows) - 0.4], showgrid=False, tickvals=rows,
            ticktext=[f"{escape(one.model)}<br>{small}{escape(one.marks)}</span>" for one in found],
        )
    )  # fmt: skip
    return figure


def describe_localisation(found: Sequence[LocalisedModel]) -> str:
    """The plot in words: who is better than a blob at the centre."""
    better = [one for one in found if one.estimate.low > one.centre]
    parts = [
        f"{one.model} ({one.marks}) {number_text(one.estimate.value)} against {number_text(one.centre)}"
        for one in better
    ]
    rest = len(found) - len(better)
    words = f"Beyond a blob at the centre: {'; '.join(parts)}." if parts else "None is beyond a blob at the centre."
    return f"{words} {rest} of {len(found)} are not told apart from it, or are worse."


def localisation_rows(found: Sequence[LocalisedModel]) -> list[dict[str, object]]:
    """The numbers behind the plot, one row each."""
    return [
        {
            "model": one.model, "marks": one.marks, "method": one.method, "measure": one.measure,
            "value": one.estimate.value, "low": one.estimate.low, "high": one.estimate.high,
            "interval": one.estimate.method, "centre": one.centre, "chance": one.chance, "maps": one.estimate.n,
            "patients": one.patients,
        }
        for one in found
    ]  # fmt: skip
