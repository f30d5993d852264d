"""Forest plot: for whom models work, and whether the groups differ at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from core.colors import NEUTRAL
from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.subgroups import SubgroupRow, Subgroups
from core.figures.comparing.canvas import Marks, Scene, add_key, axis, canvas, clipped, unit_axis
from core.figures.comparing.lines import Line, faded
from core.figures.comparing.numbers import count_text, estimate_text
from core.formatting import p_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Found = Sequence[tuple[Line, Subgroups]]

#: Pixels of a model's line in a group, and of the room between groups.
LINE, BETWEEN = 20, 16
#: Fraction of the width for the marks; the numbers stand in the rest.
MARKS = 0.66


def subgroups_figure(scene: Scene, found: Found) -> Figure:
    """Estimates with intervals by group, all cases at the top, numbers in a column of their own.

    Args:
        scene: What is asked of what.
        found: Look and groups of each model, by the same attribute and metric.
    """
    first = found[0][1]
    names = _group_names(found)
    step = len(found) * LINE + BETWEEN
    figure = canvas(
        f"Does it work as well for every group? {_metric(first)} by {first.attribute}",
        f"{scene.dataset}: {count_text(first.whole.cases, 'case')}" + _unknown(found),
        130 + step * len(names),
    )
    longest = max(len(line) for name in names for line in _label(found, name).split("<br>"))
    figure.update_layout(margin_l=24 + min(7 * longest, 190))
    values = [row.estimate for _, groups in found for row in (groups.whole, *groups.rows)]
    bounded = all(0 <= end <= 1 for e in values for end in (e.low, e.value, e.high) if not math.isnan(end))
    make = unit_axis if bounded else axis
    figure.update_xaxes(**make(_metric(first), domain=[0, MARKS]))
    centres = [-(place + 0.5) * step for place in range(len(names))]
    figure.update_yaxes(
        **axis(
            "", range=[-step * len(names), 0], showgrid=False, tickvals=centres,
            ticktext=[_label(found, name) for name in names],
        )
    )  # fmt: skip
    add_key(figure, [(line, _interaction(groups)) for line, groups in found])
    marks = Marks()
    for place, (line, groups) in enumerate(found):
        _add_model(figure, marks, line, groups, names, place, step)
    marks.shape("line", (0, 1), (-step, -step), xref="paper", yref="y", line={"color": NEUTRAL, "width": 1})
    marks.draw(figure)
    return figure


def _metric(groups: Subgroups) -> str:
    return METRICS[groups.metric].title.partition(" (")[0]


def _group_names(found: Found) -> list[str]:
    """All cases first, then the groups of any model, in the order of the first that has them."""
    return ["All", *dict.fromkeys(row.name for _, groups in found for row in groups.rows)]


def _row(groups: Subgroups, name: str) -> SubgroupRow | None:
    if name == "All":
        return groups.whole
    return next((row for row in groups.rows if row.name == name), None)


def _label(found: Found, name: str) -> str:
    """The group's name, and below it how many cases it has."""
    rows = [row for _, groups in found if (row := _row(groups, name)) is not None]
    most = max(rows, key=lambda row: row.cases)
    positives = f", {most.positives:,} with" if most.positives else ""
    return f"<b>{escape(clipped(name, 26))}</b><br>{count_text(most.cases, 'case')}{positives}"


def _unknown(found: Found) -> str:
    unknown = max(groups.unknown for _, groups in found)
    return f"; not known of {unknown:,}" if unknown else ""


def _interaction(groups: Subgroups) -> str:
    if math.isnan(groups.p):
        return "whether the groups differ cannot be tested"
    return f"groups differ: {p_text(groups.p)}" if groups.p < 0.05 else f"no difference shown: {p_text(groups.p)}"


def _add_model(
    figure: Figure, marks: Marks, line: Line, groups: Subgroups, names: Sequence[str], place: int, step: float
) -> None:
    at, rows = [], []
    for number, name in enumerate(names):
        row = _row(groups, name)
        if row is not None:
            rows.append(row)
            at.append(-number * step - BETWEEN / 2 - (place + 0.5) * LINE)
    whole = groups.whole.estimate.value
    if not math.isnan(whole):
        look = {"color": faded(line.color, 0.55), "width": 1, "dash": "dot"}
        marks.shape("line", (whole, whole), (-step * len(names), 0), xref="x", yref="y", layer="below", line=look)
    estimates = [row.estimate for row in rows]
    figure.add_scatter(
        x=[None if math.isnan(e.value) else e.value for e in estimates], y=at, mode="markers", cliponaxis=False,
        marker={
            "color": line.color, "opacity": 1, "line": {"width": 0}, "size": [12] + [9] * (len(rows) - 1),
            "symbol": ["diamond"] + [line.symbol] * (len(rows) - 1),
        },
        error_x={
            "type": "data", "symmetric": False, "thickness": 1.8, "width": 0, "color": line.color,
            "array": [_reach(e.high - e.value) for e in estimates],
            "arrayminus": [_reach(e.value - e.low) for e in estimates],
        },
        customdata=[[escape(row.name), estimate_text(row.estimate)] for row in rows],
        hovertemplate=f"{escape(line.title)}<br>%{{customdata[0]}}: %{{customdata[1]}}<extra></extra>",
    )  # fmt: skip
    for height, row in zip(at, rows, strict=True):
        marks.word(
            estimate_text(row.estimate), MARKS + 0.03, height, xref="paper", yref="y", xanchor="left",
            yanchor="middle", font={"size": 12},
        )  # fmt: skip


def _reach(length: float) -> float:
    return 0.0 if math.isnan(length) else max(0.0, length)


def describe_subgroups(scene: Scene, found: Found) -> str:
    """The figure in words."""
    first = found[0][1]
    parts = [
        f"{line.title}: "
        + ", ".join(f"{row.name} {estimate_text(row.estimate)}" for row in (groups.whole, *groups.rows))
        + f"; {_interaction(groups)}"
        for line, groups in found
    ]
    return f"{_metric(first)} for {scene.finding} by {first.attribute} on {scene.dataset}. {'. '.join(parts)}."


def subgroups_rows(found: Found) -> list[dict[str, Any]]:
    """The groups, a row each."""
    return [
        {
            "model": line.title, "attribute": groups.attribute, "metric": groups.metric, "group": row.name,
            "cases": row.cases, "with_finding": row.positives, "patients": row.patients, "value": row.estimate.value,
            "low": row.estimate.low, "high": row.estimate.high, "interval": row.estimate.method,
            "p_groups_differ": groups.p, "test": groups.test,
        }
        for line, groups in found
        for row in (groups.whole, *groups.rows)
    ]  # fmt: skip


def subgroups_note(found: Found) -> str:
    """What a reader should know of the tests; said once where it holds for all models."""
    notes = {line.title: _note(groups) for line, groups in found}
    if len(set(notes.values())) == 1:
        return next(iter(notes.values()))
    return " ".join(f"{title}: {note}" for title, note in notes.items() if note)


def _note(groups: Subgroups) -> str:
    test = "" if math.isnan(groups.p) else f"Whether groups differ: {groups.test}, not corrected for other attributes."
    few = f"The smallest group has {count_text(groups.fewest, 'case')}." if 0 < groups.fewest < 30 else ""
    return " ".join(part for part in (test, few, groups.note) if part)
