"""Weights are read out of PyTorch's old layout, and nothing else is."""

import io
import os
import pickle
import sys
import types

import numpy as np
import pytest

from core.training.architectures.pytorch_file import MAGIC, read_weights


class Storage:
    def __init__(self, key, numbers):
        self.key, self.numbers = key, numbers


class Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.parts = (storage, offset, shape, strides)


@pytest.fixture
def write_file(tmp_path, monkeypatch):
    """Write tensors as PyTorch before 1.6 did, with stand-ins for the three names that it pickles."""
    torch, inner = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})
    inner._rebuild_tensor_v2 = lambda *_: None
    inner._rebuild_tensor_v2.__module__ = "torch._utils"
    inner._rebuild_tensor_v2.__qualname__ = inner._rebuild_tensor_v2.__name__ = "_rebuild_tensor_v2"
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", inner)

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing):
            if isinstance(thing, Storage):
                return ("storage", torch.FloatStorage, thing.key, "cpu", len(thing.numbers), None)
            return None

        def reducer_override(self, thing):
            return (inner._rebuild_tensor_v2, thing.parts) if isinstance(thing, Tensor) else NotImplemented

    def write(tensors, storages):
        stream = io.BytesIO()
        for head in (MAGIC, 1001, {"little_endian": True}):
            pickle.dump(head, stream, 2)
        Pickler(stream, 2).dump(tensors)
        pickle.dump([storage.key for storage in storages], stream, 2)
        for storage in storages:
            stream.write(len(storage.numbers).to_bytes(8, "little") + np.asarray(storage.numbers, "<f4").tobytes())
        (tmp_path / "weights.pth").write_bytes(stream.getvalue())
        return tmp_path / "weights.pth"

    return write


def test_tensors_come_back_with_shape_offset_and_strides(write_file):
    storage = Storage("7", np.arange(8))
    path = write_file(
        {"plain": Tensor(storage, 2, (2, 3), (3, 1)), "turned": Tensor(storage, 0, (2, 2), (1, 2))}, [storage]
    )
    arrays = read_weights(path)
    assert arrays["plain"].tolist() == [[2, 3, 4], [5, 6, 7]]
    assert arrays["turned"].tolist() == [[0, 2], [1, 3]]


def test_file_that_would_run_something_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (os.getcwd, ())

    (tmp_path / "evil.pth").write_bytes(
        pickle.dumps(MAGIC, 2) + pickle.dumps(1) + pickle.dumps({}) + pickle.dumps(Evil())
    )
    with pytest.raises(pickle.UnpicklingError, match="getcwd"):
        read_weights(tmp_path / "evil.pth")


def test_other_layout_is_refused(tmp_path):
    (tmp_path / "new.pth").write_bytes(pickle.dumps(1))
    with pytest.raises(pickle.UnpicklingError, match=r"before PyTorch 1\.6"):
        read_weights(tmp_path / "new.pth")
