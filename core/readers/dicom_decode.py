"""One frame from its bytes to stored values or RGB.

imagecodecs decodes JPEG, JPEG-LS, JPEG 2000 and RLE without holding Python's lock, so frames decode on all cores.
pydicom's plug-ins are left aside: they hold the lock, and gdcm ends the process on some broken JPEGs.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Literal

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.pixels import apply_color_lut, convert_color_space
from pydicom.uid import RLELossless

from core.errors import UnreadableScan, UnsupportedScan
from core.readers.dicom_codestream import Codestream, codestream_of
from core.readers.dicom_file import DicomFile
from core.readers.dicom_frames import Frame
from core.readers.dicom_layout import Layout

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
        self.extended = 0  # bits of unsigned compressed values that were given a sign, because the header has one
        self._palette = palette_of(file, layout) if layout.photometric == "PALETTE COLOR" else None
        if layout.encapsulated and file.syntax.is_encapsulated and not _is_supported(file.syntax.name):
            raise UnsupportedScan("pictures", f"pixels in {file.syntax.name}", "export the study uncompressed")

    def __call__(self, frame: Frame, index: int) -> Pixels:
        """Whole words (rows, columns) of `layout.dtype`, see `dicom_bits`, or RGB (rows, columns, 3) uint8.

        Raises:
            UnreadableScan: The frame is broken.
        """
        try:
            stored = self._compressed(frame) if self._layout.encapsulated else self._native(frame, index)
        except UnreadableScan:
            raise
        except Exception as error:  # decoders raise whatever a broken codestream provokes
            raise UnreadableScan(
                f"whole {self._file.syntax.name} frames", "a broken one", "export the file again"
            ) from error
        if self._palette is not None:
            first, colours = self._palette
            return colours[np.clip(stored.astype(np.int64) - first, 0, len(colours) - 1)]
        return to_eight_bits(stored, self._depth) if stored.ndim == 3 else stored

    @property
    def _depth(self) -> int:
        """Bits of a colour; fewer than all of a byte are never meant."""
        return 8 if self._layout.allocated == 8 else self._layout.stored

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
            return _to_rgb(np.dstack([luma, chroma]))
        planes = values.reshape((3, *shape)).transpose(1, 2, 0) if layout.planar else values.reshape((*shape, 3))
        return _to_rgb(planes) if layout.photometric.startswith("YBR") else planes

    def _compressed(self, frame: Frame) -> Pixels:
        data = b"".join(frame)
        if self._file.syntax == RLELossless:
            return self._run_lengths(data)
        stream = codestream_of(data)
        if stream is None:
            raise UnreadableScan("JPEG, JPEG-LS or JPEG 2000 frames", "a broken one", "export the file again")
        if (stream.rows, stream.columns, stream.components) != (
            self._layout.rows, self._layout.columns, self._layout.samples
        ):  # fmt: skip
            raise UnreadableScan(
                f"frames of {self._layout.rows} × {self._layout.columns} pixels",
                f"one of {stream.rows} × {stream.columns}",
                "export the file again",
            )
        decoded = _DECODERS[stream.family](data, stream, self._layout)
        if decoded.ndim == 3:
            is_ybr = self._layout.photometric.startswith("YBR_FULL") if stream.is_ybr is None else stream.is_ybr
            return _to_rgb(decoded) if is_ybr and stream.family != "jpeg" else decoded
        return self._words(self._with_sign(decoded, stream))

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
        colour = out.transpose(1, 2, 0)
        return _to_rgb(colour) if layout.photometric.startswith("YBR") else colour


def _check_segments(data: bytes, layout: Layout) -> None:
    """Look at the table of an RLE frame (PS3.5 G.5), because the decoder trusts it.

    Raises:
        UnreadableScan: It has another number of segments than the layout, or they do not lie one behind the other.
    """
    count, *offsets = struct.unpack_from("<16L", data)
    expected = layout.samples * layout.allocated // 8
    bounds = [64, *offsets[:expected], len(data)]
    if count != expected or bounds != sorted(bounds):
        raise UnreadableScan("whole RLE Lossless frames", "a broken one", "export the file again")


def _is_supported(syntax: str) -> bool:
    return not any(word in syntax for word in ("MPEG", "HEVC", "JPIP", "SMPTE", "JPEG XL", "Encapsulated Uncomp"))


def _jpeg(data: bytes, stream: Codestream, layout: Layout) -> Pixels:
    if stream.components == 1:
        return imagecodecs.jpeg8_decode(data)
    is_ybr = layout.photometric.startswith("YBR") if stream.is_ybr is None else stream.is_ybr
    return imagecodecs.jpeg8_decode(data, colorspace="ycbcr" if is_ybr else "rgb", outcolorspace="rgb")


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


def palette_of(file: DicomFile, layout: Layout) -> tuple[int, NDArray[np.uint8]]:
    """The first mapped value and the colours from it on, (entries, 3) uint8; segmented palettes are expanded.

    Raises:
        UnreadableScan: The palette is missing or broken.
    """
    descriptor = file.numbers("RedPaletteColorLookupTableDescriptor")
    try:
        count, first = int(descriptor[0]) or 65536, int(descriptor[1])
        if layout.signed and first >= 1 << 15:  # written as unsigned, meant as signed
            first -= 1 << 16
        inputs = np.arange(first, first + count, dtype=np.int64)
        colours = apply_color_lut(inputs[None], file.dataset)[0]
        if not file.little_endian and colours.dtype == np.uint16 and "RedPaletteColorLookupTableData" in file.dataset:
            colours = colours.byteswap()  # pydicom reads the entries of big-endian files as little-endian
    except Exception as error:  # pydicom raises many kinds for a broken palette
        raise UnreadableScan(
            "PALETTE COLOR with its palette", "one whose palette is missing or broken", "export it as RGB"
        ) from error
    bits = 16 if colours.dtype == np.uint16 and colours.max() > 255 else 8
    return first, to_eight_bits(colours, bits).astype(np.uint8)
