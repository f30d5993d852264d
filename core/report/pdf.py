"""One A4 page to export: the answer, the image it came from, and every reason to doubt it.

The page is always one page. The text is measured first; the image takes what is left. When long text leaves too
little, the type gets smaller, and only then are entries shortened, with a note that the JSON has them in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.display import resample
from core.explain.explanation import Explanation
from core.formatting import evidence_text, frame_word
from core.report import sections
from core.report.facts import DISCLAIMER, grave_doubts, position_of
from core.report.image import evidence_caption, original_pixels, overlay_pixels
from core.report.sheet import ACCENT, AMBER, HEIGHT, MARGIN, QUIET, WIDTH, Column, draw_scale, new_sheet, place_image
from core.report.text import shortened
from core.scan import Scan, Voi, VoiTable, default_window, window_at, window_text
from core.version import VERSION

if TYPE_CHECKING:
    from fpdf import FPDF

    from core.explain.trust.verdict import Trust
    from core.inference.predict import Prediction

#: Printed at up to 88 mm, 1,000 pixels are 290 to the inch; more only makes the file large.
MOST_PIXELS = 1000
GAP = 5.0
HALF = (WIDTH - 2 * MARGIN - GAP) / 2
TALLEST, LOWEST, ENOUGH = 98.0, 38.0, 62.0
FOOT_END = HEIGHT - 9.0
SCALE_ROOM = 11.0


@dataclass(frozen=True)
class Plan:
    """How a page is set.

    Attributes:
        size: Type size of the text in points.
        longest: Characters of one entry before it is shortened.
        most: Entries of one list before the rest is only counted.
        room: Height in mm that must be left for the images.
    """

    size: float
    longest: int = 100_000
    most: int = 100_000
    room: float = LOWEST


#: From comfortable to cramped; the first that leaves room for an image is taken.
PLANS = (
    *(Plan(size, room=ENOUGH) for size in (9.0, 8.5, 8.0, 7.5, 7.0, 6.5)),
    *(Plan(size) for size in (6.5, 6.0)),
    *(Plan(6.0, longest, most) for longest in (400, 160) for most in (40, 30, 22, 16)),
    *(Plan(6.0, 120, most) for most in (12, 8)),
)


def as_pdf(
    scan: Scan,
    prediction: Prediction,
    explanation: Explanation | None = None,
    *,
    frame: int | None = None,
    window: Voi | None = None,
    invert: bool = False,
    opacity: float = 0.5,
    made_at: datetime | None = None,
    trust: Trust | None = None,
) -> bytes:
    """The report.

    Args:
        scan: The scan.
        prediction: The answer.
        explanation: The explanation on show, or None.
        frame: Frame from 0 that is shown and spoken of; None for the first that the model read.
        window: As the viewer shows it; None for the scan's default.
        invert: As the viewer shows it.
        opacity: Of the heatmap, 0 to 1.
        made_at: Time of making; None for now.
        trust: The verdict on the explanation, or None where it was not checked.

    Returns:
        A PDF of one page that names neither patient, user nor machine.

    Raises:
        IncompatibleInput: The model has not read this frame.
    """
    chosen = prediction.frames[0] if frame is None else frame
    view = sections.View(scan, prediction, explanation, position_of(prediction, scan, chosen), chosen, trust)
    made = (made_at or datetime.now(UTC)).astimezone(UTC)
    plan, room = _fitting_plan(view)
    height = min(room, TALLEST)
    pdf = new_sheet()
    _describe_file(pdf, made)
    top = _head(pdf, view, made, plan)
    _images(pdf, view, top, height, (window, invert, opacity))
    _body(pdf, view, top + height + SCALE_ROOM, plan, room - height)
    return bytes(pdf.output())


def _fitting_plan(view: sections.View) -> tuple[Plan, float]:
    """The roomiest plan that leaves enough height for the images, and what it leaves in mm."""
    for plan in PLANS:
        scratch = new_sheet()
        top = _head(scratch, view, datetime.now(UTC), plan)
        left = FOOT_END - _body(scratch, view, top + SCALE_ROOM, plan)
        if left >= plan.room:
            break
    return plan, left


def _describe_file(pdf: FPDF, made: datetime) -> None:
    pdf.set_title("ScanLens report")
    pdf.set_subject(DISCLAIMER)
    pdf.set_lang("en")
    pdf.set_producer(f"ScanLens {VERSION}")
    pdf.set_creation_date(made)


def _head(pdf: FPDF, view: sections.View, made: datetime, plan: Plan) -> float:
    """Title, disclaimer and decision; returns where the images start."""
    pdf.set_fill_color(*ACCENT)
    pdf.rect(0, 0, WIDTH, 3, style="F")
    column = Column(pdf, MARGIN, WIDTH - 2 * MARGIN, 9.0, 9.0)
    Column(pdf, MARGIN, column.width, 9.0, 8.0).text(f"Made {made:%Y-%m-%d %H:%M} UTC", color=QUIET, align="R")
    column.text("ScanLens report", bold=True, color=ACCENT)
    column.text(f"{DISCLAIMER}.", size=9, bold=True)
    column.top += 3.0
    decision = view.prediction.decision(view.position)
    series = sections.series_words(view)
    sentence = shortened(series[0] if series else decision.sentence, 200)
    refusal = view.prediction.withheld(view.position)
    if refusal is not None:
        column.text(shortened(refusal.headline, 300), size=13, bold=True, color=AMBER)
        sentence = f"Shown all the same: {sentence}"
    column.text(sentence, size=17 if len(sentence) < 60 and refusal is None else 12, bold=refusal is None)
    for words in series[1:]:
        column.text(shortened(words, min(plan.longest, 300)), size=9.5)
    column.text(shortened(sections.answer_line(view), min(plan.longest, 300)), size=9.5)
    column.text(shortened(f"Model: {view.prediction.card.title}", min(plan.longest, 200)), size=9, color=QUIET)
    for sentence in grave_doubts(view.scan, view.prediction):
        column.top += 0.8
        column.bullet(shortened(sentence, 300), AMBER)
    return column.top + 3.0


def _images(
    pdf: FPDF,
    view: sections.View,
    top: float,
    height: float,
    display: tuple[Voi | None, bool, float],
) -> None:
    window, invert, opacity = display
    scan, frame, explanation = view.scan, view.frame, view.explanation
    right = MARGIN + HALF + GAP
    original = _for_print(original_pixels(scan, frame, window, invert))
    overlay = _for_print(overlay_pixels(scan, frame, window, invert, explanation, opacity))
    about = shortened(evidence_caption(scan, frame, explanation), 120)
    place_image(pdf, original, (MARGIN, top, HALF, height), "The image as it was read")
    place_image(pdf, overlay, (right, top, HALF, height), about)
    below = top + height + 1.2
    place = f", {frame_word(scan)} {frame + 1} of {scan.frames}" if scan.frames > 1 else ""
    words = shortened(f"Original{place}, {_display_words(scan, frame, window, invert)}", 90)
    Column(pdf, MARGIN, HALF, below, 7.5).text(words, color=QUIET)
    if explanation is not None and not explanation.is_empty:
        draw_scale(pdf, right, below, HALF, ("0", f"{evidence_text(explanation.scale)} logit units"))
        below += 3.4
    Column(pdf, right, HALF, below, 7.5).text(about, color=QUIET)


def _for_print(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image with at most MOST_PIXELS on its longer side."""
    zoom = min(1.0, MOST_PIXELS / max(image.shape[:2]))
    return resample(image, (max(1, round(image.shape[0] * zoom)), max(1, round(image.shape[1] * zoom))))


def _display_words(scan: Scan, frame: int, window: Voi | None, invert: bool) -> str:
    turned = ", inverted" if invert else ""
    if scan.is_color:
        return f"in colour{turned}"
    shown = window_at(window or default_window(scan), frame)
    if isinstance(shown, VoiTable):
        return f"by {window_text(shown)}{turned}"
    units = f" {scan.units}" if scan.units else ""
    return f"window {window_text(shown).removeprefix('centre ')}{units}{turned}"


def _body(pdf: FPDF, view: sections.View, top: float, plan: Plan, spare: float = 0.0) -> float:
    """Both columns and, `spare` mm below them, the foot; returns where the foot ends."""
    left = Column(pdf, MARGIN, HALF, top, plan.size)
    sections.probabilities(left, view, plan.longest, plan.most)
    sections.trust(left, view, plan.longest, plan.most)
    sections.provenance(left, view, plan.longest, plan.most)
    right = Column(pdf, MARGIN + HALF + GAP, HALF, top, plan.size)
    sections.scan(right, view, plan.longest, plan.most)
    sections.model(right, view, plan.longest, plan.most)
    sections.tests(right, view, plan.longest, plan.most)
    foot = Column(pdf, MARGIN, WIDTH - 2 * MARGIN, max(left.top, right.top) + 2.5 + spare, min(plan.size, 6.5))
    sections.foot(foot, view, plan.longest, plan.most)
    return foot.top
