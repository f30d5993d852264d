"""The question of the page, and the maps that answer it as they get ready, for a model of any task and any inputs."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.inference.predict import Prediction
from core.inference.study import Study
from core.inference.withhold import scan_reasons, withheld
from core.models.card import ModelCard
from core.models.compatibility import compatibility
from core.scan import Scan
from ui.cache import cached_bundle
from ui.explaining.controls import (
    choose_frame,
    choose_image,
    choose_label,
    choose_method,
    choose_methods,
    choose_second_opinion,
    questions,
)
from ui.explaining.layers import choose_layer
from ui.explaining.progress import is_paused, show_paused, show_progress
from ui.explaining.prototype import show_prototype
from ui.explaining.results import show_results
from ui.explaining.work import carry_on, key_of, predicted
from ui.reading.answer import show_refusal
from ui.reading.display_settings import choose_look
from ui.reading.multi_input.answer import StudyAnswer
from ui.reading.multi_input.gather import needs_study
from ui.reading.multi_input.parts import show_parts
from ui.session import Reading
from ui.show import errors_shown
from ui.visible import visible_cards


@dataclass(frozen=True, eq=False)
class Question:
    """What is to be explained.

    Attributes:
        card: The model.
        study: What it is given.
        image: Name of the image that is explained.
        scan: That image.
        frame: Of it, as the user turned to it.
        label: What the evidence should speak for.
        rather_than: The label to compare with, `""` for none.
    """

    card: ModelCard
    study: Study
    image: str
    scan: Scan
    frame: int
    label: str
    rather_than: str

    @property
    def is_plain(self) -> bool:
        """Whether the model takes one image and gives one answer for it, as others do that can stand beside it."""
        return not needs_study(self.card) and self.card.task != "segmentation"

    @property
    def case(self) -> int:
        """The frame that is a case; 0 where a whole sequence or volume is one."""
        kinds = [spec.kind for spec in self.card.inputs if spec.name in self.study.scans]
        return self.frame if all(kind == "image" for kind in kinds) else 0


def show_maps(state: Reading, card: ModelCard, study: Study) -> None:
    """Controls, maps and checks; below them what each part of a study adds.

    Args:
        state: The session's.
        card: The model.
        study: What it is given.
    """
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        image = choose_image(card, study)
        frame = choose_frame(study.scans[image]) if image else 0
        several = any(spec.kind in {"sequence", "volume"} and spec.name in study.scans for spec in card.inputs)
        prediction = None
        if card.task != "segmentation":
            prediction = predicted(state, card, study, 0 if several else frame)
        label, rather_than = choose_label(card, prediction)
    refusal = prediction.withheld() if prediction is not None else withheld(card, scan_reasons(card, study), None)
    if show_refusal(state, card, refusal):
        return
    if image:
        with row:
            chosen = _choose_comparison(card, study)
        asked = Question(card, study, image, study.scans[image], frame, label, rather_than)
        _show_board(state, asked, chosen, row, "" if refusal is None else refusal.warning)
    else:
        st.caption("Without an image there is no heatmap: what each fact adds is below.")
    if needs_study(card) and prediction is not None:
        with errors_shown():
            show_parts(state, _answer(card, study, prediction, label, frame))


def _choose_comparison(card: ModelCard, study: Study) -> tuple[bool, bool]:
    """(whether models stand side by side instead of methods, whether an untrained copy stands beside)."""
    compared = "Methods"
    if not needs_study(card) and card.task != "segmentation" and study.scans:
        st.session_state.setdefault("explain-compared", "Methods")
        compared = str(
            st.segmented_control("Side by side", ["Methods", "Models"], required=True, key="explain-compared")
        )
    return compared == "Models", bool(st.toggle("Untrained copy beside it", key="explain-untrained"))


def _show_board(state: Reading, asked: Question, chosen: tuple[bool, bool], row: DeltaGenerator, warning: str) -> None:
    card, scan, frame = asked.card, asked.scan, asked.frame
    (by_model, untrained), cards = chosen, visible_cards()[0]
    if by_model:
        methods = [choose_method()]
        fitting = [one for one in cards.values() if asked.label in one.labels and compatibility(one, scan).fits]
        alike = [one for one in fitting if not needs_study(one) and one.task != "segmentation"]
        models = [card, *(one for one in alike if one.slug != card.slug)]
    else:
        methods, models = choose_methods(), [card]
    with row:
        second = choose_second_opinion(methods)
    look = choose_look(state, scan)
    layer = "" if by_model or not asked.is_plain else choose_layer(scan, frame, card)
    if not methods:
        st.info("No method is chosen: choose one above.")
        return
    image, given = ("", "") if asked.is_plain else (asked.image, key_of(asked.study))
    everything = questions(models, methods, asked.label, asked.rather_than, layer, asked.case, untrained, image, given)
    studies = {one.slug: (one, Study.of(one, scan)) for one in models} | {card.slug: (card, asked.study)}
    making = carry_on(state, scan, everything, studies, is_paused(), second)
    if is_paused():
        show_paused()
    show_progress(state, making)
    with errors_shown():
        show_results(state, scan, frame, look, everything, cards, by_model, warning)
    if asked.is_plain and not by_model:
        with errors_shown():
            show_prototype(state, card, asked.label, asked.rather_than)


def _answer(card: ModelCard, study: Study, prediction: Prediction, label: str, frame: int) -> StudyAnswer:
    key = ("explained", card.slug, key_of(study), frame)
    return StudyAnswer(study, cached_bundle(card.slug), prediction, label, {}, key)
