"""Completes a written card with what is measured on stored scores and on the compiled model.

`python -m core.training.card.completion` does it for all cards. Prediction sets and the uncertainty of the threshold
come from the scores beside the model; whom the model knows comes from the recipe; what leads it astray, and when it
withholds its answer, is measured on the data. `core.training` does the same when it makes a bundle, so that a card is
the same whichever way it was written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from core.bounded import dump_yaml, read_text
from core.errors import ScanLensError
from core.evaluation.results.case_scores import CaseScores, card_scores
from core.inference.bundle import open_bundle
from core.inference.conformal import fewest_cases
from core.models.card import ModelCard, load_card, split_front_matter
from core.training.card.answered import answered_section, measure_answered
from core.training.card.astray import measure_astray, sentences
from core.training.card.prediction_sets import PredictionSets, measure_sets, threshold_range
from core.training.recipe.reading import RECIPES, load_recipe, recipe_files
from core.training.recipe.schema import Recipe

#: Title of each section to the one that it stands before.
SECTIONS = {
    "Prediction sets": "Results by subgroup",
    "Known shortcuts": "Failure modes",
    "Withheld answers": "Size",
}

#: What takes the data: what leads a model astray, and how many scans are answered.
MEASURES = ("shortcuts", "answered")

POOLED = "cross-validation"


def complete(folder: Path, recipe: Recipe, data: Path | None, measure: Sequence[str] = MEASURES) -> None:
    """Write a card anew with everything that this module adds.

    Args:
        folder: Of the bundle.
        recipe: Of the model.
        data: The data folder; None keeps what was measured on it before.
        measure: Which of `MEASURES` to take anew on the data; the others are kept.
    """
    card = load_card(folder)
    matter, text = split_front_matter(read_text(folder / "README.md"))
    contract = matter["scanlens"]
    words: dict[str, str] = {}
    if recipe.task != "segmentation":
        sets = _sets(card, recipe)
        _put(contract, "conformal", dict(sets.contract))
        words["Prediction sets"] = sets.section
        _put(contract, "threshold_range", _range(card, recipe))
    else:
        words["Prediction sets"] = "None: an outline has no label of the whole image that a set could hold.\n"
    if recipe.card.patients is not None:
        _put(contract, "population", recipe.card.patients.entry())
    if data is not None:
        bundle = open_bundle(card)
        if "shortcuts" in measure:
            _put(contract, "shortcut_measures", measure_astray(bundle, recipe, data))
        if "answered" in measure:
            _put(contract, "answered", measure_answered(bundle, recipe, data))
    said = sentences(card, recipe, contract.get("shortcut_measures") or [])
    _put(contract, "shortcuts", said)
    words["Withheld answers"] = answered_section(contract.get("answered") or [])
    words["Known shortcuts"] = _listed(said)
    for title, section in words.items():
        text = with_section(text, title, section, SECTIONS[title])
    (folder / "README.md").write_text(f"---\n{dump_yaml(matter)}---\n\n{text}", encoding="utf-8")


def _put(contract: dict[str, Any], key: str, value: Any) -> None:
    if value:
        contract[key] = value
    else:
        contract.pop(key, None)


def _listed(said: list[str]) -> str:
    if not said:
        return "None is known, which does not mean that there is none.\n"
    return "Shown with every answer:\n\n" + "".join(f"- {sentence}.\n" for sentence in said)


def _scores(card: ModelCard, split: str) -> CaseScores | None:
    """Stored scores of the model's own data."""
    for model in card.front_matter["model-index"]:
        for result in model["results"]:
            if result["dataset"]["split"] == split and result["dataset"]["kind"] == "internal":
                return card_scores(pd.read_parquet(card.folder / result["dataset"]["scores"]), card)
    return None


def _known(card: ModelCard) -> tuple[CaseScores, str]:
    """The validation split, or the pooled folds of a cross-validation where that has too few cases of a class."""
    val, pooled = _scores(card, "val"), _scores(card, POOLED)
    if val is None:
        raise KeyError("scores of the validation split")
    least = min(int((val.y_true == index).sum()) for index in range(len(card.labels)))
    if card.task != "multilabel" and least < fewest_cases() and pooled is not None:
        return pooled, "the pooled folds of the cross-validation"
    return val, "the validation split"


def _sets(card: ModelCard, recipe: Recipe) -> PredictionSets:
    known, source = _known(card)
    test = _scores(card, "test")
    if test is None:
        raise KeyError(f"scores of the test split of {recipe.slug}")
    return measure_sets(known, test, card.temperature, source)


def _range(card: ModelCard, recipe: Recipe) -> list[float] | None:
    val = _scores(card, "val")
    found = None if val is None else threshold_range(val, recipe.threshold_rule, recipe.threshold.value, recipe.seed)
    return None if found is None else list(found)


def with_section(text: str, title: str, words: str, before: str) -> str:
    """A card's text with one section put in, or in the place of an older one.

    Args:
        text: Of the card.
        title: Of the section.
        words: Its text.
        before: Title of the section that it stands before; at the end where there is none.
    """
    parts = text.split("\n## ")
    kept = [part for part in parts if part.split("\n", 1)[0] != title]
    place = next((n for n, part in enumerate(kept) if part.split("\n", 1)[0] == before), len(kept))
    kept.insert(place, f"{title}\n\n{words.strip()}\n")
    return "\n## ".join(kept)


def main(arguments: list[str] | None = None) -> int:
    """Complete all cards; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m core.training.card.completion", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"), help="where the bundles are")
    parser.add_argument("--data", type=Path, help="folder with the data sets; without it nothing is measured anew")
    parser.add_argument("--only", default="", help="slug of one model; all without it")
    parser.add_argument("--measure", nargs="+", choices=MEASURES, default=MEASURES, help="what to measure on the data")
    options = parser.parse_args(arguments)
    files: Mapping[str, Path] = recipe_files(RECIPES)
    for slug in [options.only] if options.only else list(files):
        try:
            complete(options.models / slug, load_recipe(files[slug]), options.data, options.measure)
        except ScanLensError as error:
            print(error, file=sys.stderr)
            return 1
        print(slug, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
