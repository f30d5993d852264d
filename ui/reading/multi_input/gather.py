"""What a model needs: which series is which input, and the facts about the patient."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from core.inference.registration import needs_registration, register
from core.inference.study import Study, check_fact, missing_inputs
from core.models.card import FeatureSpec, InputSpec, ModelCard
from core.models.match_inputs import check_one_patient, match_scans
from core.readers import Source, open_sources
from core.scan import Scan
from ui.foreign_text import plain
from ui.reading.open_scan import forget_uploads, open_in_background
from ui.reading.sample import fact_of_sample
from ui.session import Reading
from ui.show import errors_shown

LEFT_OUT = "Left out"


def needs_study(card: ModelCard) -> bool:
    """Whether a model takes more, or something else, than one image."""
    return len(card.inputs) > 1 or card.inputs[0].kind != "image"


def gather(state: Reading, card: ModelCard, scan: Scan) -> Study | None:
    """Ask for what the model needs; None while something is missing that must be there.

    Args:
        state: The session's.
        card: The model.
        scan: The scan on the page, which is the image of a model with only one.

    Raises:
        IncompatibleInput: The series are of different patients, or a fact is out of bounds.
    """
    images = [spec for spec in card.inputs if spec.is_image]
    tables = [spec for spec in card.inputs if not spec.is_image]
    scans = {images[0].name: scan} if len(images) == 1 else _ask_for_images(state, card, images)
    facts: dict[str, float | None] = {}
    for table in tables:
        facts |= _ask_for_facts(state, table)
    check_one_patient(scans)
    study = Study(scans, facts)
    missing = missing_inputs(card, study)
    if missing or not (scans or any(value is not None for value in facts.values())):
        words = ", ".join(missing) or "an image or a fact"
        st.info(f"Still missing: {plain(words)}. Add it above, or choose another model.", icon=":material/help:")
        return None
    return study


def _ask_for_images(state: Reading, card: ModelCard, images: list[InputSpec]) -> dict[str, Scan]:
    assert state.opened is not None  # a scan is on the page
    scans = state.opened.scans
    proposed = match_scans(card, scans)
    chosen: dict[str, Scan] = {}
    with st.container(border=True):
        for spec in images:
            options = [LEFT_OUT, *range(len(scans))]
            index = st.selectbox(
                f"{plain(spec.title)}{', may be left out' if spec.optional else ''}",
                options,
                index=options.index(proposed.get(spec.name, LEFT_OUT)),
                format_func=lambda entry: entry if entry == LEFT_OUT else f"{entry + 1}. {scans[entry].title}",
                key=f"input-{card.slug}-{spec.name}-{state.turn}-{len(scans)}",
                help=plain(_expected(spec)),
            )
            if index != LEFT_OUT:
                chosen[spec.name] = scans[index]
        _ask_for_files(state)
        return _lay_on_each_other(state, card, chosen)


def _lay_on_each_other(state: Reading, card: ModelCard, chosen: dict[str, Scan]) -> dict[str, Scan]:
    """Offer to register images on the first one; on by default where their grids differ, undone by the switch."""
    if not chosen:
        return chosen
    (fixed, fixed_scan), *others = chosen.items()
    movable = [name for name, scan in others if not scan.is_color and scan.axis != "time"]
    if fixed_scan.is_color or not movable:
        return chosen
    titles = {spec.name: spec.title for spec in card.inputs}
    needed = any(needs_registration(chosen[name], fixed_scan) for name in movable)
    key = f"register-{card.slug}-{state.turn}-{len(chosen)}-{needed}"
    turned = st.toggle(
        f"Lay them on {plain(titles[fixed])}", value=needed, key=key,
        help="Turns and moves the other images, by mutual information, so that the same pixel is the same place. "
        "Switched off, they stay as they are in their files.",
    )  # fmt: skip
    if not turned:
        return chosen
    for name in movable:
        with errors_shown():
            pair = ("registered", chosen[name].digest, fixed_scan.digest)
            with st.spinner(f"Laying {plain(titles[name])} on {plain(titles[fixed])} …"):
                chosen[name], moved = state.maps.get(pair, partial(register, chosen[name], fixed_scan))
            st.caption(f"{plain(titles[name])}: {moved.words}.")
    return chosen


def _expected(spec: InputSpec) -> str:
    words = f"{spec.kind}, {' or '.join(spec.modality) or 'any modality'}"
    if spec.describe:
        words += f"; recognised by {', '.join(spec.describe)} in the description of its series"
    return words


def _ask_for_files(state: Reading) -> None:
    with st.popover("Add files to this study", icon=":material/add:"):
        st.file_uploader(
            "More series of the same patient",
            accept_multiple_files=True,
            key=f"more-{state.uploads}",
            on_change=_added,
            args=(state,),
        )


def _added(state: Reading) -> None:
    files: Any = st.session_state.get(f"more-{state.uploads}") or []
    if files:
        sources = [Source(file.name, file.getbuffer()) for file in files]
        state.adding = True
        open_in_background(
            state, "Adding files", lambda progress, cancelled: open_sources(sources, progress, cancelled)
        )
        state.uploads += 1
        forget_uploads([file.file_id for file in files])


def _ask_for_facts(state: Reading, table: InputSpec) -> dict[str, float | None]:
    """The form; what is left empty is unknown."""
    with st.container(border=True):
        st.markdown(f"**{plain(table.title)}**{', may be left unknown' if table.optional else ''}")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            found = {feature.name: _ask_for_fact(state, feature) for feature in table.features}
    return {
        feature.name: None if (value := found[feature.name]) is None else check_fact(feature, value)
        for feature in table.features
    }


def _ask_for_fact(state: Reading, feature: FeatureSpec) -> float | None:
    key = f"fact-{feature.name}-{state.turn}"
    if feature.choices:
        answer = st.segmented_control(plain(feature.title), list(feature.choices), key=key)
        return None if answer is None else feature.choices[answer]
    unit = f" ({feature.unit})" if feature.unit else ""
    return st.number_input(
        plain(f"{feature.title}{unit}"),
        value=fact_of_sample(state, feature.name),
        step=1.0,
        format="%g",
        placeholder="unknown",
        key=key,
        width=150,
        help=f"{feature.range_words}; empty for unknown",
    )
