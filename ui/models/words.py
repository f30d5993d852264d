"""What the card of a model says of its results, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from core.figures.comparing.numbers import count_text, interval_text, number_text, percent_text
from core.models.overview import Result

#: Where images come from as the model sees it.
KINDS = {"internal": "its own kind of data", "external": "data from elsewhere", "stress": "stressed copy"}
STYLE = """<style>
.measured { border-collapse: collapse; font-size: 0.93rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
.measured caption { text-align: left; font-size: 0.8rem; opacity: 0.86; padding-bottom: 0.2rem; }
.measured td, .measured th { border: 0; border-top: 1px solid color-mix(in srgb, currentColor 18%, transparent);
  padding: 0.35rem 0.9rem 0.35rem 0; text-align: left; vertical-align: top; font-weight: 400; }
.measured b { font-weight: 600; }
.measured small { display: block; font-size: 0.8rem; opacity: 0.86; }
.measured .numbers { white-space: nowrap; }
</style>"""


def measured_table(results: Sequence[Result]) -> str:
    """The main metric on each dataset as a small table in HTML, with the interval below the number.

    Args:
        results: At least one.
    """
    title = results[0].headlines[0].title
    rows = "".join(f"<tr>{_numbers(result, title)}<td>{_dataset(result)}</td></tr>" for result in results)
    return f'<table class="measured"><caption>{escape(title)}, 95 % interval</caption>{rows}</table>{STYLE}'


def _numbers(result: Result, title: str) -> str:
    """The number of each label, with its name where there are several, and the metric where it is another one."""
    lines = []
    for one in result.headlines:
        names = [one.label if len(result.headlines) > 1 else "", one.title if one.title != title else ""]
        about = escape(" ".join(name for name in names if name))
        interval = "" if math.isnan(one.value) else interval_text(one.low, one.high)
        small = f"<small>{escape(interval)}</small>" if interval else ""
        lines.append(f"<b>{escape(number_text(one.value))}</b> {about}{small}")
    return f'<th scope="row" class="numbers">{"".join(lines)}</th>'


def _dataset(result: Result) -> str:
    cases = max((one.n for one in result.headlines), default=0)
    facts = [KINDS.get(result.kind, ""), count_text(cases, "case") if cases else ""]
    if result.answered is not None:
        facts.append(f"{percent_text(result.answered)} answered")
    split = "" if result.split == "test" else f", {result.split}"
    small = ", ".join(fact for fact in facts if fact)
    return f"{escape(result.dataset + split)}<small>{escape(small)}</small>"
