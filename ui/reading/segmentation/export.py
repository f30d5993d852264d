"""The outline as files, made only when they are asked for."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.errors import ScanLensError
from core.figures.contours import REFERENCE_COLOR
from core.readers import Source
from core.scan import Scan
from core.segmentation.contours import Outline, rings_of
from core.segmentation.originals import Originals, read_originals
from ui.foreign_text import plain
from ui.reading.display_settings import Look
from ui.reading.export import File, show_export
from ui.reading.open_scan import forget_uploads
from ui.reading.segmentation.read import Outlined
from ui.session import Reading
from ui.show import show_error


def reference_contours(outlined: Outlined, frame: int, tolerance: float = 0.25) -> tuple[Outline, ...]:
    """The user's own mask on one frame; nothing where it covers another."""
    reference = outlined.reference
    if reference is None or frame not in reference.frames:
        return ()
    mask = reference.of()[reference.frames.index(frame)]
    return (Outline("Reference mask", REFERENCE_COLOR, rings_of(mask, tolerance), is_reference=True),)


def show_files(state: Reading, scan: Scan, outlined: Outlined, look: Look) -> None:
    """Downloads, and the way to give the mask its place in space."""
    from core.report.segmentation_dicom import dicom_refusal
    from core.report.segmentation_nifti import nifti_note

    segmentation = outlined.segmentation
    whole = segmentation.frames == tuple(range(scan.frames))
    refusal = dicom_refusal(segmentation, scan)
    originals = _originals(state, scan)
    files = _files(scan, outlined, look, originals)
    if not whole:
        files.pop("NIfTI")
    if refusal:
        files.pop("DICOM SEG")
    show_export(segmentation.card, scan, files)
    if not whole:
        st.caption("NIfTI and DICOM SEG can be made once all slices are read.")
    elif refusal and scan.source == "DICOM":
        st.caption(f"No DICOM SEG: it needs {plain(refusal)}.")
    if whole and scan.source in {"DICOM", "NIfTI"} and (scan.source == "NIfTI" or not refusal):
        _ask_for_originals(state, scan, originals)
        st.caption(plain(nifti_note(scan, originals)))


def _files(scan: Scan, outlined: Outlined, look: Look, originals: Originals | None) -> dict[str, File]:
    from core.report.segmentation_dicom import as_dicom_seg
    from core.report.segmentation_image import segmentation_png
    from core.report.segmentation_nifti import as_nifti
    from core.report.segmentation_numbers import segmentation_csv, segmentation_json
    from ui.reading.segmentation.reference import known_agreements

    segmentation, frame, spread = outlined.segmentation, outlined.frame, outlined.spread
    references = reference_contours(outlined, frame)
    shown = look.window, look.invert, references
    return {
        "PNG": File("image/png", lambda: segmentation_png(scan, segmentation, frame, *shown)),
        "NIfTI": File("application/gzip", lambda: as_nifti(segmentation, scan, originals), "nii.gz"),
        "DICOM SEG": File("application/dicom", lambda: as_dicom_seg(segmentation, scan, originals), "dcm"),
        "JSON": File(
            "application/json", lambda: segmentation_json(scan, segmentation, spread, known_agreements(scan, outlined))
        ),
        "CSV": File("text/csv", lambda: segmentation_csv(scan, segmentation, spread)),
    }


def _key(scan: Scan) -> tuple[str, str]:
    return ("originals", scan.digest)


def _originals(state: Reading, scan: Scan) -> Originals | None:
    kept = state.maps.peek(_key(scan))
    return kept if isinstance(kept, Originals) else None


def _ask_for_originals(state: Reading, scan: Scan, originals: Originals | None) -> None:
    """ScanLens keeps neither place nor patient; the original files bring both back into the download."""
    kept = state.maps.peek(_key(scan))
    if originals is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("The original files give the mask its place, and a DICOM SEG the patient.", width="stretch")
            st.button("Forget them", key="forget-originals", on_click=state.maps.drop, args=(_key(scan),))
        return
    with st.popover("Give the mask its place in space"):
        st.markdown(
            "ScanLens keeps neither where a scan lies in the scanner nor whose it is. Add the original files again, "
            "and the mask will lie on them in other programs. What they say of the patient goes into the DICOM SEG "
            "that you download, and nowhere else."
        )
        if isinstance(kept, str):
            show_error(kept)
        st.file_uploader(
            "The files that this scan was opened from",
            accept_multiple_files=True,
            key=f"originals-{scan.digest[:12]}-{state.uploads}",
            on_change=_uploaded,
            args=(state, scan),
        )


def _uploaded(state: Reading, scan: Scan) -> None:
    files: Any = st.session_state.get(f"originals-{scan.digest[:12]}-{state.uploads}") or []
    if not files:
        return
    try:
        found: Originals | str = read_originals([Source(file.name, file.getvalue()) for file in files], scan)
    except ScanLensError as error:
        found = str(error)
    state.maps.put(_key(scan), found)
    state.uploads += 1  # a fresh uploader: the files' bytes are not kept
    forget_uploads([file.file_id for file in files])
