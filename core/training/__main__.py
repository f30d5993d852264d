"""`python -m core.training`: recipe to trained, compiled, judged bundle with its card. What `make models` runs."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

import keras

from core.card import load_card
from core.errors import ScanLensError
from core.training.bundle import make_bundle, publish, train
from core.training.control import provide
from core.training.fit import State, read_state
from core.training.recipe import InvalidRecipe, Recipe, load_recipes


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m core.training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--only", default="", help="slug of one recipe; all without it")
    parser.add_argument("--out", type=Path, default=Path("models"), help="where bundles go")
    parser.add_argument("--work", type=Path, default=Path("build/training"), help="checkpoints and logs")
    parser.add_argument("--as-is", action="store_true", help="do not train on; bundle the best checkpoint so far")
    parser.add_argument("--evaluate-only", action="store_true", help="judge the stored model again, write its card")
    return parser.parse_args(arguments)


def _model(recipe: Recipe, options: argparse.Namespace, made: Path) -> tuple[keras.Model, State]:
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
        model = train(recipe, options.data, work, _log)
        state = read_state(work)
    model.save(made / "model.keras")
    return model, state


def _log(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Make the bundles; returns the exit status."""
    options = _arguments(arguments)
    try:
        recipes = load_recipes()
        if options.only and options.only not in recipes:
            raise InvalidRecipe(f"one of {', '.join(recipes)}", options.only, "choose one of these")
        for slug in [options.only] if options.only else list(recipes):
            _log(f"{slug}: start")
            made = options.work / slug / "bundle"
            made.mkdir(parents=True, exist_ok=True)
            model, state = _model(recipes[slug], options, made)
            work, stored = options.work / slug, options.out / slug
            provide(recipes[slug], options.data, work, stored, made, _log, retrain=not options.evaluate_only)
            measured = make_bundle(recipes[slug], model, state, options.data, made, _log)
            publish(made, options.out / slug)
            for result in measured.results:
                _log(f"{slug}: {result.file} {result.headline}")
    except ScanLensError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
