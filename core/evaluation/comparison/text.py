"""A comparison as a sentence."""

from __future__ import annotations

import math

from core.evaluation.comparison.difference import Difference
from core.evaluation.metrics.registry import METRICS
from core.formatting import difference_text, p_text


def metric_word(name: str) -> str:
    """A metric within a sentence: its title without what is in brackets, small at the start unless it is a name.

    Example:
        >>> [metric_word(name) for name in ("roc_auc", "sensitivity", "average_precision", "brier")]
        ['AUC', 'sensitivity', 'average precision', 'Brier score']
    """
    title = METRICS[name].title.partition(" (")[0]
    first = title.partition(" ")[0]
    named = first in {"Brier", "Cohen's", "Matthews"} or not first[1:2].islower()
    return title if named else title[0].lower() + title[1:]


def sentence(difference: Difference, names: tuple[str, str], dataset: str, comparisons: int | None = None) -> str:
    """What a comparison found, e.g. "B is better than A on X by 0.03 AUC (0.01 to 0.05), p = 0.004 …".

    Args:
        difference: The first minus the second.
        names: Of the first and the second.
        dataset: Where they were compared.
        comparisons: For how many comparisons p was corrected; as the difference says for None.

    Returns:
        One sentence. The difference is written as the gain of the better one, whatever way is better for the metric.
    """
    first, second = names
    if math.isnan(difference.corrected):
        reason = difference.note or "The metric is not defined."
        unit = metric_word(difference.metric)
        return f"Whether {first} and {second} differ on {dataset} in {unit} is not known. {reason}"
    winner = difference.better
    better, other = (first, second) if winner == 0 else (second, first)
    amount, interval = difference_text(*_gained(difference))
    unit, target = metric_word(difference.metric), METRICS[difference.metric].target
    unit = unit if target is None else f"in the distance of the {unit} from {target:g}"
    number = difference.comparisons if comparisons is None else comparisons
    p = p_text(difference.corrected) + (f" after correction for {number} comparisons" if number > 1 else "")
    if difference.significant and winner >= 0:
        return f"{better} is better than {other} on {dataset} by {amount} {unit} ({interval}), {p}."
    favour = "" if winner < 0 else f" in favour of {better}"
    return (
        f"No difference between {first} and {second} was shown on {dataset}: {amount} {unit}{favour} ({interval}), {p}."
    )


def _gained(difference: Difference) -> tuple[float, float, float]:
    """The difference with the sign that makes it 0 or more."""
    if difference.value >= 0:
        return difference.value, difference.low, difference.high
    return -difference.value, -difference.high, -difference.low
