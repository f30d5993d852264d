"""ROC curves of each class against the rest, a small panel a class, the models overlaid in each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from core.evaluation.results.curves import RocCurve
from core.figures.comparing.canvas import (
    Scene,
    add_band,
    add_curve,
    add_guide,
    add_key,
    add_note,
    canvas,
    clipped,
    thresholds,
    unit_axis,
)
from core.figures.comparing.lines import Line
from core.figures.comparing.numbers import count_text, estimate_text, number_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Label, and the curves of the models for it.
Panels = Sequence[tuple[str, Sequence[tuple[Line, RocCurve]]]]

#: Panels in a row, and pixels of one.
ACROSS, PANEL = 3, 250
#: Pixels of a panel's name above it.
NAME = 24

_HOVER = "called from %{customdata:.3f} on<br>sensitivity %{y:.3f}<br>false positive rate %{x:.3f}"


def class_roc_figure(scene: Scene, panels: Panels) -> Figure:
    """Small square ROC plots, one for each class.

    Args:
        scene: What is asked of what.
        panels: Classes in their order, each with look and curve of each model.
    """
    rows = math.ceil(len(panels) / ACROSS)
    figure = canvas("How well is each class told from the others?", _described(scene, panels), 90 + PANEL * rows)
    figure.update_layout(margin_t=int(figure.layout.margin.t) + NAME)
    for number, (label, curves) in enumerate(panels):
        _add_panel(figure, label, curves, number, rows)
    add_key(figure, [(line, "") for line, _ in panels[0][1]], lift=NAME)
    return figure


def _described(scene: Scene, panels: Panels) -> str:
    most = max(curve.n for _, curve in panels[0][1])
    return f"{scene.dataset}: {count_text(most, 'case')}; each against the rest"


def _add_panel(figure: Figure, label: str, curves: Sequence[tuple[Line, RocCurve]], number: int, rows: int) -> None:
    row, column = divmod(number, ACROSS)
    end = "" if number == 0 else str(number + 1)
    x, y = f"x{end}", f"y{end}"
    wide, gap = (1 - 0.07 * (ACROSS - 1)) / ACROSS, 0.26 / rows if rows > 1 else 0.0
    high = (1 - gap * (rows - 1)) / rows
    left, top = column * (wide + 0.07), 1 - row * (high + gap)
    lowest = row == rows - 1
    ticks = {"tickvals": [0, 0.5, 1], "ticktext": ["0", "0.5", "1"]}
    figure.update_layout({
        f"xaxis{end}": unit_axis(
            "False positive rate" if lowest else "", anchor=y, domain=[left, left + wide], constrain="domain",
            constraintoward="left", **ticks,
        ),
        f"yaxis{end}": unit_axis(
            "Sensitivity" if column == 0 else "", anchor=x, domain=[max(0.0, top - high), top], scaleanchor=x,
            constrain="domain", constraintoward="top", **ticks,
        ),
    })  # fmt: skip
    place = {"xaxis": x, "yaxis": y}
    add_guide(figure, (0, 1), (0, 1), **place)
    for line, curve in curves:
        add_band(figure, curve.band, line, **place)
    for line, curve in curves:
        add_curve(
            figure,
            curve.false_positive_rate,
            curve.sensitivity,
            line,
            _HOVER,
            customdata=thresholds(curve.threshold),
            **place,
        )
    add_note(
        figure, clipped(label, 30), 0, 1, xref=f"{x} domain", yref=f"{y} domain", xanchor="left", yanchor="bottom",
        yshift=2, font={"size": 13, "weight": 600},
    )  # fmt: skip
    values = "<br>".join(
        f"<span style='color:{line.color}'>■</span> {escape(number_text(curve.auc.value))}" for line, curve in curves
    )
    figure.add_annotation(
        xref=x, yref=y, x=0.98, y=0.03, text=f"AUC<br>{values}", showarrow=False, xanchor="right", yanchor="bottom",
        align="right", font={"size": 12},
    )  # fmt: skip


def describe_class_roc(scene: Scene, panels: Panels) -> str:
    """The figure in words."""
    parts = [
        f"{label}: " + ", ".join(f"{line.title} AUC {estimate_text(curve.auc)}" for line, curve in curves)
        for label, curves in panels
    ]
    return f"ROC curves of each class against the rest on {scene.dataset}. {'; '.join(parts)}."


def class_roc_rows(panels: Panels) -> list[dict[str, Any]]:
    """The points of the curves, a row each."""
    return [
        {"class": label, "model": line.title, "threshold": threshold, "false_positive_rate": rate, "sensitivity": found}
        for label, curves in panels
        for line, curve in curves
        for threshold, rate, found in zip(curve.threshold, curve.false_positive_rate, curve.sensitivity, strict=True)
    ]
