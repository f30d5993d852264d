"""One frame from its bytes to stored values or RGB.

imagecodecs decodes JPEG, JPEG-LS, JPEG 2000 and RLE without holding Python's lock, so frames decode on all cores.
pydicom's plug-ins are left aside: they hold the lock, and gdcm ends the process on some broken JPEGs.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cached_property
from threading import Lock
from typing import Literal

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import convert_color_space
from pydicom.uid import RLELossless

from core.errors import UnreadableScan, UnsupportedScan
from core.readers.dicom.codestream import Codestream, codestream_of
from core.readers.dicom.colour import (
    Sense,
    ordered,
    planar_sense,
    ybr_sense,
)
from core.readers.dicom.file import DicomFile
from core.readers.dicom.frames import Frame
from core.readers.dicom.layout import Layout
from core.readers.dicom.palette import palette_of

Pixels = NDArray[np.generic]


class FrameDecoder:
    """Decodes frames of one file; safe to use from several threads.

    Args:
        file: The file.
        layout: Its layout.
    """

    def __init__(self, file: DicomFile, layout: Layout) -> None:
        self._file, self._layout = file, layout
        self.whole = layout.frames
        self.sample: Frame | None = None  # a frame by which contradictions are settled for all
        self.converted = False  # whether luma and chroma were turned into RGB
        self._judged: Sense | None = None
        self._lock = Lock()
        self.extended = 0  # bits of unsigned compressed values that were given a sign, because the header has one
        self.remarks: dict[str, None] = {}
        self._palette: tuple[int, NDArray[np.uint8]] | None = None
        if layout.photometric == "PALETTE COLOR":
            first, colours, remarks = palette_of(file, layout)
            self._palette, self.remarks = (first, colours), dict.fromkeys(remarks)
        if layout.encapsulated and file.syntax.is_encapsulated and not _is_supported(file.syntax.name):
            raise UnsupportedScan(
                f"Pixels in {file.syntax.name} cannot be decoded here", "export the study uncompressed"
            )

    def __call__(self, frame: Frame, index: int) -> Pixels:
        """Whole words (rows, columns) of `layout.dtype`, see `dicom_bits`, or RGB (rows, columns, 3) uint8.

        Raises:
            UnreadableScan: The frame is broken.
        """
        try:
            stored = self._rgb(frame, index) if self._layout.samples == 3 else self._samples(frame, index)[0]
        except UnreadableScan:
            raise
        except Exception as error:  # decoders raise whatever a broken codestream provokes
            raise UnreadableScan(f"A frame in {self._file.syntax.name} is broken", "export the file again") from error
        if self._palette is not None:
            first, colours = self._palette
            return colours[np.clip(stored.astype(np.int64) - first, 0, len(colours) - 1)]
        return stored

    def _rgb(self, frame: Frame, index: int) -> Pixels:
        """(rows, columns, 3) uint8 RGB."""
        samples, is_ybr = self._samples(frame, index)
        if is_ybr is None:
            is_ybr = self._sense(samples).is_ybr
        self.converted |= is_ybr
        return to_eight_bits(_to_rgb(samples) if is_ybr else samples, self._depth)

    def _sense(self, samples: Pixels) -> Sense:
        """What the samples of the file are where only its header says; the same for all its frames.

        Args:
            samples: Those of any frame, (rows, columns, 3).
        """
        with self._lock:
            if self._judged is None:
                stated = self._layout.photometric.startswith("YBR_FULL")
                if self.sample is not None and self.whole > 1:
                    samples, _ = self._samples(self.sample, 0)
                is_ybr, remark = ybr_sense(samples, stated)
                self._judged = Sense(self._is_planar, is_ybr)
                self.remarks |= dict.fromkeys([remark] if remark else [])
            return self._judged

    @property
    def _depth(self) -> int:
        """Bits of a colour; fewer than all of a byte are never meant."""
        return 8 if self._layout.allocated == 8 else self._layout.stored

    def _samples(self, frame: Frame, index: int) -> tuple[Pixels, bool | None]:
        """Grey words (rows, columns), or colour (rows, columns, 3) and whether it is luma and chroma still.

        The latter is None where nothing but the header says so.
        """
        return self._compressed(frame) if self._layout.encapsulated else (self._native(frame, index), self._is_halved)

    @property
    def _is_halved(self) -> bool | None:
        """True where chroma is stored for every second pixel only, which no red, green and blue is."""
        return True if self._layout.photometric == "YBR_FULL_422" else None

    @cached_property
    def _is_planar(self) -> bool:
        """Whether native colours lie plane by plane, by the header and by the sample frame."""
        layout = self._layout
        if self.sample is None or layout.encapsulated or layout.photometric != "RGB" or layout.allocated != 8:
            return layout.planar
        flat = np.frombuffer(self.sample[0], layout.dtype)
        planar, remark = planar_sense(flat, (layout.rows, layout.columns), layout.planar)
        self.remarks |= dict.fromkeys([remark] if remark else [])
        return planar

    def _native(self, frame: Frame, index: int) -> Pixels:
        layout = self._layout
        shape = (layout.rows, layout.columns)
        data = frame[0]
        if layout.allocated == 1:
            pixels = layout.rows * layout.columns
            start = index * pixels
            chunk = np.frombuffer(data, np.uint8)[start // 8 : (start + pixels + 7) // 8]
            return np.unpackbits(chunk, bitorder="little")[start % 8 : start % 8 + pixels].reshape(shape)
        order: Literal["<", ">"] = "<" if self._file.little_endian or layout.allocated == 8 else ">"
        values = np.frombuffer(data, layout.dtype.newbyteorder(order))
        if layout.samples == 1:
            return self._words(values.reshape(shape).astype(layout.dtype, copy=False))
        if layout.photometric == "YBR_FULL_422":
            pairs = values.reshape(layout.rows, layout.columns // 2, 4)
            luma = pairs[..., :2].reshape(shape)
            chroma = np.repeat(pairs[..., 2:], 2, axis=1)
            return np.dstack([luma, chroma])
        return ordered(values, shape, self._is_planar)

    def _compressed(self, frame: Frame) -> tuple[Pixels, bool | None]:
        data = b"".join(frame)
        if self._file.syntax == RLELossless:
            return self._run_lengths(data), None
        stream = codestream_of(data)
        if stream is None:
            raise UnreadableScan("A frame in JPEG, JPEG-LS or JPEG 2000 is broken", "export the file again")
        if (stream.rows, stream.columns, stream.components) != (
            self._layout.rows, self._layout.columns, self._layout.samples
        ):  # fmt: skip
            raise UnreadableScan(
                f"frames of {self._layout.rows} × {self._layout.columns} pixels of {_count(self._layout.samples)}",
                f"one of {stream.rows} × {stream.columns} of {_count(stream.components)}",
                "export the file again",
            )
        decoded = _DECODERS[stream.family](data, stream, self._layout)
        if decoded.ndim == 3:
            self.converted |= stream.family == "jpeg" and _is_ybr(stream, self._layout)
            return decoded, False if stream.family == "jpeg" else stream.is_ybr
        return self._words(self._with_sign(decoded, stream)), None

    def _words(self, values: Pixels) -> Pixels:
        """Whole words for images, whose bits are settled once all frames are there; indices of a palette are not."""
        return values if self._palette is None else trimmed(values, self._layout)

    def _with_sign(self, decoded: Pixels, stream: Codestream) -> Pixels:
        """Decoded samples as the header's type; only JPEG 2000 keeps a sign, and files exist where it contradicts."""
        values = decoded.astype(self._layout.dtype, copy=False)
        spare = 8 * self._layout.dtype.itemsize - stream.precision
        if spare < 0 or stream.signed == self._layout.signed or stream.family in {"jpeg", "jpeg-lossless"}:
            return values
        if self._layout.signed:
            self.extended = stream.precision
        # Numpy shifts signed types arithmetically, which repeats the sign, and unsigned types with zeros.
        return np.right_shift(np.left_shift(values, spare), spare)

    def _run_lengths(self, data: bytes) -> Pixels:
        layout = self._layout
        _check_segments(data, layout)
        dtype = layout.dtype.newbyteorder("<")
        decoded = imagecodecs.dicomrle_decode(data, dtype)
        out = np.frombuffer(decoded, dtype).reshape(layout.samples, layout.rows, layout.columns)
        if layout.samples == 1:
            return self._words(out[0])
        return out.transpose(1, 2, 0)


def _count(samples: int) -> str:
    return "one sample" if samples == 1 else f"{samples} samples"


def _check_segments(data: bytes, layout: Layout) -> None:
    """Look at the table of an RLE frame (PS3.5 G.5), because the decoder trusts it.

    Raises:
        UnreadableScan: It has another number of segments than the layout, or they do not lie one behind the other.
    """
    count, *offsets = struct.unpack_from("<16L", data)
    expected = layout.samples * layout.allocated // 8
    bounds = [64, *offsets[:expected], len(data)]
    if count != expected or bounds != sorted(bounds):
        raise UnreadableScan("A frame in RLE Lossless is broken", "export the file again")


def _is_supported(syntax: str) -> bool:
    return not any(word in syntax for word in ("MPEG", "HEVC", "JPIP", "SMPTE", "JPEG XL", "Encapsulated Uncomp"))


def _jpeg(data: bytes, stream: Codestream, layout: Layout) -> Pixels:
    if stream.components == 1:
        return imagecodecs.jpeg8_decode(data)
    colours = "ycbcr" if _is_ybr(stream, layout) else "rgb"
    return imagecodecs.jpeg8_decode(data, colorspace=colours, outcolorspace="rgb")


def _is_ybr(stream: Codestream, layout: Layout) -> bool:
    """Whether a JPEG holds luma and chroma: as it says itself, else as the header does."""
    return layout.photometric.startswith("YBR") if stream.is_ybr is None else stream.is_ybr


def _jpeg_lossless(data: bytes, stream: Codestream, _layout: Layout) -> Pixels:
    if stream.components == 1:
        return imagecodecs.jpeg8_decode(data)
    return imagecodecs.jpegsof3_decode(data)


def _jpeg_ls(data: bytes, _stream: Codestream, _layout: Layout) -> Pixels:
    return imagecodecs.jpegls_decode(data)


def _jpeg2000(data: bytes, _stream: Codestream, _layout: Layout) -> Pixels:
    return imagecodecs.jpeg2k_decode(data)


_DECODERS: dict[str, Callable[[bytes, Codestream, Layout], Pixels]] = {
    "jpeg": _jpeg,
    "jpeg-lossless": _jpeg_lossless,
    "jpeg-ls": _jpeg_ls,
    "jpeg2000": _jpeg2000,
}


def trimmed(values: Pixels, layout: Layout) -> Pixels:
    """Stored values without what old files keep in the unused bits, e.g. overlays (PS3.5 8.1.1)."""
    if layout.is_float or layout.stored >= layout.allocated:
        return values
    shift = max(layout.high_bit + 1 - layout.stored, 0) if not layout.encapsulated else 0
    low, high = layout.stored_range
    if not shift and values.min() >= low and values.max() <= high:
        return values
    spare = layout.allocated - layout.stored
    return np.right_shift(np.left_shift(values, spare - shift), spare)


def to_eight_bits(colour: Pixels, stored: int) -> Pixels:
    """Colour of any depth as uint8, full scale to full scale."""
    if colour.dtype == np.uint8 and stored == 8:
        return colour
    return np.rint(colour.astype(np.float64) * (255.0 / ((1 << stored) - 1))).clip(0, 255).astype(np.uint8)


def _to_rgb(ybr: Pixels) -> Pixels:
    """YBR_FULL to RGB (PS3.3 C.7.6.3.1.2)."""
    return convert_color_space(np.ascontiguousarray(ybr), "YBR_FULL", "RGB")
