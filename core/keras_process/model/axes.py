"""Which axis of a layer's output is rows, columns and channels, also where channels come first. Keras process only.

A scan reaches the model as (rows, columns, channels). Inside, layers may have channels first (converted from PyTorch,
or with `data_format="channels_first"`), or permute the axes at any point, so the order is followed from layer to layer
through nested models and never taken from a shape alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: Axes of one case: frames or slices, rows, columns, channels.
Axes = tuple[str, ...]
_LAST: Mapping[int, Axes] = {3: ("row", "column", "channel"), 4: ("frame", "row", "column", "channel")}

#: Layers that look at one frame after the other, so that channels come first behind the frames.
_FRAME_BY_FRAME = ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "TimeDistributed")

#: Numbers of channels that an image can have.
_CHANNELS = (1, 3)

#: How far ahead a layer is looked for that says in which order it takes the axes.
_AHEAD = 12


def axes_of_layers(model: Any) -> dict[int, Axes]:
    """`id` of each layer or operation to the axes of its output, for outputs that have rows and columns.

    Args:
        model: A built functional or Sequential model. What is nested in it is included.
    """
    found: dict[int, Axes] = {}
    _follow(model, [_of_input(tensor) for tensor in model.inputs], found)
    return found


def input_axes(model: Any) -> tuple[Axes, ...]:
    """The axes of each input as the model takes them; `()` for one without rows and columns."""
    return tuple(_of_input(tensor) for tensor in model.inputs)


def order_of(axes: Axes) -> tuple[int, ...] | None:
    """Which axis of one case goes where, so that channels come last and rows before columns; None if they do already.

    Example:
        >>> order_of(("channel", "row", "column"))
        (1, 2, 0)
    """
    wanted = _LAST.get(len(axes), ())
    return None if not axes or axes == wanted else tuple(axes.index(name) for name in wanted)


def inverse(order: Sequence[int]) -> tuple[int, ...]:
    """The order that undoes another.

    Example:
        >>> inverse((1, 2, 0))
        (2, 0, 1)
    """
    return tuple(list(order).index(place) for place in range(len(order)))


def reordered(shape: Sequence[Any], order: Sequence[int] | None) -> tuple[Any, ...]:
    """A shape without its batch axis, with the axes in another order."""
    return tuple(shape) if order is None else tuple(shape[place] for place in order)


def _follow(model: Any, given: Sequence[Axes], found: dict[int, Axes]) -> list[Axes]:
    """Fill `found` for one graph; returns the axes of its outputs."""
    graph = getattr(model, "_functional", None) or model  # a Sequential keeps its graph in a functional model
    by_tensor = {id(tensor): axes for tensor, axes in zip(graph.inputs, given, strict=True)}
    for operation in graph.operations:
        for node in getattr(operation, "_inbound_nodes", ()):
            if not node.input_tensors or any(id(tensor) not in by_tensor for tensor in node.input_tensors):
                continue  # an input, or a call that belongs to another model
            before = [by_tensor[id(tensor)] for tensor in node.input_tensors]
            after = _through(operation, node, before, found)
            for tensor, axes in zip(node.output_tensors, after, strict=True):
                by_tensor[id(tensor)] = axes
            if after and after[0]:
                found.setdefault(id(operation), after[0])
    return [by_tensor.get(id(tensor), ()) for tensor in graph.outputs]


def _through(operation: Any, node: Any, before: list[Axes], found: dict[int, Axes]) -> list[Axes]:
    """Axes of what one call gives, by those of what it gets."""
    tensors = node.output_tensors
    if hasattr(operation, "layers") and len(getattr(operation, "inputs", ())) == len(before):
        inner = _follow(operation, before, found)
        return inner if len(inner) == len(tensors) else [()] * len(tensors)
    if type(operation).__name__ == "TimeDistributed":
        _inside_frames(operation.layer, before[0], found)
    return [_of_output(operation, tensor, before) for tensor in tensors]


def _inside_frames(layer: Any, axes: Axes, found: dict[int, Axes]) -> None:
    """What a TimeDistributed holds sees the same axes but the frames."""
    one = tuple(name for name in axes if name != "frame")
    if hasattr(layer, "layers") and len(getattr(layer, "inputs", ())) == 1:
        _follow(layer, [one], found)
    elif one:
        found.setdefault(id(layer), one)


def _of_output(operation: Any, tensor: Any, before: list[Axes]) -> Axes:
    rank = len(tensor.shape) - 1
    if rank not in _LAST:
        return ()
    same = next((axes for axes in before if len(axes) == rank), ())
    kind = type(operation).__name__
    if kind in {"Permute", "Transpose", "Moveaxis", "Swapaxes"} and same:
        return _permuted(operation, same)
    if kind == "Reshape" or not same:
        return _wanted(operation, rank) or _LAST[rank]
    return same


def _permuted(operation: Any, axes: Axes) -> Axes:
    kind = type(operation).__name__
    if kind == "Permute":
        return tuple(axes[place - 1] for place in operation.dims)
    places = list(range(len(axes) + 1))
    if kind == "Transpose":
        places = list(operation.axes) if operation.axes is not None else places[::-1]
    elif kind == "Swapaxes":
        one, other = operation.axis1, operation.axis2
        places[one], places[other] = places[other], places[one]
    else:
        sources, goals = (
            [place % len(places) for place in ([value] if isinstance(value, int) else value)]
            for value in (operation.source, operation.destination)
        )
        rest = [place for place in places if place not in sources]
        for goal, source in sorted(zip(goals, sources, strict=True)):
            rest.insert(goal, source)
        places = rest
    names = ("batch", *axes)
    turned = tuple(names[place] for place in places)
    return turned[1:] if turned[0] == "batch" else _LAST[len(axes)]


def _of_input(tensor: Any) -> Axes:
    """Axes of one of the model's inputs: as the first layer that says so wants them, else by its sizes."""
    rank = len(tensor.shape) - 1
    if rank not in _LAST:
        return ()
    wanted = _wanted(tensor._keras_history.operation, rank)
    if wanted:
        return wanted
    sizes = tuple(tensor.shape[1:])
    return _first(rank) if sizes[-3] in _CHANNELS and sizes[-1] not in _CHANNELS else _LAST[rank]


def _first(rank: int, frames_first: bool = True) -> Axes:
    """Channels first; behind the frames for layers that look at one frame after the other."""
    if rank == 3:
        return ("channel", "row", "column")
    return ("frame", "channel", "row", "column") if frames_first else ("channel", "frame", "row", "column")


def _wanted(operation: Any, rank: int) -> Axes:
    """Axes in which the next layer that has a data format takes its input; `()` where none follows before a turn."""
    for later in _later(operation, _AHEAD):
        kind = type(later).__name__
        if kind in {"Permute", "Transpose", "Moveaxis", "Swapaxes", "Reshape", "Flatten"}:
            return ()
        inner = later.layer if kind == "TimeDistributed" else later
        if hasattr(inner, "layers"):
            return _wanted(inner.inputs[0]._keras_history.operation, len(inner.inputs[0].shape) - 1) and (
                _shape_of_nested(inner, rank)
            )
        form = getattr(inner, "data_format", None)
        if form is not None:
            return _first(rank, kind in _FRAME_BY_FRAME) if form == "channels_first" else _LAST[rank]
    return ()


def _shape_of_nested(model: Any, rank: int) -> Axes:
    own = _of_input(model.inputs[0])
    return own if len(own) == rank else ("frame", *own)


def _later(operation: Any, steps: int) -> Iterator[Any]:
    """The operations that follow, the first call of each, until one has no successor."""
    for _ in range(steps):
        nodes = getattr(operation, "_outbound_nodes", ())
        if not nodes:
            return
        operation = nodes[0].operation
        yield operation
