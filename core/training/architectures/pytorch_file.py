"""Weights out of a PyTorch file, without PyTorch.

The layout is that from before PyTorch 1.6: a magic number, a version and facts on the machine, each a pickle; the
state dict as a pickle that names its storages; their names in order; then each storage as a count and raw numbers. The
pickles are read with an unpickler that knows three names and refuses every other, so neither PyTorch nor trust in the
file is needed.
"""

from __future__ import annotations

import collections
import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

#: Names of PyTorch's storages to NumPy's types.
TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}

MAGIC = 0x1950A86A20F9469CFC6C


class _Weights(pickle.Unpickler):
    """Reads one pickle of such a file; storages come as empty arrays, to be filled later."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self.storages: dict[str, NDArray[np.generic]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild
        if module == "torch" and name in TYPES:
            return TYPES[name]
        raise pickle.UnpicklingError(f"Expected weights. Received {module}.{name}.")

    def persistent_load(self, pid: Any) -> NDArray[np.generic]:
        _, kind, key, _, count, _ = pid
        return self.storages.setdefault(key, np.empty(count, kind))


def _rebuild(storage: NDArray[np.generic], offset: int, shape: Any, strides: Any, *_: Any) -> NDArray[np.generic]:
    """A view, so that it has its numbers once the storage has."""
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, [stride * storage.itemsize for stride in strides])


def read_weights(path: Path) -> dict[str, NDArray[np.generic]]:
    """All arrays of a `.pth` file of the old layout by name.

    Raises:
        pickle.UnpicklingError: It has another layout, or there is more in it than weights.
    """
    with path.open("rb") as stream:
        if _Weights(stream).load() != MAGIC:
            raise pickle.UnpicklingError("Expected the layout from before PyTorch 1.6. Received another.")
        for _ in ("version", "facts on the machine"):
            _Weights(stream).load()
        reader = _Weights(stream)
        arrays = dict(reader.load())
        for key in _Weights(stream).load():
            storage = reader.storages[key]
            if int(np.frombuffer(stream.read(8), "<i8")[0]) != len(storage):
                raise pickle.UnpicklingError(f"Expected {len(storage)} numbers. Received another count.")
            storage[:] = np.frombuffer(stream.read(storage.nbytes), storage.dtype)
    return arrays
