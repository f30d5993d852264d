"""Messages between the web process and the Keras process: a JSON header and arrays, with bounds on both.

Neither side trusts the other with more than numbers and text: nothing is pickled, sizes are checked before memory is
taken for them, and only plain number types are read.

Layout: `SLK1`, header length (4 bytes, big-endian), header (UTF-8 JSON), then each array as an .npy file (format 1.0)
whose name and length the header lists under `arrays`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

MAGIC = b"SLK1"
MAX_HEADER = 1 << 20
MAX_ARRAYS = 64
MAX_ARRAY_BYTES = 1 << 30

Arrays = dict[str, NDArray[np.generic]]


class BrokenMessage(Exception):
    """What came through the pipe is no message: the other side is broken or hostile, and is to be ended."""


def encode_message(header: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> list[bytes]:
    """One message in parts, ready to be written one after the other.

    Raises:
        ValueError: An array is not of numbers, or the message passes the bounds.
    """
    parts: list[bytes] = []
    listed: list[tuple[str, int]] = []
    for name, array in arrays.items():
        _check_type(array.dtype, ValueError)
        start = BytesIO()
        plain = np.asarray(array, order="C")
        np.lib.format.write_array_header_1_0(start, np.lib.format.header_data_from_array_1_0(plain))
        parts += [start.getvalue(), plain.tobytes()]
        listed.append((name, start.tell() + plain.nbytes))
    text = json.dumps({**header, "arrays": listed}).encode()
    if len(text) > MAX_HEADER or len(listed) > MAX_ARRAYS or sum(size for _, size in listed) > MAX_ARRAY_BYTES:
        raise ValueError(f"Expected a message of at most {MAX_ARRAY_BYTES} bytes in {MAX_ARRAYS} arrays.")
    return [MAGIC + struct.pack("!I", len(text)) + text, *parts]


def write_message(stream: IO[bytes], header: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Send one message.

    Raises:
        ValueError: An array is not of numbers, or the message passes the bounds.
        OSError: The other side is gone.
    """
    for part in encode_message(header, arrays):
        stream.write(part)
    stream.flush()


def read_message(stream: IO[bytes]) -> tuple[dict[str, Any], Arrays] | None:
    """Receive one message; None at the end of the stream.

    Raises:
        BrokenMessage: What came breaks the layout or the bounds.
    """
    start = stream.read(8)
    if not start:
        return None
    if len(start) != 8 or start[:4] != MAGIC:
        raise BrokenMessage("no message")
    (length,) = struct.unpack("!I", start[4:])
    if length > MAX_HEADER:
        raise BrokenMessage("a header beyond the bound")
    try:
        header = json.loads(_exactly(stream, length))
        listed = [(str(name), int(size)) for name, size in header.pop("arrays")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BrokenMessage("a header that is not what it should be") from error
    if len(listed) > MAX_ARRAYS or any(size < 0 for _, size in listed) or sum(s for _, s in listed) > MAX_ARRAY_BYTES:
        raise BrokenMessage("arrays beyond the bound")
    return header, {name: _array(_exactly(stream, size)) for name, size in listed}


def _exactly(stream: IO[bytes], length: int) -> bytearray:
    """Read in steps, so that a false length takes no memory before the bytes have come."""
    content = bytearray()
    while len(content) < length:
        part = stream.read(min(length - len(content), 1 << 20))
        if not part:
            raise BrokenMessage("a message cut short")
        content += part
    return content


def _array(content: bytearray) -> NDArray[np.generic]:
    """One .npy file to an array, without the allocation that numpy makes from the claimed shape."""
    head = BytesIO(content[:4096])
    try:
        if np.lib.format.read_magic(head) != (1, 0):
            raise BrokenMessage("another version of .npy")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(head)
    except ValueError as error:
        raise BrokenMessage("no .npy") from error
    _check_type(dtype, BrokenMessage)
    count = 1
    for size in shape:
        count *= int(size)
    if fortran or min(shape, default=0) < 0 or count * dtype.itemsize != len(content) - head.tell():
        raise BrokenMessage("an array whose size is not what it says")
    return cast(NDArray[np.generic], np.frombuffer(content, dtype, count, head.tell()).reshape(shape))


def _check_type(dtype: np.dtype[Any], error: type[Exception]) -> None:
    if dtype.kind not in "fiub" or dtype.hasobject:
        raise error(f"numbers, received {dtype}")
