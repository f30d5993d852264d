"""An outline in sentences, the same on the page and in reports."""

from __future__ import annotations

import math
from typing import Any

from core.card import ModelCard
from core.figures.evidence import frame_word
from core.scan import Scan
from core.segmentation.outline import Segmentation
from core.segmentation.sizes import area_text


def place_word(scan: Scan) -> str:
    """What is looked at: `"slice"`, `"frame"` or `"picture"`."""
    return frame_word(scan) if scan.frames > 1 else "picture"


def in_sentence(label: str) -> str:
    """A label inside a sentence: `"Hard exudates"` becomes `"hard exudates"`, `"FAZ"` stays."""
    return label[:1].lower() + label[1:] if label[1:] == label[1:].lower() else label


def joined(words: list[str]) -> str:
    """`"a, b and c"`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def headline(segmentation: Segmentation, position: int, scan: Scan) -> str:
    """What was outlined on one frame, or that nothing was.

    Returns:
        E.g. `"Tumour outlined: 412 mm²"`, `"No tumour outlined on this slice"`, `"Outlined: haemorrhages and hard
        exudates"`.
    """
    found = [label for label, pixels in enumerate(segmentation.pixels[position]) if pixels]
    labels = segmentation.labels
    if not found:
        named = joined([in_sentence(label) for label in labels]).replace(" and ", " or ")
        return f"No {named} outlined on this {place_word(scan)}"
    if len(labels) == 1:
        return f"{labels[0]} outlined: {area_text(int(segmentation.pixels[position, 0]), scan)}"
    return f"Outlined: {joined([in_sentence(labels[label]) for label in found])}"


def pieces_text(pieces: int) -> str:
    """`"1 piece"`, `"3 pieces"`."""
    return f"{pieces} piece{'' if pieces == 1 else 's'}"


def overlap_metric(card: ModelCard) -> dict[str, Any] | None:
    """The card's Dice on its test split, by patient where it has that; None where it has none."""
    defined = [
        metric
        for metric in card.metrics
        if "dice" in str(metric.get("type", "")).lower()
        and isinstance(metric.get("value"), int | float)
        and math.isfinite(metric["value"])
    ]
    ranked = sorted(
        defined,
        key=lambda metric: (
            "test" not in str(metric.get("split", "")),
            "patient" not in f"{metric.get('type')} {metric.get('name')}".lower(),
            bool(metric.get("label")),
        ),
    )
    return ranked[0] if ranked else None


def overlap_sentence(card: ModelCard) -> str:
    """How well the model's outlines fitted an expert's when it was measured; `""` where the card does not say.

    Returns:
        E.g. `"On its own test cases its outline overlapped the expert's by 0.81 (0.77 to 0.85; Dice, 1 is the same
        outline)."`
    """
    metric = overlap_metric(card)
    if metric is None:
        return ""
    by_patient = "patient" in f"{metric.get('type')} {metric.get('name')}".lower()
    ends = [metric.get("low"), metric.get("high")]
    known = all(isinstance(end, int | float) and math.isfinite(end) for end in ends)
    interval = f"{ends[0]:.2f} to {ends[1]:.2f}; " if known else ""
    about = f" for {in_sentence(str(metric['label']))}" if metric.get("label") else ""
    return (
        f"On its own test {'patients' if by_patient else 'cases'} its outline{about} overlapped the expert's by "
        f"{metric['value']:.2f} ({interval}Dice, 1 is the same outline)."
    )
