"""What networks of studies aim at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.training.losses import spread_targets
from core.training.recipe.study import StudyRecipe


def goals(recipe: StudyRecipe, targets: NDArray[np.integer]) -> NDArray[np.float32]:
    """(cases, units) what the network aims at, smoothed by the schedule's `doubt`."""
    classes, doubt = len(recipe.labels), recipe.schedule.doubt
    if recipe.task == "ordinal" and recipe.schedule.neighbours:
        wanted = spread_targets(targets, classes, recipe.schedule.neighbours)
    else:
        wanted = np.eye(classes, dtype=np.float32)[targets]
    smooth = (1 - doubt) * wanted + doubt / classes
    return smooth[:, 1:].astype(np.float32) if recipe.task == "binary" else smooth.astype(np.float32)
