"""PNG, JPEG, TIFF, WebP and BMP, with every level they hold and nothing of where and by whom they were taken."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, UnidentifiedImageError

from core.errors import ScanLensError, TooLarge, UnreadableScan
from core.readers.opening import FRAME_PIXELS, Opening
from core.readers.raster.deep import (
    Page,
    check_size,
    deep_page,
    from_samples,
    orientation_step,
    turned,
)
from core.readers.raster.tiff import (
    PAGES,
    Tags,
    deep_tiff_page,
    is_tiff,
    tags_of,
)
from core.readers.source import Source
from core.readers.values import LARGEST_EXACT, smallest_dtype
from core.scan import Scan, Step

_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM")
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "MPO", "DIB")
_ORIENTATION = 0x0112
#: Bytes a pixel that decoding takes at its peak beside the pixels that are kept, by Pillow's mode: its own image
#: (four bytes for every kind of colour), converted copies, and what goes over to NumPy. Measured; compositing is worst.
_DECODING = {"1": 4, "L": 4, "I;16": 6, "I": 12, "F": 12, "RGB": 12, "P": 14, "YCbCr": 16, "CMYK": 20}
_COMPOSITING = 20
#: More for WebP, whose decoder holds an image of its own and hands over a copy.
_WEBP = 8

Pixels = NDArray[np.generic]


def accepts(head: bytes, name: str) -> bool:  # noqa: ARG001 - names say nothing
    """Whether the first bytes are one of the five formats'."""
    if head.startswith(b"BM"):  # two letters are little: the size of its own header must fit, too
        return int.from_bytes(head[14:18], "little") in {12, 40, 52, 56, 64, 108, 124}
    return head.startswith(_MAGIC) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def read(sources: Sequence[Source], opening: Opening) -> list[Scan]:
    """One scan a file, or several for a TIFF whose pages differ in size."""
    scans: list[Scan] = []
    for number, source in enumerate(sources):
        opening.advance(number / len(sources), f"Reading image {number + 1:,} of {len(sources):,}")
        with opening.guarded(source.name, what="image"):
            scans += _scans_of(source, opening)
    return scans


def _scans_of(source: Source, opening: Opening) -> list[Scan]:
    try:
        name, pages = _read(source, opening)
    except (ScanLensError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise _too_large("a larger one") from error
    except UnidentifiedImageError as error:
        raise UnreadableScan("The image file is broken or in a rare form", "export it as PNG") from error
    except Exception as error:  # Pillow's plug-ins raise whatever a broken file provokes
        raise UnreadableScan("The image file is broken or cut short", "copy or export it again") from error
    return _to_scans(source, name, pages)


def _read(source: Source, opening: Opening) -> tuple[str, list[Page]]:
    """The format, and every page by whichever decoder keeps all its levels."""
    if is_tiff(source.head):
        tags = tags_of(source)
        if any(not page.is_plain for page in tags):
            return "TIFF", [_tiff_page(source, number, page, opening) for number, page in enumerate(tags)]
    elif (page := deep_page(source, opening)) is not None:
        return "PNG" if source.head.startswith(_MAGIC[0]) else "JPEG", [page]
    with Image.open(io.BytesIO(source.data), formats=_FORMATS) as image:
        _check_size(image)
        return image.format or "Image", list(_pages(image, opening))


def _tiff_page(source: Source, number: int, tags: Tags, opening: Opening) -> Page:
    opening.stop_if_asked()
    if not tags.is_plain:
        return deep_tiff_page(source, number, tags, opening)
    with Image.open(io.BytesIO(source.data), formats=_FORMATS) as image:
        image.seek(number)
        return _decoded(image, opening, copies=2)


def _check_size(image: Image.Image) -> None:
    """Refuse before anything is decoded; Pillow itself only warns up to twice its limit."""
    check_size(image.height, image.width)


def _too_large(what: str) -> TooLarge:
    limit = f"an image of at most {FRAME_PIXELS // 1_000_000} million pixels"
    return TooLarge(limit, what, "export it in a smaller size")


def _pages(image: Image.Image, opening: Opening) -> Iterator[Page]:
    """Each page, with what was done to it."""
    count = getattr(image, "n_frames", 1) if image.format != "MPO" else 1
    if count > PAGES:
        raise TooLarge(f"an image of at most {PAGES:,} pages", f"one of {count:,}", "export it in parts")
    for number in range(count):
        opening.stop_if_asked()
        image.seek(number)
        yield _decoded(image, opening, copies=1 if count == 1 else 2)


def _decoded(image: Image.Image, opening: Opening, copies: int) -> Page:
    """One page, once there is room for all that decoding it takes.

    Args:
        image: Before it is loaded.
        opening: Where memory is claimed.
        copies: How often the pixels are held: twice where pages are stacked.
    """
    _check_size(image)
    pixels = image.width * image.height
    grey = image.mode in {"1", "L"}
    opening.claim(copies * pixels * (1 if grey else 4 if image.mode in {"I", "F"} else 3))
    worst = _COMPOSITING if "transparency" in image.info else _DECODING.get(image.mode, _COMPOSITING)
    with opening.passing(pixels * (worst + (_WEBP if image.format == "WEBP" else 0))):
        return _decode(image)


def _decode(image: Image.Image) -> Page:
    turn = image.getexif().get(_ORIENTATION, 1)
    image.load()
    page, steps = _simplified(image)
    if image.format == "TIFF" and turn in range(2, 9):  # Pillow has turned it while it loaded
        steps.insert(0, orientation_step(turn))
        turn = 1
    pixels: Pixels = np.asarray(page)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    if any(image.info.get(key) for key in ("icc_profile", "gamma")):
        steps.append(Step("Colour profile", "not applied; the stored levels are shown"))
    found = from_samples(pixels, 8 * pixels.dtype.itemsize)
    return turned(Page(found.pixels, (*steps, *found.steps), found.warnings), turn)


def _simplified(page: Image.Image) -> tuple[Image.Image, list[Step]]:
    """The image in one of Pillow's modes 1, L, I;16, I, F and RGB."""
    mode = page.mode
    if mode in {"1", "L", "F", "I", "RGB"} or mode.startswith("I;16"):
        return (page.convert("RGB") if mode == "RGB" and "transparency" in page.info else page), []
    if mode in {"LA", "PA", "La", "RGBA", "RGBa"} or (mode == "P" and "transparency" in page.info):
        solid = Image.new("RGBA", page.size, (0, 0, 0, 255))
        solid.alpha_composite(page.convert("RGBA"))
        return solid.convert("RGB"), [Step("Transparency", "laid on black")]
    if mode == "CMYK" and page.format == "JPEG" and "adobe" not in page.info:
        page = ImageChops.invert(page)  # Pillow takes every CMYK JPEG for Adobe's, which stores the inks inverted
    words = {"P": ("Palette", "looked up"), "CMYK": ("Colour", "CMYK to RGB"), "YCbCr": ("Colour", "YCbCr to RGB")}
    return page.convert("RGB"), [Step(*words.get(mode, ("Colour", "to RGB")))]


def _file_steps(name: str) -> list[Step]:
    words = {"JPEG": "lossy", "MPO": "lossy, first image only"}.get(name, "")
    return [Step("Decoding", f"{'JPEG' if name == 'MPO' else name}{', ' + words if words else ''}")]


def _to_scans(source: Source, name: str, pages: list[Page]) -> list[Scan]:
    """Pages of one size and kind are slices of one scan; others are scans of their own."""
    kinds: dict[tuple[object, ...], list[Page]] = {}
    for page in pages:
        kinds.setdefault((page.pixels.shape, page.pixels.dtype.str), []).append(page)
    scans = []
    for number, members in enumerate(kinds.values()):
        stack, step = _exact(_stacked([page.pixels for page in members]))
        shape = f"{stack.shape[1]} × {stack.shape[2]}"
        label = "JPEG" if name == "MPO" else name
        title = f"{label} image, {shape}" if len(members) == 1 else f"{label} series, {len(members)} pages"
        digest = hashlib.sha256(source.data).hexdigest()
        said = [sentence for page in members for sentence in page.warnings]
        scans.append(
            Scan(
                pixels=stack,
                axis="single" if len(members) == 1 else "slice",
                digest=digest if len(kinds) == 1 else hashlib.sha256(f"{digest} {number}".encode()).hexdigest(),
                source=label,
                title=title,
                facts={"Matrix": shape, "Bits": str(8 * stack.dtype.itemsize)},
                provenance=(
                    *_file_steps(name),
                    *members[0].steps,
                    *step,
                    Step("Resampling", "none; stored pixels"),
                ),
                warnings=tuple(dict.fromkeys([*said, *_warnings(stack, members[0].pixels)])),
            )
        )
    return scans


def _stacked(pages: list[Pixels]) -> Pixels:
    return pages[0][None] if len(pages) == 1 else np.stack(pages)


def _exact(stack: Pixels) -> tuple[Pixels, list[Step]]:
    """The smallest type that holds the values exactly; colour stays 8-bit."""
    if stack.ndim == 4 or stack.dtype == np.uint8:
        return stack.astype(np.uint8, copy=False), []
    if stack.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            return stack.astype(np.float32, copy=False), []
    dtype = smallest_dtype(float(stack.min()), float(stack.max()))
    # A 16-bit file stays one, however dark it is: its levels mean the same as in the next file.
    dtype = np.dtype(np.uint16) if stack.dtype == np.uint16 else dtype
    return stack.astype(dtype, copy=False), [Step("Depth", f"{8 * stack.dtype.itemsize} bits, all levels kept")]


def _warnings(stack: Pixels, stored: Pixels) -> list[str]:
    if stack.dtype.kind != "f":
        return []
    if not np.isfinite(stack).all():
        return ["Some pixels are not numbers; they are shown black."]
    if stored.dtype.kind in "iu" and float(np.abs(stack).max()) > LARGEST_EXACT:
        return [f"Values beyond {LARGEST_EXACT:,} are rounded to 24 bits."]
    return []
