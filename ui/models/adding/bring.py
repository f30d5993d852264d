"""The first step: a model file is dropped, or named where it lies, and looked into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from core.errors import ScanLensError
from core.incoming.contract import Proposal
from core.incoming.inspect import inspect
from core.incoming.propose import propose
from core.incoming.report import Report
from ui.background import Progress, Stopper, jobs, show_under_way
from ui.datasets.adding import named_path
from ui.models.adding.state import Adding
from ui.reading.open_scan import forget_uploads
from ui.serving.visitor import is_at_hand, machine
from ui.show import show_error

SLOT = "model-file"
KINDS = (
    "A .keras file (Keras 3), an .h5 (Keras 2, Teachable Machine), an .onnx, or a zip of a SavedModel or of a model "
    "that ScanLens exported. It is looked into first, and opened only where it can do no harm."
)

Found = tuple[Path, Report, Proposal | None]


class CannotKeepUpload(ScanLensError):
    """An upload that could not be written to the user's folder."""


def show_bringing(state: Adding) -> None:
    """The drop zone, and the field for a path."""
    if state.trouble:
        show_error(state.trouble)
    st.container(key="drop").file_uploader(
        "Drop a model here, or choose its file",
        key=f"model-upload-{state.uploads}",
        on_change=_uploaded,
        args=(state,),
    )
    st.caption(f"{KINDS} It stays on {machine()}.")
    with st.form("model-path", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            "Or name a file on this computer", placeholder="/data/models/mine.keras", key="model-path-text",
            width="stretch",
        )  # fmt: skip
        st.form_submit_button("Look into it", on_click=_named, args=(state,))


def _uploaded(state: Adding) -> None:
    file: Any = st.session_state.get(f"model-upload-{state.uploads}")
    if file is None or not is_at_hand():
        return
    state.start_over()  # a fresh uploader: the file's bytes are not kept twice
    name, content = str(file.name), file.getvalue()
    forget_uploads([file.file_id])
    try:
        path = state.place(name)
        path.write_bytes(content)
    except OSError:
        state.trouble = str(CannotKeepUpload("The user data folder cannot be written to", "free space there"))
        return
    _look_into(path)


def _named(state: Adding) -> None:
    state.start_over()
    if not is_at_hand():
        return
    try:
        path = named_path(str(st.session_state.get("model-path-text", "")))
    except ScanLensError as problem:
        state.trouble = str(problem)
        return
    _look_into(path)


def _look_into(path: Path) -> None:
    def work(progress: Progress, cancelled: Stopper) -> Found:
        progress(0.0, f"Looking into {path.name}")
        report = inspect(path, cancelled)
        return path, report, None if report.refused else propose(report)

    jobs().drop(SLOT)
    jobs().start(SLOT, path, f"Looking into {path.name}", work, patience=0.5)


def show_looking(state: Adding) -> bool:
    """Draw the look that is under way, and take one that is done; whether the page should wait."""
    if show_under_way(SLOT):
        return True
    job = jobs().take(SLOT)
    if job is not None and job.error is None:
        state.path, state.report, state.proposal = job.hand_over()
    elif job is not None:
        state.trouble = job.trouble
    return False
