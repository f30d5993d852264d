"""What all figures of a comparison have in common: title, axes, bands, and names beside the lines."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.colors import CLEAR, GRID, NEUTRAL
from core.evaluation.statistics.resampled_rates import Band
from core.figures.comparing.lines import Line, faded
from core.figures.comparing.numbers import count_text

if TYPE_CHECKING:  # plotly takes most of a second to import
    from plotly.graph_objects import Figure

#: Pixels: of a square plot with its title, of a line of text, of the key's samples.
HEIGHT, LEADING, SAMPLE = 560, 17, 26
TITLE, SMALL = 16, 12.5
#: Characters of a subtitle that fit across a figure at its narrowest.
ACROSS = 96


@dataclass(frozen=True)
class Scene:
    """What a figure is about, for its titles.

    Attributes:
        finding: What is asked.
        dataset: Title of the dataset.
        split: Name of the split, `""` where there are none.
    """

    finding: str
    dataset: str
    split: str = ""

    def described(self, counts: Sequence[tuple[int, int]]) -> str:
        """Dataset and cases in one line.

        Args:
            counts: (cases, cases with the finding) of each model; they differ where one could not score all.
        """
        split = {"val": " (validation)", "train": " (training)"}.get(self.split, "")
        return f"{self.dataset}{split}: {_range([n for n, _ in counts], 'case')}, " + (
            f"{_range([positives for _, positives in counts])} with {self.finding}"
        )


def fraction_of(cases: int, fraction: float) -> tuple[int, int]:
    """(cases, those that a fraction of them is) for `Scene.described`; none where the fraction is not defined."""
    return cases, 0 if np.isnan(fraction) else round(fraction * cases)


def _range(counts: Sequence[int], noun: str = "") -> str:
    least, most = min(counts), max(counts)
    written = f"{most:,}" if least == most else f"{least:,} to {most:,}"
    if not noun:
        return written
    return count_text(most, noun) if least == most else f"{written} {noun}s"


def canvas(title: str, subtitle: str, height: int = HEIGHT) -> Figure:
    """An empty figure with a title: no background and no font colour of its own, so that the theme shows through."""
    from plotly.graph_objects import Figure

    lines = [escape(line) for line in textwrap.wrap(subtitle, ACROSS)]
    figure = Figure()
    figure.update_layout(
        height=height + LEADING * max(0, len(lines) - 1),
        margin={"l": 56, "r": 12, "t": 58 + LEADING * len(lines), "b": 48},
        showlegend=False,
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        hovermode="closest",
        dragmode=False,
        modebar={"bgcolor": CLEAR, "color": NEUTRAL, "activecolor": NEUTRAL},
        title={
            "text": f"<b>{escape(title)}</b>",
            "subtitle": {"text": "<br>".join(lines), "font": {"size": SMALL}},
            "font": {"size": TITLE},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "yref": "container",
            "y": 1,
            "yanchor": "top",
            "pad": {"t": 10, "l": 4},
        },
    )
    return figure


def axis(title: str, **options: Any) -> dict[str, Any]:
    """A quiet axis: thin grid, no box, no zero line, not to be dragged."""
    return {
        "title": {"text": escape(title), "font": {"size": 13}, "standoff": 8},
        "gridcolor": GRID,
        "gridwidth": 1,
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "tickfont": {"size": 12},
        "fixedrange": True,
        **options,
    }


def unit_axis(title: str, **options: Any) -> dict[str, Any]:
    """An axis from 0 to 1, with a hair of room so that lines along its ends are not cut."""
    ticks = {"tickvals": [0, 0.25, 0.5, 0.75, 1], "ticktext": ["0", "0.25", "0.5", "0.75", "1"]}
    return axis(title, **{"range": [-0.008, 1.008], **ticks, **options})


def square(figure: Figure, x: str, y: str) -> None:
    """Both axes from 0 to 1 at the same scale."""
    figure.update_xaxes(**unit_axis(x, constrain="domain", constraintoward="left"))
    figure.update_yaxes(**unit_axis(y, scaleanchor="x", scaleratio=1, constrain="domain", constraintoward="top"))


def enlarge(figure: Figure, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Show a corner only, four times as large."""
    for update, (low, high) in ((figure.update_xaxes, x), (figure.update_yaxes, y)):
        ticks = np.linspace(low, high, 6)
        update(range=[low - 0.002, high + 0.002], tickvals=ticks.tolist(), ticktext=[f"{t:g}" for t in ticks.round(2)])


def add_band(figure: Figure, band: Band, line: Line, shape: str = "linear", **place: Any) -> None:
    """An interval along a curve, as a tint between its ends; nothing where it is not defined."""
    known = ~(np.isnan(band.low) | np.isnan(band.high))
    if not known.any():
        return
    x, low, high = band.x[known], band.low[known], band.high[known]
    figure.add_scatter(
        x=numbers(np.concatenate([x, x[::-1]])), y=numbers(np.concatenate([high, low[::-1]])), mode="lines",
        fill="toself", fillcolor=faded(line.color, 0.16), line={"width": 0, "shape": shape}, hoverinfo="skip",
        **place,
    )  # fmt: skip


def add_curve(figure: Figure, x: ArrayLike, y: ArrayLike, line: Line, hover: str, **options: Any) -> None:
    """A model's line.

    Args:
        figure: To draw in.
        x: (points,).
        y: (points,).
        line: Its look.
        hover: What is shown of a point, after the model's name, in Plotly's template language.
        options: For Plotly's scatter.
    """
    shape = options.pop("shape", "linear")
    figure.add_scatter(
        x=numbers(x), y=numbers(y), mode="lines",
        line={"color": line.color, "dash": line.dash, "width": 2.2, "shape": shape},
        hovertemplate=f"{escape(line.title)}<br>{hover}<extra></extra>", **options,
    )  # fmt: skip


def add_points(figure: Figure, x: ArrayLike, y: ArrayLike, line: Line, hover: str, **options: Any) -> None:
    """Marks in a model's colour and shape, with a light rim that parts them from their line."""
    figure.add_scatter(
        x=numbers(x), y=numbers(y), mode="markers", cliponaxis=False,
        marker={"color": line.color, "symbol": line.symbol, "size": 10, "line": {"color": "#FFFFFF", "width": 1.5}},
        hovertemplate=f"{escape(line.title)}<br>{hover}<extra></extra>", **options,
    )  # fmt: skip


def add_key(figure: Figure, entries: Sequence[tuple[Line, str]], lift: int = 0) -> None:
    """Names between the title and the plot, where no curve can run into them: a sample of the line, name, numbers.

    Args:
        figure: To draw in.
        entries: Look and numbers of each model, from the top.
        lift: Pixels to leave free above the plot.
    """
    height, top = len(entries) * (LEADING + 2), int(figure.layout.margin.t)
    figure.update_layout(height=int(figure.layout.height) + height, margin_t=top + height + 6)
    marks = Marks()
    for place, (line, text) in enumerate(reversed(entries)):
        up = lift + 10 + place * (LEADING + 2)
        add_sample(marks, line, up + LEADING / 2 + 1, xref="paper", yref="paper", xanchor=0, yanchor=1)
        marks.word(
            f"<b>{escape(clipped(line.title))}</b>  {escape(text)}", 0, 1, xref="paper", yref="paper",
            xshift=SAMPLE + 8, yshift=up, xanchor="left", yanchor="bottom", font={"size": SMALL},
        )  # fmt: skip
    marks.draw(figure)


def add_sample(marks: Marks, line: Line, up: float, across: float = 0.0, **place: Any) -> None:
    """A short piece of a model's line, `up` and `across` pixels from its anchor."""
    marks.shape(
        "line", (across, across + SAMPLE), (up, up), xsizemode="pixel", ysizemode="pixel",
        line={"color": line.color, "dash": line.dash, "width": 2.6}, **place,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Marks:
    """Shapes and words that are added to a figure together: Plotly checks all of them anew with each that is added."""

    shapes: list[dict[str, Any]] = field(default_factory=list)
    words: list[dict[str, Any]] = field(default_factory=list)

    def shape(self, kind: str, x: tuple[float, float], y: tuple[float, float], **options: Any) -> None:
        """A `line` or a `rect` between two corners."""
        self.shapes.append({"type": kind, "x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1], **options})

    def word(self, text: str, x: float, y: float, **options: Any) -> None:
        """A few words, in Plotly's markup, beside what they name."""
        look = {"showarrow": False, "font": {"size": 12}, "align": "left"}
        self.words.append({"x": x, "y": y, "text": text, **look, **options})

    def draw(self, figure: Figure) -> None:
        """Add all of them."""
        figure.layout.shapes = [*(shape.to_plotly_json() for shape in figure.layout.shapes), *self.shapes]
        figure.layout.annotations = [*(word.to_plotly_json() for word in figure.layout.annotations), *self.words]


def add_note(figure: Figure, text: str, x: float, y: float, **options: Any) -> None:
    """A few words beside what they name."""
    marks = Marks()
    marks.word(escape(text), x, y, **options)
    marks.draw(figure)


def add_guide(figure: Figure, x: Sequence[float], y: Sequence[float], dash: str = "dot", **place: Any) -> None:
    """A line to compare with, such as chance: thin, grey, and silent under the pointer."""
    figure.add_scatter(
        x=list(x), y=list(y), mode="lines", line={"color": NEUTRAL, "width": 1.2, "dash": dash}, hoverinfo="skip",
        **place,
    )  # fmt: skip


def clipped(text: str, most: int = 46) -> str:
    """A name without its middle where it would run out of the plot: similar names differ at their ends.

    Example:
        >>> clipped("short"), clipped("Pneumonia, chest X-ray, small network", 28)
        ('short', 'Pneumonia … small network')
    """
    if len(text) <= most:
        return text
    words: list[str] = text.split()
    head: list[str] = []
    while words and len(" ".join([*head, words[0]])) <= most // 2 - 2:
        head.append(words.pop(0))
    tail: list[str] = []
    while words and len(" ".join([*head, "…", words[-1], *tail])) <= most:
        tail.insert(0, words.pop())
    if not head or not tail:  # one endless word
        return f"{text[: most // 2]}…{text[-(most - most // 2 - 1) :]}"
    return " ".join([_ended(head), "…", *tail])


def _ended(words: Sequence[str]) -> str:
    """Words before an ellipsis, without a comma at their end."""
    return " ".join(words).rstrip(",;:")


def numbers(values: ArrayLike) -> NDArray[np.float32]:
    """Values as float32 in their own shape: as exact as a screen can show, and half the bytes.

    Plotly takes arrays a hundred times faster than lists.
    """
    return np.asarray(values, np.float32)


def thresholds(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """(n,) thresholds for the pointer: calling nobody, an infinite one, is shown as 1."""
    return numbers(np.minimum(threshold, 1.0))
