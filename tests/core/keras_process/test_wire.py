import json
import pickle
import struct
import tracemalloc
from io import BytesIO

import numpy as np
import pytest

from core.processes import wire
from core.processes.wire import BrokenMessage, read_message, write_message


def message(header, *parts):
    text = json.dumps(header).encode()
    return BytesIO(wire.MAGIC + struct.pack("!I", len(text)) + text + b"".join(parts))


def npy(shape, data=b"", dtype="<f4"):
    start = BytesIO()
    np.lib.format.write_array_header_1_0(start, {"descr": dtype, "fortran_order": False, "shape": shape})
    return start.getvalue() + data


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        np.arange(24, dtype=np.uint8).reshape(2, 3, 4)[:, ::2, 1:],
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.float32(3.5).reshape(()),
        np.zeros((0, 4), np.int16),
        np.array([True, False]),
    ],
)
def test_arrays_arrive_as_they_left(array):
    pipe = BytesIO()
    write_message(pipe, {"task": "ping"}, {"a": array, "b": array})
    pipe.seek(0)
    header, arrays = read_message(pipe)
    assert header == {"task": "ping"}
    assert arrays["b"].dtype == array.dtype
    np.testing.assert_array_equal(arrays["a"], array)
    assert read_message(pipe) is None


@pytest.mark.parametrize("array", [np.array([object()]), np.array(["text"]), np.array([1j])])
def test_what_is_no_number_does_not_leave(array):
    with pytest.raises(ValueError, match="numbers"):
        write_message(BytesIO(), {}, {"a": array})


@pytest.mark.parametrize(
    "stream",
    [
        BytesIO(b"Traceback (most recent call last)"),
        BytesIO(b"SLK"),
        BytesIO(wire.MAGIC + struct.pack("!I", wire.MAX_HEADER + 1)),
        BytesIO(wire.MAGIC + struct.pack("!I", 100) + b"{}"),
        BytesIO(wire.MAGIC + struct.pack("!I", 2) + b"[]"),
        message({}),
        message({"arrays": [["a", -1]]}),
        message({"arrays": [["a", wire.MAX_ARRAY_BYTES + 1]]}),
        message({"arrays": [["a", 1]] * (wire.MAX_ARRAYS + 1)}),
        message({"arrays": [["a", 5]]}, b"ab"),
        message({"arrays": [["a", 5]]}, b"abcde"),
        message({"arrays": [["a", len(npy((3,)))]]}, npy((3,))),
        message({"arrays": [["a", len(npy((-1,)))]]}, npy((-1,))),
        message({"arrays": [["a", len(npy((1,), b"12345678", "|O"))]]}, npy((1,), b"12345678", "|O")),
    ],
)
def test_broken_messages_are_told_from_good_ones(stream):
    with pytest.raises(BrokenMessage):
        read_message(stream)


def test_claimed_shape_takes_no_memory():
    part = npy((1 << 20, 1 << 20))
    tracemalloc.start()
    with pytest.raises(BrokenMessage):
        read_message(message({"arrays": [["a", len(part)]]}, part))
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()


def test_pickles_are_never_opened():
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was opened",))

    part = npy((1,), pickle.dumps(Trap()), "|O")
    with pytest.raises(BrokenMessage):
        read_message(message({"arrays": [["a", len(part)]]}, part))
