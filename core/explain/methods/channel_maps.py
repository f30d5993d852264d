"""CAM methods that try the channels one by one: Score-CAM by forward passes, Ablation-CAM by leaving one out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, UnsupportedModel
from core.explain.explanation import Explanation
from core.explain.forward import BLOCK
from core.explain.inputs import Image, explained_image, on_image, stretch_depth
from core.explain.methods.cam_rules import places_of, weighted_channels
from core.explain.methods.layer_maps import (
    activations_and_gradient,
    keras_arguments,
    keras_arrays,
    map_of,
    refuse_other_layer,
)
from core.explain.region import Region, explained_region, target_probability
from core.explain.request import Ask
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared

#: Channels of the quick Score-CAM: those that vary most over the positions.
STRONGEST = 32


def score_cam(bundle: Bundle, prepared: Prepared, ask: Ask) -> Explanation:
    """Score-CAM with the `STRONGEST` channels (Wang et al. 2020, arXiv:1910.01279).

    Each channel, enlarged and stretched to 0 to 1, is laid over the scan as a mask; its weight is the probability of
    the target under that mask, as in the authors' code. Needs activations, but no gradient. A channel that has frames
    masks each with its own map; over a region the weight is the mean probability there.

    Raises:
        UnsupportedModel: The model has no spatial layer that sees the image, or another layer than the card's is
            asked.
        Cancelled: The user stopped it.
    """
    return _score_cam(bundle, prepared, ask, STRONGEST, "score-cam")


def score_cam_all(bundle: Bundle, prepared: Prepared, ask: Ask) -> Explanation:
    """Score-CAM with every channel; see `score_cam`."""
    return _score_cam(bundle, prepared, ask, None, "score-cam-all")


def _score_cam(bundle: Bundle, prepared: Prepared, ask: Ask, channels: int | None, method: str) -> Explanation:
    if "activations" not in bundle.outputs or ask.layer not in {"", bundle.explain_layer}:
        raise UnsupportedModel(
            "The model has no map of channels at this layer",
            "choose the card's layer or another method",
        )
    image, region = explained_image(bundle, prepared, ask), explained_region(bundle, prepared, ask)
    output = ask.output
    if output is None or output.activations is None:
        output = bundle.run(prepared.batch, outputs=("activations",))
    assert output.activations is not None
    refuse_other_layer(bundle, prepared, ask, output.activations)
    maps = []
    for index, activations in enumerate(on_image(output.activations, image)):
        chosen = activations[..., _strongest(activations, channels)]
        masked = _Masked(image, index, chosen)
        weights = _channel_scores(bundle, masked, ask, None if region is None else region[index])
        maps.append(chosen @ weights)
    return map_of(bundle, prepared, ask, method, image, np.stack(maps), "activation times probability")


def _strongest(activations: NDArray[np.float32], channels: int | None) -> NDArray[np.intp]:
    spread = activations.reshape(-1, activations.shape[-1]).std(axis=0)
    order = np.argsort(-spread, kind="stable")
    return order[:channels][spread[order[:channels]] > 0]


@dataclass(frozen=True, eq=False)
class _Masked:
    """Copies of the `index`-th input, each under one channel of `activations` ([frames,] h, w, C) as a mask."""

    image: Image
    index: int
    activations: NDArray[np.float32]

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        low = self.image.value_range[0]
        above = self.image.values[self.index] - np.float32(low)
        for start in range(0, self.activations.shape[-1], BLOCK):
            channels = np.moveaxis(self.activations[..., start : start + BLOCK], -1, 0)
            masks = np.stack([self._mask(channel) for channel in channels])[..., None]
            masked = masks * above
            masked += np.float32(low)
            yield np.asarray(masked, np.float32)

    def _mask(self, channel: NDArray[np.float32]) -> NDArray[np.float32]:
        """([frames,] h, w) to ([frames,] rows, columns) from 0 to 1."""
        low, high = float(channel.min()), float(channel.max())
        scaled = (channel - low) / ((high - low) or 1.0)
        rows, columns = self.image.values.shape[-3:-1]
        if self.image.values.ndim == 4:
            return _enlarged(scaled, rows, columns)
        stack = stretch_depth(scaled if scaled.ndim == 3 else scaled[None], self.image.depth)
        return np.stack([_enlarged(frame, rows, columns) for frame in stack])


def _enlarged(mask: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(np.ascontiguousarray(mask), (columns, rows), interpolation=cv2.INTER_LINEAR))


def _channel_scores(bundle: Bundle, masked: _Masked, ask: Ask, region: Region) -> NDArray[np.float32]:
    """(channels,) probability of the target with each channel as a mask."""
    scores: list[NDArray[np.float32]] = []
    count, inputs = masked.activations.shape[-1], len(masked.image.values)
    for done, block in enumerate(masked.blocks(), start=1):
        if ask.cancelled is not None and ask.cancelled():
            raise Cancelled("the explanation")
        batch = masked.image.batch(block, masked.index)
        scores.append(target_probability(bundle, bundle.run(batch, outputs=("logits",)).logits, ask, region))
        if ask.progress is not None:
            ask.progress((masked.index + min(1.0, done * BLOCK / count)) / inputs)
    return np.concatenate(scores) if scores else np.zeros(0, np.float32)


def ablation_cam(bundle: Bundle, prepared: Prepared, ask: Ask) -> Explanation:
    """Ablation-CAM: the weight of a channel is what the score loses without it.

    Desai and Ramaswamy 2020, doi:10.1109/WACV45572.2020.9093360. Behind a pooled head that loss is known without
    trying: the channel's slope times its sum over the positions. Any other head is asked in the Keras process, once a
    channel.

    Raises:
        UnsupportedModel: No such layer, or no Keras process where one is needed.
        Cancelled: The user stopped it.
    """
    image = explained_image(bundle, prepared, ask)
    if not (ask.layer or bundle.explain_layer):
        raise UnsupportedModel(f"{bundle.card.title} has no layer with a spatial output", "choose another method")
    if ask.layer in {"", bundle.explain_layer} and bundle.pooled_head:
        activations, gradient = activations_and_gradient(bundle, prepared, ask)
        lost = (activations * gradient).sum(axis=places_of(activations))
    else:
        if ask.keras is None:
            raise UnsupportedModel(
                "Leaving channels out needs the Keras process, which is not there", "choose another method"
            )
        given = keras_arrays(bundle, prepared, ask)
        _, arrays = ask.keras.call("ablation", keras_arguments(bundle, ask), given)
        activations, lost = arrays["activations"].astype(np.float32), arrays["lost"].astype(np.float32)
        refuse_other_layer(bundle, prepared, ask, activations)
    values = weighted_channels(activations, lost)
    return map_of(bundle, prepared, ask, "ablation-cam", image, values, "activation times logit units lost")
