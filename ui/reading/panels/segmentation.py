"""The panel of a model that segments: the image with the contours, sizes and doubt beside it."""

from __future__ import annotations

from collections.abc import Sequence

from streamlit.delta_generator import DeltaGenerator

from core.figures.contours import REFERENCE_COLOR, outline_color, outlines_of
from core.figures.segmentation_areas import area_figure, describe_areas
from core.formatting import in_sentence, joined
from core.models.card import ModelCard
from core.scan import Scan, Step
from core.segmentation.contours import Outline
from ui.charts import show_chart
from ui.components.viewer import Lines, View
from ui.reading.answer import show_warning_on_image
from ui.reading.display_settings import Look, show_image
from ui.reading.segmentation.answer import show_outline
from ui.reading.segmentation.export import reference_contours, show_files
from ui.reading.segmentation.read import Outlined, read_all
from ui.session import Reading
from ui.show import errors_shown


def show_segmentation(
    state: Reading, scan: Scan, card: ModelCard, frame: int, image: DeltaGenerator, panel: DeltaGenerator
) -> Sequence[Step]:
    """The panel; see `ui.reading.panels`."""
    outlined: Outlined | None = None
    look: Look | None = None
    with panel, errors_shown():
        outlined = show_outline(state, scan, card, frame)
    with image, errors_shown():
        if outlined is not None:
            show_warning_on_image(outlined.segmentation.withheld(outlined.position))
        look = show_image(state, scan, lambda look: view_of(look, scan, frame, outlined))
        if outlined is not None and scan.frames > 1:
            _show_areas(state, scan, outlined)
    if outlined is None:
        return ()
    with panel, errors_shown():
        if look is not None:
            show_files(state, scan, outlined, look)
    return outlined.segmentation.provenance


def view_of(look: Look, scan: Scan, frame: int, outlined: Outlined | None) -> View:
    """What the viewer is to show."""
    if outlined is None:
        return look.view(scan, frame)
    segmentation, spread = outlined.segmentation, outlined.spread
    legend = tuple((label, outline_color(n), False) for n, label in enumerate(segmentation.labels))
    if outlined.reference is not None:
        legend = (*legend, ("Reference mask", REFERENCE_COLOR, True))
    named = joined([in_sentence(label) for label in segmentation.labels])

    def drawn(index: int, tolerance: float) -> tuple[Outline, ...]:
        position = segmentation.frames.index(index)
        return (*outlines_of(segmentation, position, tolerance), *reference_contours(outlined, index, tolerance))

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
