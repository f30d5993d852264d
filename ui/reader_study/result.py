"""What a reader's answers come to: on the model's ROC, in numbers, in changes of mind, and case by case."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import streamlit as st

from core.evaluation.statistics.intervals import Estimate
from core.figures.comparing.canvas import Scene
from core.figures.comparing.numbers import estimate_text
from core.figures.reader_study.results import describe_reader, reader_figure
from core.formatting import probability_text
from core.reader_study.design import Answer, Plan
from core.reader_study.export import as_csv
from core.reader_study.results import Decisions, ReaderResult, reader_result
from core.reader_study.sources import Seen
from core.reader_study.store import Reader, Room
from ui.charts import show_chart
from ui.downloads import show_download
from ui.foreign_text import plain
from ui.lessons.question import show_question
from ui.packing import encode_image
from ui.reader_study.cases import ready_cases
from ui.reader_study.reading import enlarged, image_of, show_scale
from ui.reader_study.session import Versus, leave
from ui.reader_study.words import (
    change_sentence,
    fraction_text,
    headline,
    reliance_sentence,
)

#: Outline of what is there to find: Okabe and Ito's sky blue, which no heat has.
OUTLINE = (86, 180, 233)
WHY = (
    "An interval that reaches from a loss to a gain, as one of a few cases does, fits both. Only more cases, or more "
    "readers, tell help from chance."
)


def show_result(state: Versus, room: Room, reader: Reader) -> None:
    """Everything about a reader who is done, or whose room was closed."""
    key = (room.id, reader.id, len(reader.answers))
    result = state.results.get(key, lambda: reader_result(room.plan, reader.answers))
    if not len(result.readings):
        st.info("You have read no case both without and with the model, so there is nothing to compare.")
        st.button("Begin anew", icon=":material/arrow_back:", key="versus-leave", on_click=leave)
        return
    st.subheader(headline(result), anchor=False)
    with st.container(key="versus-wide"):
        left, right = st.columns([1, 1], gap="large")
        with left:
            scene = Scene(room.plan.finding, room.plan.title)
            show_chart(lambda: reader_figure(result, scene), "versus-roc", describe_reader(result))
        with right:
            st.markdown(_numbers(result))
            st.caption("95 % intervals in brackets. Ring and diamond in the figure are you, with the same intervals.")
            _show_changes(result)
    show_question(
        f"versus-question-{reader.id}",
        "Somebody reads 20 cases; the model changes 3 answers for the better and 1 for the worse. What follows?",
        ["The model helps.", "Nothing yet: that may be chance.", "The model harms."],
        1,
        f"McNemar's exact test of 3 against 1 gives p = 0.62. {WHY}",
        "Four coins: how often would three or more of them fall on the same side?",
    )
    _show_formulas(result)
    cases = ready_cases(state, room)
    if cases is not None:
        _show_cases(state, room, reader, result, cases)
    with st.container(horizontal=True):
        show_download(
            "Your answers as CSV", lambda: as_csv(room.plan, [reader]), "reading.csv", "text/csv", key="versus-csv",
        )  # fmt: skip
        st.button("Read other cases", icon=":material/restart_alt:", key="versus-leave", on_click=leave)


def _numbers(result: ReaderResult) -> str:
    """The table of numbers, in Markdown."""
    three = (result.without, result.aided, result.model)
    rows = [
        ("Sensitivity", [fraction_text(one.counts.sensitivity) for one in three]),
        ("Specificity", [fraction_text(one.counts.specificity) for one in three]),
        ("Fraction right", [fraction_text(one.counts.accuracy) for one in three]),
        ("AUC, by sureness", [estimate_text(one.auc) for one in three]),
        ("Agreement with the model, κ", [_kappa(one) for one in three]),
        ("Median time a case", _times(result)),
    ]
    lines = [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]
    return "\n".join(["| | You without it | You with it | The model |", "|:--|:--|:--|:--|", *lines])


def _kappa(one: Decisions) -> str:
    return "" if one.kappa is None else estimate_text(one.kappa)


def _times(result: ReaderResult) -> list[str]:
    def seconds(value: float) -> str:
        return "not defined" if math.isnan(value) else f"{value:.1f} s"

    return [seconds(result.without.seconds), f"{seconds(result.aided.seconds)} more", ""]


def _show_changes(result: ReaderResult) -> None:
    read = result.readings
    first, last = read.without == read.truth, read.aided == read.truth
    cells = [[int((was & now).sum()) for now in (last, ~last)] for was in (first, ~first)]
    st.markdown(
        f"| Without it → with it | right | wrong |\n|:--|--:|--:|\n| **right** | {cells[0][0]} | {cells[0][1]} |\n"
        f"| **wrong** | {cells[1][0]} | {cells[1][1]} |"
    )
    st.markdown(change_sentence(result.change))
    st.markdown(reliance_sentence(result))
    reliance = result.reliance
    st.caption(
        f"Where only the model was right, it put you right in {_of(reliance.put_right)}. Where only you were right, it "
        f"misled you in {_of(reliance.misled)}."
    )


def _of(fraction: Estimate) -> str:
    return f"{round(fraction.value * fraction.n)} of {fraction.n}" if fraction.n else "no case, as there was none"


def _show_formulas(result: ReaderResult) -> None:
    with st.expander("The formulas, with your numbers"):
        counts, read = result.aided.counts, result.readings
        hits, misses = counts.true_positives, counts.false_negatives
        rejected, alarms = counts.true_negatives, counts.false_positives
        if hits + misses:
            st.latex(_ratio(r"\text{sensitivity}", r"TP}{TP + FN", hits, f"{hits} + {misses}", hits / (hits + misses)))
        if rejected + alarms:
            fraction = rejected / (rejected + alarms)
            st.latex(_ratio(r"\text{specificity}", r"TN}{TN + FP", rejected, f"{rejected} + {alarms}", fraction))
        agreed = float(np.mean(read.aided == read.model))
        mine, its = float(read.aided.mean()), float(read.model.mean())
        chance = mine * its + (1 - mine) * (1 - its)
        if chance < 1:
            kappa = (agreed - chance) / (1 - chance)
            st.latex(
                r"\kappa = \frac{p_o - p_e}{1 - p_e} = "
                rf"\frac{{{agreed:.2f} - {chance:.2f}}}{{1 - {chance:.2f}}} = {kappa:.2f}"
            )
            st.caption(
                f"With the model: you and it agree on {agreed:.2f} of the cases; by chance it would be {chance:.2f}, "
                f"as you say yes to {mine:.2f} of them and the model to {its:.2f}."
            )


def _ratio(name: str, formula: str, part: int, whole: str, fraction: float) -> str:
    return rf"{name} = \frac{{{formula}}} = \frac{{{part}}}{{{whole}}} = {fraction:.2f}"


def _show_cases(state: Versus, room: Room, reader: Reader, result: ReaderResult, cases: Sequence[Seen]) -> None:
    """One case after the other, now with the truth; those that went wrong first."""
    said = {(answer.place, answer.aided): answer for answer in reader.answers}
    read = result.readings
    wrong = [int(place) for place in read.places[(read.aided != read.truth) | (read.model != read.truth)]]
    offered = [*wrong, *(int(place) for place in read.places if int(place) not in wrong)]
    st.subheader("Look at the cases again", anchor=False)
    place = st.selectbox(
        "Case", offered, key="versus-case", width=420,
        format_func=lambda one: _title(room.plan, one, said[one, True]),
    )  # fmt: skip
    seen, plan = cases[place], room.plan
    with st.container(key="reading"):
        left, right = st.columns([3, 2], gap="medium")
        with left:
            heated = st.segmented_control(
                "Show", [True, False], default=True, required=True, label_visibility="collapsed",
                format_func=lambda one: "With heatmap" if one else "Image with the truth", key="versus-case-heat",
            )  # fmt: skip
            with st.container(key="versus-light"):
                shown = image_of(state, plan, seen, place, True) if heated else _outlined(seen)
                st.image(shown, width="stretch", alt=f"Case {place + 1} with {'heat' if heated else 'the truth'}")
            if heated:
                show_scale(plan, seen)
        with right:
            _show_answers(plan, place, said)


def _title(plan: Plan, place: int, last: Answer) -> str:
    truth = plan.cases[place].truth
    words = ["you right" if last.predicted == truth else "you wrong"]
    words.append("model right" if bool(plan.predicted[place]) == truth else "model wrong")
    return f"{place + 1}: {plan.finding if truth else plan.without}, {', '.join(words)}"


def _show_answers(plan: Plan, place: int, said: dict[tuple[int, bool], Answer]) -> None:
    def name(predicted: bool) -> str:
        return plain(plan.finding if predicted else plan.without)

    case = plan.cases[place]
    rows = [("True is", name(case.truth), "")]
    for title, aided in (("You without it", False), ("You with it", True)):
        one = said[place, aided]
        rows.append((title, name(one.predicted), f"{one.sureness} of 5 sure, {one.seconds:.1f} s"))
    rows.append(("The model", name(bool(plan.predicted[place])), f"probability {probability_text(case.score)}"))
    lines = [f"| {title} | **{answer}** | {more} |" for title, answer, more in rows]
    st.markdown("\n".join([lines[0], "|:--|:--|:--|", *lines[1:]]))


def _outlined(seen: Seen) -> bytes:
    """The image with the outline of what is there to find, where that is known."""
    image = enlarged(seen.image)
    if seen.mask is None or not seen.mask.any():
        return encode_image(image)
    colour = np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image.copy()
    mask = cv2.resize(seen.mask.astype(np.float32), (colour.shape[1], colour.shape[0])) > 0.5
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return encode_image(cv2.drawContours(np.ascontiguousarray(colour), outlines, -1, OUTLINE, 2))
