"""What a class looks like to the model: the image that raises its score most. It needs no scan.

Such an image is no patient and no proof; it shows what the model would like to see, its prejudices included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.explain.methods.layer_maps import keras_arguments
from core.explain.request import Ask, KerasWithProgress
from core.explain.target import score_weights
from core.inference.bundle import Bundle

#: Steps uphill; the image hardly changes after them.
STEPS = 160


@dataclass(frozen=True, eq=False)
class Prototype:
    """An image made by the model.

    Attributes:
        image: (rows, columns, channels), or (frames, rows, columns, channels), on the model's grid, from 0 to 1.
        label: What it is a prototype of.
        rather_than: The label it was compared with, `""` for none.
        score: In logit units, of the image.
        grey_score: Score of a plain grey image, to compare with.
    """

    image: NDArray[np.float32]
    label: str
    rather_than: str
    score: float
    grey_score: float


def class_prototype(
    bundle: Bundle,
    target: int,
    keras: KerasWithProgress,
    against: int | None = None,
    steps: int = STEPS,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Prototype:
    """Activation maximisation from noise, see `core.keras_worker.prototype`.

    Args:
        bundle: The opened model. Of several images the first is made and the others are grey; tables are 0.
        target: Index of the label.
        keras: The Keras process.
        against: Index of a label that the image should not look like.
        steps: More make it sharper, and take longer.
        seed: Of the noise and the jitter; the same seed gives the same image.
        progress: Called with the fraction done.
        cancelled: Asked before each step.

    Raises:
        UnsupportedModel: There is no such label, the model has no image, or answers for each place.
        KerasProcessFailed: It hung, crashed or ran out of memory.
        Cancelled: The user stopped it.
    """
    card = bundle.card
    if card.task == "segmentation":
        raise UnsupportedModel("A model that segments gives no one answer a scan", "choose another model")
    grey = {name: _grey(bundle, name, shape) for name, shape in bundle.input_shapes.items()}
    images = [spec for spec in card.inputs if grey[spec.name].ndim in {4, 5}]
    if not images:
        raise UnsupportedModel("The model takes no image", "choose another model")
    first = images[0]
    arguments = keras_arguments(bundle, Ask(target, against))
    climb = {"picture": first.name, "range": list(first.value_range), "steps": steps, "seed": seed}
    _, arrays = keras.call("prototype", {**arguments, **climb}, grey, progress=progress, cancelled=cancelled)
    made = arrays["picture"].astype(np.float32)
    weights = score_weights(card, bundle.units, target, against)
    scores = [
        float((bundle.run({**grey, first.name: values}, outputs=("logits",)).logits @ weights)[0])
        for values in (made[None], grey[first.name])
    ]
    low, high = first.value_range
    compared = "" if against is None else card.labels[against]
    return Prototype((made - low) / (high - low), card.labels[target], compared, scores[0], scores[1])


def _grey(bundle: Bundle, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """One input (1, …): mid-grey for an image, 0 for a table."""
    spec = next(spec for spec in bundle.card.inputs if spec.name == name)
    value = sum(spec.value_range) / 2 if len(shape) > 1 else 0.0
    return np.full((1, *shape), value, np.float32)
