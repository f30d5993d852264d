"""The card's section on heatmaps against marked regions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from core.explain import EXPLAINERS
from core.explain.trust.localisation import CENTRE_WIDTH, MEASURES
from core.training.card.tables import number, table


def _group_words(group: Mapping[str, Any]) -> str:
    if "called" in group:
        return f"{group['marks']}, {'correct' if group['called'] else 'missed'}"
    return f"{group['marks']}, {group['label']}" if "label" in group else f"{group['marks']}, all"


def _range(entry: Mapping[str, Any], name: str, sign: str = "") -> str:
    key = {"value": ("low", "high")}.get(name, (f"{name}_low", f"{name}_high"))
    low, high = (entry[each] for each in key)
    if math.isnan(low):
        return number(entry[name])
    return f"{entry[name]:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


def _measure_table(parts: list[dict[str, Any]], name: str) -> str:
    rows = []
    for part in parts:
        entry = part["measures"][name]
        cells = [_range(entry, "value"), number(entry["chance"]), number(entry["centre"])]
        rows.append([_group_words(part["group"]), part["n"], *cells, _range(entry, "over_centre", "+")])
    return table([MEASURES[name], "maps", "heatmaps", "chance", "centre", "heatmaps less centre"], rows)


def heatmap_section(entry: Mapping[str, Any], prose: str = "") -> str:
    """One set of marked regions as Markdown, from what `Localised.entry` gives.

    Args:
        entry: Also the front matter's.
        prose: What the numbers mean, from the recipe.
    """
    if not entry["parts"]:
        return "No image of the test split is marked.\n"
    left = ", ".join(f"{count} {reason}" for reason, count in entry["left_out"].items())
    words = (
        f"{EXPLAINERS[entry['method']].title} of the label that is true, drawn on the scan as the app draws it, on "
        f"{entry['n']} images of {entry['patients']} patients that the model neither learned from nor was chosen on"
        f"{f'. Of the marked images, left out: {left}' if left else ''}. Maps without evidence, which count as "
        f"misses: {entry['empty']}. A hit may lie {100 * entry['tolerance']:g} % of the longer side beside the mark. "
        f"Overlap is that of the mark with as many of the hottest pixels. Chance is what an even map reaches; centre "
        f"is a Gaussian at the image's centre, {100 * CENTRE_WIDTH:g} % of each side wide, which knows nothing "
        "of the image. Means over maps, with 95 % intervals by patient."
    )
    area = ", ".join(
        f"{part['group']['marks']} {100 * part['area']:.1f} %" for part in entry["parts"] if len(part["group"]) == 1
    )
    tables = "\n".join(_measure_table(entry["parts"], name) for name in MEASURES)
    return f"{words} Mean fraction of the image that is marked: {area}.\n\n{tables}\n{prose.strip()}\n"
