"""What is known to lead a model's answers astray, in short sentences for beside its answer, each with its measure.

Three things are measured: what letters written into an image change, which part of healthy images a segmentation
marks, and how far the ROC AUC falls on images from elsewhere. A recipe may add sentences of its own, without numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.inference.bundle import Bundle
from core.inference.decision import decide
from core.inference.predict import Segmentation, predict
from core.inference.prepare import prepare
from core.inference.study import Study
from core.models.card import ModelCard
from core.scan import Scan
from core.training.data.images import LabelledCase, load_cases, split_cases
from core.training.data.opened import open_image
from core.training.recipe.schema import Recipe

#: Letters as they are written into an image, and their height as a fraction of the image's.
LETTERS, HEIGHT = "RT 2", 0.09

#: Where they begin, as fractions of columns and rows, by name: as a device writes them, and as a person does who marks
#: what is seen.
PLACES = {"into a corner": (0.03, 0.03), "into the image": (0.25, 0.25)}

#: Fraction of changed answers from which on letters are spoken of.
WORTH_SAYING = 0.05

#: Loss of ROC AUC from which on images from elsewhere are spoken of.
FALL = 0.1

#: Most images that are looked at.
MOST = 300


def with_letters(scan: Scan, place: tuple[float, float]) -> Scan:
    """A scan with white letters in it that begin at a place, given as fractions of columns and rows."""
    pixels = np.array(scan.pixels, copy=True)
    height = max(6, round(HEIGHT * scan.rows))
    face, thick = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(height / 9))
    size = cv2.getFontScaleFromHeight(face, height, thick)
    start = (round(place[0] * scan.columns), round(place[1] * scan.rows) + height)
    canvas = cv2.putText(np.zeros((scan.rows, scan.columns), np.uint8), LETTERS, start, face, size, 255, thick)
    pixels[:, canvas > 0] = pixels.max()
    return replace(scan, pixels=pixels)


def evenly(cases: Sequence[LabelledCase], most: int = MOST) -> list[LabelledCase]:
    """At most so many cases, evenly spaced."""
    places = np.unique(np.linspace(0, len(cases) - 1, min(most, len(cases))).astype(int))
    return [cases[place] for place in places]


def changed_by_letters(bundle: Bundle, recipe: Recipe, data: Path) -> list[dict[str, Any]]:
    """On how many test images the answer is another one once letters are in them, by place."""
    cases = evenly(split_cases(recipe, data)["test"])
    changed = dict.fromkeys(PLACES, 0)
    for case in cases:
        scan = open_image(case.path)
        before = _answer(bundle, scan)
        for name, place in PLACES.items():
            changed[name] += _answer(bundle, with_letters(scan, place)) != before
    return [
        {"name": "letters", "place": name, "fraction": round(count / len(cases), 4), "n": len(cases)}
        for name, count in changed.items()
    ]


def _answer(bundle: Bundle, scan: Scan) -> tuple[int, ...]:
    spec = bundle.card.inputs[0]
    logits = bundle.run(prepare(scan, spec, [0]).batch, outputs=("logits",)).logits
    return decide(bundle.card, bundle.probabilities(logits)[0]).predicted


def marked_in_healthy(bundle: Bundle, recipe: Recipe, paths: Sequence[Path]) -> dict[str, Any]:
    """Which fraction of the area of images without a finding a segmentation marks, on average."""
    places = [recipe.foreground.index(label) for label in recipe.healthy_labels]
    areas = []
    for path in paths:
        scan = open_image(path)
        answer = predict(bundle, Study.of(bundle.card, scan), [0], expect=Segmentation)
        marked = np.any([answer.mask(0, place) for place in places], axis=0)
        areas.append(float(marked.mean()))
    return {"name": "healthy", "fraction": round(float(np.mean(areas)), 4), "n": len(paths)}


def healthy_images(recipe: Recipe, data: Path) -> list[Path]:
    """Images of the set that the recipe names as healthy, evenly spaced; empty where it names none."""
    source = recipe.healthy
    if source is None:
        return []
    cases = load_cases(source, recipe.labels, data)
    return [case.path for case in evenly(cases, 120)]


def measure_astray(bundle: Bundle, recipe: Recipe, data: Path) -> list[dict[str, Any]]:
    """All that can be measured for a recipe; each entry with `name`, `fraction` and `n`."""
    found = []
    if recipe.layout == "images":
        found += changed_by_letters(bundle, recipe, data)
    healthy = healthy_images(recipe, data)
    if healthy:
        found.append(marked_in_healthy(bundle, recipe, healthy))
    return found


def sentences(card: ModelCard, recipe: Recipe, measured: Sequence[dict[str, Any]]) -> list[str]:
    """What stands beside the answer, in the order of the recipe, letters, healthy images, images from elsewhere."""
    said = list(recipe.card.shortcuts)
    letters = [entry for entry in measured if entry["name"] == "letters"]
    most = max(letters, key=lambda entry: float(entry["fraction"]), default=None)
    if most is not None and float(most["fraction"]) >= WORTH_SAYING:
        said.append(
            f"Letters written {most['place']} changed {100 * float(most['fraction']):.0f} % of its answers "
            f"({most['n']} test images)"
        )
    for entry in measured:
        fraction = float(entry["fraction"])
        if entry["name"] == "healthy":
            area = f"{100 * fraction:.0f} % of the area of healthy images"
            said.append(f"It marks {area} as lesions ({entry['n']} images)")
    return [*said, *_elsewhere(card)]


def _elsewhere(card: ModelCard) -> list[str]:
    """The set from elsewhere on which the ROC AUC falls most, where it falls by `FALL`."""
    results = [result for model in card.front_matter.get("model-index") or [] for result in model.get("results") or []]
    areas = []
    for result in results:
        value = next((m["value"] for m in result["metrics"] if m["type"] == "roc_auc"), None)
        if value is not None and np.isfinite(value) and result["dataset"].get("split") != "val":
            areas.append((float(value), str(result["dataset"]["kind"]), str(result["dataset"]["name"])))
    own = [value for value, kind, _ in areas if kind == "internal"]
    others = [(value, name) for value, kind, name in areas if kind == "external"]
    if not own or not others or own[0] - min(others)[0] < FALL:
        return []
    value, name = min(others)
    return [f"ROC AUC {own[0]:.2f} on its own test images, {value:.2f} on others ({name})"]
