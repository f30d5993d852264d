"""The scan a lesson works on: the one that the user opened, or a sample."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from core.lessons.working_copy import EDGES, WorkingCopy, working_copy
from core.samples import open_sample, samples_at_hand
from core.scan import Scan, answered_frame
from ui.session import reading
from ui.show import forget_beyond

OPENED = "the open scan"


def choose_scan(key: str, first: str = "chest", width: int | Literal["stretch"] = "stretch") -> Scan:
    """A picker of the open scan and the samples; the open scan comes first, and its choice is never in the address.

    Args:
        key: Prefix of the widget's key and name of the sample in the address.
        first: Sample to begin with where no scan is open.
        width: Of the picker, in pixels; it fills its column otherwise.
    """
    state = reading()
    titles = {sample.key: f"{sample.title} ({sample.modality})" for sample in samples_at_hand()}
    names = [OPENED, *titles] if state.scan is not None else list(titles)
    wanted = st.query_params.get(key, OPENED if state.scan is not None else first)
    name = st.selectbox(
        "Scan",
        names,
        index=names.index(wanted) if wanted in names else names.index(first) if first in names else 0,
        format_func=lambda entry: titles.get(entry, "The open scan"),
        key=f"{key}-scan",
        width=width,
    )
    if name == OPENED and state.scan is not None:
        st.query_params.pop(key, None)
        return state.scan
    st.query_params[key] = name
    kept = ("lesson sample", name)
    if kept in state.images:
        return state.images.get(kept, lambda: open_sample(name))
    with st.spinner(f"Opening {titles[name]} …"):
        return state.images.get(kept, lambda: open_sample(name))


def choose_frame(scan: Scan, key: str = "frame") -> int:
    """Which slice or frame, from 0; the middle one to begin with, and no control where there is only one."""
    if scan.frames == 1:
        return 0
    unit = "Slice" if scan.axis == "slice" else "Frame"
    forget_beyond(key, scan.frames)
    return st.slider(unit, 1, scan.frames, answered_frame(scan) + 1, key=key, bind="query-params", width=120) - 1


def choose_copy(scan: Scan, frame: int, key: str = "edge", first: int = 128) -> WorkingCopy:
    """How small a copy of the frame the lesson works on.

    Args:
        scan: The scan.
        frame: Which frame, from 0.
        key: Of the widget and in the address.
        first: Edge to begin with, one of `EDGES`.
    """
    edge = st.selectbox(
        "Size in pixels",
        EDGES,
        index=EDGES.index(first),
        key=key,
        bind="query-params",
        width=110,
    )
    return reading().images.get(("lesson copy", scan.digest, frame, edge), lambda: working_copy(scan, frame, edge))
