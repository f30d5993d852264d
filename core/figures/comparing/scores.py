"""How the scores of cases with and without the finding lie, one panel a model."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from core.colors import NEUTRAL
from core.evaluation.results.curves import ScoreDistribution
from core.figures.comparing.canvas import Scene, add_note, axis, canvas, clipped, unit_axis
from core.figures.comparing.lines import Line
from core.figures.comparing.numbers import number_text, percent_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Distributions = Sequence[tuple[Line, ScoreDistribution]]

#: Pixels: of a model's panel.
PANEL = 190


def scores_figure(scene: Scene, distributions: Distributions) -> Figure:
    """Mirrored histograms: cases with the finding upwards, the others downwards, as fractions of their kind.

    Args:
        scene: What is asked of what.
        distributions: Look and histogram of each model, in the order of the page.
    """
    count = len(distributions)
    figure = canvas(
        f"How far apart do the scores lie with and without {scene.finding}?",
        scene.described([(found.n, int(found.with_finding.sum())) for _, found in distributions]),
        130 + PANEL * count,
    )
    figure.update_layout(margin_t=int(figure.layout.margin.t) + 20)
    for row, (line, found) in enumerate(distributions):
        _add_panel(figure, line, found, row, count)
    return figure


def _add_panel(figure: Figure, line: Line, found: ScoreDistribution, row: int, count: int) -> None:
    number = "" if row == 0 else str(row + 1)
    gap = 0.16 / max(count - 1, 1) if count > 1 else 0.0
    height = (1 - gap * (count - 1)) / count
    top = 1 - row * (height + gap)
    last = row == count - 1
    fractions = [counts / max(int(counts.sum()), 1) for counts in (found.with_finding, found.without)]
    limit = max(0.02, float(max(fraction.max(initial=0.0) for fraction in fractions))) * 1.08
    middle = (found.edges[1:] + found.edges[:-1]) / 2
    figure.update_layout({
        f"xaxis{number}": unit_axis(
            "Probability as the model gives it" if last else "", anchor=f"y{number}", showticklabels=last
        ),
        f"yaxis{number}": axis(
            "", anchor=f"x{number}", domain=[top - height, top], range=[-limit, limit], showgrid=False,
            tickvals=[-limit / 1.08, -limit / 2, 0, limit / 2, limit / 1.08],
            ticktext=[percent_text(limit / 1.08), "without", "0", "with", percent_text(limit / 1.08)],
        ),
    })  # fmt: skip
    for fraction, counts, side, color in (
        (fractions[0], found.with_finding, 1, line.color),
        (fractions[1], found.without, -1, NEUTRAL),
    ):
        word = "with" if side > 0 else "without"
        figure.add_bar(
            x=middle.tolist(), y=(side * fraction).tolist(), width=float(found.edges[1]), xaxis=f"x{number}",
            yaxis=f"y{number}", marker={"color": color, "line": {"width": 0}}, customdata=counts.tolist(),
            hovertemplate=f"{escape(line.title)}<br>%{{customdata}} cases {word}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(bargap=0, barmode="overlay")
    _name_panel(figure, line, found, number)


def _name_panel(figure: Figure, line: Line, found: ScoreDistribution, number: str) -> None:
    place = {"xref": f"x{number}", "yref": f"y{number}"}
    add_note(
        figure, clipped(line.title, 60), 0, 1, **{**place, "yref": f"y{number} domain"}, xanchor="left",
        yanchor="bottom", font={"size": 13, "weight": 600},
    )  # fmt: skip
    if found.threshold is not None:
        figure.add_shape(
            type="line", xref=f"x{number}", yref=f"y{number} domain", x0=found.threshold, x1=found.threshold, y0=0,
            y1=1,
            line={"color": NEUTRAL, "width": 1.5, "dash": "dot"},
        )  # fmt: skip
        right = found.threshold > 0.7
        add_note(
            figure, f"threshold {number_text(found.threshold)}", found.threshold, 1,
            **{**place, "yref": f"y{number} domain"}, xanchor="right" if right else "left", yanchor="top",
            xshift=-4 if right else 4,
        )  # fmt: skip


def describe_scores(scene: Scene, distributions: Distributions) -> str:
    """The figure in words."""
    parts = [
        f"{line.title}: the median score is {_median(found.edges, found.with_finding)} with {scene.finding} and "
        f"{_median(found.edges, found.without)} without"
        for line, found in distributions
    ]
    return f"Distributions of the scores on {scene.dataset}. {'; '.join(parts)}."


def _median(edges: np.ndarray[Any, Any], counts: np.ndarray[Any, Any]) -> str:
    if not counts.sum():
        return "not defined"
    place = int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))
    return f"about {number_text(float((edges[place] + edges[place + 1]) / 2))}"


def scores_rows(distributions: Distributions) -> list[dict[str, Any]]:
    """The bins, a row each."""
    return [
        {
            "model": line.title, "from": found.edges[k], "to": found.edges[k + 1],
            "cases_with": int(found.with_finding[k]), "cases_without": int(found.without[k]),
        }
        for line, found in distributions
        for k in range(len(found.with_finding))
    ]  # fmt: skip
