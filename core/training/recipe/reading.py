"""Recipes read from their files, with the line that is wrong in the message."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import msgspec
import yaml

from core.bounded import parse_yaml, read_regular
from core.training.recipe.checks import Contradiction, check_recipe
from core.training.recipe.migration import RENAMED, migrate
from core.training.recipe.schema import InvalidRecipe, Recipe

RECIPES = Path(__file__).parents[1] / "recipes"

#: What msgspec says after its message: where the fault is, as `$.schedule.phases[0].epochs`.
_PLACE = re.compile(r" - at (?:`key` in )?`(\$[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]+)`")
_MISSING = re.compile(r"Object missing required field `([^`]+)`")


def recipe_files(folder: Path = RECIPES) -> dict[str, Path]:
    """Slug of every recipe to its file; those of single images first, then those in folders.

    Raises:
        InvalidRecipe: Two have the same name.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.yaml"), key=lambda path: (len(path.parts), path.parent, path.name)):
        if path.stem in found:
            raise InvalidRecipe(f"Two recipes are called {path.stem}", "rename one of them")
        found[path.stem] = path
    return found


def load_recipes(folder: Path = RECIPES) -> dict[str, Recipe]:
    """All recipes below a folder by slug.

    Raises:
        InvalidRecipe: One of them is not right.
    """
    return {slug: load_recipe(path) for slug, path in recipe_files(folder).items()}


def load_recipe(path: Path) -> Recipe:
    """Read one recipe, also one with the keys of before; its slug is the file's name.

    Raises:
        InvalidRecipe: Something is missing, misspelt or contradictory; the message names the line where it can.
    """
    text = ""
    try:
        content = read_regular(path)
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        return parse_recipe(path.stem, parse_yaml(text), hashlib.sha256(content).hexdigest())
    except Contradiction as fault:
        raise _refusal(path, _line_of(text, f"$.{fault.key}", ""), str(fault)) from fault
    except msgspec.ValidationError as fault:
        line, words = _told(text, str(fault))
        raise _refusal(path, line, words) from fault
    except (OSError, ValueError) as fault:
        raise _refusal(path, 0, str(fault).replace("\n", " ")) from fault


def parse_recipe(slug: str, entry: Any, sha256: str = "") -> Recipe:
    """A recipe from what YAML gave.

    Args:
        slug: Its name.
        entry: A mapping with the keys of `Recipe`, or those of before.
        sha256: Of the file.

    Raises:
        msgspec.ValidationError: A key is missing, misspelt or of another type.
        Contradiction: Its parts do not fit each other.
    """
    if not isinstance(entry, dict):
        raise msgspec.ValidationError(f"Expected a mapping with the keys of a recipe, got {type(entry).__name__}")
    for own in ("slug", "sha256"):
        if own in entry:
            raise msgspec.ValidationError(f"Object contains unknown field `{own}`")
    recipe = msgspec.convert({**migrate(entry), "slug": slug, "sha256": sha256}, Recipe)
    check_recipe(recipe)
    return recipe


def _refusal(path: Path, line: int, words: str) -> InvalidRecipe:
    where = f" in line {line}" if line else ""
    return InvalidRecipe(f"The recipe {path.name} is wrong{where}: {words}", "correct it there")


def _told(text: str, message: str) -> tuple[int, str]:
    """The line of a fault and what it is, from msgspec's message."""
    place = _PLACE.search(message)
    at, words = (place[1], message[: place.start()]) if place else ("$", message)
    key = at.removeprefix("$").lstrip(".")
    if unknown := _UNKNOWN.search(words):
        return _line_of(text, at, unknown[1]), f"unknown key {unknown[1]!r}{f' in {key}' if key else ''}"
    if missing := _MISSING.search(words):
        return _line_of(text, at, ""), f"no {missing[1]!r}{f' in {key}' if key else ''}"
    return _line_of(text, at, ""), f"{key}: {words}" if key else words


def _line_of(text: str, place: str, key: str) -> int:
    """Line, from 1, of a place such as `$.schedule.phases[0]` or of a key there; of what is above it where it is not.

    Args:
        text: The YAML.
        place: As msgspec writes it, with the keys of today; keys of before are found too.
        key: Of a mapping at that place, `""` for the place itself.
    """
    node, line = yaml.compose(text, Loader=yaml.SafeLoader), 0
    for step in [*re.findall(r"[^.\[\]]+", place.removeprefix("$")), *([key] if key else [])]:
        found = _below(node, step)
        if found is None:
            break
        line, node = found
    return line


def _below(node: Any, step: str) -> tuple[int, Any] | None:
    """Line and node of an entry of a mapping or a list."""
    if isinstance(node, yaml.SequenceNode) and step.isdigit() and int(step) < len(node.value):
        entry = node.value[int(step)]
        return entry.start_mark.line + 1, entry
    if isinstance(node, yaml.MappingNode):
        names = {step, *(old for part in RENAMED.values() for old, new in part.items() if new == step)}
        names |= {"input"} if step == "inputs" else set()
        for name, value in node.value:
            if name.value in names:
                return name.start_mark.line + 1, value
    return None
