"""How training images vary, for the page and for the Keras process alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.lessons.training.settings import VARIATIONS, LiveSettings
from core.training.augment import augment
from core.training.recipe.course import Augmentation


def augmentation(settings: LiveSettings) -> Augmentation | None:
    """How the training images vary, None where they do not."""
    if not settings.variations:
        return None
    return Augmentation(**{name: value for key in settings.variations for name, value in VARIATIONS[key][1].items()})


def varied(image: NDArray[np.uint8], settings: LiveSettings, seed: int) -> NDArray[np.uint8]:
    """One variation of an image.

    Args:
        image: (rows, columns) uint8.
        settings: Which variations.
        seed: The same seed gives the same draw.
    """
    how = augmentation(settings)
    if how is None:
        return image
    levels = augment(image[..., None].astype(np.float32) / 255, how, np.random.default_rng(seed))
    return np.asarray(np.round(levels[..., 0] * 255), np.uint8)
