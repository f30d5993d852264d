"""A card in parts: the contract as facts, the text by its headings."""

from __future__ import annotations

import re

from core.models.card import ModelCard
from core.models.inputs import InputSpec
from core.models.overview import input_words

#: A heading of the second level; those inside fenced code are no headings.
_HEADING, _FENCE = re.compile(r"##\s+(\S.*?)\s*#*\s*$"), re.compile(r"\s*(```|~~~)")
RESIZED = {"stretch": "stretched", "letterbox": "fitted in with borders", "crop": "cropped at the middle"}
INTENSITIES = {
    "display": "as the file's own window shows it",
    "percentile": "between the 0.5th and the 99.5th percentile",
    "window": "within a fixed window",
}
#: Heading of what stands before the first one.
BEFORE = "About"


def sections(text: str) -> list[tuple[str, str]]:
    r"""The parts of a card's text below its headings of the second level, in their order.

    The card's own title is left out; what stands before the first heading is the part `BEFORE`.

    Example:
        >>> sections("# Card\n\nFor teaching.\n\n## Data\n\nMany.\n")
        [('About', 'For teaching.'), ('Data', 'Many.')]
    """
    found: list[tuple[str, list[str]]] = [(BEFORE, [])]
    fenced = False
    for number, line in enumerate(text.splitlines()):
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.match(line)
        if heading:
            found.append((heading.group(1), []))
        elif number or not line.startswith("# "):
            found[-1][1].append(line)
    return [(title, part) for title, lines in found if (part := "\n".join(lines).strip())]


def contract_facts(card: ModelCard) -> list[tuple[str, str]]:
    """What a model takes and how it decides, as (what, as) pairs for people."""
    facts = [("Answers", ", ".join(card.labels)), ("Trained on", card.training_modality)]
    for spec in card.inputs:
        facts.append((spec.title or spec.name, _input_fact(spec)))
    thresholds = {"": card.threshold} if card.threshold is not None else dict(card.thresholds)
    for label, threshold in thresholds.items():
        facts.append((f"Threshold {label}".strip(), f"{threshold:.3g}"))
    if card.threshold_from:
        facts.append(("Chosen from", card.threshold_from))
    facts.append(("Temperature", f"{card.temperature:.3g}"))
    if card.explain_layer:
        facts.append(("Layer of the heatmaps", card.explain_layer))
    return facts


def _input_fact(spec: InputSpec) -> str:
    if spec.kind == "table":
        return "; ".join(f"{feature.title}, {feature.range_words}" for feature in spec.features)
    low, high = spec.value_range
    parts = [
        input_words([spec]).removeprefix("1 "), RESIZED[spec.resize], f"values {low:g} to {high:g}",
        INTENSITIES[spec.intensity] + (f" {spec.window[0]:g}, {spec.window[1]:g}" if spec.window else ""),
    ]  # fmt: skip
    parts += [", ".join(names) for names in (spec.modality, spec.body_part[:6]) if names]
    return "; ".join(parts)
