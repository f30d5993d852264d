"""How a model is drawn: the same colour, dash and symbol in every figure, whatever else is beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.colors import OKABE_ITO

#: Those of Okabe and Ito with at least 3:1 against white and against the dark theme (WCAG 2.2, 1.4.11).
LINE_COLORS = (OKABE_ITO[0], OKABE_ITO[5], OKABE_ITO[2], OKABE_ITO[3])

#: Once the colours are used up, the same ones come again in another dash.
DASHES = ("solid", "dash", "dot", "dashdot")

SYMBOLS = ("circle", "square", "diamond", "triangle-up")


@dataclass(frozen=True)
class Line:
    """One model in a figure.

    Attributes:
        title: For people.
        color: Hex.
        dash: Plotly's word.
        symbol: Plotly's word for its points.
    """

    title: str
    color: str = LINE_COLORS[0]
    dash: str = "solid"
    symbol: str = "circle"


def line_of(title: str, number: int) -> Line:
    """The look with a number from 0; numbers up to 15 differ from each other."""
    turn = number // len(LINE_COLORS)
    return Line(
        title,
        LINE_COLORS[number % len(LINE_COLORS)],
        DASHES[turn % len(DASHES)],
        SYMBOLS[turn % len(SYMBOLS)],
    )


def line_numbers(groups: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """A number for each model, so that models which can be drawn together never share one.

    A model takes the least number that no model before it has with which it shares a question. So one that answers
    nothing that others answer is always drawn in the first colour, and all keep theirs from question to question.

    Args:
        groups: Question to the models that answer it.

    Example:
        >>> line_numbers({"Pneumonia": ["a", "b"], "Fracture": ["c"]})
        {'a': 0, 'b': 1, 'c': 0}
    """
    rivals: dict[str, set[str]] = {}
    for models in groups.values():
        together = set(models)
        for model in together:
            rivals.setdefault(model, set()).update(together - {model})
    numbers: dict[str, int] = {}
    for model in sorted(rivals):
        taken = {numbers[rival] for rival in rivals[model] if rival in numbers}
        numbers[model] = next(number for number in range(len(rivals)) if number not in taken)
    return numbers


def faded(color: str, opacity: float) -> str:
    """A hex colour as CSS with an opacity, for bands.

    Example:
        >>> faded("#0072B2", 0.15)
        'rgba(0, 114, 178, 0.15)'
    """
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity:g})"
