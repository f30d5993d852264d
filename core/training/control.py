"""A control for a split that keeps look-alikes together: the same recipe and pictures, split picture by picture.

That is how sets without patients are usually split. The control is trained and measured like the model and then thrown
away; its scores stay in the bundle, beside the model's evaluations and not among them, so that the difference can be
computed again.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from core.training.bundle import Log, train
from core.training.card.audit import CONTROL
from core.training.data.images import prepare_cases, split_cases
from core.training.recipe.schema import InvalidRecipe, Recipe
from core.training.tasks.case_scores import case_table


def wanted(recipe: Recipe) -> bool:
    """Whether the recipe asks for it."""
    return bool(recipe.card.get("audit", {}).get("control", False))


def by_picture(recipe: Recipe) -> Recipe:
    """The recipe with the same shares, divided by the hash of each picture's name.

    Raises:
        InvalidRecipe: Its data are not divided by a rule.
    """
    division = recipe.data.division
    if division is None:
        raise InvalidRecipe("a division to replace by one by picture", "none", "leave out the control")
    return replace(recipe, data=replace(recipe.data, patient="", division=replace(division, how="groups", order="")))


def _logits(model: keras.Model, pictures: np.ndarray) -> np.ndarray:
    inner = keras.Model(model.input, model.get_layer("logits").output)
    return np.asarray(inner.predict(pictures.astype(np.float32), batch_size=64, verbose=0))


def provide(recipe: Recipe, data: Path, work: Path, stored: Path, made: Path, log: Log, *, retrain: bool) -> None:
    """Put the control's scores into a bundle that is being made, if the recipe asks for them.

    Args:
        recipe: Of the model.
        data: The data folder.
        work: Where checkpoints of the recipe lie; the control has a folder within.
        stored: The bundle as it was published, whose scores are taken over without `retrain`.
        made: The bundle that is being made.
        log: Told of progress.
        retrain: Train it, or go on training it.

    Raises:
        InvalidRecipe: There are no scores to take over.
    """
    if not wanted(recipe):
        return
    (made / CONTROL).parent.mkdir(parents=True, exist_ok=True)
    if not retrain:
        if not (stored / CONTROL).is_file():
            raise InvalidRecipe(f"{CONTROL} in the stored bundle", "none", "train it first")
        shutil.copy2(stored / CONTROL, made / CONTROL)
        return
    control = by_picture(recipe)
    log("control, split by picture")
    model = train(control, data, work / "by-picture", log)
    cases = split_cases(control, data)["test"]
    logits = _logits(model, prepare_cases([case.path for case in cases], recipe.input))
    case_table(cases, logits, recipe.task).to_parquet(made / CONTROL, index=False)
