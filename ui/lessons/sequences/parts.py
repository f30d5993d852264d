"""The parts of the lesson on sequences: states and gates, spoilt sequences, and how far back a slope reaches."""

from __future__ import annotations

import math

import streamlit as st

from core.lessons.sequences.beating_heart import RHYTHMS, beats, standardised
from core.lessons.sequences.figure import (
    describe_slopes,
    describe_trace,
    slopes_figure,
    trace_figure,
)
from core.lessons.sequences.recurrent import KINDS, Kind, plain_chain
from core.lessons.sequences.sequence_reader import (
    JUDGED,
    SPOILT,
    UNITS,
    fresh_reader,
    judged,
    read,
    slopes_by_frame,
)
from core.lessons.sequences.text import cell_formulas, chain_formula, probability_formula
from ui.charts import show_chart
from ui.lessons.question import show_question
from ui.lessons.sequences.source import (
    Sequence,
    cached_reader,
    reader_for,
    show_film,
)

#: Weight of the input of the plain cell whose chain is shown.
INPUT_WEIGHT = 0.5

CELLS: tuple[Kind, ...] = ("rnn", "lstm", "gru")


def show_states(sequence: Sequence, kind: str, frame: int) -> None:
    """Hidden state and gates over time, and the formula of one unit at one frame."""
    reader = reader_for(kind, sequence.frames)
    trace, probabilities = read(reader, sequence.curve()[None])
    show_film(sequence, frame)
    with st.container(key="reading"):  # where there is no room, the formulas go under the figure
        left, right = st.columns([5, 3], gap="medium")
    with left:
        show_chart(
            lambda: trace_figure(kind, trace, sequence.curve(), probabilities[0], frame),
            f"seq-trace-{kind}",
            describe_trace(kind, trace, probabilities[0]),
        )
    with right:
        unit = st.slider("Unit", 1, UNITS, 1, key="seq-unit", bind="query-params") - 1
        st.markdown(f"**{KINDS[kind][0]}, unit {unit + 1}, frame {frame + 1}**")
        for line in cell_formulas(reader.cell, trace, unit, frame):
            st.latex(line)
        st.latex(probability_formula(float(reader.logits(trace)[0, frame])))
        _show_answer(sequence, float(probabilities[0, -1]), reader.accuracy)


def _show_answer(sequence: Sequence, probability: float, accuracy: float) -> None:
    predicted = RHYTHMS[int(probability > 0.5)]
    st.markdown(
        f"After the last frame p is {probability:.2f} for “{RHYTHMS[1].lower()}”: the answer is **{predicted}**."
    )
    if sequence.label is not None:
        st.caption(
            f"True: {RHYTHMS[sequence.label].lower()}. It learnt from other phantoms and calls {accuracy:.0%} of "
            f"{JUDGED} fresh ones right."
        )
    else:
        st.caption(
            "It only knows phantoms, by the brightness of the image's middle: here its states are worth watching, "
            "its answer means nothing."
        )


def show_spoilt(sequence: Sequence) -> None:
    """What is left of the answer when frames are dropped, shuffled or frozen, for the three cells."""
    readers = {kind: reader_for(kind, sequence.frames) for kind in KINDS}
    here: list[dict[str, str]] = []
    fresh: list[dict[str, str]] = []
    for kind, reader in readers.items():
        ends = {way: read(reader, sequence.curve(way)[None])[1][0, -1] for way in SPOILT}
        fractions = {way: cached_fraction(kind, sequence.frames, way, sequence.frozen_from) for way in SPOILT}
        for rows, values in ((here, ends), (fresh, fractions)):
            rows.append({"Cell": KINDS[kind][0], **{words: f"{values[way]:.2f}" for way, words in SPOILT.items()}})
    st.markdown(f"**This sequence**: probability of “{RHYTHMS[1].lower()}” after the last frame")
    st.table(here, hide_index=True)
    st.markdown(f"**{JUDGED} fresh phantoms**: fraction that is correct, where half would be guessing")
    st.table(fresh, hide_index=True)
    st.caption(
        "A dropped frame is replaced by the one before it; frozen stands still from frame "
        f"{sequence.frozen_from + 1} on. Each cell learnt from whole sequences of this length, in 240 steps."
    )
    show_question(
        "seq-question-shuffled",
        "The frames are shuffled. Why does even a good network then guess?",
        (
            "The images are worse than before",
            "The two classes show the same images and differ in their order only",
            "There are fewer frames than before",
        ),
        1,
        "Played backwards one class becomes the other, so all that tells them apart is what follows what. A network "
        "that only takes the mean over the frames could not tell them apart even unshuffled.",
        "Compare the columns “Backwards” and “Shuffled”.",
    )


@st.cache_data(show_spinner=False, max_entries=256)
def cached_fraction(kind: str, frames: int, way: str, frozen_from: int) -> float:
    """Fraction of fresh phantoms that is correct when they are spoilt in one way."""
    from core.lessons.sequences.sequence_reader import frame_order

    curves = beats(JUDGED, frames, 5).curves[:, frame_order(way, frames, frozen_from)]
    return judged(cached_reader(kind, frames), standardised(curves))


def show_vanishing(sequence: Sequence, frame: int) -> None:
    """How far back a slope reaches: in a plain cell of one unit, and in the three that learnt."""
    with st.container(key="reading"):
        left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**A plain cell of one unit**, h = tanh(w x + u h)")
        u = st.slider("u, the weight of the state before", 0.1, 1.5, 0.9, 0.05, key="seq-u", bind="query-params")
        chain = plain_chain(sequence.curve(), INPUT_WEIGHT, u)
        for line in chain_formula(chain, u, min(frame, sequence.frames - 2)):
            st.latex(line)
        shown = {f"u = {u:.2f}": chain.products}
        show_chart(
            lambda: slopes_figure(shown, "Slope of the last state by that at each frame"),
            "seq-chain",
            describe_slopes(shown),
        )
    with right:
        st.markdown(f"**The three cells of {UNITS} units**")
        learnt = st.segmented_control(
            "State of the cells", ("before learning", "after learning"), default="after learning", required=True,
            key="seq-learnt", bind="query-params",
        )  # fmt: skip
        _show_slopes(sequence, learnt == "after learning")
    _ask_vanishing()


def _show_slopes(sequence: Sequence, learnt: bool) -> None:
    readers = {kind: reader_for(kind, sequence.frames) for kind in KINDS}
    shown = readers if learnt else {kind: fresh_reader(kind) for kind in CELLS}
    slopes = {KINDS[kind][0]: slopes_by_frame(reader, sequence.curve()) for kind, reader in shown.items()}
    show_chart(
        lambda: slopes_figure(slopes, "Slope of the logit by what each frame hands on"),
        "seq-slopes",
        describe_slopes(slopes),
    )
    if learnt:
        fractions = ", ".join(f"{KINDS[kind][0]} {reader.accuracy:.2f}" for kind, reader in readers.items())
        st.caption(f"Correct of {JUDGED} fresh phantoms: {fractions}. All learnt in 240 steps of the same size.")
    else:
        gate = 1 / (1 + math.exp(-1))
        st.caption(
            "Learning moves weights by these slopes: a frame whose slope is next to nothing teaches nothing. A gate "
            f"does not help by itself: an LSTM's forget gate starts near {gate:.2f}, and {gate:.2f} to the power of "
            f"{sequence.frames - 1} is {gate ** (sequence.frames - 1):.1g}. But it can learn to stay open, near 1."
        )


def _ask_vanishing() -> None:
    show_question(
        "seq-question-vanishing",
        "A plain cell has u = 0.9 and states near 0. What is left of the slope over 29 steps back?",
        (f"About {0.9**29:.2f}", "About 0.90", f"About {1 - 29 * 0.03:.2f}"),
        0,
        f"Each step multiplies by u (1 − h²), at most 0.9: 0.9 to the power of 29 is {0.9**29:.3f}. States further "
        "from 0 make each factor smaller still. With u above 1 and small states the product grows, and explodes.",
        "One factor for each step, and factors multiply.",
    )
