"""How well the masks of each image fit, one row of points a model."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.mask_cases import CaseValues
from core.figures.comparing.canvas import Scene, add_note, axis, canvas, clipped, unit_axis
from core.figures.comparing.lines import Line
from core.figures.comparing.numbers import count_text, number_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Values = Sequence[tuple[Line, CaseValues]]

#: Pixels: of a model's row.
ROW = 96


def mask_cases_figure(scene: Scene, values: Values) -> Figure:
    """A point an image, spread upwards where many are alike; a tick marks the median.

    Args:
        scene: What is asked of what.
        values: Look and values of each model, in the order of the page.
    """
    metric = METRICS[values[0][1].metric]
    title = metric.title.partition(" (")[0]
    images = max(len(found.values) for _, found in values)
    figure = canvas(
        f"{title}, image by image",
        f"{scene.dataset}: {count_text(images, 'image')} where it is defined; each point is one of them",
        150 + ROW * len(values),
    )
    figure.update_layout(margin_t=int(figure.layout.margin.t) + 16)
    bounded = metric.higher_is_better
    figure.update_xaxes(**(unit_axis(title) if bounded else axis(title, rangemode="tozero")))
    figure.update_yaxes(**axis("", range=[-len(values) + 0.4, 0.75], showticklabels=False, showgrid=False))
    for row, (line, found) in enumerate(values):
        _add_row(figure, line, found, -row)
    return figure


def _add_row(figure: Figure, line: Line, found: CaseValues, at: int) -> None:
    middle = float(np.median(found.values)) if len(found.values) else float("nan")
    told = f", median {number_text(middle)}" if len(found.values) else ""
    add_note(
        figure, f"{clipped(line.title, 60)}{told}", 0, at + 0.42, xref="paper", xanchor="left", yanchor="bottom",
        font={"size": 13, "weight": 600},
    )  # fmt: skip
    if not len(found.values):
        add_note(figure, "not defined", 0, at, xref="paper", xanchor="left", yanchor="middle")
        return
    jitter = (np.arange(len(found.values)) * 0.618034) % 1.0  # even and the same at each drawing
    figure.add_scatter(
        x=found.values.tolist(), y=(at - 0.3 + 0.6 * jitter).tolist(), mode="markers", cliponaxis=False,
        marker={"color": line.color, "symbol": line.symbol, "size": 7, "opacity": 0.65}, text=list(found.cases),
        hovertemplate=f"{escape(line.title)}<br>%{{text}}: %{{x:.3f}}<extra></extra>",
    )  # fmt: skip
    figure.add_shape(
        type="line", x0=middle, x1=middle, y0=at - 0.38, y1=at + 0.38, line={"color": line.color, "width": 3}
    )


def describe_mask_cases(scene: Scene, values: Values) -> str:
    """The figure in words."""
    title = METRICS[values[0][1].metric].title.partition(" (")[0]
    parts = [
        f"{line.title}: median {number_text(float(np.median(found.values)))}, from "
        f"{number_text(float(found.values.min()))} to {number_text(float(found.values.max()))} on "
        f"{count_text(len(found.values), 'image')}"
        if len(found.values)
        else f"{line.title}: not defined"
        for line, found in values
    ]
    return f"{title} of each image of {scene.dataset}. {'; '.join(parts)}."


def mask_cases_rows(values: Values) -> list[dict[str, Any]]:
    """A row a model and image."""
    return [
        {"model": line.title, "label": found.label, "case": str(case), found.metric: float(value)}
        for line, found in values
        for case, value in zip(found.cases, found.values, strict=True)
    ]
