"""What the facts of a table that goes with the scan add to the score.

Two answers beside each other: the slope at the patient's value times the distance from a reference, which is quick and
exact where the score is linear in the feature, and what the score loses when the feature alone is set to its reference.
Where they differ much, the feature works together with others or not in a straight line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.explain.methods.layer_maps import keras_arguments, keras_arrays
from core.explain.region import explained_region, weighted_scores
from core.explain.request import Ask
from core.explain.target import score_weights
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared


@dataclass(frozen=True, eq=False)
class FeatureFractions:
    """What each feature of one table adds to the score of a label.

    Attributes:
        input: Name of the table.
        names: One a feature.
        values: (features,) the patient's values as the model gets them.
        reference: (features,) what they are compared with.
        left_out: (features,) logit units lost when the feature alone is set to its reference.
        slope: (features,) gradient times (value - reference), in logit units; None without the Keras process.
        label: The label that is explained.
        rather_than: The label that it was compared with, `""` for none.
    """

    input: str
    names: tuple[str, ...]
    values: NDArray[np.float32]
    reference: NDArray[np.float32]
    left_out: NDArray[np.float32]
    slope: NDArray[np.float32] | None
    label: str
    rather_than: str = ""


def feature_fractions(
    bundle: Bundle,
    prepared: Prepared,
    ask: Ask,
    reference: NDArray[np.float32] | None = None,
    names: Sequence[str] = (),
    table: str = "",
    index: int = 0,
) -> FeatureFractions:
    """Attribution of the features of a table.

    Args:
        bundle: The opened model.
        prepared: What it gets; the images stay as they are.
        ask: What is wanted; without `ask.keras` there is no slope.
        reference: (features,) what to compare with, best the training's mean; None for 0, the mean of standardised
            features.
        names: One a feature; without them they are counted.
        table: Name of the input, `""` for the first table of the card.
        index: Which of the N inputs.

    Raises:
        UnsupportedModel: There is no such table or label, or the reference or the names do not fit it.
        KerasProcessFailed: It was needed and failed.
    """
    name = _table(bundle, prepared, table)
    one = {key: array[index : index + 1] for key, array in prepared.batch.items()}
    values = one[name][0].astype(np.float32)
    from_here = np.zeros_like(values) if reference is None else np.asarray(reference, np.float32)
    predicted = tuple(names) or tuple(f"feature {number}" for number in range(1, len(values) + 1))
    if from_here.shape != values.shape or len(predicted) != len(values):
        raise UnsupportedModel(
            f"Names and references do not go with {len(values)} features", "give one of each for every feature"
        )
    ask_one = Ask(ask.target, ask.against, input=ask.input, region=ask.region, keras=ask.keras)
    alone = Prepared(one, prepared.geometry, prepared.frames[:1], prepared.provenance)
    labels = bundle.card.labels
    return FeatureFractions(
        input=name,
        names=predicted,
        values=values,
        reference=from_here,
        left_out=_left_out(bundle, alone, ask_one, name, from_here),
        slope=None if ask.keras is None else _slope(bundle, alone, ask_one, name) * (values - from_here),
        label=labels[ask.target],
        rather_than="" if ask.against is None else labels[ask.against],
    )


def _table(bundle: Bundle, prepared: Prepared, wanted: str) -> str:
    tables = [spec.name for spec in bundle.card.inputs if prepared.batch[spec.name].ndim == 2]
    name = wanted or next(iter(tables), "")
    if name not in tables:
        received = f"the input {wanted}" if wanted else "a model without one"
        raise UnsupportedModel("a model with a table", received, "choose a table of the model")
    return name


def _left_out(
    bundle: Bundle, alone: Prepared, ask: Ask, name: str, reference: NDArray[np.float32]
) -> NDArray[np.float32]:
    """All features in one batch: row 0 untouched, row i with feature i at its reference."""
    weights = score_weights(bundle.card, bundle.units, ask.target, ask.against)
    region = explained_region(bundle, alone, ask)
    count = len(reference)
    batch = {key: np.repeat(array, count + 1, axis=0) for key, array in alone.batch.items()}
    batch[name][np.arange(1, count + 1), np.arange(count)] = reference
    logits = bundle.run(batch, outputs=("logits",)).logits
    scores = weighted_scores(logits, weights, None if region is None else region[0])
    return np.asarray(scores[0] - scores[1:], np.float32)


def _slope(bundle: Bundle, alone: Prepared, ask: Ask, name: str) -> NDArray[np.float32]:
    assert ask.keras is not None  # the caller looked
    arguments, given = keras_arguments(bundle, ask), keras_arrays(bundle, alone, ask)
    _, arrays = ask.keras.call("input_gradients", arguments, given)
    return arrays["gradient" if "gradient" in arrays else f"gradient_{name}"][0].astype(np.float32)
