"""The first page of reading against a model: alone, joining a class, or opening a room for one."""

from __future__ import annotations

import streamlit as st

from core.errors import ScanLensError
from core.evaluation.store.faults import StoreFault
from core.reader_study.design import CODE_LENGTH, MOST, NICKNAME_LENGTH
from core.reader_study.store import Room
from ui.foreign_text import plain
from ui.reader_study.cases import (
    Offer,
    enter,
    offers,
    prepare,
    show_preparing,
)
from ui.reader_study.session import (
    READER,
    ROOM,
    Versus,
    go_to,
    leave,
    rooms,
)
from ui.show import show_error

WAYS = {"alone": "On my own", "join": "Join a class", "class": "Open a room for a class"}
#: Numbers of cases that are offered; the time is what it takes at about ten seconds a reading.
NUMBERS = (10, 20, 30, 40, MOST)
SECONDS = 10
LESIONS = (
    "Computed images of tissue with vessels and small bright spots; half of them have a lesion, a broad and soft "
    "bright patch. Nobody is ill here. The model is a small one that was fitted to other such images: five fixed "
    "filters and a logistic regression. It makes mistakes. Its heatmap is what each pixel adds to its answer."
)
SHIPPED = "The images are read where they lie and never stored; heatmaps are Grad-CAM for {finding}."


def show_start(state: Versus) -> None:
    """Choose how to read, and with what."""
    if show_preparing(state):
        return
    way = st.segmented_control(
        "How", list(WAYS), format_func=lambda name: WAYS[name], default="alone", required=True, key="versus-way",
        label_visibility="collapsed",
    )  # fmt: skip
    if way == "join":
        show_joining(state, "")
        return
    with st.container(border=True, width=720):
        _show_choice(state, str(way))
    _show_trouble(state)
    if way == "alone":
        st.caption(
            "You read each case twice: first without, then with the model's answer and heatmap. What is true is told "
            "at the end."
        )
    else:
        st.caption(
            "You get a code. Others join with it and a nickname from their browsers, read the same cases each in an "
            "order of their own, and you see the class against the model while they read."
        )


def _show_choice(state: Versus, way: str) -> None:
    offered = offers()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        index = st.selectbox(
            "Cases", range(len(offered)), format_func=lambda place: offered[place].title, key="versus-cases"
        )
        offer = offered[min(index, len(offered) - 1)]
        slug = _choose_model(offer)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox("Number of cases", NUMBERS, index=1, key="versus-number", width=160)
        seed = st.number_input(
            "Seed", 0, 99_999, 1, key="versus-seed", width=160, help="The same seed draws the same cases."
        )
        balanced = st.checkbox("Half of them with the finding", True, key="versus-balanced")
    if offer.entry is not None:
        st.caption("Readers see one image a case: models that also take other images, a film or facts are not offered.")
    st.caption(LESIONS if offer.entry is None else SHIPPED.format(finding=offer.models[slug].labels[1]))
    title = "Start reading" if way == "alone" else "Open the room"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            title, type="primary", icon=":material/play_arrow:", key="versus-start", on_click=prepare,
            args=(state, way, offer.source(slug, number, int(seed)), number, int(seed), balanced),
        )  # fmt: skip
        st.caption(f"about {max(1, round(2 * number * SECONDS / 60))} min", width="content")


def _choose_model(offer: Offer) -> str:
    if offer.entry is None:
        return ""
    chosen: str = st.selectbox(
        "Model", list(offer.models), format_func=lambda slug: offer.models[slug].title, key="versus-model"
    )
    return chosen


def _show_trouble(state: Versus) -> None:
    if not state.trouble:
        return
    show_error(state.trouble)
    if state.unreachable is not None and state.unreachable[0] == "alone":
        _, plan, seen = state.unreachable
        st.button(
            "Go on alone, in memory", icon=":material/memory:", key="versus-memory", on_click=enter,
            args=(state, "memory", plan, seen),
        )  # fmt: skip
        st.caption("Your answers are then kept until you close or reload this page.")


def show_joining(state: Versus, code: str) -> None:
    """Enter a room with its code and a nickname."""
    with st.form("versus-join", width=420):
        st.text_input(
            "Code of the room", code, max_chars=16, key="versus-code", placeholder=f"{CODE_LENGTH} characters"
        )
        st.text_input("Nickname", max_chars=NICKNAME_LENGTH, key="versus-nickname")
        st.caption("Your teacher sees the nickname; it is left out of what is exported. You need not use your name.")
        st.form_submit_button("Join", type="primary", icon=":material/login:", on_click=_join, args=(state,))
    if state.trouble:
        show_error(state.trouble)


def _join(state: Versus) -> None:
    try:
        room, _, token = rooms(state).join(
            st.session_state.get("versus-code", ""), st.session_state.get("versus-nickname", "")
        )
    except ScanLensError as problem:
        state.trouble = str(problem)
        return
    go_to(state, **{ROOM: room.code, READER: token})


def show_invitation(state: Versus, room: Room) -> None:
    """What one sees who comes by the link of a room."""
    if room.state == "closed":
        st.info("This room is closed: its teacher ended the reading.", icon=":material/lock:")
    else:
        st.markdown(f"**{len(room.plan.cases)} cases**, {plain(room.plan.title)}.")
        show_joining(state, room.code)
    st.button("Not this room", icon=":material/arrow_back:", key="versus-leave", on_click=leave)


def show_lost(problem: ScanLensError) -> None:
    """An address that leads nowhere, in one sentence, and the way on."""
    show_error(str(problem))
    if isinstance(problem, StoreFault):
        st.button("Try again", icon=":material/refresh:", key="versus-again")
    st.button("Begin anew", icon=":material/arrow_back:", key="versus-leave", on_click=leave)
