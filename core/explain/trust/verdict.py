"""A verdict on one explanation of one scan, with its reasons: it follows the model, it does not, or it is undecided.

A map without any evidence has no verdict but that.

Three checks, each of which can pass, fail or leave the question open. The limits are conventions, written here once and
said to the user; what was measured is kept beside the verdict. No check can show that the heat marks the disease: it
can only show that the heat follows what the model uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.explain.explanation import Explanation
from core.explain.trust.faithfulness import Faithfulness
from core.explain.trust.sanity import Sanity
from core.explain.trust.stability import Stability

Verdict = Literal["follows the model", "undecided", "does not follow", "no evidence"]
Outcome = Literal["passed", "open", "failed"]

#: What each verdict means, as a sentence without its full stop; `{label}` is what the map is evidence for.
SENTENCES: dict[Verdict, str] = {
    "follows the model": "The heatmap follows the model; the answer may still be wrong",
    "undecided": "Undecided whether the heatmap follows the model",
    "does not follow": "The heatmap does not follow the model: leave it out of account",
    "no evidence": "No evidence for {label}",
}

#: Of 100 random orders: at least so many beaten in deletion and in insertion to pass; on average fewer than so many to
#: fail. 50 is what chance gives.
FAITHFUL, UNFAITHFUL = 90.0, 65.0

#: Mean rank correlation with the maps of models with random weights: at most this to pass, from this on to fail.
INDEPENDENT, UNCHANGED = 0.5, 0.75

#: Mean rank correlation under small changes of the scan: at least this to pass, below this to fail.
STEADY, UNSTEADY = 0.7, 0.4


@dataclass(frozen=True)
class Check:
    """One check in words.

    Attributes:
        name: Short, for people.
        outcome: What it says.
        sentence: With its number.
    """

    name: str
    outcome: Outcome
    sentence: str


@dataclass(frozen=True, eq=False)
class Trust:
    """What the checks say of one explanation.

    Attributes:
        verdict: In one word or two.
        checks: The reasons.
        faithfulness: How the score follows the heat, None where it was not measured.
        sanity: What random weights make of the map, None where it was not measured.
        stability: What small shifts make of the map, None where it was not measured.
        label: What the map is evidence for, `""` where that is not known.
    """

    verdict: Verdict
    checks: tuple[Check, ...]
    faithfulness: Faithfulness | None = None
    sanity: Sanity | None = None
    stability: Stability | None = None
    label: str = ""

    @property
    def sentence(self) -> str:
        """The verdict as a sentence without its full stop, the same on the page and in every export."""
        return SENTENCES[self.verdict].format(label=self.label or "this answer")


def judge(
    explanation: Explanation,
    faithfulness: Faithfulness | None = None,
    sanity: Sanity | None = None,
    stability: Stability | None = None,
) -> Trust:
    """Bring the checks together: one that fails decides, and only when all pass does the heatmap follow the model.

    An empty map gets no such word: there is nothing that could follow.
    """
    if explanation.is_empty:
        reason = Check("Heat", "failed", f"No evidence for {explanation.label} was found")
        return Trust("no evidence", (reason,), label=explanation.label)
    checks = []
    if faithfulness is not None:
        checks.append(_faithful(faithfulness))
    if sanity is not None:
        checks.append(_sane(sanity))
    if stability is not None:
        checks.append(_steady(stability))
    outcomes = {check.outcome for check in checks}
    verdict: Verdict = "undecided"
    if "failed" in outcomes:
        verdict = "does not follow"
    elif outcomes == {"passed"}:
        verdict = "follows the model"
    return Trust(verdict, tuple(checks), faithfulness, sanity, stability, explanation.label)


def _outcome(passed: bool, failed: bool) -> Outcome:
    return "failed" if failed else "passed" if passed else "open"


def _faithful(found: Faithfulness) -> Check:
    least = min(found.deletion_beats, found.insertion_beats)
    sentence = (
        f"Hiding the hottest parts lowers the score more than {found.deletion_beats:.0f} of 100 random orders, "
        f"bringing them back raises it more than {found.insertion_beats:.0f} of 100"
    )
    return Check("Follows the model", _outcome(least >= FAITHFUL, found.beats < UNFAITHFUL), sentence)


def _sane(found: Sanity) -> Check:
    sentence = f"With random weights in place of the learned ones the map keeps {found.mean:.2f} of its order"
    sentence += " (0 none, 1 all)"
    return Check("Depends on learning", _outcome(found.mean <= INDEPENDENT, found.mean >= UNCHANGED), sentence)


def _steady(found: Stability) -> Check:
    sentence = f"Shifted, slightly noisy or recompressed, the scan's map keeps {found.mean:.2f} of its order"
    return Check("Steady", _outcome(found.mean >= STEADY, found.mean < UNSTEADY), sentence)
