"""Each case of a session: which fraction of the class had it right, without and with the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.colors import NEUTRAL
from core.figures.comparing.canvas import add_key, axis, canvas, unit_axis
from core.figures.comparing.lines import Line
from core.figures.reader_study.results import AIDED, WITHOUT
from core.reader_study.class_results import CaseFraction

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

#: Pixels of a case.
ROW = 20
#: Around the other point where both are the same.
RING = {"color": WITHOUT.color, "symbol": "circle-open", "size": 15, "line": {"width": 2.5}}


def cases_figure(cases: Sequence[CaseFraction], finding: str, without: str) -> Figure:
    """One row a case that somebody read, the hardest first.

    Args:
        cases: Of the class.
        finding: Name of what may be there.
        without: Name of its absence.
    """
    read = sorted((case for case in cases if case.readers), key=lambda case: (case.without / case.readers, case.place))
    figure = canvas("Which cases were hard, and did the model help?", f"{len(read)} cases, the hardest first", 110)
    figure.update_layout(height=figure.layout.height + ROW * len(read), margin_l=200)
    names = [_name(case, finding, without) for case in read]
    places = [-index for index in range(len(read))]
    figure.update_xaxes(**unit_axis("Fraction of readers who were right"))
    figure.update_yaxes(
        **axis("", range=[-len(read) + 0.4, 0.6], showgrid=False, tickvals=places, ticktext=names, zeroline=False)
    )
    for case, y in zip(read, places, strict=True):
        ends = (case.without / case.readers, case.aided / case.readers)
        figure.add_scatter(x=ends, y=(y, y), mode="lines", line={"color": NEUTRAL, "width": 1.5}, hoverinfo="skip")
    for line, right in ((WITHOUT, [case.without for case in read]), (AIDED, [case.aided for case in read])):
        mark = RING if line is WITHOUT else {"color": line.color, "symbol": line.symbol, "size": 9}
        figure.add_scatter(
            x=[count / case.readers for count, case in zip(right, read, strict=True)], y=places, mode="markers",
            cliponaxis=False, marker=mark,
            customdata=[[count, case.readers] for count, case in zip(right, read, strict=True)],
            hovertemplate=f"{line.title}: %{{customdata[0]}} of %{{customdata[1]}} right<extra></extra>",
        )  # fmt: skip
    add_key(figure, [(Line("Without the model", WITHOUT.color), "ring"), (Line("With it", AIDED.color), "diamond")])
    return figure


def _name(case: CaseFraction, finding: str, without: str) -> str:
    truth = finding if case.truth else without
    return f"{case.place + 1}: {truth[:14]}, model {'right' if case.model_right else '<b>wrong</b>'}"


def describe_cases(cases: Sequence[CaseFraction]) -> str:
    """The figure in words."""
    read = [case for case in cases if case.readers]
    better, worse = (sum(sign * (case.aided - case.without) > 0 for case in read) for sign in (1, -1))
    return f"Of {len(read)} cases, {better} were read better with the model and {worse} worse."
