"""The user's own mask beside the model's outline."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import streamlit as st

from core.errors import ScanLensError
from core.readers import Source
from core.readers.mask import Reference, read_reference
from core.samples.store import read_source
from core.scan import Scan
from core.segmentation.agreement import Agreement, frame_agreement, matched_masks, volume_agreement
from core.segmentation.sizes import number_text
from core.segmentation.words import place_word
from ui.background import Progress, Stopper, Work, computed, stopping
from ui.foreign_text import plain
from ui.reading.open_scan import forget_uploads
from ui.reading.sample import case_on_page
from ui.reading.segmentation.read import Outlined
from ui.session import Reading
from ui.show import show_error


def _key(scan: Scan) -> tuple[str, str]:
    return ("reference mask", scan.digest)


def choose_reference(state: Reading, scan: Scan, labels: tuple[str, ...], frame: int) -> tuple[Reference | None, int]:
    """The mask and the label that it means; (None, 0) while there is none."""
    key = _key(scan)
    kept = state.maps.peek(key)
    with st.expander("Compare with a reference mask", expanded=kept is not None):
        if isinstance(kept, str):
            show_error(kept)
        if not isinstance(kept, Reference):
            size = f"{scan.rows} × {scan.columns} pixels" + (f", {scan.frames} images" if scan.frames > 1 else "")
            st.file_uploader(
                f"A mask of this scan's size ({size}): PNG, NIfTI or DICOM SEG",
                key=f"mask-{scan.digest[:12]}-{state.uploads}",
                on_change=_uploaded,
                args=(state, scan, frame),
            )
            case = case_on_page(state)
            if case is not None and case.mask is not None:
                st.button("Take the mask of this sample", key="sample-mask", on_click=_take, args=(state, scan, frame))
            return None, 0
        where = f", for {place_word(scan)} {kept.frames[0] + 1}" if len(kept.frames) < scan.frames else ""
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(plain(f"{kept.name}{where}"), width="stretch")
            st.button("Remove", key="remove-mask", on_click=state.maps.drop, args=(key,))
        if len(labels) == 1 or kept.fits_labels(len(labels)):
            return kept, 0
        case = case_on_page(state)
        first = labels.index(case.mask_label) if case is not None and case.mask_label in labels else 0
        means = st.selectbox("The mask shows", labels, index=first, key=f"mask-means-{scan.digest[:12]}")
        return kept, labels.index(means)


def _take(state: Reading, scan: Scan, frame: int) -> None:
    """The mask that the catalogue has for the sample on the page; one that outlines nothing is an answer too."""
    case = case_on_page(state)
    if case is None or case.mask is None:
        return
    try:
        found: Reference | str = read_reference(read_source(case, case.mask), scan, frame, may_be_empty=True)
    except ScanLensError as error:
        found = str(error)
    state.maps.put(_key(scan), found)


def _uploaded(state: Reading, scan: Scan, frame: int) -> None:
    file: Any = st.session_state.get(f"mask-{scan.digest[:12]}-{state.uploads}")
    if file is None:
        return
    try:
        found: Reference | str = read_reference(Source(file.name, file.getvalue()), scan, frame)
    except ScanLensError as error:
        found = str(error)
    state.maps.put(_key(scan), found)
    state.uploads += 1  # a fresh uploader: the file's bytes are not kept
    forget_uploads([file.file_id])


def agree(state: Reading, scan: Scan, outlined: Outlined) -> None:
    """Dice and distances on this frame, and over the whole stack where both cover it."""
    reference, segmentation = outlined.reference, outlined.segmentation
    assert reference is not None  # the caller looked
    masks = matched_masks(reference, len(segmentation.labels), outlined.means)
    word, lines = place_word(scan), []
    if outlined.frame in reference.frames:
        row = reference.frames.index(outlined.frame)
        for label, truth in masks.items():
            key = ("agreement", outlined.key, outlined.frame, label)
            compare = partial(frame_agreement, segmentation, outlined.position, truth[row], label, scan)
            found = state.maps.get(key, compare)
            lines.append(sentence(found, f"this {word}"))
    else:
        lines.append(f"The mask is for {word} {reference.frames[0] + 1}.")
    for line in lines:
        st.markdown(line)
    if outlined.is_whole and reference.frames == segmentation.frames:
        _agree_over_all(state, scan, outlined, masks)


def _agree_over_all(state: Reading, scan: Scan, outlined: Outlined, masks: dict[int, Any]) -> None:
    """Distances of two large surfaces take seconds: in the background, with a way to stop."""
    key, title, work = (
        ("agreement over all", outlined.key),
        "Comparing the whole stack",
        _comparing(outlined, masks, scan),
    )
    for agreement in computed("check", key, state.maps, title, work, again="Compare the whole stack") or ():
        st.markdown(sentence(agreement, f"all {agreement.frames} {place_word(scan)}s"))


def _comparing(outlined: Outlined, masks: dict[int, Any], scan: Scan) -> Work[list[Agreement]]:
    def work(progress: Progress, cancelled: Stopper) -> list[Agreement]:
        step, found = stopping(progress, cancelled, "the comparison"), []
        for number, (label, truth) in enumerate(masks.items()):
            step(number / len(masks))
            found.append(volume_agreement(outlined.segmentation, truth, label, scan))
        return found

    return work


def sentence(agreement: Agreement, where: str) -> str:
    """`"Tumour on this slice: Dice 0.83. Lines at most 4.2 mm apart, 95 % within 2.1 mm."`."""
    if math.isnan(agreement.dice):
        return f"{agreement.label} on {where}: neither outlines anything, so Dice is not defined."
    said = f"{agreement.label} on {where}: **Dice {agreement.dice:.2f}**."
    if math.isnan(agreement.hausdorff):
        return said
    far, most = number_text(agreement.hausdorff), number_text(agreement.hausdorff_95)
    return f"{said} The lines are at most {far} {agreement.unit} apart (Hausdorff), 95 % of them within {most}."


def known_agreements(scan: Scan, outlined: Outlined) -> list[Agreement]:
    """Agreement on the frame on the page, for a report."""
    reference = outlined.reference
    if reference is None or outlined.frame not in reference.frames:
        return []
    row = reference.frames.index(outlined.frame)
    masks = matched_masks(reference, len(outlined.segmentation.labels), outlined.means)
    return [
        frame_agreement(outlined.segmentation, outlined.position, truth[row], label, scan)
        for label, truth in masks.items()
    ]
