"""Drawing on one A4 page: columns of text that grow downwards, bars, a colour scale and framed images.

Positions are in millimetres from the top left corner, type sizes in points. A `Sheet` can be filled once to measure and
once for good, because text takes the same room on every sheet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.display import inferno
from core.report.text import printable

if TYPE_CHECKING:
    from fpdf import FPDF

WIDTH, HEIGHT, MARGIN = 210.0, 297.0, 14.0
POINT = 0.3528  # millimetres

INK = (32, 36, 40)
QUIET = (100, 106, 112)
ACCENT = (0, 92, 99)
AMBER = (178, 106, 0)
BLUE, PALE = (0, 114, 178), (190, 212, 228)


def new_sheet() -> FPDF:
    """An empty A4 page with fonts that every PDF reader has."""
    from fpdf import FPDF

    pdf = FPDF(format="A4", unit="mm")
    # The standard fonts have the letters of Windows-1252; fpdf2 assumes the smaller Latin-1.
    pdf.core_fonts_encoding = "cp1252"
    pdf.set_auto_page_break(False)
    pdf.set_margins(0, 0, 0)
    pdf.c_margin = 0
    pdf.add_page()
    return pdf


@dataclass
class Column:
    """Text that grows downwards from `top`.

    Attributes:
        pdf: Where to draw.
        left: Left edge.
        width: Width of the text.
        top: Where the next line starts; moves down with every call.
        size: Type size of plain text.
    """

    pdf: FPDF
    left: float
    width: float
    top: float
    size: float

    def text(
        self,
        words: str,
        *,
        size: float | None = None,
        bold: bool = False,
        color: tuple[int, int, int] = INK,
        indent: float = 0.0,
        align: str = "L",
    ) -> None:
        """A paragraph, broken into lines where it must be."""
        points = size or self.size
        if self.top > HEIGHT:  # measured already: this does not fit
            self.top += points * POINT * 1.25
            return
        self.pdf.set_font("Helvetica", "B" if bold else "", points)
        self.pdf.set_text_color(*color)
        self.pdf.set_xy(self.left + indent, self.top)
        words = printable(words, "cp1252") or " "
        self.pdf.multi_cell(self.width - indent, points * POINT * 1.25, words, align=align, new_x="LEFT", new_y="NEXT")
        self.top = self.pdf.get_y()

    def heading(self, words: str) -> None:
        """A small heading over a thin line."""
        self.top += self.size * POINT * 0.8
        self.text(words, bold=True, color=ACCENT)
        self.pdf.set_draw_color(200, 206, 210)
        self.pdf.set_line_width(0.2)
        self.pdf.line(self.left, self.top + 0.4, self.left + self.width, self.top + 0.4)
        self.top += 1.2

    def pair(self, name: str, value: str, fraction: float = 0.34) -> None:
        """A name on the left and its value beside it."""
        start = self.top
        name_column = Column(self.pdf, self.left, self.width * fraction - 2, start, self.size)
        name_column.text(name, color=QUIET)
        self.text(value, indent=self.width * fraction)
        self.top = max(self.top, name_column.top)

    def bullet(self, words: str, color: tuple[int, int, int]) -> None:
        """A sentence behind a small filled square, so that doubt shows by shape as well as by colour."""
        side = self.size * POINT * 0.42
        self.pdf.set_fill_color(*color)
        self.pdf.rect(self.left, self.top + self.size * POINT * 0.4, side, side, style="F")
        self.text(words, indent=side + 1.6)
        self.top += 0.4

    def probability(
        self, label: str, value: str, fraction: float, threshold: float | None, mark: float | None, chosen: bool
    ) -> None:
        """A bar from 0 to 1 with its label above, its value behind it, threshold as a line, calibration as a diamond.

        Args:
            label: Name of the class.
            value: The number as text.
            fraction: Length of the bar, 0 to 1.
            threshold: Where to draw the threshold, or None.
            mark: Where to draw the diamond, or None.
            chosen: Whether this class is the decision.
        """
        thick, room = self.size * POINT * 0.9, self.width - 2
        self.text(label, bold=chosen)
        self.pdf.set_text_color(*INK)
        baseline = self.top - self.size * POINT * 1.25
        self.pdf.set_xy(self.left, baseline)
        self.pdf.cell(room, self.size * POINT * 1.25, printable(value, "cp1252"), align="R")
        self.top += 0.6
        self.pdf.set_fill_color(235, 238, 240)
        self.pdf.rect(self.left, self.top, room, thick, style="F")
        self.pdf.set_fill_color(*(BLUE if chosen else PALE))
        self.pdf.rect(self.left, self.top, room * min(max(fraction, 0.0), 1.0), thick, style="F")
        if threshold is not None:
            self._threshold(self.left + room * threshold, thick)
        if mark is not None:
            self._diamond(self.left + room * mark, self.top + thick / 2, thick * 0.42)
        self.top += thick + self.size * POINT * 0.6

    def _threshold(self, at: float, thick: float) -> None:
        for color, width in (((255, 255, 255), 1.0), (INK, 0.5)):
            self.pdf.set_draw_color(*color)
            self.pdf.set_line_width(width)
            self.pdf.line(at, self.top - 0.4, at, self.top + thick + 0.9)

    def _diamond(self, x: float, y: float, half: float) -> None:
        self.pdf.set_fill_color(255, 255, 255)
        self.pdf.set_draw_color(*INK)
        self.pdf.set_line_width(0.25)
        self.pdf.polygon([(x - half, y), (x, y - half), (x + half, y), (x, y + half)], style="DF")


def place_image(pdf: FPDF, image: np.ndarray, box: tuple[float, float, float, float], description: str) -> None:
    """An image as large as fits in (left, top, width, height), centred on black."""
    from PIL import Image

    left, top, width, height = box
    pdf.set_fill_color(0, 0, 0)
    pdf.rect(left, top, width, height, style="F")
    zoom = min(width / image.shape[1], height / image.shape[0])
    wide, high = image.shape[1] * zoom, image.shape[0] * zoom
    pdf.image(
        Image.fromarray(image), left + (width - wide) / 2, top + (height - high) / 2, wide, high,
        alt_text=printable(description, "cp1252"),
    )  # fmt: skip


def draw_scale(pdf: FPDF, left: float, top: float, width: float, ends: tuple[str, str]) -> None:
    """The heatmap's colours as 64 vector steps, with the value of either end beside it."""
    pdf.set_font("Helvetica", "", 7)
    pdf.set_text_color(*INK)
    low, high = (printable(end, "cp1252") for end in ends)
    room = width - pdf.get_string_width(low) - pdf.get_string_width(high) - 4
    start = left + pdf.get_string_width(low) + 2
    colors = inferno(np.linspace(0.0, 1.0, 64, dtype=np.float32)[None, :])[0]
    for step, color in enumerate(colors):
        pdf.set_fill_color(*(int(part) for part in color))
        # A hair wider than a step, so that no reader shows gaps between them.
        pdf.rect(start + room * step / 64, top, room / 64 + (0.1 if step < 63 else 0.0), 2.6, style="F")
    pdf.set_xy(left, top - 0.2)
    pdf.cell(width, 3, low)
    pdf.set_xy(left, top - 0.2)
    pdf.cell(width, 3, high, align="R")
