"""`python -m core.training`: recipe to trained, compiled, judged bundle with its card. What `make models` runs."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from core.errors import ScanLensError
from core.inference.origin import SHIPPED, write_shipped
from core.training.recipe.schema import RECIPES, InvalidRecipe

#: Folder of recipes within `recipes/` to the module that makes their bundles: `make(slug, options, log)`. A module is
#: imported when one of its recipes is asked for.
KINDS: dict[str, str] = {
    "": "core.training.picture_bundle",
    "studies": "core.training.study_bundle",
    "segmentations": "core.training.segment_bundle",
}


def recipe_kinds() -> dict[str, str]:
    """Slug of every recipe to its kind, pictures first.

    Raises:
        InvalidRecipe: Two kinds have a recipe of the same name.
    """
    found: dict[str, str] = {}
    for kind in KINDS:
        for path in sorted((RECIPES / kind).glob("*.yaml")):
            if path.stem in found:
                raise InvalidRecipe("a name for each recipe", f"{path.stem} twice", "rename one of them")
            found[path.stem] = kind
    return found


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m core.training", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--only", default="", help="slug of one recipe; all without it")
    parser.add_argument("--out", type=Path, default=Path("models"), help="where bundles go")
    parser.add_argument("--work", type=Path, default=Path("build/training"), help="checkpoints and logs")
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
        kinds = recipe_kinds()
        if options.only and options.only not in kinds:
            raise InvalidRecipe(f"one of {', '.join(kinds)}", options.only, "choose one of these")
        for slug in [options.only] if options.only else list(kinds):
            _log(f"{slug}: start")
            importlib.import_module(KINDS[kinds[slug]]).make(slug, options, _log)
        list_made(options.out, kinds)
    except ScanLensError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
