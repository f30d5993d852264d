"""How the samples of a DICOM file lie in its pixel data, checked before anything is allocated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.errors import TooLarge, UnreadableScan, UnsupportedScan
from core.readers.dicom.file import UNDEFINED, DicomFile
from core.readers.dicom.terms import PHOTOMETRICS
from core.readers.memory import MEGABYTE
from core.readers.opening import FRAME_PIXELS, MEMORY_BUDGET

#: Frames of one file, in one image each; a cine or an enhanced series has some thousands.
FRAMES = 20_000
_GREY = {"MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"}


@dataclass(frozen=True)
class Layout:
    """Group 0028 of a file, with the defects taken care of.

    Attributes:
        rows: Height of a frame.
        columns: Width of a frame.
        samples: 1 or 3.
        allocated: Bits allocated a sample: 1, 8, 16, 32 or 64.
        stored: Bits stored a sample.
        high_bit: Place of the topmost stored bit.
        signed: Whether stored values are two's complement.
        planar: Whether colours lie plane by plane.
        photometric: Photometric Interpretation.
        frames: As the header claims, at least 1.
        is_float: Whether the samples are floats.
        encapsulated: Whether the frames are compressed or at least in fragments.
    """

    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    planar: bool
    photometric: str
    frames: int
    is_float: bool
    encapsulated: bool

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Native type of stored values."""
        if self.is_float:
            return np.dtype(f"f{self.allocated // 8}")
        return np.dtype(f"{'i' if self.signed else 'u'}{max(self.allocated // 8, 1)}")

    @property
    def is_color(self) -> bool:
        """Whether a frame comes out as RGB."""
        return self.samples == 3 or self.photometric == "PALETTE COLOR"

    @property
    def stored_range(self) -> tuple[int, int]:
        """Lowest and highest representable stored value."""
        if self.signed:
            return -(1 << (self.stored - 1)), (1 << (self.stored - 1)) - 1
        return 0, (1 << self.stored) - 1

    @property
    def frame_bits(self) -> int:
        """Bits of one native frame; YBR_FULL_422 shares its chroma between two pixels."""
        samples = 2 if self.photometric == "YBR_FULL_422" and not self.encapsulated else self.samples
        return self.rows * self.columns * samples * self.allocated


def layout_of(file: DicomFile) -> Layout:
    """Read the layout of a file that has pixels.

    Raises:
        UnreadableScan: The header contradicts itself or lacks what is needed.
        UnsupportedScan: A layout that is legal and not supported.
        TooLarge: The header claims more pixels than there can be.
    """
    assert file.pixels is not None
    rows, columns = file.count("Rows"), file.count("Columns")
    if rows < 1 or columns < 1:
        raise UnreadableScan("The DICOM header does not say how large its image is", "export it again")
    frames = max(file.count("NumberOfFrames", 1), 1)
    if rows * columns > FRAME_PIXELS or rows * columns * frames > MEMORY_BUDGET or frames > FRAMES:
        raise TooLarge(
            f"at most {FRAMES:,} images of {FRAME_PIXELS // 1_000_000} million pixels, "
            f"{MEMORY_BUDGET // MEGABYTE:,} MB in all",
            f"a header that claims {frames:,} frames of {rows:,} × {columns:,}",
            "export it in a smaller size or in parts",
        )
    allocated = {"FloatPixelData": 32, "DoubleFloatPixelData": 64}.get(
        file.pixels.keyword, file.count("BitsAllocated", 8)
    )
    stored = file.count("BitsStored", allocated)
    stored = stored if 1 <= stored <= allocated else allocated
    samples = file.count("SamplesPerPixel", 1)
    said = file.text("PhotometricInterpretation").upper()
    photometric = said or ("RGB" if samples == 3 else "MONOCHROME2")
    if samples == 3 and photometric not in PHOTOMETRICS:
        # A word of someone's own, which is not repeated.
        photometric = "YBR_FULL" if photometric.startswith("YBR") else "RGB"
    if samples not in {1, 3} or (samples == 3) == (photometric in _GREY):
        raise UnreadableScan(
            "one grey or three colour samples a pixel", f"{samples} of {_kind(photometric)}", "export it again"
        )
    is_float = file.pixels.keyword != "PixelData"
    if allocated not in ({32, 64} if is_float else {1, 8, 16, 32}):
        raise UnsupportedScan("1, 8, 16 or 32 bits a sample", f"{allocated}", "export it with 16 bits")
    high_bit = file.count("HighBit", stored - 1)
    high_bit = high_bit if stored - 1 <= high_bit < allocated else stored - 1
    photometric = _by_length(file, photometric, rows * columns * frames * allocated // 8)
    return Layout(
        rows, columns, samples, allocated, stored, high_bit, file.count("PixelRepresentation") == 1,
        file.count("PlanarConfiguration") == 1, photometric, frames, is_float,
        file.pixels.length == UNDEFINED or file.syntax.is_encapsulated,
    )  # fmt: skip


def _by_length(file: DicomFile, photometric: str, plane: int) -> str:
    """Whether native chroma is there for each pixel or for every second one is told by the length of the pixel data.

    Programs that decompress a file often leave YBR_FULL_422 in its header.

    Args:
        file: The file.
        photometric: As the header says.
        plane: Bytes of one sample of all pixels.
    """
    assert file.pixels is not None
    length = file.pixels.length
    if photometric not in {"YBR_FULL", "YBR_FULL_422"} or length == UNDEFINED or file.syntax.is_encapsulated:
        return photometric
    if length >= 3 * plane:
        return "YBR_FULL"
    return "YBR_FULL_422" if length in {2 * plane, 2 * plane + 1} else photometric


def _kind(photometric: str) -> str:
    """What the header says, where that is one of DICOM's words."""
    return f"kind {photometric.replace('_', ' ')}" if photometric in PHOTOMETRICS else "an unknown kind"
