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
from core.explain.ask import Ask
from core.explain.explanation import Explanation
from core.explain.faithfulness import measure_faithfulness
from core.explain.sanity import Sanity, measure_sanity
from core.explain.stability import Stability, measure_stability
from core.explain.target import score_weights
from core.explain.trust import Trust, judge
from core.preprocess import Prepared
from core.runtime.session import Bundle

#: Methods whose map costs about a prediction or a gradient, so that making it ten times more is no matter.
QUICK = frozenset(
    {"grad-cam", "grad-cam++", "hires-cam", "xgrad-cam", "layer-cam", "eigen-cam", "saliency", "gradient-x-input"}
)


def single_frame(prepared: Prepared, position: int) -> Prepared:
    """One frame of what a model was given."""
    batch = {name: array[position : position + 1] for name, array in prepared.batch.items()}
    return replace(prepared, batch=batch, frames=(prepared.frames[position],))


def single_map(explanation: Explanation, position: int) -> Explanation:
    """One frame of an explanation."""
    chosen = slice(position, position + 1)
    opposing = None if explanation.opposing is None else explanation.opposing[chosen]
    return replace(
        explanation, grids=explanation.grids[chosen], opposing=opposing, frames=(explanation.frames[position],)
    )


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
    """Measure how far one frame's explanation can be trusted, and judge it.

    Args:
        bundle: The model.
        prepared: What it was given.
        explanation: Of the same frames, by a method of `EXPLAINERS`.
        ask: What it was asked for; its output is not used again, since the pictures differ.
        position: Which frame of both.
        thorough: Whether to make a slow method's map again too.
        progress: Called with the share done.
        cancelled: Asked often.

    Raises:
        Cancelled: `cancelled` said so.
        UnsupportedModel: The model has several inputs, or the method cannot explain a copy.
        KerasProcessFailed: It was needed and failed.
    """
    one, heat = single_frame(prepared, position), single_map(explanation, position)
    if heat.is_empty or explanation.method == "counterfactual":
        return judge(heat)
    weights = score_weights(bundle.card, bundle.units, ask.target, ask.against)
    again = replace(ask, output=None, progress=None, cancelled=cancelled)
    share = 0.7 if _repeats(explanation, thorough) else 1.0
    faithfulness = measure_faithfulness(
        bundle, one, heat, weights, progress=_part(progress, 0.0, share), cancelled=cancelled
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
    return measure_stability(
        one,
        heat,
        lambda changed: explain(bundle, changed, again),
        lambda changed: bundle.run(changed.batch, outputs=("logits",)).logits @ weights,
        bundle.card.inputs[0].value_range,
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
    return lambda share: progress(start + (end - start) * share)
