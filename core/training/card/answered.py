"""How many of a model's own test scans are answered, and how many of other kinds and from elsewhere are withheld.

Measured on image files through the same check as on the page. An image file names neither modality nor patient, so what
is measured is the hardest case: kind, resolution and similarity alone have to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from core.evaluation.statistics.intervals import wilson
from core.inference.bundle import Bundle
from core.inference.prepare import prepare
from core.inference.recognise import Recognition, recognise
from core.inference.study import Study
from core.inference.withhold import scan_reasons, withheld
from core.training.card.astray import evenly
from core.training.card.tables import interval, table
from core.training.data.images import load_cases, split_cases
from core.training.data.masked_images import load_masked_cases
from core.training.data.opened import open_image
from core.training.recipe.schema import Recipe
from core.training.recipe.sources import Source

#: Most images of the own test split, and of each other set.
OWN, OTHER = 120, 25


@cache
def _recognised(path: Path) -> Recognition:
    """What a file looks like: the same for every model."""
    return recognise(open_image(path))


def is_withheld(bundle: Bundle, path: Path) -> bool:
    """Whether the answer for one image file is withheld."""
    scan, spec = open_image(path), bundle.card.inputs[0]
    reasons = scan_reasons(bundle.card, Study.of(bundle.card, scan), lambda _: _recognised(path))
    if reasons:
        return True
    near = bundle.similarity(bundle.run(prepare(scan, spec, [0]).batch, outputs=("features",)).features)
    return withheld(bundle.card, reasons, near[0] if near else None) is not None


def _own(recipe: Recipe, data: Path) -> list[Path]:
    if recipe.layout == "images":
        return [case.path for case in evenly(split_cases(recipe, data)["test"], OWN)]
    return [case.path for case in load_masked_cases(recipe, data)["test"]][:OWN]


def _entry(bundle: Bundle, paths: Sequence[Path], name: str, role: str) -> dict[str, Any]:
    count = sum(is_withheld(bundle, path) for path in paths)
    return {"name": name, "role": role, "withheld": count, "n": len(paths)}


def measure_answered(bundle: Bundle, recipe: Recipe, data: Path) -> list[dict[str, Any]]:
    """One entry for the own test split, each set of other kinds, and each from elsewhere; empty for studies."""
    if recipe.layout == "studies":
        return []

    def rows(sources: Iterable[Source], role: str) -> list[dict[str, Any]]:
        found = []
        for source in sources:
            cases = evenly(load_cases(source, recipe.labels, data), OTHER)
            found.append(_entry(bundle, [case.path for case in cases], source.title or source.name, role))
        return found

    outside = [*recipe.out_of_distribution.near, *(each for each in recipe.evaluate if each.kind == "external")]
    return [
        _entry(bundle, _own(recipe, data), "Its own test split", "own"),
        *rows(recipe.out_of_distribution.far, "other kind"),
        *rows(outside, "from elsewhere"),
    ]


def answered_section(measured: Sequence[dict[str, Any]]) -> str:
    """The card's text."""
    if not measured:
        return "Not measured: its cases are studies of several images, sequences or facts.\n"
    rows = []
    for entry in measured:
        count, total = int(entry["withheld"]), int(entry["n"])
        shown = total - count if entry["role"] == "own" else count
        word = "answered" if entry["role"] == "own" else "withheld"
        rows.append([entry["name"], entry["role"], total, f"{word} {interval(wilson(shown, total), 2)}"])
    others = [entry for entry in measured if entry["role"] == "other kind"]
    total, count = sum(int(each["n"]) for each in others), sum(int(each["withheld"]) for each in others)
    told = f"Of {total} images of other kinds together {100 * count / total:.1f} % are withheld. " if total else ""
    return (
        f"{told}An answer is shown only for what looks like the kind of image that the model knows, with pixels enough "
        "and features within its limit; measured on image files, which name neither modality nor patient. Wilson "
        f"intervals.\n\n{table(['images', 'role', 'number', 'fraction'], rows)}"
    )
