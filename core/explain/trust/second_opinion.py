"""Whether an implementation that is not ours draws the same heatmap: tf-keras-vis, asked about the same score.

It says that a method was computed as its paper has it, and nothing of whether the map means anything. Maps are compared
where they are made, on the layer's own grid or on the model's pixels, before anybody enlarges them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.explain import EXPLAINERS
from core.explain.explanation import Explanation
from core.explain.inputs import Image, explained_image, is_plain
from core.explain.methods.channel_maps import STRONGEST
from core.explain.methods.gradients import COPIES, NOISE
from core.explain.methods.layer_maps import keras_arguments
from core.explain.request import Ask, KerasWithProgress
from core.explain.target import score_weights
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared

#: Methods that tf-keras-vis has too.
METHODS = frozenset({"grad-cam", "grad-cam++", "layer-cam", "score-cam", "score-cam-all", "saliency", "smooth-grad"})

#: From this correlation on two maps are the same; rounding leaves 0.9999 and more.
SAME = 0.995

#: By how much the sizes of two maps may differ, and the two scores, as a fraction.
CLOSE = 0.02

#: How far below that of two of our own maps with other noise a correlation may lie.
NOISE_LEFT = 0.03


#: Least correlation of two of our own maps with other noise at which another map can be told from noise.
TELLING = 0.6


@dataclass(frozen=True)
class SecondOpinion:
    """What came of the comparison.

    Attributes:
        agrees: Whether both draw the same map.
        correlation: Of the cells of the two maps (Pearson), NaN where one of them is flat.
        ratio: Its values over ours, by least squares; NaN likewise.
        sentence: For people, with its number.
    """

    agrees: bool
    correlation: float
    ratio: float
    sentence: str


def second_opinion(
    bundle: Bundle,
    prepared: Prepared,
    explanation: Explanation,
    ask: Ask,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> SecondOpinion:
    """Ask tf-keras-vis for the same map of one image, and compare.

    Args:
        bundle: The model.
        prepared: What it was given: one image and nothing beside it.
        explanation: Of that, by one of `METHODS`.
        ask: What was asked for.
        progress: Called with the fraction done.
        cancelled: Asked often.

    Raises:
        UnsupportedModel: It has no such method, or gets models of this kind wrong.
        KerasProcessFailed: The Keras process hung, crashed or ran out of memory.
        Cancelled: The user stopped it.
    """
    keras = _asked_of(bundle, prepared, explanation, ask)
    image = explained_image(bundle, prepared, ask)
    arguments = {**keras_arguments(bundle, ask), **_of_method(bundle, explanation, ask, image)}
    batch = {image.name: image.values}
    answer, arrays = keras.call("second_opinion", arguments, batch, progress=progress, cancelled=cancelled)
    theirs = arrays["map"].astype(np.float64)
    theirs, ours = theirs.reshape(theirs.shape[-2:]), explanation.grids[0].astype(np.float64)
    logits = bundle.run(prepared.batch, outputs=("logits",)).logits
    score = float((logits @ score_weights(bundle.card, bundle.units, ask.target, ask.against))[0])
    told = float(answer["score"])
    if abs(score - told) > CLOSE * max(1.0, abs(score)):
        sentence = f"An independent implementation gets another score: {told:.2f}, here {score:.2f}"
        return SecondOpinion(False, float("nan"), float("nan"), sentence)

    def itself() -> float:
        explain, again = EXPLAINERS[explanation.method].function, replace(ask, progress=None, cancelled=cancelled)
        one, other = (explain(bundle, prepared, replace(again, seed=ask.seed + n)).grids[0] for n in (1, 2))
        return correlation(one.astype(np.float64), other.astype(np.float64))

    return compare(
        ours, theirs, explanation, itself if explanation.method == "smooth-grad" else None, image.value_range
    )


def _asked_of(bundle: Bundle, prepared: Prepared, explanation: Explanation, ask: Ask) -> KerasWithProgress:
    """The Keras process, where it can be asked.

    Raises:
        UnsupportedModel: It cannot.
    """
    title = EXPLAINERS[explanation.method].title
    if explanation.method not in METHODS:
        raise UnsupportedModel(f"tf-keras-vis has no {title}", "judge the map by its checks")
    if bundle.randomised is not None:
        raise UnsupportedModel("A copy with random weights has no second opinion", "ask about the model itself")
    if len(prepared.batch) != 1 or not is_plain(bundle, prepared) or len(prepared.frames) != 1:
        raise UnsupportedModel(
            "tf-keras-vis cannot look into a model of several inputs, frames or places", "judge the map by its checks"
        )
    if ask.keras is None:
        raise UnsupportedModel(
            "A second opinion needs the Keras process, which is not there", "judge the map by its checks"
        )
    return cast(KerasWithProgress, ask.keras)


def _of_method(bundle: Bundle, explanation: Explanation, ask: Ask, image: Image) -> dict[str, Any]:
    low, high = image.value_range
    given: dict[str, Any] = {
        "method": explanation.method,
        "target": ask.target,
        "against": ask.against,
        "exclusive": bundle.units > 1 and bundle.card.task != "multilabel",
        "channels": STRONGEST if explanation.method == "score-cam" else 0,
        "seed": ask.seed,
        "samples": COPIES,
        "sigma": NOISE * (high - low),
    }
    return given if explanation.layer == "" else {**given, "layer": explanation.layer}


def compare(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    explanation: Explanation,
    itself: Callable[[], float] | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
) -> SecondOpinion:
    """Two maps of one image in one sentence.

    Args:
        ours: (h, w), 0 or more.
        theirs: (h, w), the map by tf-keras-vis.
        explanation: What ours belongs to.
        itself: How two of our own maps with other noise correlate, for methods that draw.
        value_range: Values of black and white in the model's input.
    """
    who = "An independent implementation"
    if ours.shape != theirs.shape:
        sizes = " and ".join(" × ".join(map(str, one.shape)) for one in (theirs, ours))
        return SecondOpinion(False, float("nan"), float("nan"), f"{who} draws another grid: {sizes} cells")
    if not np.isfinite(theirs).all():
        return SecondOpinion(False, float("nan"), float("nan"), f"{who} gets values that are no numbers")
    ratio = float((ours * theirs).sum() / (ours**2).sum()) if np.any(ours) else float("nan")
    empty = ours.max() <= 1e-6, theirs.max() <= 1e-6
    if any(empty):
        if all(empty):
            return SecondOpinion(True, float("nan"), ratio, f"{who} finds no evidence either")
        finds = "finds none" if empty[1] else f"finds some, up to {theirs.max():.2g}"
        return SecondOpinion(False, float("nan"), ratio, f"{who} differs: it {finds}")
    alike = correlation(ours, theirs)
    if alike >= SAME:
        if explanation.units.startswith("logit") and abs(ratio - 1) > CLOSE:
            sentence = f"{who} draws the same map, but {ratio:.2f} times as strong: correlation {alike:.2f}"
            return SecondOpinion(False, alike, ratio, sentence)
        return SecondOpinion(True, alike, ratio, f"{who} draws the same map: correlation {alike:.2f}")
    if itself is not None:
        return _beside_noise(who, alike, ratio, itself())
    reason = _reason(explanation.method, value_range)
    return SecondOpinion(False, alike, ratio, f"{who} differs: correlation {alike:.2f}{reason}")


def _beside_noise(who: str, alike: float, ratio: float, own: float) -> SecondOpinion:
    """How far two maps agree that are drawn with noise: `own` is how two of ours with other noise correlate."""
    beside = f"two of ours with other noise {own:.2f}"
    if alike < own - NOISE_LEFT:
        return SecondOpinion(False, alike, ratio, f"{who} differs: correlation {alike:.2f}, {beside}")
    if own < TELLING:
        sentence = f"Too noisy to compare: two of our own maps with other noise correlate {own:.2f}"
        return SecondOpinion(False, alike, ratio, f"{sentence}, an independent one {alike:.2f}")
    sentence = f"{who} draws the same map within its noise: correlation {alike:.2f}, {beside}"
    return SecondOpinion(True, alike, ratio, sentence)


def _reason(method: str, value_range: tuple[float, float]) -> str:
    """What is known of how the two differ, in brackets; `""` for nothing."""
    if not method.startswith("score-cam"):
        return ""
    if value_range[0] != 0:
        return " (it hides with 0, which is not black for this model)"
    return " (it enlarges its masks from corner to corner, so that they lie up to half a cell aside)"


def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Pearson's correlation of two (rows, columns) maps, -1 to 1; NaN where one of them is the same everywhere."""
    first, second = one.ravel() - one.mean(), other.ravel() - other.mean()
    size = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum() / size) if size > 0 else float("nan")
