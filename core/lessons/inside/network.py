"""A compiled model as boxes that people can follow: one for each convolution, sum, gate or pooling.

What belongs to a box is found in the graph: an operation that only bends or scales what one box gives, and that nobody
else reads before it did, is part of that box. So a convolution comes with its bias, its norm and its activation.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.lessons.inside.onnx_steps import Step, Steps

#: What changes each value by itself.
BENDING: dict[str, str] = {
    "Relu": "ReLU",
    "Clip": "clipped",
    "LeakyRelu": "leaky ReLU",
    "Elu": "ELU",
    "Sigmoid": "sigmoid",
    "HardSigmoid": "hard sigmoid",
    "HardSwish": "hard swish",
    "Tanh": "tanh",
    "Softmax": "softmax",
    "Softplus": "softplus",
    "Erf": "GELU",
    "Exp": "exp",
    "Sqrt": "root",
    "Neg": "negated",
    "Pow": "power",
}
_SHAPING = frozenset({"Reshape", "Transpose", "Cast", "Identity", "Squeeze", "Unsqueeze", "Flatten", "Dropout"})
_SCALING = frozenset({"Mul", "Add", "Sub", "Div"})
_LONGEST = 10


@dataclass(frozen=True, eq=False)
class Box:
    """One station of the way through a model.

    Attributes:
        number: Its place in the order of the work.
        kind: input, convolution, depthwise, dense, pool, average, sum, gate, join, row, enlarge or other.
        title: What it does, in words: `"Convolution 3 × 3"`.
        details: Stride, dilation and activation in words, `""` for none.
        layer: Path of the Keras layer, or the input's name.
        tensor: What it gives.
        channels: Of that, or its length.
        grid: (rows, columns) of that, None where it has no places.
        parents: Numbers of the boxes whose output it reads, each once, in order.
        weights: How many trained numbers it has.
        main: Its first operation, None for an input.
        steps: All its operations in order.
    """

    number: int
    kind: str
    title: str
    details: str
    layer: str
    tensor: str
    channels: int
    grid: tuple[int, int] | None
    parents: tuple[int, ...]
    weights: int
    main: Step | None
    steps: tuple[Step, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """Last part of the layer's path, in words: `"stage 1 block 2 add"`."""
        words = self.layer.split("/")[-1].replace("_", " ")
        return re.sub(r"\b([a-z]{3,})(\d+)\b", r"\1 \2", words) or self.title.lower()

    @property
    def has_map(self) -> bool:
        """Whether it has more than one place."""
        return self.grid is not None and self.grid != (1, 1)

    @property
    def kernel(self) -> NDArray[np.float32] | None:
        """(out, in a group, rows, columns) of a convolution, with what a norm behind it does folded in as compiled."""
        if self.main is None or self.main.op != "Conv" or 1 not in self.main.constants:
            return None
        return np.asarray(self.main.constants[1], np.float32)

    @property
    def output_words(self) -> str:
        """`"40 × 40 places, 24 channels"`."""
        if self.grid is None:
            return f"{self.channels} number{'s' if self.channels != 1 else ''}"
        places = f"{self.grid[0]} × {self.grid[1]} places" if self.has_map else "1 place"
        return f"{places}, {self.channels} channel{'s' if self.channels != 1 else ''}"


@dataclass(frozen=True, eq=False)
class Network:
    """All boxes on the way from the inputs to the logits.

    Attributes:
        steps: The operations.
        boxes: In the order of the work; the last gives the logits.
        heat: Number of the box whose activations the heatmap is drawn from, None where there is none.
    """

    steps: Steps
    boxes: tuple[Box, ...]
    heat: int | None

    def children(self, number: int) -> tuple[int, ...]:
        """The boxes that read a box."""
        return tuple(box.number for box in self.boxes if number in box.parents)


def read_network(steps: Steps, activations: str = "activations", readers: Mapping[str, int] | None = None) -> Network:
    """Gather operations into boxes.

    Args:
        steps: Of the model.
        activations: The tensor that the heatmap is drawn from.
        readers: How often each tensor is read beside the steps, e.g. as an output of the model; None for nowhere.
    """
    grouping = _Grouping(steps, readers or {})
    groups = grouping.all_groups()
    owner = {tensor: number for number, group in enumerate(groups) for tensor in group.tensors}
    boxes = tuple(_box(number, group, owner, steps) for number, group in enumerate(groups))
    return Network(steps, boxes, owner.get(activations))


@dataclass(frozen=True, eq=False)
class _Group:
    """Operations that become one box, and all tensors they make; the last is what the box gives."""

    steps: tuple[Step, ...]
    tensors: tuple[str, ...]


class _Grouping:
    """Walks through the steps and closes a group when something else reads it."""

    def __init__(self, steps: Steps, readers: Mapping[str, int]) -> None:
        self.steps = steps
        self.consumers: dict[str, list[Step]] = defaultdict(list)
        for step in steps.steps:
            for name in set(step.inputs):
                self.consumers[name].append(step)
        self.outside = readers
        self.taken: set[str] = set()

    def all_groups(self) -> list[_Group]:
        groups = [self._grown((), name) for name in self.steps.inputs]
        for step in self.steps.steps:
            if step.output not in self.taken:
                groups.append(self._grown((step,), step.output))
        return groups

    def _grown(self, first: tuple[Step, ...], tensor: str) -> _Group:
        members, tensors = list(first), [tensor]
        self.taken.add(tensor)
        while (further := self._closure(tensors[-1])) is not None:
            members += further
            tensors += [step.output for step in further]
            self.taken |= {step.output for step in further}
        return _Group(tuple(members), tuple(tensors))

    def _closure(self, start: str) -> list[Step] | None:
        """The shortest run of light steps from `start` after which nobody but the last of them is read; else None."""
        inside: dict[str, None] = {start: None}  # a set that keeps its order
        run: list[Step] = []
        for _ in range(_LONGEST):
            following = self._next_light(inside, run)
            if following is None:
                return None
            run.append(following)
            inside[following.output] = None
            open_ones = [name for name in inside if any(c not in run for c in self.consumers[name])]
            if start == self.steps.output or any(self.outside.get(name) for name in inside if name != following.output):
                return None
            if set(open_ones) <= {following.output}:
                return run
        return None

    def _next_light(self, inside: dict[str, None], run: list[Step]) -> Step | None:
        for name in inside:
            for step in self.consumers[name]:
                fresh = step not in run and step.output not in self.taken
                if fresh and set(step.inputs) <= inside.keys() and _is_light(step) and not self._loses_places(step):
                    return step
        return None

    def _loses_places(self, step: Step) -> bool:
        """A map put in a row is a station of its own."""
        return self.steps.grid(step.inputs[0]) is not None and self.steps.grid(step.output) is None


def _is_light(step: Step) -> bool:
    if step.op == "Concat":
        return len(set(step.inputs)) == 1  # one grey image as three equal channels
    if step.op == "Softmax":
        return False  # it looks at all of its numbers at once, and what it gives are weights worth seeing
    return step.op in BENDING or step.op in _SHAPING or step.op in _SCALING


def _box(number: int, group: _Group, owner: Mapping[str, int], steps: Steps) -> Box:
    tensor, main = group.tensors[-1], group.steps[0] if group.steps else None
    is_input = group.tensors[0] in steps.inputs
    kind, title = ("input", "Input") if is_input or main is None else _kind(main, steps)
    read = [owner[name] for step in group.steps for name in step.inputs if owner[name] != number]
    return Box(
        number=number,
        kind=kind,
        title=title,
        details="" if is_input or main is None else _details(main, group.steps[1:], kind),
        layer=group.tensors[0] if is_input else next((step.layer for step in group.steps if step.layer), ""),
        tensor=tensor,
        channels=steps.channels(tensor),
        grid=steps.grid(tensor),
        parents=tuple(dict.fromkeys(read)),
        weights=0 if is_input else sum(_weights(step, kind) for step in group.steps),
        main=None if is_input else main,
        steps=group.steps,
    )


def _weights(step: Step, kind: str) -> int:
    """Trained numbers; a single one beside anything but a dense layer is a constant of the architecture."""
    if step.op in {"Conv", "ConvTranspose", "MatMul", "Gemm"} or (kind == "dense" and step.op == "Add"):
        return sum(int(array.size) for array in step.constants.values())
    return sum(int(a.size) for a in step.constants.values() if a.size > 1) if step.op in _SCALING else 0


def _kind(step: Step, steps: Steps) -> tuple[str, str]:
    size = " × ".join(str(n) for n in kernel_size(step))
    if step.op == "Conv":
        groups = int(step.attributes.get("group", 1))
        deep = groups > 1 and groups == steps.channels(step.inputs[0])
        return ("depthwise", f"Depthwise {size}") if deep else ("convolution", f"Convolution {size}")
    if step.op in {"MatMul", "Gemm"} and step.constants:
        return "dense", "Fully connected"
    fixed = {
        "ConvTranspose": ("enlarge", f"Transposed convolution {size}"),
        "Resize": ("enlarge", "Enlarged"),
        "Reshape": ("row", "Put in a row"),
        "Flatten": ("row", "Put in a row"),
        "MaxPool": ("pool", f"Maximum of {size}"),
        "AveragePool": ("pool", f"Average of {size}"),
        "GlobalAveragePool": ("average", "Average of all places"),
        "GlobalMaxPool": ("average", "Maximum of all places"),
        "ReduceMax": ("average", "Maximum"),
        "ReduceSum": ("average", "Total"),
        "Concat": ("join", "Side by side"),
        "Add": ("sum", "Sum"),
        "Sub": ("sum", "Difference"),
        "Mul": ("gate", "Product"),
        "MatMul": ("gate", "Matrix product"),
        "Einsum": ("gate", "Matrix product"),
    }
    if step.op == "ReduceMean":
        of_places = steps.grid(step.inputs[0]) is not None
        return "average", "Average of all places" if of_places else "Average"
    bent = BENDING.get(step.op, step.op)
    return fixed.get(step.op, ("other", bent[:1].upper() + bent[1:]))


def kernel_size(step: Step) -> tuple[int, ...]:
    """(rows, columns) of a convolution or pooling, () for anything else."""
    if "kernel_shape" in step.attributes:
        return tuple(int(n) for n in step.attributes["kernel_shape"])
    if step.op in {"Conv", "ConvTranspose"} and 1 in step.constants:
        return tuple(int(n) for n in step.constants[1].shape[2:])
    return ()


def spacing(step: Step, name: str) -> tuple[int, int]:
    """`strides` or `dilations` as (rows, columns)."""
    values = [int(n) for n in step.attributes.get(name, (1, 1))]
    return (values[0], values[-1])


def _details(main: Step, further: tuple[Step, ...], kind: str) -> str:
    words = []
    if kind in {"convolution", "depthwise", "pool", "enlarge"} and main.op != "Resize":
        for name, word in (("strides", "stride"), ("dilations", "every")):
            rows, columns = spacing(main, name)
            if (rows, columns) != (1, 1):
                value = str(rows) if rows == columns else f"{rows} × {columns}"
                words.append(f"{word} {value}" if word == "stride" else f"dilation {value}")
    words += _bending_words(further)
    return ", ".join(words)


def _bending_words(steps: tuple[Step, ...]) -> list[str]:
    found = [step for step in steps if step.op in BENDING]
    words = []
    for step in found:
        multiplied = any(s.op == "Mul" and step.output in s.inputs and len(s.inputs) == 2 for s in steps)
        if step.op == "Sigmoid" and multiplied:
            words.append("swish")
        elif step.op == "Clip":
            high = step.constants.get(2)
            words.append(f"ReLU up to {float(high):g}" if high is not None and math.isfinite(float(high)) else "ReLU")
        else:
            words.append(BENDING[step.op])
    return list(dict.fromkeys(words))
