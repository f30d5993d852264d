"""A control for a split that keeps near-duplicates together: the same recipe and images, split image by image.

That is how sets without patients are usually split. The control is trained and measured like the model and then thrown
away; its scores stay in the bundle, beside the model's evaluations and not among them, so that the difference can be
computed again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from msgspec.structs import replace

from core.training.card.audit import CONTROL
from core.training.checkpoints import OnDisk, State
from core.training.data.images import prepare_cases, split_cases
from core.training.fit import Epoch, fit
from core.training.recipe.schema import InvalidRecipe, Recipe
from core.training.tasks.case_scores import case_table
from core.training.tasks.classification import Classification, Examples

Log = Callable[[str], None]


def train_on(recipe: Recipe, data: Path, work: Path, log: Log) -> tuple[keras.Model, State]:
    """Train a recipe of images, or go on where an earlier run stopped.

    Args:
        recipe: What to train.
        data: The data folder.
        work: Where checkpoints lie.
        log: Told of each epoch.
    """
    parts = split_cases(recipe, data)
    examples = {
        split: Examples(
            prepare_cases([case.path for case in parts[split]], recipe.input),
            np.array([case.target for case in parts[split]]),
        )
        for split in ("train", "val")
    }

    def report(epoch: Epoch) -> None:
        state = epoch.state
        log(f"epoch {state.epoch}/{recipe.schedule.epochs}: best {recipe.schedule.monitor} {abs(state.best_score):.4f}")

    checkpoints = OnDisk(work)
    return fit(Classification(recipe, examples["train"], examples["val"]), checkpoints, report), checkpoints.state


def wanted(recipe: Recipe) -> bool:
    """Whether the recipe asks for a control."""
    return recipe.card.audit is not None and recipe.card.audit.control


def by_image(recipe: Recipe) -> Recipe:
    """The recipe with the same fractions, divided by the hash of each image's name.

    Raises:
        InvalidRecipe: Its data are not divided by a rule.
    """
    division = recipe.images.division
    if division is None:
        raise InvalidRecipe(
            "The recipe divides its data by no rule that a division by image could replace", "leave out the control"
        )
    return replace(recipe, data=replace(recipe.images, patient="", division=replace(division, how="groups", order="")))


def _logits(model: keras.Model, images: np.ndarray) -> np.ndarray:
    inner = keras.Model(model.input, model.get_layer("logits").output)
    return np.asarray(inner.predict(images.astype(np.float32), batch_size=64, verbose=0))


def train(recipe: Recipe, data: Path, work: Path, made: Path, log: Log) -> None:
    """Train the control, or go on training it, and put its scores into a bundle that is being made.

    Args:
        recipe: Of the model; nothing happens where it does not ask for a control.
        data: The data folder.
        work: Where checkpoints of the recipe lie; the control has a folder within.
        made: The bundle that is being made.
        log: Told of progress.
    """
    if not wanted(recipe):
        return
    plain = by_image(recipe)
    log("control, split by image")
    model, _ = train_on(plain, data, work / "by-picture", log)
    cases = split_cases(plain, data)["test"]
    logits = _logits(model, prepare_cases([case.path for case in cases], recipe.input))
    case_table(cases, logits, recipe.task).to_parquet(made / CONTROL, index=False)


def take_over(recipe: Recipe, stored: Path, made: Path) -> None:
    """Take the scores over from the bundle as it was published.

    Raises:
        InvalidRecipe: There are none, and the recipe asks for a control.
    """
    if not wanted(recipe):
        return
    if not (stored / CONTROL).is_file():
        raise InvalidRecipe(f"The stored bundle lacks {CONTROL}", "train it first")
    shutil.copy2(stored / CONTROL, made / CONTROL)
