"""What an image looks like in a few numbers: for copies, near-duplicates and odd ones out.

Two perceptual hashes of 64 bits propose: the signs of neighbouring differences of an 8 × 9 thumbnail, and the signs of
the low frequencies of a 32 × 32 one (Zauner 2010, Implementation and Benchmarking of Perceptual Image Hash Functions).
A correlation of textures decides: images of one kind share their outline, and only copies share the fine structure,
so each 64 × 64 thumbnail is freed of its blurred self and brought to the same local contrast first.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from core.scan import Scan, answered_frame, display_frame

#: Edge of the thumbnails that decide, and of those that sort out before, in pixels.
EDGE, TINY = 64, 16
#: Standard deviation of grey levels (0 to 255) below which an image is blank.
BLANK = 1.0
#: A texture is stored in 8 bits, this many steps a standard deviation.
_STEPS = 32.0


@dataclass(frozen=True, eq=False)
class Look:
    """One image in numbers, about 4.5 kB.

    Attributes:
        digest: sha256 of the decoded pixels, their shape and type.
        rows: Height.
        columns: Width.
        frames: Slices or time points.
        modality: DICOM's code, `""` where unknown.
        is_color: Whether it is RGB.
        mean: Mean stored value, in levels of 8 bits, or of 12 for deeper images.
        contrast: Standard deviation of the stored values, likewise.
        is_blank: Whether there is nothing to see.
        hashes: (2,) uint64, by differences and by frequencies.
        tiny: (TINY, TINY) uint8 of the middle frame, stretched to a square.
        texture: (EDGE, EDGE) int8, local contrast of the middle frame.
    """

    digest: str
    rows: int
    columns: int
    frames: int
    modality: str
    is_color: bool
    mean: float
    contrast: float
    is_blank: bool
    hashes: NDArray[np.uint64]
    tiny: NDArray[np.uint8]
    texture: NDArray[np.int8]


def look_at(scan: Scan) -> Look:
    """Measure one scan."""
    pixels = np.ascontiguousarray(scan.pixels)
    digest = hashlib.sha256(f"{pixels.shape} {pixels.dtype.str}".encode())
    digest.update(pixels.data)
    image = display_frame(scan, answered_frame(scan))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
    thumbnail = _shrink(grey, EDGE, EDGE)
    mean, contrast = _stored_levels(scan)
    return Look(
        digest=digest.hexdigest(),
        rows=scan.rows,
        columns=scan.columns,
        frames=scan.frames,
        modality=scan.modality,
        is_color=scan.is_color,
        mean=mean,
        contrast=contrast,
        is_blank=bool(grey.std() < BLANK or (pixels.dtype == np.uint8 and contrast < BLANK)),
        hashes=np.array([difference_hash(thumbnail), frequency_hash(thumbnail)], np.uint64),
        tiny=_shrink(thumbnail, TINY, TINY),
        texture=texture_of(thumbnail),
    )


def grey_levels(scan: Scan) -> NDArray[np.uint8]:
    """(rows, columns) the frame that stands for a scan in grey: as stored where that is 8 bits, else as displayed."""
    place = answered_frame(scan)
    levels = scan.pixels[place] if scan.pixels.dtype == np.uint8 else display_frame(scan, place)
    return np.asarray(cv2.cvtColor(levels, cv2.COLOR_RGB2GRAY) if levels.ndim == 3 else levels, np.uint8)


def grey_thumbnail(scan: Scan) -> NDArray[np.uint8]:
    """(EDGE, EDGE) the same, shrunken by areas to a square."""
    return np.asarray(cv2.resize(grey_levels(scan), (EDGE, EDGE), interpolation=cv2.INTER_AREA), np.uint8)


def _stored_levels(scan: Scan) -> tuple[float, float]:
    """Mean and spread before any window, which would bring dark and bright images to the same levels."""
    frame = np.nan_to_num(scan.frame(answered_frame(scan)))
    kept = frame if scan.padding is None else frame[frame != scan.padding]
    scale = 1.0 if scan.pixels.dtype == np.uint8 else 255.0 / 4095.0
    return (float(kept.mean()) * scale, float(kept.std()) * scale) if kept.size else (0.0, 0.0)


def _shrink(image: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.uint8]:
    shrinking = image.shape[0] >= rows and image.shape[1] >= columns
    return cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)


def difference_hash(image: NDArray[np.uint8]) -> int:
    """64 bits: is each pixel of an 8 × 9 thumbnail darker than its right neighbour?

    Example:
        >>> bin(difference_hash(np.tile(np.arange(64, dtype=np.uint8), (64, 1)))).count("1")
        64
    """
    small = cv2.resize(image.astype(np.float32), (9, 8), interpolation=cv2.INTER_AREA)
    return _to_int(small[:, 1:] > small[:, :-1])


def frequency_hash(image: NDArray[np.uint8]) -> int:
    """64 bits of a (rows, columns) image: is each of its lowest frequencies, without the mean, above their median?"""
    small = cv2.resize(image.astype(np.float32), (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small)[:8, 1:9]
    return _to_int(low > np.median(low))


def _to_int(bits: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits.reshape(-1)).tobytes(), "big")


def texture_of(thumbnail: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Fine structure with the same contrast everywhere.

    Args:
        thumbnail: (rows, columns) uint8.

    Returns:
        The same shape, int8.
    """
    values = thumbnail.astype(np.float32)
    fine = values - cv2.GaussianBlur(values, (0, 0), 2.0)
    local = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 4.0))
    return np.clip(np.round(fine / (local + 2.0) * _STEPS), -127, 127).astype(np.int8)


class Correlation:
    """Pearson correlation of images.

    Args:
        images: (cases, rows, columns) thumbnails or textures.
    """

    def __init__(self, images: NDArray[np.integer]) -> None:
        self._flat = images.reshape(len(images), -1)
        self._means = np.array([row.mean() for row in self._flat], np.float32)
        self._spreads = np.array([row.std() for row in self._flat], np.float32)

    def __call__(self, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        """Correlate the two images of each pair.

        Args:
            pairs: (pairs, 2) places, sorted by the first.

        Returns:
            (pairs,) float32 from −1 to 1; 0 where one is blank.
        """
        found = np.zeros(len(pairs), np.float32)
        if not len(pairs):
            return found
        bounds = np.flatnonzero(np.diff(pairs[:, 0], prepend=-1, append=-1))
        # One matrix product for all partners of an image: several times faster than pair by pair.
        for start, end in pairwise(bounds.tolist()):
            left, partners = pairs[start, 0], pairs[start:end, 1]
            centred = self._flat[left].astype(np.float32) - self._means[left]
            products = self._flat[partners].astype(np.float32) @ centred / self._flat.shape[1]
            spreads = self._spreads[left] * self._spreads[partners]
            found[start:end] = np.where(spreads > 0, products / np.maximum(spreads, 1e-3), 0.0)
        return found
