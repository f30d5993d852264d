"""The teacher's view of a room: how far everybody is, and the class against the model, live."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import streamlit as st

from core.evaluation.results.curves import RocCurve, roc_curve
from core.evaluation.results.evaluation import Finding
from core.figures.comparing.canvas import Scene
from core.figures.comparing.numbers import count_text
from core.figures.reader_study.cases import cases_figure, describe_cases
from core.figures.reader_study.results import class_figure, describe_class
from core.formatting import difference_text
from core.reader_study.class_results import MEASURES, ClassResult, class_result
from core.reader_study.design import Plan
from core.reader_study.export import as_csv, as_json
from core.reader_study.results import RESAMPLES
from core.reader_study.store import Reader, Room
from ui.charts import show_chart
from ui.downloads import show_download
from ui.foreign_text import plain
from ui.reader_study.session import (
    ROOM,
    Versus,
    leave,
    rooms,
)
from ui.reader_study.words import class_sentence, fraction_text
from ui.serving.visitor import is_at_hand
from ui.show import errors_shown

#: Seconds between two looks at the answers.
LOOK = 2.0
#: Pixels of a reader's bar, and of all of them before they scroll.
BAR, TALL = 52, 416
STATES = {
    "waiting": ":material/hourglass_top: Waiting for you to start",
    "open": ":material/play_arrow: Reading",
    "closed": ":material/lock: Closed",
}
NAMES = {"sensitivity": "Sensitivity", "specificity": "Specificity", "accuracy": "Fraction right"}
LOCAL = (
    "This server answers this computer only. For a class start it in a network that you trust with "
    "`python -m ui.launch --server.address 0.0.0.0`, and give out the link with this computer's name in place of "
    "localhost."
)


def show_room(state: Versus, room: Room) -> None:
    """The room of who has its key."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader(f"Room {room.code}", anchor=False)
        st.markdown(STATES[room.state], width="content")
        _show_controls(state, room)
    if room.state != "closed":
        _show_way_in(room)
    plan = room.plan
    what = f"{count_text(len(plan.cases), 'case')}, {plain(plan.title)}; {int(plan.truth.sum())} with"
    st.caption(f"{what} {plain(plan.finding)}. The model: {plain(plan.model)}.")

    @st.fragment(run_every=LOOK if room.state != "closed" else None)
    def live() -> None:
        with errors_shown():
            _show_live(state, room)

    live()
    st.caption("Whoever has the link of this page can start, close and export: keep it to yourself.")


def _show_controls(state: Versus, room: Room) -> None:
    with st.container(horizontal=True, width="content"):
        if room.state == "waiting":
            st.button(
                "Start reading", type="primary", icon=":material/play_arrow:", key="versus-open",
                on_click=_move, args=(state, room, "open"),
            )  # fmt: skip
        elif room.state == "open":
            st.button(
                "Close the room",
                icon=":material/lock:",
                key="versus-close",
                on_click=_move,
                args=(state, room, "closed"),
            )
        with st.popover("Leave"):
            st.caption("The room stays, and the link of this page leads back to it.")
            st.button("Leave", icon=":material/logout:", key="versus-leave", on_click=leave)
            st.caption("Deleting it deletes all answers, and nobody can bring them back.")
            st.button(
                "Delete the room", icon=":material/delete:", key="versus-delete", on_click=_delete, args=(state, room)
            )


def _move(state: Versus, room: Room, to: str) -> None:
    with errors_shown():
        rooms(state).move(room, "open" if to == "open" else "closed")


def _delete(state: Versus, room: Room) -> None:
    with errors_shown():
        rooms(state).delete(room)
        leave()


def _show_way_in(room: Room) -> None:
    link = f"{(st.context.url or '').partition('?')[0] or 'versus'}?{ROOM}={room.code}"
    st.markdown(f"Join on the page *You against the model* with the code **{room.code}**, or by this link:")
    st.code(link, language=None)
    if is_at_hand() and st.get_option("server.address") in {"localhost", "127.0.0.1", "::1"}:
        st.caption(LOCAL)


def _show_live(state: Versus, room: Room) -> None:
    """Progress and results as they are now; what is computed is kept until there are new answers."""
    readers = rooms(state).readers(room)
    answers = sum(len(reader.answers) for reader in readers)
    if not readers:
        st.info("Nobody has joined yet.", icon=":material/group:")
        return
    key = (room.id, "class", answers)
    found = state.results.get(key, lambda: class_result(room.plan, readers))
    with st.container(key="versus-wide"):
        left, right = st.columns([2, 3], gap="large")
        with left:
            _show_progress(room, readers)
            _show_export(room, readers)
            if found.readers:
                st.markdown(class_sentence(found))
        with right:
            if found.readers:
                _show_roc(state, room, found)
            else:
                wait = "Results begin with the first case that was read both times."
                st.info(wait, icon=":material/query_stats:")
    if found.readers:
        _show_numbers(found)
        plan, alt = room.plan, describe_cases(found.cases)
        show_chart(lambda: cases_figure(found.cases, plan.finding, plan.without), "versus-by-case", alt)


def _show_export(room: Room, readers: Sequence[Reader]) -> None:
    with st.container(horizontal=True):
        for kind, make, mime in (("CSV", as_csv, "text/csv"), ("JSON", as_json, "application/json")):
            show_download(
                kind, partial(make, room.plan, readers), f"reading-{room.code}.{kind.lower()}", mime,
                key=f"versus-{kind}", help="Without nicknames.",
            )  # fmt: skip


def _show_progress(room: Room, readers: Sequence[Reader]) -> None:
    questions = 2 * len(room.plan.cases)
    done = sum(len(reader.answers) == questions for reader in readers)
    st.markdown(f"**{count_text(len(readers), 'reader')}**, {done} finished")
    # No data frame: its own button would save the nicknames.
    with st.container(height=TALL if len(readers) > TALL // BAR else "content", border=False):
        for reader in readers:
            said = len(reader.answers)
            st.progress(said / questions, text=f"{plain(reader.nickname)}: {said} of {questions}")


def _show_roc(state: Versus, room: Room, found: ClassResult) -> None:
    plan = room.plan
    curve = state.results.get((room.id, "roc"), lambda: _roc(plan))
    scene = Scene(plan.finding, plan.title)
    show_chart(lambda: class_figure(curve, found, scene), "versus-class", describe_class(found))


def _show_numbers(found: ClassResult) -> None:
    rows = []
    for name in MEASURES:
        spread = found.measures[name]
        value, interval = difference_text(spread.gain.value, spread.gain.low, spread.gain.high)
        cells = [fraction_text(one) for one in (spread.without, spread.aided, spread.model)]
        rows.append(f"| {NAMES[name]} | {' | '.join(cells)} | {value} ({interval}) |")
    head = "| Mean of the class | Without it | With it | The model | With − without |\n|:--|:--|:--|:--|:--|"
    st.markdown("\n".join([head, *rows]))
    st.caption(
        "95 % intervals, readers and cases drawn anew. Only cases count that were read both times. "
        f"Where only the model was right, it put readers right in {fraction_text(found.put_right)} of "
        f"{count_text(found.put_right.n, 'reading')}; where only the reader was right, it misled in "
        f"{fraction_text(found.misled)} of {found.misled.n}."
    )


def _roc(plan: Plan) -> RocCurve:
    names = np.array([case.name for case in plan.cases])
    finding = Finding(plan.finding, plan.truth, plan.score, plan.score, plan.threshold, plan.patient, names)
    return roc_curve(finding, RESAMPLES // 2)
