"""What was found in a model file, in plain words."""

from __future__ import annotations

import streamlit as st

from core.figures.comparing.numbers import count_text
from core.incoming.report import Report, Tensor
from core.models.overview import size_text
from ui.foreign_text import plain
from ui.show import show_caution, show_error
from ui.tables import markdown_table

ENDINGS = {"softmax": "softmax: probabilities that sum to 1", "sigmoid": "sigmoid: each a probability of its own"}
#: Kinds of layers that are named.
MOST_KINDS = 8


def show_report(report: Report) -> None:
    """The report; a refusal comes first."""
    if report.refused:
        show_error(report.refused)
    for sentence in report.suspicious:
        show_caution(sentence)
    st.markdown(markdown_table([{"In the file": name, "Found": value} for name, value in report_facts(report)]))
    for sentence in report.preprocessing:
        st.markdown(plain(sentence))


def report_facts(report: Report) -> list[tuple[str, str]]:
    """The report as (what, found) pairs; what the file does not say is left out."""
    kinds = sorted(report.layers.items(), key=lambda entry: -entry[1])
    named = ", ".join(f"{count} {kind}" for kind, count in kinds[:MOST_KINDS])
    more = f" and {len(kinds) - MOST_KINDS} other kinds" if len(kinds) > MOST_KINDS else ""
    weights = f"{report.weights:,} ({size_text(report.weights_bytes)})" if report.weights else ""
    facts = [
        ("File", f"{report.name}, {size_text(report.size)}".strip(", ")),
        ("Format", ", ".join(part for part in (report.format_words, report.producer) if part)),
        ("Takes", "; ".join(map(tensor_text, report.inputs)) + (", channels first" if report.channels_first else "")),
        ("Gives", "; ".join(map(tensor_text, report.outputs))),
        ("Ends in", ENDINGS.get(report.ending, report.ending)),
        ("Built on", report.backbone),
        ("Layers", f"{count_text(sum(report.layers.values()), 'layer')}: {named}{more}" if kinds else ""),
        ("Weights", weights),
        ("Labels", ", ".join(report.labels)),
    ]
    return [(what, found) for what, found in facts if found]


def tensor_text(tensor: Tensor) -> str:
    """A tensor for people; sizes that are open are dots.

    Example:
        >>> tensor_text(Tensor("image", (224, 224, 3))), tensor_text(Tensor("x", (None, 8)))
        ('image, 224 × 224 × 3', 'x, … × 8')
    """
    sizes = " × ".join("…" if size is None else f"{size:,}" for size in tensor.shape)
    return f"{tensor.name}, {sizes}" if sizes else tensor.name
