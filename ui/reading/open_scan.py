"""Opening scans: the drop zone, the sample gallery, and what was found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.planes import plane_choices
from core.readers import Opened, Source, open_sources
from core.samples import SAMPLES, CatalogueCase, case_by_key, open_sample_scans
from core.samples.store import is_fetched
from core.turning import AS_STORED, TURNS, can_be_turned
from ui.background import Progress, Stopper, show_under_way
from ui.foreign_text import plain
from ui.reading.gallery import show_gallery, show_use_case_of
from ui.reading.sample import show_sample_facts
from ui.serving.visitor import where_scans_go
from ui.session import OF_THE_SCAN, Reading
from ui.show import show_caution, show_error
from ui.visible import visible_cards

KINDS = "DICOM, NIfTI, PNG, JPEG, TIFF, WebP, BMP, or a zip of a series."


def open_in_background(state: Reading, title: str, work: Callable[..., Opened], came_from: str = "") -> None:
    """Start opening; a file that opens at once is shown without a progress bar."""

    def opening(progress: Progress, cancelled: Stopper) -> tuple[Opened, str]:
        return work(progress, cancelled), came_from

    state.jobs.drop_running(*OF_THE_SCAN)  # the user looks elsewhere; should he come back, it starts anew
    state.jobs.drop("opening")
    state.jobs.start("opening", None, title, opening, patience=0.35)


def _uploaded(state: Reading) -> None:
    files: Any = st.session_state.get(f"upload-{state.uploads}") or []
    if files:
        sources = [Source(file.name, file.getbuffer()) for file in files]
        title = f"Opening {sources[0].name}" if len(sources) == 1 else f"Opening {len(sources)} files"
        open_in_background(state, title, lambda progress, cancelled: open_sources(sources, progress, cancelled))
        state.uploads += 1  # a fresh uploader: the files' bytes are not kept twice
        forget_uploads([file.file_id for file in files])


def forget_uploads(file_ids: list[str]) -> None:
    """Take the uploaded bytes out of Streamlit's store, which would keep them until the browser tab is closed."""
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        for file_id in file_ids:
            context.uploaded_file_mgr.remove_file(context.session_id, file_id)


def open_sample_scan(state: Reading, key: str, title: str) -> None:
    """Start opening a sample in place of what is open; one of the catalogue with a model that was tested on it."""
    case = case_by_key(key)
    if case is not None and st.query_params.get("model") not in case.truths:
        known = [slug for slug in case.truths if slug in visible_cards()[0]]
        if known:
            st.query_params["model"] = known[0]
    state.asked_about = ""  # the model goes with the sample

    def work(*_: object) -> Opened:
        scans, first = open_sample_scans(key)
        # What is shown first stands first: the page begins with it.
        return Opened((scans[first], *scans[:first], *scans[first + 1 :]), ())

    open_in_background(state, f"Opening {title}", work, key)


def show_drop_zone(state: Reading) -> None:
    """The page before a scan is open: drop zone and samples, nothing else."""
    if state.scan is not None:
        st.button(
            "Back to the open scan",
            icon=":material/arrow_back:",
            on_click=state.look_for_another,
            args=(False,),
            key="back",
        )
    _show_refusal(state)
    whole_folder = st.session_state.get("folder", False)
    zone = st.container(key="drop")
    zone.file_uploader(
        "Drop a scan here, or choose its files",
        accept_multiple_files="directory" if whole_folder else True,
        key=f"upload-{state.uploads}",
        on_change=_uploaded,
        args=(state,),
    )
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(f"{KINDS} {where_scans_go()}", width="content")
        st.toggle("Choose a whole folder", key="folder")
    show_gallery(state, open_sample_scan)


def open_from_address(state: Reading) -> None:
    """A link with `?sample=…` opens that sample; a patient's scan is never in an address."""
    wanted = st.query_params.get("sample", "")
    if wanted and state.opened is None and state.jobs.find("opening") is None:
        del st.query_params["sample"]  # a sample that fails or is cancelled is not tried again at each run
        sample = case_by_key(wanted) or next((sample for sample in SAMPLES if sample.key == wanted), None)
        if isinstance(sample, CatalogueCase) and not is_fetched(sample):
            show_use_case_of(sample)  # an address fetches nothing
        elif sample is not None:
            open_sample_scan(state, sample.key, sample.title)


def remember_in_address(state: Reading) -> None:
    """Keep the sample's key in the address, so that the link shows it again; nothing for a scan of the user's own."""
    if state.came_from:
        st.query_params["sample"] = state.came_from
    elif "sample" in st.query_params:
        del st.query_params["sample"]


def show_opening(state: Reading) -> bool:
    """Draw what is under way; whether the page should wait for it."""
    if show_under_way("opening"):
        return True
    done = state.jobs.take("opening")
    if done is not None:
        state.take(done)
    return False


def _show_refusal(state: Reading) -> None:
    """What was wrong with the last upload: one sentence, and the list where there are several files."""
    if state.trouble:
        show_error(state.trouble)
    if state.refused is None:
        return
    skipped = state.refused.skipped
    if len(skipped) == 1:
        show_error(skipped[0].reason)
    elif not skipped:
        st.error("Expected a scan, received no file that could hold one: choose other files.", icon=":material/error:")
    else:
        st.error(f"None of the {len(skipped)} files holds a scan.", icon=":material/error:")
        _show_skipped(state.refused)


def _show_skipped(opened: Opened) -> None:
    with st.popover(f"{len(opened.skipped)} left out: why"):
        st.dataframe([{"File": item.name, "Why": item.reason} for item in opened.skipped], hide_index=True, width=640)


def show_found(state: Reading) -> None:
    """What the upload came to: scans to choose from, files that were left out, and the way back."""
    opened = state.opened
    assert opened is not None
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(opened.scans) > 1:
            st.selectbox(
                "Scan",
                range(len(opened.scans)),
                index=state.scan_index,
                format_func=lambda index: f"{index + 1}. {opened.scans[index].title}",
                key=f"scan-{state.uploads}",
                on_change=lambda: state.choose(st.session_state[f"scan-{state.uploads}"]),
                label_visibility="collapsed",
                width=320,
            )
        shown = tuple(state.scan if scan is state.stored_scan and state.scan else scan for scan in opened.scans)
        st.markdown(plain(Opened(shown, opened.skipped).summary), width="content")
        _choose_plane(state)
        _choose_turn(state)
        show_sample_facts(state)
        if opened.skipped:
            _show_skipped(opened)
        st.space("stretch")
        st.button("Open another scan", icon=":material/add:", on_click=state.look_for_another, args=(True,), key="open")
        st.button(
            "Close", icon=":material/close:", on_click=_close, args=(state,), key="close", help="Forget this scan"
        )
    for sentence in (*opened.notes, *(state.scan.warnings if state.scan else ())):
        show_caution(sentence)


def _choose_plane(state: Reading) -> None:
    """The planes of a volume whose voxels are nearly cubes; thick slices are shown as they were acquired."""
    stored = state.stored_scan
    choices = plane_choices(stored) if stored is not None else ()
    if stored is None or len(choices) < 2:
        return
    key = f"plane-{stored.digest}"
    st.selectbox(
        "Plane",
        choices,
        index=choices.index(state.planes.get(stored.digest, choices[0])),
        format_func=lambda plane: f"Plane: {plane}",
        key=key,
        on_change=lambda: state.planes.update({stored.digest: st.session_state[key]}),
        label_visibility="collapsed",
        width=170,
    )


def _choose_turn(state: Reading) -> None:
    """How a sequence lies: as its file says, or as the user sees that it should."""
    stored = state.stored_scan
    if stored is None or not can_be_turned(stored):
        return
    key = f"turn-{stored.digest}"
    st.selectbox(
        "Turn",
        TURNS,
        index=list(TURNS).index(state.turn_of(stored) or AS_STORED),
        format_func=lambda words: f"Turn: {words[0].lower()}{words[1:]}",
        key=key,
        on_change=lambda: state.turns.update({stored.digest: st.session_state[key]}),
        label_visibility="collapsed",
        width=270,
    )


#: What lessons and pages keep of the open scan beside the reading state.
MEMORIES = ("inside-memory", "fusion-memory")


def _close(state: Reading) -> None:
    state.close()
    for name in MEMORIES:
        st.session_state.pop(name, None)
    if "sample" in st.query_params:
        del st.query_params["sample"]
