"""`python -m core.training`: recipe to trained, compiled, judged bundle with its card. What `make models` runs."""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from core.errors import ScanLensError
from core.inference.origin import SHIPPED, write_shipped
from core.training.bundle.making import make
from core.training.recipe.reading import RECIPES, load_recipe, recipe_files
from core.training.recipe.schema import InvalidRecipe


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m core.training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--only", default="", help="slug of one recipe; all without it")
    parser.add_argument("--out", type=Path, default=Path("models"), help="where bundles go")
    parser.add_argument("--work", type=Path, default=Path("build/training"), help="checkpoints and logs")
    parser.add_argument("--recipes", type=Path, default=RECIPES, help="folder with the recipes")
    parser.add_argument("--as-is", action="store_true", help="do not train on; bundle the best checkpoint so far")
    parser.add_argument("--evaluate-only", action="store_true", help="judge the stored model again, write its card")
    return parser.parse_args(arguments)


def list_made(out: Path, slugs: Iterable[str]) -> None:
    """Write down the hashes of all compiled models below `out` that recipes make: these may run in the web process."""
    files = [(slug, out / slug / "model.onnx") for slug in slugs]
    made = [(hashlib.sha256(path.read_bytes()).hexdigest(), slug) for slug, path in files if path.is_file()]
    write_shipped(made, out / SHIPPED.name)


def _log(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Make the bundles; returns the exit status."""
    options = _arguments(arguments)
    try:
        files = recipe_files(options.recipes)
        if options.only and options.only not in files:
            raise InvalidRecipe(f"There is no recipe called {options.only!r}", f"choose one of {', '.join(files)}")
        for slug in [options.only] if options.only else list(files):
            recipe = load_recipe(files[slug])
            _log(f"{slug}: start")
            make(recipe, options, _log)
        list_made(options.out, files)
    except ScanLensError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
