"""What each image adds to a metric of masks: its value case by case, the worst first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics.mask_cases import CASE_VALUES
from core.evaluation.metrics.registry import METRICS
from core.evaluation.results.questions import MaskAnswers


@dataclass(frozen=True, eq=False)
class CaseValues:
    """A metric of masks image by image.

    Attributes:
        metric: Key of `METRICS`.
        label: What is marked.
        cases: (cases,) names of those where it is defined, the worst first.
        values: (cases,) of them.
        undefined: How many others there are.
    """

    metric: str
    label: str
    cases: NDArray[Any]
    values: NDArray[np.float64]
    undefined: int


def case_values(answered: MaskAnswers, metric: str) -> CaseValues:
    """The value of each image, the worst first."""
    values = CASE_VALUES[metric](answered.score)
    known = np.flatnonzero(~np.isnan(values))
    sign = 1.0 if METRICS[metric].higher_is_better else -1.0
    order = known[np.argsort(sign * values[known], kind="stable")]
    return CaseValues(metric, answered.label, answered.cases[order], values[order], len(values) - len(known))
