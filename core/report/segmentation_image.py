"""One frame with its outlines burnt in, as an image that can be understood without the page it came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL.ImageFont import FreeTypeFont

from core.figures.contours import outline_color, outlines_of, paint_outlines
from core.inference.masks import Segmentation
from core.report.facts import DISCLAIMER
from core.report.image import AMBER, LEAST_WIDTH, broken_lines, original_pixels
from core.report.text import printable, shortened
from core.scan import Scan, Voi
from core.segmentation.contours import Outline
from core.segmentation.sizes import area_text
from core.segmentation.words import place_word


def segmentation_pixels(
    scan: Scan,
    segmentation: Segmentation,
    frame: int,
    window: Voi | None = None,
    invert: bool = False,
    references: Sequence[Outline] = (),
    fill: float = 0.25,
) -> NDArray[np.uint8]:
    """One frame at full resolution with square pixels and its outlines: (rows, columns, 3) RGB uint8.

    Args:
        scan: The scan.
        segmentation: Holds the frame.
        frame: Frame from 0.
        window: None for the scan's default.
        invert: As the viewer shows it.
        references: Outlines of the user's own mask.
        fill: Opacity of the inside.

    Raises:
        IncompatibleInput: The frame does not exist.
    """
    drawn = (*outlines_of(segmentation, segmentation.frames.index(frame)), *references)
    return paint_outlines(original_pixels(scan, frame, window, invert), drawn, (scan.rows, scan.columns), fill)


def segmentation_png(
    scan: Scan,
    segmentation: Segmentation,
    frame: int,
    window: Voi | None = None,
    invert: bool = False,
    references: Sequence[Outline] = (),
    fill: float = 0.25,
    caption: bool = True,
) -> bytes:
    """One frame with its outlines as a PNG file without metadata, as `outlined` draws it.

    With `caption` a strip beneath names what was outlined, and by what.
    """
    image = segmentation_pixels(scan, segmentation, frame, window, invert, references, fill)
    if caption:
        lines = _lines(scan, segmentation, frame, references)
        refusal = segmentation.withheld(segmentation.frames.index(frame))
        image = _with_caption(image, lines, [] if refusal is None else [refusal.warning])
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def _lines(
    scan: Scan, segmentation: Segmentation, frame: int, references: Sequence[Outline]
) -> list[tuple[str, str | None]]:
    """Text and colour of its swatch, from top to bottom."""
    position = segmentation.frames.index(frame)
    lines: list[tuple[str, str | None]] = []
    for index, label in enumerate(segmentation.labels):
        pixels = int(segmentation.pixels[position, index])
        size = area_text(pixels, scan) if pixels else f"none on this {place_word(scan)}"
        lines.append((f"{label}: {size}", outline_color(index) if pixels else None))
    lines += [(f"{outline.label} (dashed)", outline.color) for outline in references[:1]]
    model = f"outlined by {segmentation.card.title}"
    where = f"{place_word(scan).capitalize()} {frame + 1} of {scan.frames}, {model}" if scan.frames > 1 else model
    return [*lines, (where[:1].upper() + where[1:], None), (f"ScanLens. {DISCLAIMER}.", None)]


def _with_caption(
    image: NDArray[np.uint8], lines: Sequence[tuple[str, str | None]], warnings: Sequence[str]
) -> NDArray[np.uint8]:
    """Lay the image on black and write beneath it; text grows with the image."""
    from PIL import Image, ImageDraw, ImageFont

    rows, columns = image.shape[:2]
    width = max(columns, LEAST_WIDTH)
    size = max(13, round(width / 45))
    line = round(size * 1.5)
    # Pillow carries this font itself, so the caption looks the same everywhere.
    font = cast("FreeTypeFont", ImageFont.load_default(size))
    warned = [
        (part, None) for text in warnings for part in broken_lines(printable(text, "ascii"), font, width - 2 * size)
    ]
    lines = [*warned, *lines]
    canvas = np.zeros((rows + line * (len(lines) + 1), width, 3), np.uint8)
    left = (width - columns) // 2
    canvas[:rows, left : left + columns] = image
    sheet = Image.fromarray(canvas)
    pen = ImageDraw.Draw(sheet)
    for number, (text, color) in enumerate(lines):
        top, at = rows + line // 2 + number * line, size
        if color is not None:
            pen.rectangle((at, top + size // 6, at + size, top + size), outline=color, width=max(2, size // 7))
            at += size * 2
        longest, fill = len(text), AMBER if number < len(warned) else (235, 235, 235)
        while (
            longest > 4 and pen.textlength(printable(shortened(text, longest), "ascii"), font=font) > width - at - size
        ):
            longest -= 1
        pen.text(
            (at, top),
            printable(shortened(text, longest), "ascii"),
            font=font,
            fill=fill,
        )
    return np.asarray(sheet)
