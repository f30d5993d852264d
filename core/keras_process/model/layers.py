"""The layers of a Keras model, nested ones included, and which of them have a map. Keras process only."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from core.errors import UnsupportedModel
from core.keras_process.model.axes import axes_of_layers, order_of, reordered


@dataclass(frozen=True, eq=False)
class Place:
    """A layer and how its output becomes a map.

    Attributes:
        path: Its name; inside a nested model or a TimeDistributed, `outer/layer`.
        layer: The Keras layer.
        calls: How often one call of the model calls it: once, or once a frame inside a TimeDistributed.
        tokens: (rows, columns, leading) where the output is a row of tokens (N, leading + rows · columns, C), of which
            the leading one stands for no place; None where the output has places itself.
        order: How the axes of its output are put to be ([frames,] rows, columns, channels), see
            `core.keras_process.model.axes.order_of`; None where they are so.
    """

    path: str
    layer: Any
    calls: int = 1
    tokens: tuple[int, int, int] | None = None
    order: tuple[int, ...] | None = None


def walk_layers(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every layer with its path, in the order of the calls; nested models come after their own layers."""
    for place in _walk(model, prefix, 1):
        yield place.path, place.layer


def _walk(model: Any, prefix: str, calls: int) -> Iterator[Place]:
    for layer in model.layers:
        yield from _with_inner(layer, f"{prefix}{layer.name}", calls)


def _with_inner(layer: Any, path: str, calls: int) -> Iterator[Place]:
    if hasattr(layer, "layers"):
        yield from _walk(layer, f"{path}/", calls)
    elif type(layer).__name__ == "TimeDistributed":
        inner, frames = layer.layer, (_output_shape(layer) or (None, None))[1]
        yield from _with_inner(inner, f"{path}/{inner.name}", calls * int(frames or 1))
    yield Place(path, layer, calls)


def _output_shape(layer: Any) -> tuple[Any, ...]:
    try:
        return tuple(layer.output.shape)
    except (AttributeError, ValueError, TypeError):  # several outputs, never called by itself, or called several times
        return ()


def _has_map(shape: tuple[Any, ...]) -> bool:
    """Whether it is (N, h, w, C) or (N, frames, h, w, C) with more than one cell."""
    return len(shape) in {4, 5} and shape[-3:-1] != (1, 1)


def places_with_map(model: Any) -> list[Place]:
    """Every layer that can be explained, in the order of the calls.

    Tokens count where the model has attention layers and their number is that of the cells of the last map before them,
    with or without one leading token for the class: then they are that map in rows, one after the other.
    """
    layers = list(_walk(model, "", 1))
    attends = any(type(place.layer).__name__ == "MultiHeadAttention" for place in layers)
    axes = axes_of_layers(model)
    found: list[Place] = []
    cells: tuple[int, int] | None = None
    for place in layers:
        shape = _output_shape(place.layer)
        if hasattr(place.layer, "layers") or type(place.layer).__name__ == "InputLayer":
            continue
        order = order_of(axes.get(id(place.layer), ())) if len(shape) in {4, 5} else None
        if order is not None and len(order) == len(shape) - 1:
            shape = (shape[0], *reordered(shape[1:], order))
        if _has_map(shape):
            found.append(replace(place, order=order))
            cells = shape[1:3] if len(shape) == 4 and None not in shape[1:3] else None
        elif attends and cells is not None and len(shape) == 3 and shape[1] is not None:
            leading = shape[1] - cells[0] * cells[1]
            if leading in {0, 1}:
                found.append(Place(place.path, place.layer, place.calls, (*cells, leading)))
    return found


def default_place(model: Any, ending: Collection[int] = ()) -> Place | None:
    """The last layer with a map that is not the output; None where there is none.

    Args:
        model: A built keras.Model.
        ending: `id` of the layers that shape the answer, see `core.keras_process.model.ending.Ending`; never looked at.

    Behind the last attention layer a model that reads the leading token alone no longer looks at the others, so there
    the last layer before it is meant.
    """
    last = model.outputs[0]._keras_history.operation
    candidates = [
        place for place in places_with_map(model) if place.layer is not last and id(place.layer) not in ending
    ]
    if candidates and candidates[-1].tokens is not None and candidates[-1].tokens[2]:
        order = {id(layer): index for index, (_, layer) in enumerate(walk_layers(model))}
        attention = [
            order[id(layer)] for _, layer in walk_layers(model) if type(layer).__name__ == "MultiHeadAttention"
        ]
        candidates = [place for place in candidates if order[id(place.layer)] < max(attention)] or candidates
    return candidates[-1] if candidates else None


def named_place(model: Any, name: str) -> Place:
    """The layer of that name, whether it has a map or not.

    Raises:
        UnsupportedModel: There is no such layer, or several.
    """
    layers = list(_walk(model, "", 1))
    found = [p for p in layers if p.path == name] or [p for p in layers if p.path.split("/")[-1] == name]
    if len(found) != 1:
        found_words = f"{len(found)} layers" if found else "no layer"
        raise UnsupportedModel(
            f"The model has {found_words} called {name}", "write it as backbone/layer or choose another"
        )
    with_map = [place for place in places_with_map(model) if place.layer is found[0].layer]
    return with_map[0] if with_map else found[0]


def describe_layers(model: Any) -> list[dict[str, Any]]:
    """The layers for people: path, kind, output shape without the batch, weights, and whether there is a map."""
    explainable = {place.path for place in places_with_map(model)}
    return [
        {
            "path": path,
            "kind": type(layer).__name__,
            "shape": list(_output_shape(layer)[1:]),
            "weights": int(layer.count_params()) if getattr(layer, "built", False) else 0,
            "explainable": path in explainable,
            "nested": hasattr(layer, "layers"),
        }
        for path, layer in walk_layers(model)
    ]
