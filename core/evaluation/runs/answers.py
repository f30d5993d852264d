"""Cases of a dataset, scored one by one in a few threads, in order and never too many at once.

Each thread reads an image, brings it onto the model's grid and runs the model on it, so that every core has work from
decoding to inference and at most one image a thread is in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import Case, Dataset, UnusableDataset
from core.errors import ScanLensError
from core.evaluation.runs.studies import frames_of, measures_of, study_of, true_masks
from core.inference.bundle import Bundle
from core.inference.predict import Segmentation, predict
from core.inference.study import Study, main_scan, prepare_study

#: Answers that may wait for one that takes longer.
AHEAD = 16

_NOT_FINITE = "Expected a finite answer of the model, received one that is not a number: look at this image."


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of one case.

    Attributes:
        place: Of the case in its split.
        logits: (units,) float64, or None; of a model that segments (labels × measures,). Two units of a binary model
            become one whose sigmoid is the probability of the second label: the difference of both under a softmax, the
            second alone where each has its own sigmoid.
        fault: Why there are none.
    """

    place: int
    logits: NDArray[np.float64] | None
    fault: str = ""


def answers(
    pool: Executor,
    bundle: Bundle,
    dataset: Dataset,
    cases: Sequence[Case],
    places: Sequence[int],
    mapping: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Answer]:
    """The answers in the order of `places`, of which at most `AHEAD` are computed ahead.

    Args:
        pool: Runs them.
        bundle: The opened model.
        dataset: The dataset that the cases belong to.
        cases: Of one split.
        places: Which of them.
        mapping: What the dataset's words, columns among them, mean for the model.

    Raises:
        UnusableDataset: The dataset is no longer where it was.
    """
    waiting: deque[Future[Answer]] = deque()
    for place in places:
        waiting.append(pool.submit(answer, bundle, dataset, cases[place], place, mapping))
        if len(waiting) > AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def answer(
    bundle: Bundle, dataset: Dataset, case: Case, place: int, mapping: Mapping[str, str] = MappingProxyType({})
) -> Answer:
    """Score what stands for one case; a fault of the case is its sentence.

    Raises:
        UnusableDataset: The dataset is no longer where it was, which is no fault of the case.
    """
    try:
        study = study_of(dataset, case, bundle.card, mapping)
        if bundle.card.task == "segmentation":
            return Answer(place, _measures(bundle, dataset, case, study, mapping))
        batch = prepare_study(study, bundle.card, frames_of(bundle.card, study)).batch
        return _checked(place, bundle.run(batch, outputs=("logits",)).logits[0].astype(np.float64), bundle)
    except ScanLensError as error:
        fault = str(error)
    except Exception as error:  # a decoder that stumbles over one file must not end a run over thousands
        fault = f"Expected an image, received a fault while it was read ({type(error).__name__}): look at this file."
    if not dataset.location.exists():
        raise UnusableDataset(
            f"{dataset.title} is no longer where it was opened",
            "connect it again; what was scored is kept",
        )
    return Answer(place, None, fault)


def _measures(
    bundle: Bundle, dataset: Dataset, case: Case, study: Study, mapping: Mapping[str, str]
) -> NDArray[np.float64]:
    scan = main_scan(bundle.card, study)
    truth = true_masks(dataset, case, bundle.card, mapping, scan)
    return measures_of(predict(bundle, study, expect=Segmentation), scan, truth)


def _checked(place: int, logits: NDArray[np.float64], bundle: Bundle) -> Answer:
    if bundle.card.task == "binary" and len(logits) == 2:
        logits = logits[1:] - logits[:1] if bundle.link == "softmax" else logits[1:]
    return Answer(place, logits) if np.isfinite(logits).all() else Answer(place, None, _NOT_FINITE)
