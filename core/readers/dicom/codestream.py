"""What a compressed frame says of itself, read before any decoder allocates for it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

Family = Literal["jpeg", "jpeg-lossless", "jpeg-ls", "jpeg2000"]

_JP2_BOX = b"\x00\x00\x00\x0cjP  "
_FRAME_MARKERS = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
_LOSSLESS_MARKERS = {0xC3, 0xC7, 0xCB, 0xCF}


@dataclass(frozen=True)
class Codestream:
    """The facts of one compressed frame.

    Attributes:
        family: Which kind of decoder it needs.
        rows: Height in pixels.
        columns: Width in pixels.
        components: Samples a pixel.
        precision: Bits a sample.
        signed: Whether samples are signed; only JPEG 2000 can say so.
        is_ybr: Whether the samples that come out of a plain decoder are luma and chroma; None where the codestream does
            not say and the header decides.
    """

    family: Family
    rows: int
    columns: int
    components: int
    precision: int
    signed: bool = False
    is_ybr: bool | None = None


def codestream_of(frame: bytes | memoryview) -> Codestream | None:
    """Read the head of a JPEG, JPEG-LS or JPEG 2000 frame; None for anything else or a broken head."""
    head = bytes(frame[:65536])
    try:
        if head.startswith(b"\xff\xd8\xff"):
            return _jpeg(head)
        if head.startswith(_JP2_BOX):
            at = head.find(b"\xff\x4f\xff\x51")
            return _jpeg2000(head[at:]) if at >= 0 else None
        return _jpeg2000(head) if head.startswith(b"\xff\x4f\xff\x51") else None
    except (struct.error, IndexError):
        return None


def _jpeg(head: bytes) -> Codestream | None:
    """Walk the markers up to the frame header (ITU-T T.81 B.2.2; T.87 C.2.2 for JPEG-LS)."""
    at, jfif, adobe = 2, False, None
    while at + 4 <= len(head):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        (length,) = struct.unpack_from(">H", head, at + 2)
        body = head[at + 4 : at + 2 + length]
        if marker in _FRAME_MARKERS:
            precision, rows, columns, components = struct.unpack_from(">BHHB", body)
            if not 2 <= precision <= 16 or components not in {1, 3}:
                return None
            identifiers = bytes(body[6 + 3 * n] for n in range(components))
            lossless = "jpeg-lossless" if marker in _LOSSLESS_MARKERS else "jpeg"
            family: Family = "jpeg-ls" if marker == 0xF7 else lossless  # type: ignore[assignment]
            sampling = bytes(body[7 + 3 * n] for n in range(components))
            is_ybr = _is_ybr(identifiers, sampling, jfif, adobe, is_lossy=family == "jpeg")
            return Codestream(family, rows, columns, components, precision, is_ybr=is_ybr)
        if marker == 0xE0 and body.startswith(b"JFIF"):
            jfif = True
        if marker == 0xEE and body.startswith(b"Adobe"):
            adobe = body[11] if len(body) > 11 else None  # the marker exists without its last bytes
        at += 2 + length
    return None


def _is_ybr(identifiers: bytes, sampling: bytes, jfif: bool, adobe: int | None, is_lossy: bool) -> bool | None:
    """What the codestream says of its colours, by what proves most.

    Components that are stored for fewer pixels than the first are chroma, which red, green and blue never are;
    components named R, G and B are that; JFIF is always YCbCr, and Adobe's marker says. Lossless JPEG and JPEG-LS are
    written without a change of colours, whatever their markers; otherwise the header decides.
    """
    if len(sampling) == 3 and any(factors != sampling[0] for factors in sampling[1:]):
        return True
    if identifiers in {b"RGB", b"rgb"}:
        return False
    if not is_lossy:
        return None
    if jfif:
        return True
    return None if adobe is None else adobe == 1


def _jpeg2000(head: bytes) -> Codestream | None:
    """The SIZ marker segment (ITU-T T.800 A.5.1)."""
    width, height, left, top = struct.unpack_from(">4L", head, 8)
    components, depth = struct.unpack_from(">HB", head, 40)
    # The multiple component transform is undone by every decoder, and what comes out is RGB.
    at = head.find(b"\xff\x52", 42)
    is_ybr = False if at >= 0 and head[at + 8] == 1 else None
    precision = (depth & 0x7F) + 1
    if precision > 32 or components not in {1, 3}:
        return None
    return Codestream(
        "jpeg2000", height - top, width - left, components, precision, signed=bool(depth & 0x80), is_ybr=is_ybr
    )
