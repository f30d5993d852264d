"""A model that outlines on the reading page: the picture with its outline, the answer beside it, sizes below."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.figures.outline_areas import area_figure, describe_areas
from core.figures.outlines import REFERENCE_COLOR, outline_color, outlines_of
from core.models.card import ModelCard
from core.scan import Scan
from core.segmentation.contours import Outline
from core.segmentation.words import in_sentence, joined
from ui.charts import show_chart
from ui.components.viewer import Lines, View, show_viewer
from ui.details import show_facts
from ui.looking import Look, choose_look
from ui.outlining.panel import show_outline
from ui.outlining.reading import Outlined, read_all
from ui.outlining.take_home import reference_outlines, show_take_home
from ui.session import Reading
from ui.show import errors_shown


def show_outlining(
    state: Reading, scan: Scan, card: ModelCard, frame: int, picture: DeltaGenerator, panel: DeltaGenerator
) -> None:
    """Everything below the model's name.

    Args:
        state: Of the session.
        scan: On the page.
        card: Of a model that outlines.
        frame: The user turned to.
        picture: Place for the viewer.
        panel: Place for the answer.
    """
    outlined = None
    with panel, errors_shown():
        outlined = show_outline(state, scan, card, frame)
    with picture, errors_shown():
        place = st.container()
        look = choose_look(state, scan)
        with place:
            show_viewer(view_of(look, scan, frame, outlined), state.pictures)
        if outlined is not None and scan.frames > 1:
            _show_areas(state, scan, outlined)
    with panel, errors_shown():
        if outlined is not None:
            show_take_home(state, scan, outlined, look)
    with errors_shown():
        show_facts(scan, card, outlined.segmentation.provenance if outlined else ())


def view_of(look: Look, scan: Scan, frame: int, outlined: Outlined | None) -> View:
    """What the viewer is to show."""
    if outlined is None:
        return View(scan, frame, look.window, look.name, look.invert, overlays=look.overlays)
    segmentation, spread = outlined.segmentation, outlined.spread
    legend = tuple((label, outline_color(n), False) for n, label in enumerate(segmentation.labels))
    if outlined.reference is not None:
        legend = (*legend, ("Reference mask", REFERENCE_COLOR, True))
    named = joined([in_sentence(label) for label in segmentation.labels])

    def drawn(index: int, tolerance: float) -> tuple[Outline, ...]:
        position = segmentation.frames.index(index)
        return (*outlines_of(segmentation, position, tolerance), *reference_outlines(outlined, index, tolerance))

    lines = Lines(outlined.key, segmentation.frames, drawn, legend, f"the outline of {named}")
    heat_key = f"mirrored {segmentation.card.slug} {len(spread.frames)}" if spread else ""
    alt = "where mirror images disagree"
    return View(scan, frame, look.window, look.name, look.invert, spread, heat_key, alt, lines, look.overlays)


def _show_areas(state: Reading, scan: Scan, outlined: Outlined) -> None:
    segmentation = outlined.segmentation
    if outlined.is_whole:
        show_chart(
            lambda: area_figure(segmentation, scan, outlined.frame),
            "areas",
            describe_areas(segmentation, scan, outlined.frame),
        )
    read_all(state, scan, segmentation.card, outlined.spread is not None)
