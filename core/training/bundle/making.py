"""From a recipe to its bundle: trained, compiled, measured through the compiled file, with its card."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Protocol

import keras
import numpy as np
from numpy.typing import NDArray

from core.inference.bundle import Bundle, open_bundle
from core.inference.ood import save_reference
from core.keras_process.model.compile import CompiledFacts
from core.models.card import load_card
from core.training.bundle.compiled import compile_kept, provisional, sha256
from core.training.bundle.images import Images
from core.training.bundle.masks import Masks
from core.training.bundle.studies import Studies
from core.training.card import rivals
from core.training.card.completion import complete
from core.training.card.writer import Facts, card_text
from core.training.checkpoints import State
from core.training.recipe.schema import InvalidRecipe, Recipe
from core.training.tasks.results import Measured

Log = Callable[[str], None]
Batch = Mapping[str, NDArray[np.float32]]


class Making(Protocol):
    """What a bundle needs of the kind of cases that its model learns from."""

    def train(self, work: Path, made: Path, log: Log) -> tuple[keras.Model, State]:
        """Train, or go on where an earlier run stopped; what else belongs to the bundle goes into `made`."""

    def newest(self, work: Path, made: Path, log: Log) -> tuple[keras.Model, State]:
        """The best checkpoint so far, without training on; likewise."""

    def take_over(self, stored: Path, made: Path) -> None:
        """Put into `made` what only training could make anew, from the bundle as it was published."""

    def sample(self) -> Batch:
        """A few real inputs to compile with."""

    def measure(self, bundle: Bundle, made: Path, log: Log) -> Measured:
        """All that the card says of the compiled model."""


#: How a recipe's data are laid out to what makes bundles from them: `maker(recipe, data folder)`.
MAKERS: dict[str, Callable[[Recipe, Path], Making]] = {"images": Images, "masks": Masks, "studies": Studies}


def make(recipe: Recipe, options: argparse.Namespace, log: Log) -> None:
    """Make one bundle.

    Args:
        recipe: Of the model.
        options: `data`, `out`, `work`, `as_is` and `evaluate_only`, as `python -m core.training` has them.
        log: Told of each step.

    Raises:
        InvalidRecipe: The data do not fit the recipe, or nothing is stored that could be measured again.
        UnsupportedModel: The network does not compile.
    """
    work, stored = options.work / recipe.slug, options.out / recipe.slug
    made = work / "bundle"
    shutil.rmtree(made, ignore_errors=True)
    (made / "evaluations").mkdir(parents=True)
    maker = MAKERS[recipe.layout](recipe, options.data)
    if options.evaluate_only:
        model, state = _stored(stored, made)
        maker.take_over(stored, made)
    else:
        model, state = (maker.newest if options.as_is else maker.train)(work, made, log)
        model.save(made / "model.keras")
    facts = compile_kept(recipe, model, made, maker.sample())
    measured = maker.measure(open_bundle(provisional(recipe, made)), made, log)
    _write(recipe, model, state, facts, measured, made)
    if recipe.card.non_commercial and not (stored / "LICENSE").is_file():
        log(f"{recipe.slug}: put the licence's text into {stored.name}/LICENSE")
    publish(made, stored)
    complete(stored, recipe, options.data)
    for result in measured.results:
        log(f"{recipe.slug}: {result.file} {result.headline}")
    if recipe.card.rivals:
        try:
            rivals.write(recipe, options.out)
        except InvalidRecipe as missing:  # from scratch the others are made later: then all is written at the end
            log(f"{recipe.slug}: rivals are missing; python -m core.training.card.rivals compares later. {missing}")


def _stored(stored: Path, made: Path) -> tuple[keras.Model, State]:
    """A published model, which is put into `made` as well, and how it was trained."""
    if not (stored / "model.keras").is_file():
        raise InvalidRecipe(f"{stored.name} holds no stored model", "train it first")
    for name in ("model.keras", "model.onnx"):  # the same bytes, so that their hashes stay
        if (stored / name).is_file():
            shutil.copy2(stored / name, made)
    training = load_card(stored).front_matter["scanlens"]["training"]
    state = State(**{item.name: training[item.name] for item in fields(State)})
    return keras.models.load_model(made / "model.keras", compile=False), state


def _write(
    recipe: Recipe, model: keras.Model, state: State, facts: CompiledFacts, measured: Measured, folder: Path
) -> None:
    """Put scores, the reference of the similarity check and the card into the bundle."""
    tables = {result.file: result.table for result in measured.results} | dict(measured.tables)
    for file, table in tables.items():
        table.to_parquet(folder / file, index=False)
    if measured.reference is not None:
        save_reference(measured.reference, folder / "similarity.npz")
    files = [name for name in ("model.keras", "model.onnx", "similarity.npz") if (folder / name).is_file()]
    known = Facts(
        state=state,
        sha256={name: sha256(folder / name) for name in files},
        bytes={name: (folder / name).stat().st_size for name in files},
        parameters=int(model.count_params()),
        max_difference=facts.max_difference,
        affine=facts.affine,
    )
    (folder / "README.md").write_text(card_text(recipe, measured, known), encoding="utf-8")


def publish(made: Path, folder: Path) -> None:
    """Put a finished bundle in its place; the card comes last, so that a reader never meets a half-written one."""
    (folder / "evaluations").mkdir(parents=True, exist_ok=True)
    for old in (folder / "evaluations").glob("*.parquet"):
        old.unlink()
    for path in sorted(made.rglob("*"), key=lambda path: (path.name == "README.md", path)):
        if path.is_file():
            shutil.copy2(path, folder / path.relative_to(made))
