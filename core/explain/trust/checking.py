"""All checks of one explanation of one frame, in the order in which they cost little.

Deletion and insertion work for any map. Stability and sanity make the map again, some ten times; for methods that take
seconds they are left out unless they are asked for, and the verdict then rests on the first alone and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.explain import EXPLAINERS
from core.explain.explanation import Explanation
from core.explain.inputs import explained_image, image_names
from core.explain.region import explained_region, weighted_scores
from core.explain.request import Ask
from core.explain.target import score_weights
from core.explain.trust.faithfulness import measure_faithfulness
from core.explain.trust.sanity import Sanity, measure_sanity
from core.explain.trust.stability import Stability, measure_stability
from core.explain.trust.verdict import Trust, judge
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared

#: Methods whose map costs about a prediction or a gradient, so that making it ten times more is no matter.
QUICK = frozenset(
    {"grad-cam", "grad-cam++", "hires-cam", "xgrad-cam", "layer-cam", "eigen-cam", "saliency", "gradient-x-input"}
)


def single_case(prepared: Prepared, name: str, position: int) -> Prepared:
    """One case of what a model was given: one image, or one whole sequence or volume, with what goes with it.

    Args:
        prepared: All cases.
        name: Of the image that is explained.
        position: Of one of its frames.
    """
    depth = _depth(prepared, name)
    case = position // depth
    batch = {other: array[case : case + 1] for other, array in prepared.batch.items()}
    frames = prepared.frames[case * depth : (case + 1) * depth]
    return replace(prepared, batch=batch, frames=frames, ways={})


def single_map(explanation: Explanation, position: int, depth: int = 1) -> Explanation:
    """The maps of one case of an explanation, one for each of its `depth` frames."""
    first = position // depth * depth
    chosen = slice(first, first + depth)
    opposing = None if explanation.opposing is None else explanation.opposing[chosen]
    return replace(explanation, grids=explanation.grids[chosen], opposing=opposing, frames=explanation.frames[chosen])


def _depth(prepared: Prepared, name: str) -> int:
    values = prepared.batch[name]
    return values.shape[1] if values.ndim == 5 else 1


def check_explanation(
    bundle: Bundle,
    prepared: Prepared,
    explanation: Explanation,
    ask: Ask,
    position: int = 0,
    thorough: bool = False,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Trust:
    """Measure how far the explanation of one case can be trusted, and judge it.

    Args:
        bundle: The model.
        prepared: What it was given.
        explanation: Of the same frames, by a method of `EXPLAINERS`.
        ask: What it was asked for; its output is not used again, since the images differ.
        position: Which frame of both; of a sequence or a volume any of its frames.
        thorough: Whether to make a slow method's map again too.
        progress: Called with the fraction done.
        cancelled: Asked often.

    Raises:
        Cancelled: `cancelled` said so.
        UnsupportedModel: The method cannot explain a copy.
        KerasProcessFailed: It was needed and failed.
    """
    name = ask.input or next(iter(image_names(bundle, prepared)), "")
    prepared = prepared.of_image(name)
    one = single_case(prepared, name, position)
    heat = single_map(explanation, position, _depth(prepared, name))
    if ask.region is not None and ask.region.ndim == 3:
        ask = replace(ask, region=ask.region[position // _depth(prepared, name)])
    if heat.is_empty or explanation.method == "counterfactual":
        return judge(heat)
    weights = score_weights(bundle.card, bundle.units, ask.target, ask.against)
    again = replace(ask, output=None, progress=None, cancelled=cancelled)
    fraction = 0.7 if _repeats(explanation, thorough) else 1.0
    faithfulness = measure_faithfulness(
        bundle, one, heat, weights, ask=again, progress=_part(progress, 0.0, fraction), cancelled=cancelled
    )
    stability, sanity = None, None
    if _repeats(explanation, thorough):
        stability = _stability(bundle, one, heat, again, weights)
        sanity = _sanity(bundle, one, heat, again, _part(progress, 0.8, 1.0), cancelled)
    return judge(heat, faithfulness, sanity, stability)


def _repeats(explanation: Explanation, thorough: bool) -> bool:
    return thorough or explanation.method in QUICK


def _stability(bundle: Bundle, one: Prepared, heat: Explanation, again: Ask, weights: NDArray[np.float32]) -> Stability:
    explain = EXPLAINERS[heat.method].function
    image = explained_image(bundle, one, again)
    region = explained_region(bundle, one, again)
    fixed = again if region is None else replace(again, region=region[0])  # the same place in each variant

    def score(changed: Prepared) -> NDArray[np.float32]:
        logits = bundle.run(changed.batch, outputs=("logits",)).logits
        return weighted_scores(logits, weights, None if region is None else region[0])

    return measure_stability(
        one, heat, lambda changed: explain(bundle, changed, fixed), score, image.value_range, name=image.name
    )


def _sanity(
    bundle: Bundle,
    one: Prepared,
    heat: Explanation,
    again: Ask,
    progress: Callable[[float], None] | None,
    cancelled: Callable[[], bool] | None,
) -> Sanity:
    explain = EXPLAINERS[heat.method].function
    return measure_sanity(
        bundle,
        one,
        heat,
        lambda copy, frame: explain(copy, frame, again),
        progress=progress,
        cancelled=cancelled,
    )


def _part(progress: Callable[[float], None] | None, start: float, end: float) -> Callable[[float], None] | None:
    if progress is None:
        return None
    return lambda fraction: progress(start + (end - start) * fraction)
