"""Findings of a reading session in sentences; numbers as the rest of the product writes them."""

from __future__ import annotations

from core.evaluation.comparison.paired_tests import DecisionsDiffer
from core.evaluation.statistics.intervals import Estimate
from core.figures.comparing.numbers import count_text, interval_text, percent_text
from core.formatting import difference_text, p_text
from core.reader_study.class_results import ClassResult, Spread
from core.reader_study.results import Decisions, ReaderResult


def fraction_text(estimate: Estimate) -> str:
    """A fraction as a percentage with its interval.

    Example:
        >>> fraction_text(Estimate(0.8, 0.584, 0.919, 20, "Wilson"))
        '80 % (58 to 92 %)'
        >>> fraction_text(Estimate(float("nan"), float("nan"), float("nan"), 0, "Wilson"))
        'not defined'
    """
    if not interval_text(estimate.low, estimate.high):
        return percent_text(estimate.value)
    low = percent_text(estimate.low).removesuffix(" %")
    return f"{percent_text(estimate.value)} ({low} to {percent_text(estimate.high)})"


def count_right(decisions: Decisions) -> int:
    """Cases that were decided rightly."""
    return decisions.counts.true_positives + decisions.counts.true_negatives


def headline(result: ReaderResult) -> str:
    """How many were right, by whom."""
    cases = count_text(len(result.readings), "case")
    right = [count_right(one) for one in (result.without, result.aided, result.model)]
    return f"Of {cases} you had {right[0]} right without the model and {right[1]} with it; the model alone {right[2]}."


def change_sentence(change: DecisionsDiffer) -> str:
    """Whether the model changed a mind for better or worse."""
    better, worse = change.only_first, change.only_second
    if better + worse == 0:
        return "The model changed none of your decisions between right and wrong."
    value, interval = difference_text(change.value, change.low, change.high)
    told = f"The model changed {count_text(better + worse, 'decision')}: {better} for the better, {worse} for the worse"
    test = f"difference in the fraction right {value} (95 % interval {interval}), McNemar's exact {p_text(change.p)}"
    if change.p >= 0.05:
        return f"{told}. That is too little to tell help from chance: {test}."
    return f"{told}. It made you {'better' if better > worse else 'worse'}: {test}."


def reliance_sentence(result: ReaderResult) -> str:
    """Automation bias: what became of the model's mistakes."""
    followed, before = result.reliance.followed_wrong, result.reliance.shared_wrong
    if not followed.n:
        return "The model made no mistake on these cases, so nobody can tell whether you would have followed one."
    return (
        f"The model was wrong {_times(followed.n)}. You made {_count(before)} of these mistakes without it and "
        f"{_count(followed)} with it, {fraction_text(followed)}."
    )


def _count(fraction: Estimate) -> int:
    return round(fraction.value * fraction.n) if fraction.n else 0


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def class_sentence(found: ClassResult) -> str:
    """The class against itself and against the model."""
    accuracy = found.measures["accuracy"]
    told = (
        f"Mean fraction correct of {count_text(found.readers, 'reader')}: {fraction_text(accuracy.without)} without "
        f"the model, {fraction_text(accuracy.aided)} with it; the model alone {fraction_text(accuracy.model)}."
    )
    if found.readers < 2:
        return f"{told} One reader is no class: intervals come with the second."
    return f"{told} {_gain(accuracy)} {_lead(accuracy)}"


def _gain(spread: Spread) -> str:
    value, interval = difference_text(spread.gain.value, spread.gain.low, spread.gain.high)
    verdict = _verdict(spread.gain, "The model made the class better", "The model made the class worse")
    return f"{verdict or 'Whether the model helped cannot be told yet'}: difference {value} ({interval})."


def _lead(spread: Spread) -> str:
    value, interval = difference_text(spread.lead.value, spread.lead.low, spread.lead.high)
    verdict = _verdict(spread.lead, "Together they beat the model", "Together they fall behind the model")
    return f"{verdict or 'Whether they beat it together cannot be told yet'}: difference {value} ({interval})."


def _verdict(difference: Estimate, above: str, below: str) -> str:
    return above if difference.low > 0 else below if difference.high < 0 else ""
