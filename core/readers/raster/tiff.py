"""TIFF pages that are no plain 8-bit image: signed, 16 to 64 bits, floats, channels, planes; BigTIFF too.

Pillow knows some of these by a mode that wraps or cuts their values; libtiff, through imagecodecs, gives them as they
are. What the tags mean is TIFF 6.0.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from core.errors import TooLarge, UnreadableScan, UnsupportedScan
from core.readers.opening import Opening
from core.readers.raster.deep import (
    Page,
    Pixels,
    check_size,
    from_samples,
    turned,
)
from core.readers.source import Source
from core.scan import Step

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: Pages that are read at most.
PAGES = 2000
_WHITE_IS_0, _BLACK_IS_0, _RGB = 0, 1, 2
_PHOTOMETRIC = {3: "a palette", 4: "a mask", 5: "CMYK", 6: "YCbCr", 8: "CIELAB", 32803: "a colour filter array"}
#: SampleFormat.
_UNSIGNED, _SIGNED, _FLOAT, _VOID, _COMPLEX_INT, _COMPLEX = 1, 2, 3, 4, 5, 6


@dataclass(frozen=True)
class Tags:
    """What one page says of itself.

    Attributes:
        bits: Of a sample.
        format: TIFF's SampleFormat.
        extra: What each channel beyond the colours is (ExtraSamples): 0 unknown, 1 and 2 transparency.
        turn: Orientation, 1 to 8.
    """

    rows: int
    columns: int
    samples: int
    bits: int
    format: int
    photometric: int
    extra: tuple[int, ...]
    turn: int

    @property
    def is_plain(self) -> bool:
        """Whether Pillow reads the page with all its levels."""
        plain_samples = self.samples in {1, 3} or bool(
            self.extra and self.extra[0] in {1, 2} and self.samples in {2, 4}
        )
        if self.photometric not in {_WHITE_IS_0, _BLACK_IS_0, _RGB}:
            return self.bits <= 8
        return self.bits in {1, 2, 4, 8} and self.format in {_UNSIGNED, _VOID} and plain_samples


def is_tiff(head: bytes) -> bool:
    """Whether the first bytes are TIFF's or BigTIFF's."""
    return head.startswith(_MAGIC)


def tags_of(source: Source) -> list[Tags]:
    """The tags of every page, in order; none where the directory is broken, which is left to the decoder to say.

    Raises:
        TooLarge: More pages than `PAGES`.
    """
    stream = io.BytesIO(source.data)
    found: list[Tags] = []
    seen: set[int] = set()
    try:
        directory = ImageFileDirectory_v2(source.head[: 16 if b"+" in source.head[:4] else 8])
        while directory.next and directory.next not in seen:
            seen.add(directory.next)
            stream.seek(directory.next)
            directory.load(stream)
            found.append(_tags(directory))
            if len(found) > PAGES:
                raise TooLarge(f"The image has more than {PAGES:,} pages", "export it in parts")
    except TooLarge:
        raise
    except Exception:  # Pillow's parser raises whatever a broken directory provokes
        return []
    return found


def _tags(directory: Any) -> Tags:
    bits = directory.get(258, (1,))
    formats = directory.get(339, (1,))
    extra = directory.get(338, ())
    return Tags(
        rows=int(directory[257]),
        columns=int(directory[256]),
        samples=int(directory.get(277, 1)),
        bits=max(int(value) for value in (bits if isinstance(bits, tuple) else (bits,))),
        format=int(formats[0] if isinstance(formats, tuple) else formats),
        photometric=int(directory.get(262, _BLACK_IS_0)),
        extra=tuple(int(value) for value in (extra if isinstance(extra, tuple) else (extra,))),
        turn=int(directory.get(274, 1)),
    )


def deep_tiff_page(source: Source, number: int, tags: Tags, opening: Opening) -> Page:
    """Page `number`, counted from 0, with every level.

    Raises:
        TooLarge: More pixels than an image may have.
        UnsupportedScan: Samples or colours that are not supported; the sentence names them.
        UnreadableScan: It is broken.
    """
    check_size(tags.rows, tags.columns)
    _check_kind(tags)
    with opening.passing(_peak(tags)):
        page = _deep_page(source, number, tags)
        opening.claim(2 * page.pixels.nbytes)  # kept, and once more when pages are stacked
        return page


def _peak(tags: Tags) -> int:
    """Bytes that decoding a page takes: the samples twice, and eight bytes for each where they are converted."""
    return tags.rows * tags.columns * tags.samples * (2 * max(1, tags.bits // 8) + (16 if tags.samples > 1 else 8))


def _deep_page(source: Source, number: int, tags: Tags) -> Page:
    try:
        pixels: Pixels = np.asarray(imagecodecs.tiff_decode(bytes(source.data), index=number))
    except Exception as error:  # libtiff's reasons come as one kind of error with many words
        if tags.bits not in {8, 16, 32, 64}:
            raise _unsupported(f"samples of {tags.bits} bits") from error
        raise UnreadableScan("The image file is broken or cut short", "copy or export it again") from error
    size = (tags.rows, tags.columns)
    if pixels.ndim == 3 and pixels.shape[1:] == size and pixels.shape[2] != tags.samples:
        pixels = np.moveaxis(pixels, 0, -1)  # channels in planes of their own
    if pixels.shape[:2] != size or math.prod(pixels.shape) != math.prod(size) * tags.samples:
        raise UnreadableScan("The image file is not as its header says", "export it as PNG")
    pixels, steps, warnings = _from_white(pixels, tags)
    page = from_samples(_without_unknown(pixels, tags), tags.bits, bool(tags.extra and tags.extra[-1] in {1, 2}))
    kind = {_SIGNED: "signed ", _FLOAT: "float "}.get(tags.format, "")
    depth = Step("Depth", f"{tags.bits} bits a sample, {kind}all levels kept")
    return turned(Page(page.pixels, (depth, *steps, *page.steps), (*warnings, *page.warnings)), tags.turn)


def _check_kind(tags: Tags) -> None:
    if tags.format in {_COMPLEX_INT, _COMPLEX}:
        raise _unsupported("complex numbers")
    if tags.photometric not in {_WHITE_IS_0, _BLACK_IS_0, _RGB}:
        raise _unsupported(f"{_PHOTOMETRIC.get(tags.photometric, 'another kind of colour')} of {tags.bits} bits")


def _unsupported(what: str) -> UnsupportedScan:
    return UnsupportedScan("grey or RGB samples", what, "export it as 16-bit grey or 8-bit RGB")


def _from_white(pixels: Pixels, tags: Tags) -> tuple[Pixels, list[Step], list[str]]:
    """Higher is brighter: counted from white, unsigned values are taken from their most, others are negated."""
    if tags.photometric != _WHITE_IS_0:
        return pixels, [], []
    if pixels.dtype.kind == "u":
        most = (1 << tags.bits) - 1
        return most - pixels, [Step("Inversion", f"the file counts from white; {most} minus the value")], []
    negated = np.negative(pixels.astype(np.float64))
    words = "The file counts from white; its values are negated, so that higher is brighter."
    return negated, [Step("Inversion", "the file counts from white; values negated")], [words]


def _without_unknown(pixels: Pixels, tags: Tags) -> Pixels:
    """RGB without channels of unknown use behind it; grey keeps all, to say how many there are."""
    known = 3 if tags.photometric == _RGB else 1
    if pixels.ndim == 3 and known == 3 and pixels.shape[2] > 3 and not (tags.extra and tags.extra[-1] in {1, 2}):
        return pixels[..., :3]
    return pixels
