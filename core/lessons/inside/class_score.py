"""How the channels of the last map add up to the score of a class.

Behind an average over the places and one dense layer the logit is `bias + Σ weight · mean activation`, and every
channel has its exact share. Behind any other head there is no such sum: then each channel is left out by itself and
what the logit loses is measured, and these losses need not add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.explain.methods.cam import logit_of
from core.inference.bundle import ONNX_FILE, Bundle, verified_bytes
from core.lessons.inside.probe import session_of

CHUNK = 32


@dataclass(frozen=True, eq=False)
class ClassScore:
    """The logit of one label for one image, channel by channel.

    Attributes:
        label: What the score speaks for.
        logit: The score, before the final activation.
        fractions: (channels,) logit units that each channel adds.
        maps: (channels, rows, columns) the same by place where it is exact, else the activations themselves.
        weights: (channels,) of the dense layer, None where the head is no plain sum.
        means: (channels,) mean activation over the places.
        bias: What is there without any channel, None likewise.
    """

    label: str
    logit: float
    fractions: NDArray[np.float64]
    maps: NDArray[np.float32]
    weights: NDArray[np.float64] | None
    means: NDArray[np.float64]
    bias: float | None

    @property
    def exact(self) -> bool:
        """Whether bias and shares add up to the logit."""
        return self.weights is not None

    def strongest(self, count: int) -> NDArray[np.intp]:
        """(count,) channels with the largest shares, whatever their sign, the largest first."""
        return np.argsort(-np.abs(self.fractions), kind="stable")[:count]


def class_score(bundle: Bundle, batch: Mapping[str, NDArray[np.float32]], target: int) -> ClassScore:
    """Take the score of one label apart, for the first entry of a batch.

    Args:
        bundle: The opened model.
        batch: Input name to (N, …).
        target: Index of the label; with one output unit, label 0 is the negated logit.

    Raises:
        UnsupportedModel: The model has no layer with a map, one with frames, or gives a logit for each pixel.
    """
    if bundle.card.task == "segmentation":
        raise UnsupportedModel(
            "A model that segments has no score for a whole class", "look at the logit of each pixel instead"
        )
    one = {name: array[:1] for name, array in batch.items()}
    output = bundle.run(one)
    if output.activations is None or output.activations.ndim != 4:
        raise UnsupportedModel("The model has no layer with a map", "choose another model")
    unit, sign = logit_of(bundle.card, bundle.units, target)
    activations = np.moveaxis(output.activations[0], -1, 0)
    means = activations.mean(axis=(1, 2), dtype=np.float64)
    logit, label = sign * float(output.logits[0, unit]), bundle.card.labels[target]
    if bundle.pooled_head:
        assert bundle.cam_weights is not None  # a pooled head has them
        by_place = sign * bundle.cam_weights[unit].astype(np.float64)
        weights = by_place * activations[0].size
        maps = (by_place[:, None, None] * activations).astype(np.float32)
        fractions = weights * means
        return ClassScore(label, logit, fractions, maps, weights, means, logit - float(fractions.sum()))
    lost = _left_out(bundle, one, output.activations, unit)
    return ClassScore(label, logit, sign * lost, activations, None, means, None)


def _left_out(
    bundle: Bundle, batch: Mapping[str, NDArray[np.float32]], activations: NDArray[np.float32], unit: int
) -> NDArray[np.float64]:
    """(channels,) what the logit loses when a channel alone is set to 0."""
    import onnx

    proto = head_of(onnx.load_from_string(verified_bytes(bundle.card, ONNX_FILE)))
    head = session_of(proto, bundle.card.sha256[ONNX_FILE])
    needed = {value.name for value in head.get_inputs()} - {"activations"}
    count = activations.shape[-1]
    found = []
    for start in range(-1, count, CHUNK):  # the first is left whole
        chosen = np.arange(start, min(start + CHUNK, count))
        copies = np.repeat(activations, len(chosen), axis=0)
        real = chosen >= 0
        copies[np.flatnonzero(real), :, :, chosen[real]] = 0
        others = {name: np.repeat(batch[name], len(chosen), axis=0) for name in needed}
        found.append(head.run(["logits"], {"activations": copies, **others})[0][:, unit])
    scores = np.concatenate(found).astype(np.float64)
    return scores[0] - scores[1:]


def head_of(proto: Any) -> Any:
    """The part of a compiled model from the activations on, as a model that takes them as an input.

    Args:
        proto: An `onnx.ModelProto` with the outputs `logits` and `activations`; it is not changed.
    """
    import onnx

    wanted, kept = {"logits"}, []
    for node in reversed(proto.graph.node):
        if any(name in wanted and name != "activations" for name in node.output):
            kept.append(node)
            wanted |= set(node.input)
    head = onnx.ModelProto()
    head.CopyFrom(proto)
    del head.graph.node[:], head.graph.input[:], head.graph.output[:], head.graph.value_info[:]
    head.graph.node.extend(reversed(kept))
    made = next(value for value in proto.graph.output if value.name == "activations")
    head.graph.input.extend([value for value in proto.graph.input if value.name in wanted] + [made])
    head.graph.output.extend(value for value in proto.graph.output if value.name == "logits")
    unused = [tensor for tensor in head.graph.initializer if tensor.name not in wanted]
    for tensor in unused:
        head.graph.initializer.remove(tensor)
    return head
