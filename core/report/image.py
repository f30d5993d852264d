"""The overlay as an image file that can be understood without the page it came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from core.display import (
    blend,
    heat_rgba,
    inferno,
    resample,
    square_size,
)
from core.errors import IncompatibleInput
from core.explain.explanation import Explanation
from core.formatting import evidence_text, frame_word, method_text
from core.report.facts import DISCLAIMER
from core.report.text import printable, shortened
from core.scan import Scan, Voi, display_frame

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

    from core.explain.trust.verdict import Trust
    from core.inference.withhold import Withheld

#: Narrower images are laid on black of this width, because their caption would not be readable.
LEAST_WIDTH = 420

#: Colour of remarks, which must not be overlooked.
AMBER = (240, 180, 60)


def original_pixels(scan: Scan, frame: int, window: Voi | None = None, invert: bool = False) -> NDArray[np.uint8]:
    """One frame with square pixels and nothing laid over it: (rows, columns) or (rows, columns, 3) uint8.

    Raises:
        IncompatibleInput: The frame does not exist.
    """
    if not 0 <= frame < scan.frames:
        raise IncompatibleInput(f"a {frame_word(scan)} from 1 to {scan.frames}", str(frame + 1), "choose another one")
    size = square_size(scan.rows, scan.columns, scan.pixel_aspect)
    return resample(display_frame(scan, frame, window, invert), size)


def overlay_pixels(
    scan: Scan,
    frame: int,
    window: Voi | None = None,
    invert: bool = False,
    explanation: Explanation | None = None,
    opacity: float = 0.5,
) -> NDArray[np.uint8]:
    """One frame at full resolution with square pixels and the heatmap on it.

    All frames share the colour scale of the whole stack. A frame that was not explained, and an empty map, stay as
    they are.

    Args:
        scan: The scan.
        frame: Frame from 0.
        window: None for the scan's default.
        invert: As the viewer shows it.
        explanation: What to lay over it, or None.
        opacity: 0 to 1.

    Returns:
        (rows, columns, 3) RGB uint8.

    Raises:
        IncompatibleInput: The frame does not exist.
    """
    image = original_pixels(scan, frame, window, invert)
    size = (image.shape[0], image.shape[1])
    if explanation is None or explanation.is_empty or frame not in explanation.frames:
        return np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image
    heatmap = explanation.heatmap(explanation.frames.index(frame), size)
    return blend(image, heat_rgba(heatmap, explanation.scale), opacity)


def overlay_png(
    scan: Scan,
    frame: int,
    window: Voi | None = None,
    invert: bool = False,
    explanation: Explanation | None = None,
    opacity: float = 0.5,
    scale_bar: bool = True,
    remarks: Sequence[str] = (),
) -> bytes:
    """The overlay as a PNG file.

    Args:
        scan: The scan.
        frame: Frame from 0.
        window: None for the scan's default.
        invert: As the viewer shows it.
        explanation: What to lay over it, or None for the image alone.
        opacity: 0 to 1.
        scale_bar: Burn a strip beneath the image: colour scale, label, frame, disclaimer. Without it the file holds
            the overlay's pixels and nothing else.
        remarks: Sentences to burn in beneath the caption: why the answer is withheld, and the verdict on the heatmap.

    Returns:
        A PNG file without metadata and without anything that names the patient.

    Raises:
        IncompatibleInput: The frame does not exist.
    """
    image = overlay_pixels(scan, frame, window, invert, explanation, opacity)
    if scale_bar:
        image = _with_caption(image, scan, frame, explanation, remarks)
    # OpenCV writes the header, the pixels and the end, and no text, time or colour profile.
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def remarks_of(
    explanation: Explanation | None, trust: Trust | None, withheld: Withheld | None = None
) -> tuple[str, ...]:
    """What has to stand under an overlay: why the answer is not valid, and the verdict on the heatmap."""
    found = [] if withheld is None else [withheld.warning]
    if explanation is not None and not explanation.is_empty and trust is not None:  # an empty one says so above
        found.append(f"{trust.sentence}.")
    return tuple(found)


def evidence_caption(scan: Scan, frame: int, explanation: Explanation | None) -> str:
    """What an image shows, in one line: `"Evidence for Pneumonia (Grad-CAM), slice 12 of 40"`."""
    place = f", {frame_word(scan)} {frame + 1} of {scan.frames}" if scan.frames > 1 else ""
    if explanation is None:
        return f"No explanation{place}"
    about = f"{explanation.label} ({method_text(explanation.method)})"
    if explanation.is_empty:
        return f"No evidence found for {about}{place}"
    if frame not in explanation.frames:
        return f"Evidence for {about} was not computed here{place}"
    return f"Evidence for {about}{place}"


def _with_caption(
    image: NDArray[np.uint8], scan: Scan, frame: int, explanation: Explanation | None, remarks: Sequence[str]
) -> NDArray[np.uint8]:
    """Lay the image on black and write beneath it; text grows with the image."""
    from PIL import Image, ImageDraw, ImageFont

    rows, columns = image.shape[:2]
    width = max(columns, LEAST_WIDTH)
    text_size = max(13, round(width / 45))
    line = round(text_size * 1.5)
    drawn = explanation is not None and not explanation.is_empty and frame in explanation.frames
    # Pillow carries this font itself, so the caption looks the same everywhere.
    font, margin = cast("FreeTypeFont", ImageFont.load_default(text_size)), text_size
    told = [part for remark in remarks for part in broken_lines(printable(remark, "ascii"), font, width - 2 * margin)]
    canvas = np.zeros((rows + line * ((4 if drawn else 2) + len(told)) + line // 2, width, 3), np.uint8)
    left = (width - columns) // 2
    canvas[:rows, left : left + columns] = image
    sheet = Image.fromarray(canvas)
    pen, top = ImageDraw.Draw(sheet), rows + line // 2
    if drawn and explanation is not None:
        bar = inferno(np.tile(np.linspace(0.0, 1.0, width - 2 * margin, dtype=np.float32), (line // 2, 1)))
        sheet.paste(Image.fromarray(bar), (margin, top))
        # The dark end of the colours is as black as what it lies on.
        pen.rectangle((margin - 1, top - 1, width - margin, top + line // 2), outline=(120, 120, 120))
        top = _write_ends(pen, font, explanation.scale, (margin, width - margin), top + line // 2)
    caption = printable(evidence_caption(scan, frame, explanation), "ascii")
    _write(pen, font, caption, (margin, top), width - 2 * margin, (235, 235, 235))
    for part in told:
        top += line
        _write(pen, font, part, (margin, top), width - 2 * margin, AMBER)
    _write(pen, font, f"ScanLens. {DISCLAIMER}.", (margin, top + line), width - 2 * margin, (170, 170, 170))
    return np.asarray(sheet)


def broken_lines(text: str, font: FreeTypeFont, room: int) -> list[str]:
    """A sentence broken between words into lines that fit their room; nothing of it is left out."""
    found: list[str] = []
    for word in text.split():
        longer = f"{found[-1]} {word}" if found else word
        if found and font.getlength(longer) <= room:
            found[-1] = longer
        else:
            found.append(word)
    return found


def _write_ends(pen: ImageDraw, font: FreeTypeFont, scale: float, ends: tuple[int, int], top: int) -> int:
    """The numbers under the colour scale; returns where the next line starts."""
    line = round(font.size * 1.5)
    pen.text((ends[0], top + line // 6), "0", font=font, fill=(235, 235, 235))
    high = f"{evidence_text(scale)} logit units"
    pen.text((ends[1], top + line // 6), high, font=font, fill=(235, 235, 235), anchor="ra")
    return top + line + line // 3


def _write(
    pen: ImageDraw, font: FreeTypeFont, text: str, at: tuple[int, int], room: int, fill: tuple[int, int, int]
) -> None:
    """One line, shortened until it fits its room."""
    longest = len(text)
    while longest > 4 and pen.textlength(printable(shortened(text, longest), "ascii"), font=font) > room:
        longest -= 1
    pen.text(at, printable(shortened(text, longest), "ascii"), font=font, fill=fill)
