"""One road from a study to an answer: class scores or masks, for a model with any inputs.

A study with one scan is the usual case, `Study.of(card, scan)`. What the answer is made of follows from the task on the
model's card, and stands in `ANSWERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, overload

from core.errors import IncompatibleInput
from core.inference.bundle import Bundle
from core.inference.class_scores import Prediction, class_scores
from core.inference.masks import Segmentation, masks
from core.inference.study import Study
from core.models.card import Task

__all__ = ["ANSWERS", "Answer", "Prediction", "Segmentation", "predict"]

Answer = Prediction | Segmentation
Wanted = TypeVar("Wanted", Prediction, Segmentation)

Progress = Callable[[float], None]
Stopper = Callable[[], bool]

#: What gives the answer of a model, by the task on its card.
ANSWERS: Mapping[Task, Callable[[Bundle, Study, Sequence[int] | None, Progress | None, Stopper | None], Answer]] = {
    "binary": class_scores,
    "multiclass": class_scores,
    "multilabel": class_scores,
    "ordinal": class_scores,
    "segmentation": masks,
}

_WORDS = {Prediction: "classifies", Segmentation: "segments"}


@overload
def predict(
    bundle: Bundle,
    study: Study,
    frames: Sequence[int] | None = None,
    progress: Progress | None = None,
    cancelled: Stopper | None = None,
) -> Answer: ...


@overload
def predict(
    bundle: Bundle,
    study: Study,
    frames: Sequence[int] | None = None,
    progress: Progress | None = None,
    cancelled: Stopper | None = None,
    *,
    expect: type[Wanted],
) -> Wanted: ...


def predict(
    bundle: Bundle,
    study: Study,
    frames: Sequence[int] | None = None,
    progress: Progress | None = None,
    cancelled: Stopper | None = None,
    *,
    expect: type[Any] | None = None,
) -> Answer:
    """Ask a model about everything that is known of one patient.

    A scan that does not fit the contract is still read, and the answer then carries the reason as a warning: whether to
    ask at all is the user's decision.

    Args:
        bundle: The opened model.
        study: Scans by input and facts by feature; `Study.of(card, scan)` for one scan.
        frames: Frames of the images, each of which is a case; None for all. A sequence or a volume is one case.
        progress: Called with the fraction done.
        cancelled: Asked between chunks of frames.
        expect: The kind of answer that the caller can use, None for either.

    Returns:
        `Prediction` of a model that classifies, `Segmentation` of one that segments; one row a case.

    Raises:
        IncompatibleInput: Something is missing that must be there or does not fit, or the model gives another kind of
            answer than is expected.
        Cancelled: The user stopped it.

    Example:
        >>> predict(bundle, Study.of(bundle.card, scan), [0]).frames  # doctest: +SKIP
        (0,)
    """
    card = bundle.card
    if expect is not None and expect is not (Segmentation if card.task == "segmentation" else Prediction):
        other = Prediction if expect is Segmentation else Segmentation
        raise IncompatibleInput(
            f"{card.title} {_WORDS[other]}, and only a model that {_WORDS[expect]} can be used here",
            "choose another model",
        )
    return ANSWERS[card.task](bundle, study, frames, progress, cancelled)
