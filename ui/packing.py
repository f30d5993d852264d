"""Images on their way to the browser: encoded, and packed behind a header into one block of bytes.

The block is a little-endian uint32 with the length of a JSON header, the header, then the images whose sizes it lists
in `blobs`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


def encode_image(image: NDArray[np.uint8], kind: str = ".png") -> bytes:
    """RGB, RGBA or grey to bytes; PNG at its quickest, for it goes no further than this machine."""
    if image.ndim == 3:
        code = cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR
        image = cv2.cvtColor(image, code)
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1] if kind == ".png" else [cv2.IMWRITE_JPEG_QUALITY, 85]
    return cv2.imencode(kind, image, options)[1].tobytes()


def fit_within(shape: Sequence[int], side: int) -> tuple[int, int]:
    """(rows, columns) scaled down so that the longer is at most `side`.

    Args:
        shape: (rows, columns, …) of an image.
        side: In pixels.

    Example:
        >>> fit_within((1024, 512, 3), 256)
        (256, 128)
    """
    rows, columns = shape[:2]
    zoom = min(1.0, side / max(rows, columns))
    return max(1, round(rows * zoom)), max(1, round(columns * zoom))


def pack(header: Mapping[str, object], blobs: Sequence[bytes]) -> bytes:
    """Header and images as one block; see the head of this file."""
    head = json.dumps({**header, "blobs": [len(blob) for blob in blobs]}).encode()
    return b"".join([struct.pack("<I", len(head)), head, *blobs])
