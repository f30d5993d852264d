"""Lesson: fusion. Several scales, attention, two images, image and facts; each part can be switched off."""

import streamlit as st

from core.models.card import ModelCard
from ui.explaining.controls import choose_frame
from ui.lessons.fusion.attention import show_attention
from ui.lessons.fusion.facts import ask_about_priors, show_prior
from ui.lessons.fusion.images import show_images
from ui.lessons.fusion.scales import show_scales
from ui.lessons.fusion.study import show_study
from ui.lessons.image import choose_scan
from ui.lessons.inside.page import can_be_walked
from ui.lessons.inside.work import Work, work_on
from ui.lessons.registry import show_lesson
from ui.reading.choose_model import choose_model
from ui.session import reading
from ui.show import errors_shown
from ui.visible import visible_cards

SCALES, ATTENTION, IMAGES, FACTS = PARTS = ("Several scales", "Attention", "Two images", "Image and facts")
FIRST = "pneumonia-multiscale"


def of_several(table: bool) -> list[ModelCard]:
    """Models of several images, with a table among their inputs or without."""
    cards, _ = visible_cards()
    return [
        card
        for card in cards.values()
        if len(card.inputs) > 1
        and all(spec.kind in {"image", "table"} for spec in card.inputs)
        and any(spec.is_image for spec in card.inputs)
        and any(spec.kind == "table" for spec in card.inputs) == table
    ]


def choose_work() -> Work | None:
    """The scan, the model and the frame."""
    state = reading()
    if "model" not in st.query_params:
        st.query_params["model"] = FIRST
    left, right = st.columns(2)
    with left:
        scan = choose_scan("sample")
        frame = choose_frame(scan)
    with right:
        card = choose_model(state, scan, always=True)
    return work_on(scan, frame, card) if card is not None and can_be_walked(card) else None


@st.fragment
def show(part: str, work: Work | None) -> None:
    """One part of the lesson."""
    with errors_shown():
        if part == IMAGES:
            show_images(reading())
            if cards := of_several(table=False):
                st.subheader("Fuse them in a trained network", anchor=False)
                show_study(reading(), cards, "sequences")
        elif work is not None:
            {SCALES: show_scales, ATTENTION: show_attention, FACTS: show_prior}[part](work)
            if part == FACTS:
                ask_about_priors()
        if part == FACTS and (cards := of_several(table=True)):
            st.subheader("Image and facts in one network", anchor=False)
            show_study(reading(), cards, "facts")


show_lesson("fusion")
part = st.segmented_control("What is fused", PARTS, default=SCALES, required=True, key="part", bind="query-params")
with errors_shown():
    show(part or SCALES, None if part == IMAGES else choose_work())
