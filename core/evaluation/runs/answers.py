"""Cases of a dataset, scored one by one in a few threads, in order and never too many at once.

Each thread reads a picture, brings it onto the model's grid and runs the model on it, so that every core has work from
decoding to inference and at most one picture a thread is in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.dataset import Case, Dataset, UnusableDataset
from core.errors import ScanLensError
from core.inference.bundle import Bundle
from core.inference.study import Study, prepare_study
from core.scan import answered_frame

#: Answers that may wait for one that takes longer.
AHEAD = 16

_NOT_FINITE = "Expected a finite answer of the model, received one that is not a number: look at this picture."


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of one case.

    Attributes:
        place: Of the case in its split.
        logits: (units,) float64, or None. Two units of a binary model become one whose sigmoid is the probability of
            the second label: the difference of both under a softmax, the second alone where each has its own sigmoid.
        fault: Why there are none.
    """

    place: int
    logits: NDArray[np.float64] | None
    fault: str = ""


def answers(
    pool: Executor, bundle: Bundle, dataset: Dataset, cases: Sequence[Case], places: Sequence[int]
) -> Iterator[Answer]:
    """The answers in the order of `places`, of which at most `AHEAD` are computed ahead.

    Args:
        pool: Runs them.
        bundle: The opened model.
        dataset: The dataset that the cases belong to.
        cases: Of one split.
        places: Which of them.

    Raises:
        UnusableDataset: The dataset is no longer where it was.
    """
    waiting: deque[Future[Answer]] = deque()
    for place in places:
        waiting.append(pool.submit(answer, bundle, dataset, cases[place], place))
        if len(waiting) > AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def answer(bundle: Bundle, dataset: Dataset, case: Case, place: int) -> Answer:
    """Score the frame that stands for one case; a fault of the case is its sentence.

    Raises:
        UnusableDataset: The dataset is no longer where it was, which is no fault of the case.
    """
    try:
        scan = dataset.read(case)
        batch = prepare_study(Study.of(bundle.card, scan), bundle.card, [answered_frame(scan)]).batch
        return _checked(place, bundle.run(batch, outputs=("logits",)).logits[0].astype(np.float64), bundle)
    except ScanLensError as error:
        fault = str(error)
    except Exception as error:  # a decoder that stumbles over one file must not end a run over thousands
        fault = f"Expected a picture, received a fault while it was read ({type(error).__name__}): look at this file."
    if not dataset.location.exists():
        raise UnusableDataset(
            f"{dataset.title} is no longer where it was opened",
            "connect it again; what was scored is kept",
        )
    return Answer(place, None, fault)


def _checked(place: int, logits: NDArray[np.float64], bundle: Bundle) -> Answer:
    if bundle.card.task == "binary" and len(logits) == 2:
        logits = logits[1:] - logits[:1] if bundle.link == "softmax" else logits[1:]
    return Answer(place, logits) if np.isfinite(logits).all() else Answer(place, None, _NOT_FINITE)
