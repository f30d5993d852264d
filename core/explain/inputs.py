"""Which of a model's inputs is explained, and how its maps lie on the frames of the scan.

A model may take several images, and a table beside them. One image is explained at a time, `Ask.input`; all the
others stay as they are. An image is (N, rows, columns, channels); a sequence or a volume is an image with one more
axis, (N, frames, rows, columns, channels), and has a map for each frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.explain.request import Ask
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared

Batch = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Image:
    """The explained input and what goes into the model beside it.

    Attributes:
        name: Of the input.
        values: (N, rows, columns, channels), or (N, frames, rows, columns, channels).
        value_range: Values of black and white.
        others: The other inputs, each (N, …).
    """

    name: str
    values: NDArray[np.float32]
    value_range: tuple[float, float]
    others: Batch

    @property
    def depth(self) -> int:
        """Frames in one input; 1 for a plain image."""
        return self.values.shape[1] if self.values.ndim == 5 else 1

    @property
    def frames(self) -> NDArray[np.float32]:
        """(N · depth, rows, columns, channels) every frame by itself."""
        return self.values.reshape(-1, *self.values.shape[-3:])

    def batch(self, copies: NDArray[np.float32], index: int) -> Batch:
        """Copies (n, …) of the `index`-th input with what belongs to it beside them."""
        beside = {name: np.repeat(array[index : index + 1], len(copies), axis=0) for name, array in self.others.items()}
        return {self.name: copies.astype(np.float32, copy=False), **beside}

    def with_frame(self, copies: NDArray[np.float32], position: int) -> Batch:
        """Copies (n, rows, columns, channels) of one frame, all other frames being as they are."""
        index, frame = divmod(position, self.depth)
        if self.values.ndim == 4:
            return self.batch(copies, index)
        stacks = np.repeat(self.values[index : index + 1], len(copies), axis=0)
        stacks[:, frame] = copies
        return self.batch(stacks, index)


def is_image(values: NDArray[np.generic]) -> TypeGuard[NDArray[np.float32]]:
    """Whether an input is (N, [frames,] rows, columns, channels), and no table."""
    return values.ndim in {4, 5}


def image_names(bundle: Bundle, prepared: Prepared) -> list[str]:
    """Names of the inputs that can be explained by a map, in the order of the card."""
    return [spec.name for spec in bundle.card.inputs if is_image(prepared.batch[spec.name])]


def explained_image(bundle: Bundle, prepared: Prepared, ask: Ask) -> Image:
    """The image that `ask` is about: `ask.input`, or the first of the card.

    Raises:
        UnsupportedModel: The model has no such image, or `prepared.geometry` is the way back of another one.
    """
    names = image_names(bundle, prepared)
    name = ask.input or next(iter(names), "")
    if name not in names:
        raise UnsupportedModel(
            f"one of the images {', '.join(names)}" if names else "a model with an image",
            f"the input {name}" if name else "a model without one",
            "choose an image of the model",
        )
    values = prepared.batch[name]
    spec = next(spec for spec in bundle.card.inputs if spec.name == name)
    others = {other: array for other, array in prepared.batch.items() if other != name}
    found = Image(name, values, spec.value_range, others)
    if prepared.geometry.model_size != values.shape[-3:-1] or len(prepared.frames) != len(found.frames):
        raise UnsupportedModel(f"The way back is not that of the image {name}", "prepare it by itself")
    return found


def is_plain(bundle: Bundle, prepared: Prepared) -> bool:
    """Whether there is one image without an axis of frames, tables aside, and one answer for it."""
    images = [array for array in prepared.batch.values() if is_image(array)]
    return len(images) == 1 and images[0].ndim == 4 and bundle.card.task != "segmentation"


def on_image(activations: NDArray[np.float32], image: Image) -> NDArray[np.float32]:
    """Activations of a layer with as many axes as the image has.

    Args:
        activations: (N, h, w, C), or (N, layers of depth, h, w, C).
        image: What is explained.

    Returns:
        (N, h, w, C) where the network treats a plain image as a film of one frame, and anything else as it is.

    Raises:
        UnsupportedModel: The layer has several frames and the image has none.
    """
    if image.values.ndim != 4 or activations.ndim != 5:
        return activations
    if activations.shape[1] != 1:
        raise UnsupportedModel("The layer holds frames, not one map an image", "choose another layer")
    return activations[:, 0]


def on_frames(values: NDArray[np.floating], image: Image) -> NDArray[np.float32]:
    """Maps of a layer as maps of the frames, (N · depth, h, w).

    Args:
        values: (N, h, w), or (N, layers of depth, h, w). Where a layer has fewer frames than the image they are
            interpolated between the true centres; where it has none, its map stands for each frame.
        image: What was explained.

    Raises:
        UnsupportedModel: The layer has frames and the image has none.
    """
    maps = np.asarray(values, np.float32)
    if image.values.ndim == 4:
        if maps.ndim == 4 and maps.shape[1] == 1:  # the network treats the image as a film of one frame
            maps = maps[:, 0]
        if maps.ndim != 3:
            raise UnsupportedModel("The layer holds frames, not one map an image", "choose another layer")
        return maps
    if maps.ndim == 3:
        maps = maps[:, None]
    stretched = [stretch_depth(stack, image.depth) for stack in maps]
    return np.concatenate(stretched)


def stretch_depth(stack: NDArray[np.float32], depth: int) -> NDArray[np.float32]:
    """(layers, h, w) to (depth, h, w), linear between the centres of the layers."""
    layers = len(stack)
    if layers == depth:
        return stack
    flat = np.ascontiguousarray(stack.reshape(layers, -1).T)  # OpenCV's rule for centres, along one axis
    wide = cv2.resize(flat, (depth, flat.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(wide.T).reshape(depth, *stack.shape[1:]).astype(np.float32)


def refuse_unseen(
    image: Image, images: int, layer: str, before: NDArray[np.float32], after: NDArray[np.float32]
) -> None:
    """Refuse a layer that does not see the image: its map would be that of another one.

    Args:
        image: What is explained.
        images: How many images the model has.
        layer: Its name.
        before: (N, …) activations of the layer.
        after: (N, …) activations with the image turned into its negative.

    Raises:
        UnsupportedModel: Both are the same.
    """
    if images > 1 and np.array_equal(before, after):
        raise UnsupportedModel(
            f"The layer {layer} does not see the image {image.name}",
            "choose a layer or the image that belongs to it",
        )


def negative(image: Image) -> Batch:
    """The whole batch with the image turned into its negative."""
    low, high = image.value_range
    return {image.name: (low + high - image.values).astype(np.float32), **image.others}
