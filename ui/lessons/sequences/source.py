"""The sequence that the lesson works on: a phantom, the sample, or the scan that the user opened."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.inference.study import sample_frames
from core.lessons.sequences.beating_heart import (
    RHYTHMS,
    brightness_curve,
    phantom_scan,
    standardised,
)
from core.lessons.sequences.recurrent import KINDS
from core.lessons.sequences.sequence_reader import (
    SPOILT,
    Reader,
    frame_order,
    train_reader,
)
from core.samples import open_sample
from core.scan import Scan, display_frame
from ui.session import reading

PHANTOMS = {f"Phantom: {words[0].lower()}{words[1:]}": label for label, words in enumerate(RHYTHMS)}
ECHO, OPENED = "Beating heart (ultrasound)", "The open scan"
LENGTHS = (12, 20, 30, 60)

#: Seed of the phantom on the page; no cell learnt from it, as those are drawn as curves from other seeds.
PHANTOM_SEED = 11


@dataclass(frozen=True, eq=False)
class Sequence:
    """What the cell is given.

    Attributes:
        scan: Where it comes from.
        chosen: (T,) frames of the scan, before anything is spoilt.
        brightness: (T,) of them, 0 to 255.
        way: Key in `SPOILT`.
        frozen_from: Frame of the model from which on a frozen sequence stands still.
        label: True class of a phantom, None for a scan.
    """

    scan: Scan
    chosen: NDArray[np.int64]
    brightness: NDArray[np.float64]
    way: str
    frozen_from: int
    label: int | None

    @property
    def frames(self) -> int:
        """How many frames the model takes, T."""
        return len(self.chosen)

    def order(self, way: str | None = None) -> NDArray[np.int64]:
        """(T,) which frame is shown when, in one way of spoiling the sequence."""
        return frame_order(way or self.way, self.frames, self.frozen_from)

    def curve(self, way: str | None = None) -> NDArray[np.float64]:
        """(T,) what the cell gets: the brightness in that order, standardised."""
        return standardised(self.brightness[self.order(way)])


def choose_sequence() -> tuple[Sequence, str, int]:
    """The controls: sequence, cell and frame, all in the address but the user's own scan."""
    state = reading()
    own = [OPENED] if state.scan is not None and state.scan.frames > 1 else []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = st.selectbox("Sequence", [*PHANTOMS, ECHO, *own], key="seq-source", bind="query-params", width=290)
        length = st.segmented_control(
            "Frames", LENGTHS, default=30, required=True, key="seq-frames", bind="query-params"
        )  # fmt: skip
        names = {words[0]: kind for kind, words in KINDS.items()}
        cell = st.segmented_control(
            "Cell", list(names), default="LSTM", required=True, key="seq-cell", bind="query-params"
        )
        ways = {words: way for way, words in SPOILT.items()}
        way = ways[st.selectbox("Shown", list(ways), key="seq-way", bind="query-params", width=230)]
    count = length if length in LENGTHS else 30
    with st.container(horizontal=True, vertical_alignment="bottom"):
        frame, frozen = _frame("Frame", "seq-frame", 15, count), _frame("Frozen from frame", "seq-frozen", 8, count)
    return _sequence(source, count, way, min(frozen, count) - 1), names.get(cell, "lstm"), min(frame, count) - 1


def _frame(title: str, key: str, first: int, count: int) -> int:
    """A frame of the model, from 1; one that was chosen in a longer sequence becomes the last."""
    if key not in st.session_state and key not in st.query_params:
        st.session_state[key] = first
    if key in st.session_state and st.session_state[key] > count:
        st.session_state[key] = count
    return st.slider(title, 1, count, key=key, bind="query-params")


def _sequence(source: str, length: int, way: str, frozen_from: int) -> Sequence:
    state = reading()
    if source in PHANTOMS:
        label = PHANTOMS[source]
        scan = phantom_scan(length, label, PHANTOM_SEED)
        return Sequence(scan, np.arange(length), brightness_curve(scan), way, frozen_from, label)
    if source == OPENED and state.scan is not None:
        scan = state.scan
    else:
        with st.spinner("Opening the sample …"):
            scan = state.images.get(("lesson sample", "echo"), lambda: open_sample("echo"))
    chosen = np.array(sample_frames(scan.frames, length))
    with st.spinner("Measuring its brightness …"):
        curve = state.images.get(("brightness", scan.digest), lambda: brightness_curve(scan))
    return Sequence(scan, chosen, curve[chosen], way, frozen_from, None)


@st.cache_resource(show_spinner=False, max_entries=24)
def cached_reader(kind: str, frames: int) -> Reader:
    """A cell that learnt the phantoms' rhythm; no patient is in it, so all sessions may share it."""
    return train_reader(kind, frames)  # type: ignore[arg-type]


def reader_for(kind: str, frames: int) -> Reader:
    """The cell of `cached_reader`, with a word on the page while it learns."""
    with st.spinner(f"{KINDS[kind][0]} learns from {frames} frames …"):
        return cached_reader(kind, frames)


def show_film(sequence: Sequence, frame: int, count: int = 9) -> None:
    """Some frames in the order in which they are shown, the chosen one among them."""
    order = sequence.order()
    shown = sorted({*np.linspace(0, sequence.frames - 1, count).round().astype(int).tolist(), frame})
    with st.container(horizontal=True, gap="small"):
        for position in shown:
            image = _small(display_frame(sequence.scan, int(sequence.chosen[order[position]])))
            mark = f"**:red[{position + 1}]**" if position == frame else str(position + 1)
            st.image(image, caption=mark, width=image.shape[1], alt=f"Frame {position + 1}")


def _small(image: NDArray[np.uint8], height: int = 84) -> NDArray[np.uint8]:
    """Shrunk or drawn up in its own shape."""
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
