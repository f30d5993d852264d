"""A compiled model that gives what every one of its boxes makes, in the web process."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.inference.bundle import ONNX_FILE, Bundle, verified_bytes
from core.inference.onnx_session import Session, open_session
from core.lessons.inside.network import Network, read_network
from core.lessons.inside.onnx_steps import read_steps


class Probe:
    """A model with a tap behind every box. Holds nothing of a scan, so all sessions may share it.

    Attributes:
        network: The boxes.
    """

    def __init__(self, proto: Any, origin: str = "") -> None:
        """Open a copy of a model.

        Args:
            proto: An `onnx.ModelProto` as `core.keras_process.model.compile` makes it; it is not changed.
            origin: sha256 of the file that it was read from, which tells whether it was made here.
        """
        self.network: Network = read_network(read_steps(proto))
        self._session = _tapped(proto, [box.tensor for box in self.network.boxes], origin)

    def run(self, batch: Mapping[str, NDArray[np.float32]], numbers: Collection[int]) -> dict[int, NDArray[np.float32]]:
        """What some boxes make of the first entry of a batch.

        Args:
            batch: Input name to (N, …).
            numbers: Of the boxes; less work is done where all of them are early ones.

        Returns:
            Number to (channels, rows, columns), or (length,) of a box without places.
        """
        from core.onnx_runtime import onnxruntime

        only_asked = onnxruntime.RunOptions()
        only_asked.only_execute_path_to_fetches = True
        one = {name: array[:1] for name, array in batch.items()}
        wanted = [self.network.boxes[number] for number in numbers]
        made = [box.tensor for box in wanted if box.tensor not in one]
        found = dict(zip(made, self._session.run(made, one, only_asked) if made else [], strict=True))
        return {box.number: self._laid_out(box.tensor, found.get(box.tensor, one.get(box.tensor))) for box in wanted}

    def _laid_out(self, tensor: str, values: NDArray[np.generic] | None) -> NDArray[np.float32]:
        assert values is not None  # it was asked for
        steps = self.network.steps
        if tensor in steps.axes:
            return steps.maps(tensor, values)[0]
        return np.asarray(values[0], np.float32).reshape(-1)


def open_probe(bundle: Bundle) -> Probe:
    """Open a shipped model with taps.

    Raises:
        InvalidCard: The compiled file is gone or another one.
        UnsupportedModel: The model takes something else than images and facts.
    """
    import onnx

    if any(spec.kind not in {"image", "table"} for spec in bundle.card.inputs):
        raise UnsupportedModel("This model reads sequences or volumes, not single images", "choose another model")
    return Probe(onnx.load_from_string(verified_bytes(bundle.card, ONNX_FILE)), bundle.card.sha256[ONNX_FILE])


def _tapped(proto: Any, tensors: Collection[str], origin: str) -> Session:
    """A session of a copy that has all these tensors as outputs."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    known = {value.name for value in (*copy.graph.output, *copy.graph.input)}
    for name in tensors:
        if name not in known:
            copy.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return session_of(copy, origin)


def session_of(proto: Any, origin: str) -> Session:
    """ONNX Runtime on a changed model, in memory.

    Args:
        proto: The changed model.
        origin: sha256 of the compiled file that it was made from.
    """
    return open_session(proto.SerializeToString(), 1, origin)  # two threads wait for each other by spinning
