"""The figures below the matrix: which there are, what each is computed from, and the controls that each has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import streamlit as st

from core.evaluation.results.calibration_curve import calibration_curve
from core.evaluation.results.curves import precision_recall_curve, roc_curve, score_distribution
from core.evaluation.results.decision_curve import net_benefit
from core.evaluation.results.operating_point import ConfusionAt, confusion_of, threshold_sweep
from core.evaluation.results.prevalence import ppv_npv_at
from core.evaluation.results.questions import Answered, ClassAnswers, MaskAnswers, threshold_of
from core.evaluation.results.subgroups import Subgroups, attributes, by_attribute
from core.figures.comparing.calibration import calibration_figure, calibration_rows, describe_calibration
from core.figures.comparing.confusion import confusion_figure, confusion_rows, describe_confusion
from core.figures.comparing.net_benefit import describe_net_benefit, net_benefit_figure, net_benefit_rows
from core.figures.comparing.precision_recall import (
    describe_precision_recall,
    precision_recall_figure,
    precision_recall_rows,
)
from core.figures.comparing.predictive_values import (
    at_fraction,
    describe_predictive_values,
    meanings,
    predictive_values_figure,
    predictive_values_rows,
)
from core.figures.comparing.roc import describe_roc, roc_figure, roc_rows
from core.figures.comparing.scores import describe_scores, scores_figure, scores_rows
from core.figures.comparing.subgroups import describe_subgroups, subgroups_figure, subgroups_note, subgroups_rows
from ui.comparing.address import write_address
from ui.comparing.chart import Drawn, show_drawn
from ui.comparing.class_figures import class_confusion, class_roc
from ui.comparing.mask_figures import mask_cases
from ui.comparing.members import Member, View
from ui.comparing.words import plain

#: Prevalences to choose from, closer together where a change means more.
PREVALENCES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, *(k / 20 for k in range(4, 20)))
#: Where the curves over prevalence are computed: evenly, and at all of these.
GRID = sorted({k / 100 for k in range(101)} | set(PREVALENCES))


@dataclass(frozen=True)
class Kind:
    """One kind of figure.

    Attributes:
        title: On its button.
        draw: Reads its controls and makes it, or says why there is none.
    """

    title: str
    draw: Callable[[View], Drawn | str]


def _note(words: str, results: Iterable[Any]) -> str:
    """How to read the figure, and what the results say of themselves, each once."""
    return " ".join(dict.fromkeys(part for part in (words, *(result.note for result in results)) if part))


_BANDS = "Bands are pointwise 95 % intervals over resampled patients."


def _roc(view: View) -> Drawn:
    curves = view.numbers(f"roc {view.resamples}", lambda member: roc_curve(member.finding, view.resamples))
    corner = st.toggle("Enlarge the upper left corner", key="compare-roc-corner")
    return Drawn(
        lambda: roc_figure(view.scene, curves, corner),
        describe_roc(view.scene, curves),
        lambda: roc_rows(curves),
        _note(f"Points are the models' own thresholds. {_BANDS}", (curve for _, curve in curves)),
    )


def _precision_recall(view: View) -> Drawn:
    curves = view.numbers(
        f"precision recall {view.resamples}", lambda member: precision_recall_curve(member.finding, view.resamples)
    )
    if view.metric == "average_precision":  # the figure gives the very interval of the matrix, which has more resamples
        shown = zip(curves, view.members, strict=True)
        curves = [(line, replace(curve, average_precision=view.estimates[one.key])) for (line, curve), one in shown]
    corner = st.toggle("Enlarge the upper right corner", key="compare-pr-corner")
    return Drawn(
        lambda: precision_recall_figure(view.scene, curves, corner),
        describe_precision_recall(view.scene, curves),
        lambda: precision_recall_rows(curves),
        _note(f"Points are the models' own thresholds. {_BANDS}", (curve for _, curve in curves)),
    )


def _calibration(view: View) -> Drawn:
    kinds = {"calibrated": True, "as the model gives them": False}
    kind = st.segmented_control(
        "Probabilities", list(kinds), required=True, default="calibrated", key="compare-calibrated"
    )
    calibrated = kinds[kind]
    curves = view.numbers(f"calibration {calibrated}", lambda member: calibration_curve(member.finding, calibrated))
    words = (
        "Points are ten bins of equal width with Wilson's 95 % intervals, larger where they hold more cases; lines go "
        "through bins of equally many cases. The error is that of the positive class."
    )
    return Drawn(
        lambda: calibration_figure(view.scene, curves),
        describe_calibration(view.scene, curves),
        lambda: calibration_rows(curves),
        _note(words, (curve for _, curve in curves)),
    )


def _confusion_at(member: Member, threshold: float | None = None) -> ConfusionAt:
    return confusion_of(member.finding, threshold)


def _confusion(view: View) -> Drawn:
    sweeps = view.numbers("sweep", lambda member: threshold_sweep(member.finding, 51))
    thresholds = _thresholds(view)
    decisions = [
        (line, view.number(f"confusion {threshold:.4f}", member, partial(_confusion_at, threshold=threshold)), sweep)
        for (line, sweep), member, threshold in zip(sweeps, view.members, thresholds, strict=True)
    ]
    own = (view.number("confusion", member, _confusion_at) for member in view.members)
    words = "Shares are of the row. Bands are Wilson's 95 % intervals; the dotted line is validation's threshold."
    return Drawn(
        lambda: confusion_figure(view.scene, decisions),
        describe_confusion(view.scene, decisions),
        lambda: confusion_rows(decisions),
        _note(words, own),
    )


def _thresholds(view: View) -> list[float]:
    """A slider a model, side by side."""
    st.caption(plain(f"Threshold of {view.scene.finding}"))
    places = [place for _ in range(0, len(view.members), 3) for place in st.columns(3)]
    found = []
    for place, member in zip(places, view.members, strict=False):
        with place:
            found.append(_threshold(member))
    return found


def _threshold(member: Member) -> float:
    """A slider that starts at the model's own threshold."""
    own = threshold_of(member.finding)[0]
    key = f"compare-cut-{member.key}-{member.answered.name}"
    st.session_state.setdefault(key, round(own, 2))
    moved = st.slider(plain(member.line.title), 0.0, 1.0, step=0.01, key=key)
    # Hundredths are fine enough to move by; the threshold from validation itself has more digits.
    return own if moved == round(own, 2) else moved


def _scores(view: View) -> Drawn:
    found = view.numbers("scores", lambda member: score_distribution(member.finding))
    return Drawn(
        lambda: scores_figure(view.scene, found),
        describe_scores(view.scene, found),
        lambda: scores_rows(found),
        _note("Fractions of the cases with and of those without.", (one for _, one in found)),
    )


def _net_benefit(view: View) -> Drawn:
    curves = view.numbers(
        f"net benefit {view.resamples}", lambda member: net_benefit(member.finding, resamples=view.resamples)
    )
    return Drawn(
        lambda: net_benefit_figure(view.scene, curves),
        describe_net_benefit(view.scene, curves),
        lambda: net_benefit_rows(curves),
        _note(f"Of calibrated probabilities. {_BANDS}", (curve for _, curve in curves)),
    )


def _predictive_values(view: View) -> Drawn:
    fraction = st.select_slider(
        plain(f"Prevalence of {view.scene.finding}"),
        PREVALENCES,
        value=0.1,
        format_func=lambda value: f"{100 * value:g} %",
        key="compare-prevalence",
    )
    values = view.numbers(
        f"predictive values {view.resamples}",
        lambda member: ppv_npv_at(member.finding, GRID, resamples=view.resamples),
    )
    at = [(line, at_fraction(found, fraction)) for line, found in values]
    rows = [{plain(name): plain(value) for name, value in row.items()} for row in meanings(view.scene, at)]
    st.table(rows, hide_index=True)
    return Drawn(
        lambda: predictive_values_figure(view.scene, values, at),
        describe_predictive_values(view.scene, at),
        lambda: predictive_values_rows(values),
        _note(f"The dotted line is the fraction in this dataset. {_BANDS}", (found for _, found in values)),
    )


def _subgroups(view: View) -> Drawn | str:
    known = {
        member.key: view.number("attributes", member, lambda one: attributes(one.evaluation)) for member in view.members
    }
    offered = list(dict.fromkeys(name for names in known.values() for name in names))
    if not offered:
        return "Nothing is known of these cases that would part them into groups, such as age, sex, site or device."
    name = st.segmented_control("By", offered, required=True, default=offered[0], key=f"compare-by-{offered}")
    members = [member for member in view.members if name in known[member.key]]
    found = [
        (member.line, view.number(f"{view.metric} by {name}", member, lambda one: _by(view, one, name)))
        for member in members
    ]
    return Drawn(
        lambda: subgroups_figure(view.scene, found),
        describe_subgroups(view.scene, found),
        lambda: subgroups_rows(found),
        subgroups_note(found),
    )


def _by(view: View, member: Member, attribute: str) -> Subgroups:
    return by_attribute(member.evaluation, view.question, view.metric, attribute)


#: For yes-or-no questions, in the order of their buttons.
FIGURES: dict[str, Kind] = {
    "roc": Kind("ROC", _roc),
    "precision-recall": Kind("Precision–recall", _precision_recall),
    "calibration": Kind("Calibration", _calibration),
    "confusion": Kind("Confusion", _confusion),
    "scores": Kind("Scores", _scores),
    "net-benefit": Kind("Net benefit", _net_benefit),
    "predictive-values": Kind("PPV and NPV", _predictive_values),
    "subgroups": Kind("Subgroups", _subgroups),
}


#: For questions about all classes, about masks, and about all findings.
OF_CLASSES: dict[str, Kind] = {
    "class-roc": Kind("ROC by class", class_roc),
    "class-confusion": Kind("Confusion", class_confusion),
    "subgroups": Kind("Subgroups", _subgroups),
}
OF_MASKS: dict[str, Kind] = {
    "mask-cases": Kind("Image by image", mask_cases),
    "subgroups": Kind("Subgroups", _subgroups),
}
OF_LABELS: dict[str, Kind] = {
    "class-roc": Kind("ROC by finding", class_roc),
    "subgroups": Kind("Subgroups", _subgroups),
}


def figures_for(answered: Answered) -> dict[str, Kind]:
    """Which figures fit a kind of answers."""
    if isinstance(answered, MaskAnswers):
        return OF_MASKS
    if isinstance(answered, ClassAnswers):
        return OF_LABELS if answered.answers == "multilabel" else OF_CLASSES
    return FIGURES


def show_figure(view: View, name: str) -> None:
    """One figure with its controls; only this one is computed."""
    drawn = figures_for(view.members[0].answered)[name].draw(view)
    if isinstance(drawn, str):
        st.info(drawn)
        return
    models = "-".join(member.evaluation.model for member in view.members)
    file = re.sub(r"[^\w.-]+", "-", f"scanlens-{name}-{view.members[0].evaluation.dataset}-{models}")[:120]
    show_drawn(drawn, f"figure-{name}", file)


def choose_figure(view: View) -> str:
    """Which figure to show; the address keeps it."""
    figures = figures_for(view.members[0].answered)
    offered = list(figures)
    wanted = st.session_state.get("compare-figure", st.query_params.get("figure"))
    st.session_state["compare-figure"] = wanted if wanted in offered else offered[0]
    name = st.segmented_control(
        "Figure", offered, required=True, format_func=lambda key: figures[key].title, key="compare-figure",
        label_visibility="collapsed", wrap=False,
    )  # fmt: skip
    name = name or offered[0]
    write_address(figure=name)
    return name
