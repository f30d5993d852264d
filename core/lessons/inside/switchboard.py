"""A compiled model with switches: parallel branches and attention can be turned off and down while it runs.

A branch is one of several maps that a network puts side by side. Turned off, it is silent (0 everywhere), or it keeps
its mean and loses only where things are. An attention that is off weighs every place, or every channel, by its mean.
What is left was trained together with what is missing, so this tells what the network uses, not what a network that was
trained without it could do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.inference.bundle import ONNX_FILE, Bundle, verified_bytes
from core.lessons.inside.network import (
    Box,
    Network,
    kernel_size,
    read_network,
    spacing,
)
from core.lessons.inside.onnx_steps import read_steps
from core.lessons.inside.probe import session_of
from core.lessons.inside.receptive_field import reaches

Off = Literal["silent", "mean"]


@dataclass(frozen=True)
class Switch:
    """One thing that can be turned off.

    Attributes:
        name: Unique in the model, e.g. `"10.2"`.
        kind: `branch`, `places` or `channels`.
        group: Number of the box that puts branches together, or that multiplies.
        number: Number of the box that gives the branch or the weights.
        title: In words: `"3 × 3, every 2nd"`.
        span: How wide one kernel of the branch is, in pixels of the model's image; 0 where it is not known.
    """

    name: str
    kind: Literal["branch", "places", "channels"]
    group: int
    number: int
    title: str
    span: int = 0


class Switchboard:
    """A model and its switches. Holds nothing of a scan.

    Attributes:
        network: The boxes.
        switches: All there are, in the order of the work.
    """

    def __init__(self, proto: Any, origin: str = "") -> None:
        """Open a copy of a model that has switches.

        Args:
            proto: An `onnx.ModelProto` as `core.keras_process.model.compile` makes it; it is not changed.
            origin: sha256 of the file that it was read from, which tells whether it was made here.
        """
        self.network: Network = read_network(read_steps(proto))
        self.switches: tuple[Switch, ...] = (*_branches(self.network), *_gates(self.network))
        self._session = session_of(_wired(proto, self.network, self.switches), origin)

    def logits(
        self, batch: Mapping[str, NDArray[np.float32]], off: Collection[str] = (), how: Off = "silent"
    ) -> NDArray[np.float32]:
        """(N, units) with some switches off.

        Args:
            batch: Input name to (N, …).
            off: Names of switches.
            how: What a branch is while it is off; attention always keeps its mean.
        """
        on = {_gain(switch): np.float32(switch.name not in off) for switch in self.switches}
        extra = {**on, _HOW: np.float32(how == "mean")} if self.switches else {}
        found: NDArray[np.float32] = self._session.run(["logits"], {**batch, **_scalars(extra)})[0]
        return found

    def each_alone(
        self, batch: Mapping[str, NDArray[np.float32]], how: Off = "silent"
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Logits (N, units) with everything on, and by switch with it alone off."""
        return self.logits(batch), {s.name: self.logits(batch, [s.name], how) for s in self.switches}


def open_switchboard(bundle: Bundle) -> Switchboard:
    """The switchboard of a shipped model.

    Raises:
        InvalidCard: Its compiled file is gone or another one.
    """
    import onnx

    return Switchboard(onnx.load_from_string(verified_bytes(bundle.card, ONNX_FILE)), bundle.card.sha256[ONNX_FILE])


_HOW = "scanlens_keeps_mean"
_SQUASHED = ("sigmoid", "softmax")


def _gain(switch: Switch) -> str:
    return f"scanlens_gain_{switch.name}"


def _scalars(values: Mapping[str, np.float32]) -> dict[str, NDArray[np.float32]]:
    return {name: np.asarray(value, np.float32) for name, value in values.items()}


def _branches(network: Network) -> list[Switch]:
    rules, found = reaches(network), []
    for box in network.boxes:
        if box.kind != "join" or box.grid is None or box.main is None or len(set(box.main.inputs)) < 2:
            continue
        owners = {inner.tensor: inner for inner in network.boxes}
        for place, tensor in enumerate(box.main.inputs):
            if tensor in owners:
                branch = owners[tensor]
                rule = rules.get(branch.number)
                span = (rule.kernel - 1) * rule.dilation * rule.before[1] + 1 if rule and rule.before else 0
                found.append(Switch(f"{box.number}.{place}", "branch", box.number, branch.number, _title(branch), span))
    return found


def _title(box: Box) -> str:
    if box.kind not in {"convolution", "depthwise"} or box.main is None:
        return box.name.capitalize()
    size, dilation = kernel_size(box.main), spacing(box.main, "dilations")[0]
    every = {1: "", 2: ", every 2nd", 3: ", every 3rd"}.get(dilation, f", every {dilation}th")
    return f"{size[0]} × {size[1]}{every}"


def _gates(network: Network) -> list[Switch]:
    """Products in which one side was squashed by a sigmoid or a softmax: this side is the attention."""
    found: list[Switch] = []
    for box in network.boxes:
        if box.kind != "gate" or box.main is None or box.main.op != "Mul" or len(box.parents) != 2:
            continue
        for number in box.parents:
            weights = network.boxes[number]
            if (
                not f"{weights.title}, {weights.details}".lower().rstrip(", ").endswith(_SQUASHED)
                or weights.grid is None
            ):
                continue
            kind: Literal["places", "channels"] = "places" if weights.has_map else "channels"
            found.append(Switch(f"{box.number}.a", kind, box.number, number, f"Attention to {kind}"))
    return found


def _wired(proto: Any, network: Network, switches: tuple[Switch, ...]) -> Any:
    """A copy with a gain on every switched tensor, where it is read by its group and nowhere else."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    if not switches:
        return copy
    helper, graph = onnx.helper, copy.graph
    for name in (*map(_gain, switches), _HOW):
        graph.input.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, []))
    graph.initializer.append(onnx.numpy_helper.from_array(np.float32(1.0), "scanlens_always"))
    for switch in switches:
        tensor, group = network.boxes[switch.number].tensor, network.boxes[switch.group]
        assert group.main is not None  # an input joins nothing
        position, node = next((i, n) for i, n in enumerate(graph.node) if n.output[0] == group.main.output)
        fresh, made = _gain_nodes(helper, switch, tensor, _axes(network, switch, tensor))
        slots = [i for i, name in enumerate(node.input) if name == tensor]
        slot = int(switch.name.split(".")[1]) if switch.kind == "branch" else slots[0]
        node.input[slot] = made
        graph.initializer.append(onnx.numpy_helper.from_array(fresh[0], f"{made}_axes"))
        for offset, extra in enumerate(fresh[1]):
            graph.node.insert(position + offset, extra)
    return copy


def _axes(network: Network, switch: Switch, tensor: str) -> NDArray[np.int64]:
    """What the mean goes over: the places, or the channels of a gate for channels."""
    channel, row, column = network.steps.axes[tensor]
    return np.array([channel] if switch.kind == "channels" else [row, column], np.int64)


def _gain_nodes(
    helper: Any, switch: Switch, tensor: str, axes: NDArray[np.int64]
) -> tuple[tuple[NDArray[np.int64], list[Any]], str]:
    """`base + gain · (tensor - base)` with the base being the mean, or nothing."""
    made = f"scanlens_switched_{switch.name}"
    keeps = _HOW if switch.kind == "branch" else "scanlens_always"
    nodes = [
        helper.make_node("ReduceMean", [tensor, f"{made}_axes"], [f"{made}_mean"], keepdims=1),
        helper.make_node("Mul", [f"{made}_mean", keeps], [f"{made}_base"]),
        helper.make_node("Sub", [tensor, f"{made}_base"], [f"{made}_rest"]),
        helper.make_node("Mul", [f"{made}_rest", _gain(switch)], [f"{made}_gained"]),
        helper.make_node("Add", [f"{made}_gained", f"{made}_base"], [made]),
    ]
    return (axes, nodes), made
