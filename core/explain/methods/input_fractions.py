"""What each input adds to an answer: what the score loses when the input is left out, and what the slopes say.

An input is left out as the model was trained to go without it: an image becomes its `absent` value, a table the
references of its facts. Where the model was never trained without an input, the number says what an empty one does,
which is less than what the input is worth; `trained_without` tells the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.explain.methods.layer_maps import keras_arguments, keras_arrays
from core.explain.region import explained_region, weighted_scores
from core.explain.request import Ask
from core.explain.target import score_weights
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared
from core.models.card import InputSpec


@dataclass(frozen=True)
class InputFraction:
    """One input's part in one score.

    Attributes:
        name: Of the input.
        title: For people.
        left_out: Logit units lost when it alone is left out.
        slope: Sum of gradient × (value - absent) over the input, in logit units; None without the Keras process.
        trained_without: Whether the model knows how to go without it.
        given: Whether it was there at all.
    """

    name: str
    title: str
    left_out: float
    slope: float | None
    trained_without: bool
    given: bool


def absent_values(spec: InputSpec) -> NDArray[np.float32]:
    """What stands for an input that is left out, in the shape of the input without the axis of cases."""
    if spec.is_image:
        return np.full(spec.shape, spec.absent, np.float32)
    return np.asarray([feature.reference for feature in spec.features], np.float32)


def input_fractions(bundle: Bundle, prepared: Prepared, ask: Ask, index: int = 0) -> list[InputFraction]:
    """The fraction of every input in the score of a label, in the order of the card.

    Args:
        bundle: The opened model.
        prepared: What it was given.
        ask: What is wanted; without `ask.keras` there are no slopes.
        index: Which case.

    Raises:
        UnsupportedModel: There is no such label.
        KerasProcessFailed: It was needed and failed.
    """
    specs = bundle.card.inputs
    one = {name: array[index : index + 1] for name, array in prepared.batch.items()}
    weights = score_weights(bundle.card, bundle.units, ask.target, ask.against)
    alone = Prepared(one, prepared.geometry, prepared.frames[:1], prepared.provenance)
    region = explained_region(bundle, alone, ask)
    batch = {name: np.repeat(array, len(specs) + 1, axis=0) for name, array in one.items()}
    for row, spec in enumerate(specs, start=1):
        batch[spec.name][row] = absent_values(spec)
    logits = bundle.run(batch, outputs=("logits",)).logits
    scores = weighted_scores(logits, weights, None if region is None else region[0])
    slopes = _slopes(bundle, alone, ask)
    return [
        InputFraction(
            spec.name, spec.title or spec.name, float(scores[0] - scores[row]), slopes.get(spec.name), spec.optional,
            not np.array_equal(one[spec.name][0], absent_values(spec)),
        )
        for row, spec in enumerate(specs, start=1)
    ]  # fmt: skip


def _slopes(bundle: Bundle, alone: Prepared, ask: Ask) -> dict[str, float]:
    if ask.keras is None:
        return {}
    _, arrays = ask.keras.call("input_gradients", keras_arguments(bundle, ask), keras_arrays(bundle, alone, ask))
    found = {}
    for spec in bundle.card.inputs:
        key = "gradient" if len(bundle.card.inputs) == 1 else f"gradient_{spec.name}"
        if key in arrays:
            gradient = arrays[key][0].astype(np.float64)
            found[spec.name] = float((gradient * (alone.batch[spec.name][0] - absent_values(spec))).sum())
    return found
