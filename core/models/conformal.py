"""What a card says of a classifier's prediction sets: the quantiles they are made with, and how often they held.

How the sets are made stands in `core.inference.conformal`; here is only what is written down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: The two sides of a finding that may be present or not, in the order of their quantiles.
SIDES = ("absent", "present")


@dataclass(frozen=True)
class Conformal:
    """The card's `conformal`.

    Attributes:
        coverage: Fraction of the cases of each class whose set is to hold their class.
        quantiles: Label to the largest 1 − calibrated probability with which it belongs to a set; of a multilabel
            model label to the two for `SIDES`, and no entry for a finding with too few validation cases.
        tested: Label to what was measured on the test split: `covered`, `low`, `high` and `n`.
    """

    coverage: float
    quantiles: Mapping[str, tuple[float, ...]]
    tested: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_conformal(contract: Mapping[str, Any], task: str, labels: Sequence[str]) -> Conformal | None:
    """The entry of a contract, None where there is none.

    Raises:
        ValueError: It names other labels, or holds what is no fraction.
    """
    entry = contract.get("conformal")
    if not entry:
        return None
    if task == "segmentation":
        raise ValueError("prediction sets for a segmentation, which has no label of the whole image")
    several = task == "multilabel"
    found = {str(label): _quantiles(value, several) for label, value in dict(entry["quantiles"]).items()}
    coverage = float(entry["coverage"])
    if not set(found) <= set(labels) or (not several and set(found) != set(labels)):
        raise ValueError("quantiles of prediction sets for other labels than the model's")
    if not 0 < coverage < 1 or not all(0 <= value <= 1 for values in found.values() for value in values):
        raise ValueError("a coverage or a quantile of prediction sets outside 0 to 1")
    tested = entry.get("tested") or {}
    measured = {str(label): dict(value) for label, value in tested.items() if isinstance(value, Mapping)}
    return Conformal(coverage, found, measured)


def _quantiles(value: Any, several: bool) -> tuple[float, ...]:
    return tuple(float(value[side]) for side in SIDES) if several else (float(value),)
