"""An outline in sentences, the same on the page and in reports."""

from __future__ import annotations

import math
from typing import Any

from core.formatting import frame_word, in_sentence, joined
from core.inference.masks import Segmentation
from core.models.card import ModelCard
from core.scan import Scan
from core.segmentation.sizes import area_text


def place_word(scan: Scan) -> str:
    """What is looked at: `"slice"`, `"frame"` or `"image"`."""
    return frame_word(scan) if scan.frames > 1 else "image"


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


def components_text(pieces: int) -> str:
    """`"1 piece"`, `"3 pieces"`."""
    return f"{pieces} piece{'' if pieces == 1 else 's'}"


def measured_overlaps(card: ModelCard) -> dict[str, dict[str, Any]]:
    """The card's Dice of each label on its test split, by patient where it has that; empty where it has none."""
    found = sorted(
        _defined(card, "dice"),
        key=lambda metric: ("test" not in str(metric.get("split", "")), "patient" not in str(metric["type"])),
    )
    only = card.labels[1] if len(card.labels) == 2 else None
    named = [(metric.get("label") or only, metric) for metric in found]
    return {label: next(m for name, m in named if name == label) for label in card.labels[1:] if label in dict(named)}


def _defined(card: ModelCard, kind: str) -> list[dict[str, Any]]:
    """Metrics whose type begins with `kind` and whose value is a number."""
    return [
        metric
        for metric in card.metrics
        if str(metric.get("type", "")).startswith(kind)
        and isinstance(metric.get("value"), int | float)
        and math.isfinite(metric["value"])
    ]


def _with_interval(metric: dict[str, Any]) -> str:
    ends = [metric.get("low"), metric.get("high")]
    known = all(isinstance(end, int | float) and math.isfinite(end) for end in ends)
    return f"{metric['value']:.2f} ({ends[0]:.2f} to {ends[1]:.2f})" if known else f"{metric['value']:.2f}"


def overlap_sentence(card: ModelCard) -> str:
    """How well the model's outlines fitted an expert's when it was measured; `""` where the card does not say.

    Returns:
        E.g. `"On its own test patients its segmentation overlapped the expert's by 0.81 (0.77 to 0.85): Dice, where 1
        is the same mask."`
    """
    overlaps = measured_overlaps(card)
    if not overlaps:
        return ""
    by_patient = all("patient" in str(metric["type"]) for metric in overlaps.values())
    alone = len(card.labels) == 2
    values = [
        _with_interval(metric) + ("" if alone else f" for {in_sentence(label)}") for label, metric in overlaps.items()
    ]
    return (
        f"On its own test {'patients' if by_patient else 'images'} its segmentation overlapped the expert's by "
        f"{joined(values)}: Dice, where 1 is the same mask."
    )


def silence_sentence(card: ModelCard) -> str:
    """How often the model rightly outlined nothing when it was measured; `""` where the card does not say.

    Returns:
        E.g. `"Of the test pictures without tumour it left 0.75 (0.57 to 0.89) without an outline."`
    """
    found = [metric for metric in _defined(card, "empty_called_empty") if "test" in str(metric.get("split", ""))]
    if len(card.labels) != 2 or not found:
        return ""
    return (
        f"Of the test images without {in_sentence(card.labels[1])} it left {_with_interval(found[0])} "
        "without an outline."
    )
