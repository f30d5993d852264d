"""Bundles of models for one picture, as `python -m core.training` makes them."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

import keras

from core.models.card import load_card
from core.training.bundle import make_bundle, publish, train
from core.training.control import provide
from core.training.fit import State, read_state
from core.training.recipe.schema import RECIPES, InvalidRecipe, Recipe, load_recipe

Log = Callable[[str], None]


def recipes() -> dict[str, Path]:
    """Every recipe of pictures by slug."""
    return {path.stem: path for path in sorted(RECIPES.glob("*.yaml"))}


def _model(recipe: Recipe, options: argparse.Namespace, made: Path, log: Log) -> tuple[keras.Model, State]:
    """The model, which is put into `made` as well, and how it was trained."""
    work, stored = options.work / recipe.slug, options.out / recipe.slug
    if options.evaluate_only:
        if not (stored / "model.keras").is_file():
            raise InvalidRecipe(f"a stored model in {stored}", "none", "train it first")
        for name in ("model.keras", "model.onnx"):  # the same bytes, so that their hashes stay
            if (stored / name).is_file():
                shutil.copy2(stored / name, made)
        state = State(**load_card(stored).front_matter["scanlens"]["training"])
        return keras.models.load_model(made / "model.keras", compile=False), state
    (made / "model.onnx").unlink(missing_ok=True)  # of an earlier run, of another model perhaps
    if options.as_is:
        state = read_state(work)
        model = keras.models.load_model(work / state.best, compile=False)
    else:
        model = train(recipe, options.data, work, log)
        state = read_state(work)
    model.save(made / "model.keras")
    return model, state


def make(slug: str, options: argparse.Namespace, log: Log) -> None:
    """Make one bundle.

    Args:
        slug: One of `recipes()`.
        options: `data`, `out`, `work`, `as_is` and `evaluate_only`, as `python -m core.training` has them.
        log: Told of each step.

    Raises:
        InvalidRecipe: The recipe does not hold, its data do not fit, or nothing is stored that could be judged again.
        UnsupportedModel: The network does not compile.
    """
    recipe = load_recipe(recipes()[slug])
    made = options.work / slug / "bundle"
    made.mkdir(parents=True, exist_ok=True)
    model, state = _model(recipe, options, made, log)
    work, stored = options.work / slug, options.out / slug
    provide(recipe, options.data, work, stored, made, log, retrain=not options.evaluate_only)
    measured = make_bundle(recipe, model, state, options.data, made, log)
    publish(made, stored)
    for result in measured.results:
        log(f"{slug}: {result.file} {result.headline}")
