"""The parts of the page's text: probabilities, trust, scan, model, versions and hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.explain.explanation import Explanation
from core.figures.evidence import describe_evidence
from core.figures.probabilities import bar_order
from core.formatting import (
    beside_threshold,
    evidence_text,
    frame_word,
    method_text,
    probability_text,
)
from core.inference.series import series_answer
from core.models.card import ModelCard
from core.report.facts import doubts, grave_doubts, scan_facts, similarity_words, versions
from core.report.measured import measurements
from core.report.sheet import AMBER, QUIET, Column
from core.report.text import shortened
from core.scan import Scan

if TYPE_CHECKING:  # the classifier brings ONNX Runtime
    from core.explain.trust.verdict import Trust
    from core.inference.predict import Prediction

#: More bars than these say nothing that a line of text does not.
MOST_BARS = 6


@dataclass(frozen=True, eq=False)
class View:
    """What the page speaks of.

    Attributes:
        scan: The scan.
        prediction: The answer.
        explanation: The explanation on show, or None.
        position: Row of the shown frame in the prediction.
        frame: The shown frame, from 0.
        trust: The verdict on the explanation, or None where it was not checked.
    """

    scan: Scan
    prediction: Prediction
    explanation: Explanation | None
    position: int
    frame: int
    trust: Trust | None = None


def series_words(view: View) -> list[str]:
    """Headline of a series that was read as a whole, how it was come by, and the slice that is shown; else empty."""
    if len(view.prediction.frames) < 2 or len(view.prediction.frames) < view.scan.frames:
        return []
    word = frame_word(view.scan)
    found = series_answer(view.prediction, word)
    shown = f"{word.capitalize()} {view.frame + 1}, shown: {view.prediction.decision(view.position).sentence}."
    return [found.headline, ". ".join(filter(None, [found.which, found.pooled])) + ".", shown]


def answer_line(view: View) -> str:
    """The answer's numbers, calibrated and before.

    Returns:
        E.g. `"Calibrated probability of Pneumonia 0.81, alarm threshold 0.56 (before calibration 0.87, threshold
        0.62)."`
    """
    decision = view.prediction.decision(view.position)
    about, derived = view.prediction.card.labels[decision.about], decision.derived
    even, raw = probability_text(decision.calibrated), probability_text(decision.probability)
    thresholds = ["", ""]
    if decision.threshold is not None:
        raw, written = beside_threshold(decision.probability, decision.threshold)
        even, limit = beside_threshold(decision.calibrated, decision.calibrated_thresholds[decision.about])
        thresholds = [f", alarm threshold {limit}", f", threshold {written}"]
    line = f"Calibrated probability of {about} {even}{thresholds[0]} (before calibration {raw}{thresholds[1]})."
    if derived is not None:
        probability, written = beside_threshold(derived.probability, derived.threshold)
        line += f" Before calibration {derived.name} {probability}, threshold {written}."
    return f"{decision.detail}. {line}" if decision.detail else line


def probabilities(column: Column, view: View, longest: int, most: int) -> None:
    """A bar for each class, and what they come to over a stack."""
    prediction = view.prediction
    decision = prediction.decision(view.position)
    row, calibrated = prediction.probabilities[view.position], prediction.calibrated[view.position]
    column.heading("Probabilities")
    order = bar_order(calibrated, decision)
    shown = order[: min(MOST_BARS, most)]
    for index in shown:
        threshold, value = decision.calibrated_thresholds.get(index), probability_text(float(calibrated[index]))
        if threshold is not None:
            value, written = beside_threshold(float(calibrated[index]), threshold)
            value += f" · threshold {written}"
        words = f"{value} · before calibration {probability_text(float(row[index]))}"
        label = shortened(prediction.card.labels[index], min(longest, 36))
        column.probability(
            label, words, float(calibrated[index]), threshold, float(row[index]), index in decision.predicted
        )
    if len(order) > len(shown):
        rest, next_one = len(order) - len(shown), float(calibrated[order[len(shown)]])
        column.text(f"{rest} more classes, each at most {probability_text(next_one)}", color=QUIET)
    column.text(_bar_key(prediction.card, decision.threshold), color=QUIET, size=max(column.size - 1, 5.5))
    if len(prediction.frames) > 1:
        column.text(shortened(_over_the_stack(view), longest))


def _bar_key(card: ModelCard, threshold: float | None) -> str:
    line = "" if threshold is None else "Line: threshold. "
    return f"Calibrated with temperature {card.temperature:.3g}. {line}Diamond: before calibration."


def _over_the_stack(view: View) -> str:
    prediction = view.prediction
    decision = prediction.decision(view.position)
    about = decision.about
    values = prediction.calibrated[:, about]
    low, high = probability_text(float(values.min())), probability_text(float(values.max()))
    word = frame_word(view.scan)
    text = f"{prediction.card.labels[about]} over {len(values)} {word}s: {low} to {high}"
    if decision.threshold is None:
        return f"{text}."
    return f"{text}, at or above the threshold in {_above(prediction, about, decision.threshold)}."


def _above(prediction: Prediction, about: int, threshold: float) -> int:
    """Frames that reach a threshold, compared as they were decided: before calibration."""
    return int((prediction.probabilities[:, about] >= threshold).sum())


def trust(column: Column, view: View, longest: int, most: int) -> None:
    """Similarity, strength of the evidence, and every warning."""
    column.heading("How far to trust it")
    column.pair("Image", similarity_words(view.prediction, view.position))
    if view.explanation is not None:
        column.pair("Explanation", shortened(_explanation_words(view, view.explanation), longest))
        column.pair("Heatmap", shortened(_verdict_words(view, view.explanation), longest))
    at_the_answer = grave_doubts(view.scan, view.prediction)
    sentences = [entry for entry in doubts(view.scan, view.prediction, view.explanation) if entry not in at_the_answer]
    if not sentences:
        column.text("No further warnings." if at_the_answer else "No warnings.", color=QUIET)
    column.top += 0.6
    for sentence in sentences[:most]:
        column.bullet(shortened(sentence, longest), AMBER)
    _left_out(column, len(sentences) - most, "warnings")


def _verdict_words(view: View, explanation: Explanation) -> str:
    if explanation.is_empty:
        return f"No evidence for {explanation.label}."
    return "Not checked." if view.trust is None else f"{view.trust.sentence}."


def _explanation_words(view: View, explanation: Explanation) -> str:
    about = f"{method_text(explanation.method)} of layer {explanation.layer}"
    if explanation.is_empty:
        return f"{about}: nothing found"
    if len(explanation.frames) > 1:
        return f"{about}. {describe_evidence(explanation, view.scan, view.frame)}"
    return f"{about}: strongest evidence {evidence_text(explanation.scale)} logit units"


def provenance(column: Column, view: View, longest: int, most: int) -> None:
    """Each transform from the file to the model's input."""
    column.heading("How this image was made")
    steps = [*view.scan.provenance, *view.prediction.prepared.provenance]
    for step in steps[:most]:
        column.pair(shortened(step.name, min(longest, 60)), shortened(step.detail, longest))
    _left_out(column, len(steps) - most, "steps")


def scan(column: Column, view: View, longest: int, most: int) -> None:
    """Facts of the scan without identifiers."""
    column.heading("Scan")
    _pairs(column, scan_facts(view.scan), longest, most)


def model(column: Column, view: View, longest: int, most: int) -> None:
    """Facts of the model card."""
    card = view.prediction.card
    column.heading("Model")
    facts = {"Model": card.title, "Trained on": card.training_modality}
    data = _datasets(card)
    if data:
        facts["Data"] = data
    facts["Licence"] = f"{card.license}{', non-commercial use only' if card.non_commercial else ''}"
    facts["Threshold"] = _thresholds(card)
    found = card.out_of_distribution.get("roc_auc")
    if isinstance(found, (int, float)):
        facts["Similarity check"] = f"ROC AUC {found:.3f} against other images"
    _pairs(column, facts, longest, most)


def _thresholds(card: ModelCard) -> str:
    found = {"": card.threshold} if card.threshold is not None else dict(card.thresholds)
    values = ", ".join(f"{label} {value:.3g}".strip() for label, value in found.items())
    chosen = f". {card.threshold_from}" if card.threshold_from else ""
    return f"{values or 'none, the largest probability decides'}, temperature {card.temperature:.3g}{chosen}"


def tests(column: Column, view: View, longest: int, most: int) -> None:
    """How the model did where it was tested."""
    found = measurements(view.prediction.card)
    column.heading("Tested on (95 % intervals)")
    if not found:
        column.text("The card holds no measurements.", color=QUIET)
    for dataset, line in found[:most]:
        column.text(shortened(dataset, longest), color=QUIET)
        column.text(shortened(line, longest))
        column.top += 0.4
    _left_out(column, len(found) - most, "datasets")


def _datasets(card: ModelCard) -> str:
    named = card.front_matter.get("datasets") or []
    return (
        ", ".join(str(name) for name in named)
        if isinstance(named, Sequence) and not isinstance(named, str)
        else str(named)
    )


def foot(column: Column, view: View, longest: int, most: int) -> None:
    """What it takes to make the same page again."""
    column.text(f"Scan, sha256 {view.scan.digest}", color=QUIET)
    files = list(view.prediction.card.sha256.items())
    for name, digest in files[: min(most, 4)]:
        column.text(shortened(f"{view.prediction.card.slug}/{name}, sha256 {digest}", longest), color=QUIET)
    _left_out(column, len(files) - 4, "files")
    column.text(", ".join(f"{name} {number}" for name, number in versions().items()), color=QUIET)


def _pairs(column: Column, facts: Mapping[str, str], longest: int, most: int) -> None:
    for name, value in list(facts.items())[:most]:
        column.pair(shortened(name, min(longest, 60)), shortened(value, longest))
    _left_out(column, len(facts) - most, "entries")


def _left_out(column: Column, count: int, what: str) -> None:
    if count > 0:
        column.text(f"{count} more {what}; the JSON has them all.", color=QUIET)
