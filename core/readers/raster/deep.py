"""Images that Pillow would cut to 8 bits or refuse: 16-bit PNG with colour or alpha, JPEG of more than 8 bits.

imagecodecs decodes them with every bit; what is made of colour and alpha is in one place for all formats.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import TooLarge, UnsupportedScan
from core.readers.dicom.codestream import Codestream, codestream_of
from core.readers.opening import FRAME_PIXELS, Opening
from core.readers.source import Source
from core.scan import Step

Pixels = NDArray[np.generic]
_PNG = b"\x89PNG\r\n\x1a\n"
#: PNG's colour types to what they hold (ISO/IEC 15948, 11.2.2), where Pillow drops the lower 8 of 16 bits.
_PNG_KINDS = {2: "RGB", 4: "grey with transparency", 6: "RGB with transparency"}
#: Bytes a pixel that such an image takes at its peak: transparency and eight bits are computed in floats.
_PNG_BYTES = {2: 64, 4: 48, 6: 72}
_ORIENTATION = 0x0112


@dataclass(frozen=True, eq=False)
class Page:
    """One decoded image.

    Attributes:
        pixels: (rows, columns), or (rows, columns, 3) uint8.
        steps: What was done to it.
        warnings: Sentences.
    """

    pixels: Pixels
    steps: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()


def deep_page(source: Source, opening: Opening) -> Page | None:
    """A 16-bit PNG with colour or alpha, or a JPEG of more than 8 bits; None for what Pillow reads in full.

    Raises:
        TooLarge: More pixels than an image may have.
    """
    head = source.head
    if head.startswith(_PNG):
        return _deep_png(source, head, opening)
    if head.startswith(b"\xff\xd8\xff"):
        facts = codestream_of(source.data)
        if facts is not None and (facts.family != "jpeg" or facts.precision > 8):
            return _deep_jpeg(source, facts, opening)
    return None


def check_size(rows: int, columns: int) -> None:
    """Refuse before anything is decoded.

    Raises:
        TooLarge: More than `FRAME_PIXELS`.
    """
    if rows * columns > FRAME_PIXELS:
        limit = f"an image of at most {FRAME_PIXELS // 1_000_000} million pixels"
        raise TooLarge(limit, f"one of {columns:,} × {rows:,}", "export it in a smaller size")


def _deep_png(source: Source, head: bytes, opening: Opening) -> Page | None:
    if len(head) < 29 or head[24] != 16 or head[25] not in _PNG_KINDS:
        return None
    columns, rows = struct.unpack_from(">2L", head, 16)
    check_size(rows, columns)
    opening.claim(rows * columns * 3)
    with opening.passing(rows * columns * _PNG_BYTES[head[25]]):
        pixels = imagecodecs.png_decode(bytes(source.data))
        page = from_samples(pixels, 16, has_alpha=head[25] in {4, 6})
        del pixels
    # The images of an animation behind the first have a chunk of their own; Pillow cuts them to 8 bits.
    more = ("Of this animation the first image is shown.",) if b"acTL" in bytes(source.data[:4096]) else ()
    with_turn = turned(page, _exif_turn(source))
    return Page(with_turn.pixels, with_turn.steps, (*with_turn.warnings, *more))


def _exif_turn(source: Source) -> int:
    try:
        with Image.open(io.BytesIO(source.data), formats=("PNG",)) as image:
            return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # the pixels are there; a note that is broken turns nothing
        return 1


def _deep_jpeg(source: Source, facts: Codestream, opening: Opening) -> Page:
    check_size(facts.rows, facts.columns)
    opening.claim(facts.rows * facts.columns * facts.components * 2)
    data = bytes(source.data)
    words = {"jpeg": "JPEG", "jpeg-lossless": "lossless JPEG", "jpeg-ls": "JPEG-LS"}[facts.family]
    decode = {
        "jpeg": imagecodecs.jpeg8_decode,
        "jpeg-lossless": imagecodecs.jpegsof3_decode,
        "jpeg-ls": imagecodecs.jpegls_decode,
    }[facts.family]
    if facts.precision not in {8, 12, 16} and facts.family == "jpeg":
        raise UnsupportedScan("a JPEG of 8 or 12 bits", f"one of {facts.precision} bits", "export it as PNG")
    with opening.passing(facts.rows * facts.columns * (2 if facts.components == 1 else 64)):
        page = from_samples(decode(data), facts.precision)
    step = Step("Depth", f"{words}, {facts.precision} bits a sample")
    page = turned(page, _jpeg_turn(data))
    return Page(page.pixels, (step, *page.steps), page.warnings)


def _jpeg_turn(data: bytes) -> int:
    """EXIF's orientation, from the segment APP1."""
    at = data[:65536].find(b"Exif\0\0")
    if at < 4:
        return 1
    (length,) = struct.unpack_from(">H", data, at - 2)
    exif = Image.Exif()
    try:
        exif.load(data[at : at - 2 + length])
    except Exception:  # a note that is broken turns nothing
        return 1
    return int(exif.get(_ORIENTATION, 1))


def turned(page: Page, turn: int) -> Page:
    """Turned upright as EXIF's or TIFF's orientation of 2 to 8 asks (Exif 2.32, table 6)."""
    if turn not in range(2, 9):
        return page
    pixels = page.pixels
    if turn >= 5:
        pixels = pixels.swapaxes(0, 1)
    # How rows and columns run once they have changed places.
    if turn in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    if turn in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return Page(np.ascontiguousarray(pixels), (orientation_step(turn), *page.steps), page.warnings)


def orientation_step(turn: int) -> Step:
    """What was done, for people."""
    return Step("Orientation", f"turned as the camera noted (EXIF {turn})")


def from_samples(samples: Pixels, bits: int, has_alpha: bool = False, channels: str = "grey") -> Page:
    """Decoded samples as grey with every level, or as colour of 8 bits.

    Args:
        samples: (rows, columns) or (rows, columns, channels), unsigned, signed or float.
        bits: Of a sample.
        has_alpha: Whether the last channel is transparency, which is laid on black.
        channels: `"grey"` or what else a single channel is, for sentences.

    Raises:
        UnsupportedScan: Colour as signed numbers, or as floats beyond 0 to 1.
    """
    steps: list[Step] = []
    if samples.ndim == 2:
        return Page(samples)
    if has_alpha:
        samples = _on_black(samples, bits)
        steps.append(Step("Transparency", "laid on black"))
    count = samples.shape[2]
    if count == 1:
        return Page(np.ascontiguousarray(samples[..., 0]), tuple(steps))
    if count != 3:
        note = f"The image has {count} channels ({channels}); the first is shown."
        return Page(np.ascontiguousarray(samples[..., 0]), tuple(steps), (note,))
    if all((row[:, :1] == row[:, 1:]).all() for row in samples):
        steps.append(Step("Colour", "red, green and blue are equal everywhere; read as grey"))
        return Page(np.ascontiguousarray(samples[..., 0]), tuple(steps))
    if samples.dtype == np.uint8:
        return Page(np.ascontiguousarray(samples), tuple(steps))
    return Page(_eight_bits(samples, bits), tuple(steps), (f"The colours have {bits} bits; they are shown in 8.",))


def _on_black(samples: Pixels, bits: int) -> Pixels:
    color, alpha = samples[..., :-1], samples[..., -1:]
    if not alpha.size or ((alpha == alpha.flat[0]).all() and alpha.flat[0] == (1 << bits) - 1):
        return color
    if samples.dtype.kind != "u":
        raise UnsupportedScan(
            "transparency as whole numbers", f"{samples.dtype.name}", "export it without transparency"
        )
    scaled = color.astype(np.float64) * alpha.astype(np.float64) / ((1 << bits) - 1)
    return (scaled + 0.5).astype(samples.dtype)


def _eight_bits(samples: Pixels, bits: int) -> NDArray[np.uint8]:
    if samples.dtype.kind == "u":
        return (samples.astype(np.float64) * (255 / ((1 << bits) - 1)) + 0.5).astype(np.uint8)
    values = samples.astype(np.float32)
    if samples.dtype.kind != "f" or not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise UnsupportedScan(
            "The colours are neither whole numbers from 0 nor floats from 0 to 1", "export it as 8-bit RGB"
        )
    return (values * 255 + 0.5).astype(np.uint8)
