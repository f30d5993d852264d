"""Reading the cases one by one, first without, then with the model's answer and heatmap."""

from __future__ import annotations

import time
from functools import partial

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.display import (
    blend,
    heat_rgba,
    inferno,
    resample,
)
from core.errors import ScanLensError
from core.formatting import beside_threshold, evidence_text
from core.reader_study.design import (
    SURENESS,
    Answer,
    Plan,
    Step,
    next_step,
    reading_order,
)
from core.reader_study.sources import Seen
from core.reader_study.store import Reader, Room
from ui.foreign_text import plain
from ui.packing import encode_image
from ui.reader_study.cases import ready_cases
from ui.reader_study.session import Versus, leave, rooms
from ui.show import show_error

#: Shorter side of an image on the page in pixels, at least; opacity of the heat.
SHORT, OPACITY = 512, 0.55
#: Seconds between two looks at whether the room was started.
LOOK = 2.0
#: Images lie on black in both themes, as tall as the window leaves room for; what is side by side is stacked where
#: there is no room.
STYLE = """
.st-key-versus-light { background: #000; border-radius: 6px; padding: 0.5rem; align-items: center; }
.st-key-versus-light img { max-height: 60vh; object-fit: contain; }
@media (max-width: 1100px) {
  .st-key-versus-light img { max-height: 44vh; }
  .st-key-versus-wide .stHorizontalBlock:has(> .stColumn) { flex-direction: column; }
  .st-key-versus-wide .stColumn { width: 100%; flex: 1 1 auto; min-width: 100%; }
}
"""


def use_style() -> None:
    """How images lie on this page."""
    st.html(f"<style>{STYLE}</style>")


def show_reading(state: Versus, room: Room, reader: Reader, step: Step) -> None:
    """The next question, or what keeps it from being asked."""
    if room.state == "waiting":
        _show_waiting(state, room, reader)
        return
    cases = ready_cases(state, room)
    if cases is None:
        return
    with st.container(key="versus-wide"):
        left, right = st.columns([3, 2], gap="medium")
        with left:
            _show_image(state, room.plan, cases[step.place], step)
        with right:
            _show_question(state, room, reader, step, cases)
    state.shown.setdefault(_asked(room, reader, step), time.monotonic())


def _show_waiting(state: Versus, room: Room, reader: Reader) -> None:
    st.info(
        f"You are in, {plain(reader.nickname)}: the reading begins when your teacher starts it.",
        icon=":material/hourglass_top:",
    )
    st.caption(f"Room {room.code}: {len(room.plan.cases)} cases, {plain(room.plan.title)}.")

    @st.fragment(run_every=LOOK)
    def look() -> None:
        if rooms(state).state(room) != "waiting":
            st.rerun()

    look()
    ready_cases(state, room)
    st.button("Leave", icon=":material/logout:", key="versus-leave", on_click=leave)


def _asked(room: Room, reader: Reader, step: Step) -> tuple[object, ...]:
    return room.code, reader.id, step.place, step.aided


def _show_image(state: Versus, plan: Plan, seen: Seen, step: Step) -> None:
    heated = st.segmented_control(
        "Show", [True, False], default=step.aided, required=True, label_visibility="collapsed",
        format_func=lambda with_heat: "With heatmap" if with_heat else "Image alone", disabled=not step.aided,
        key=f"versus-heat-{step.place}-{step.aided}", help=None if step.aided else "After your first answer.",
    )  # fmt: skip
    alt = f"Case {step.number + 1} of {len(plan.cases)}"
    alt += f" with the evidence for {plan.finding} drawn over it" if heated else ""
    with st.container(key="versus-light"):
        st.image(image_of(state, plan, seen, step.place, bool(heated)), width="stretch", alt=alt)
    if heated:
        show_scale(plan, seen)


def image_of(state: Versus, plan: Plan, seen: Seen, place: int, heated: bool) -> bytes:
    """A case as PNG, with heat if wanted; small ones are drawn larger."""
    key = (id(seen), plan.seed, place, heated)
    return state.overlays.get(key, partial(_encoded, seen, heated))


def _encoded(seen: Seen, heated: bool) -> bytes:
    image = enlarged(seen.image)
    if heated:
        size = image.shape[1], image.shape[0]
        heat = cv2.resize(seen.heat, size, interpolation=cv2.INTER_LINEAR)
        image = blend(image, heat_rgba(heat, seen.scale), OPACITY)
    return encode_image(image)


def enlarged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image whose shorter side has `SHORT` pixels at least."""
    zoom = SHORT / min(image.shape[:2])
    if zoom <= 1:
        return image
    return resample(image, (round(image.shape[0] * zoom), round(image.shape[1] * zoom)))


def show_scale(plan: Plan, seen: Seen) -> None:
    """What the colours mean."""
    if seen.heat.max(initial=0.0) <= 1e-6 * max(seen.scale, 1.0):
        st.caption(f"Nothing in this image speaks for {plain(plan.finding)}.")
        return
    bar = np.tile(np.linspace(0.0, 1.0, 160, dtype=np.float32), (10, 1))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("0", width="content")
        st.image(encode_image(inferno(bar)), width=160, alt="Colours of the heatmap, from dark to bright")
        unit = "logit units a pixel" if plan.source["kind"] == "lesions" else "logit units"
        st.caption(f"{evidence_text(seen.scale)} {unit} or more for {plain(plan.finding)}", width="content")


def _show_question(state: Versus, room: Room, reader: Reader, step: Step, cases: list[Seen]) -> None:
    plan, key = room.plan, f"{room.code}-{reader.id}-{step.place}-{int(step.aided)}"
    total = len(plan.cases)
    st.subheader(f"Case {step.number + 1} of {total}", anchor=False)
    st.progress((2 * step.number + step.aided) / (2 * total))
    first = next((one for one in reader.answers if one.place == step.place and not one.aided), None)
    if step.aided:
        _show_model(plan, cases[step.place])
    else:
        st.markdown("**Without the model**")
    with st.form(f"versus-form-{key}", border=False):
        st.segmented_control(
            f"Is there a {plan.finding.lower()}?" if plan.source["kind"] == "lesions" else "What do you see?",
            [False, True], default=first.predicted if step.aided and first else None, key=f"versus-called-{key}",
            format_func=lambda predicted: plan.finding if predicted else plan.without, width="stretch",
        )  # fmt: skip
        st.segmented_control(
            "How sure are you? 1 is a guess, 5 is certain.", SURENESS, width="stretch",
            default=first.sureness if step.aided and first else None, key=f"versus-sure-{key}",
        )  # fmt: skip
        if step.aided:
            st.caption("Your first answer is filled in: keep it, or change it.")
        title = "Next case" if step.aided else "Now show me the model's answer"
        if step.aided and step.number + 1 == total:
            title = "Finish"
        st.form_submit_button(
            title,
            type="primary",
            icon=":material/arrow_forward:",
            on_click=_submit,
            args=(state, room, reader, step, key),
        )
    if state.trouble:
        show_error(state.trouble)
    who = f"Room {room.code}, {plain(reader.nickname)}. " if room.kind == "class" else ""
    keep = "Answers are in memory only." if state.memory else "The link of this page leads back to here."
    st.caption(f"{who}{keep}")


def _show_model(plan: Plan, seen: Seen) -> None:
    predicted = np.float32(seen.score) >= np.float32(plan.threshold)
    probability, threshold = beside_threshold(seen.score, plan.threshold)
    with st.container(border=True):
        st.markdown(f"**The model says: {plain(plan.finding if predicted else plan.without)}**")
        st.caption(
            f"Probability {probability}; from {threshold} on it says {plain(plan.finding)}. {plain(plan.model)}."
        )


def _submit(state: Versus, room: Room, reader: Reader, step: Step, key: str) -> None:
    predicted, sure = st.session_state.get(f"versus-called-{key}"), st.session_state.get(f"versus-sure-{key}")
    if predicted is None or sure is None:
        state.trouble = "Choose what you see and how sure you are, then go on."
        return
    now = time.monotonic()
    asked = _asked(room, reader, step)
    answer = Answer(step.place, step.aided, bool(predicted), int(sure), now - state.shown.get(asked, now))
    try:
        rooms(state).answer(room, reader, answer)
    except ScanLensError as problem:
        state.trouble = f"This answer is not stored. {problem}"
        return
    state.trouble = ""
    state.shown.pop(asked, None)


def step_of(room: Room, reader: Reader) -> Step | None:
    """What a reader does next."""
    return next_step(reading_order(len(room.plan.cases), reader.seed), reader.answers)
