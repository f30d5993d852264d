"""Methods that look at the gradient of the score with respect to the input's pixels. They need the Keras process.

The Keras process knows one thing only: the gradient of the score at given images. Noise, paths and averages are made
here.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled, UnsupportedModel
from core.explain.explanation import Explanation
from core.explain.inputs import Image, explained_image, on_frames
from core.explain.methods.cam_rules import grad_cam_rule
from core.explain.methods.layer_maps import activations_and_gradient, keras_arguments
from core.explain.patches import blur
from core.explain.region import Region, explained_region
from core.explain.request import Ask
from core.inference.bundle import Bundle
from core.inference.prepare import Geometry, Prepared
from core.keras_process.names import REGION

#: SmoothGrad: copies and the noise's standard deviation as a fraction of the value range (Smilkov et al. 2017).
COPIES, NOISE = 24, 0.1

#: Integrated Gradients: first number of steps, and the most; the gap above which there are twice as many.
STEPS, MOST_STEPS, GAP = 24, 384, 0.01

#: Images sent to the Keras process at once.
BLOCK = 24


@dataclass(frozen=True, eq=False)
class Gradients:
    """The gradient of the explained score at any copies of the explained image.

    Attributes:
        bundle: The model.
        ask: What is wanted.
        image: What is explained; the other inputs stay as they are.
        region: (N, rows, columns) for a segmentation.
    """

    bundle: Bundle
    ask: Ask
    image: Image
    region: Region

    def at(
        self, copies: NDArray[np.floating], index: int | None = None, guided: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Gradient, shaped as `copies`, and (n,) scores.

        Args:
            copies: (n, …) of the `index`-th input, or of all inputs in their order where that is None.
            index: Which input the copies are of.
            guided: Whether rectifiers pass back only what is positive.

        Raises:
            UnsupportedModel: There is no Keras process.
            Cancelled: The user stopped it.
        """
        if self.ask.keras is None:
            raise UnsupportedModel("A gradient needs the Keras process, which is not there", "choose another method")
        if self.ask.cancelled is not None and self.ask.cancelled():
            raise Cancelled("the explanation")
        if index is None:
            batch, region = {self.image.name: copies.astype(np.float32), **self.image.others}, self.region
        else:
            batch = self.image.batch(copies, index)
            region = None if self.region is None else np.repeat(self.region[index : index + 1], len(copies), axis=0)
        if region is not None:
            batch[REGION] = region
        arguments = {**keras_arguments(self.bundle, self.ask), "guided": guided}
        _, arrays = self.ask.keras.call("input_gradients", arguments, batch)
        name = "gradient" if "gradient" in arrays else f"gradient_{self.image.name}"
        return arrays[name].astype(np.float32), arrays["score"].astype(np.float32)


def _asked(bundle: Bundle, prepared: Prepared, ask: Ask) -> Gradients:
    return Gradients(bundle, ask, explained_image(bundle, prepared, ask), explained_region(bundle, prepared, ask))


def _blurred(values: NDArray[np.float32], geometry: Geometry) -> NDArray[np.float32]:
    """([frames,] rows, columns, channels), each frame blurred by itself."""
    return blur(values, geometry) if values.ndim == 3 else np.stack([blur(frame, geometry) for frame in values])


def _made(
    bundle: Bundle,
    prepared: Prepared,
    ask: Ask,
    method: str,
    values: NDArray[np.floating],
    units: str,
    signed: bool = False,
    facts: dict[str, float] | None = None,
) -> Explanation:
    labels = bundle.card.labels
    values = values.reshape(-1, *values.shape[-2:])  # the frames of a sequence one after the other
    return Explanation(
        grids=np.maximum(values, 0).astype(np.float32),
        frames=prepared.frames,
        geometry=prepared.geometry,
        method=method,
        label=labels[ask.target],
        layer="",
        opposing=np.maximum(-values, 0).astype(np.float32) if signed else None,
        units=units,
        rather_than="" if ask.against is None else labels[ask.against],
        facts=facts or {},
    )


def saliency(bundle: Bundle, prepared: Prepared, ask: Ask) -> Explanation:
    """The size of the gradient at each pixel, the largest over the channels (Simonyan et al. 2013, arXiv:1312.6034).

    Raises:
        UnsupportedModel: There is no such image or region, or no Keras process.
    """
    asked = _asked(bundle, prepared, ask)
    gradient, _ = asked.at(asked.image.values)
    return _made(bundle, prepared, ask, "saliency", np.abs(gradient).max(-1), "logit units per unit of input")


def gradient_times_input(bundle: Bundle, prepared: Prepared, ask: Ask) -> Explanation:
    """Gradient times the distance from black, summed over the channels (Shrikumar et al. 2016, arXiv:1605.01713).

    Raises:
        UnsupportedModel: There is no such image or region, or no Keras process.
    """
    asked = _asked(bundle, prepared, ask)
    gradient, _ = asked.at(asked.image.values)
    values = (gradient * (asked.image.values - asked.image.value_range[0])).sum(-1)
    return _made(bundle, prepared, ask, "gradient-x-input", values, "logit units", signed=True)


def smooth_grad(bundle: Bundle, prepared: Prepared, ask: Ask) -> Explanation:
    """Saliency of the mean gradient over noisy copies (Smilkov et al. 2017, arXiv:1706.03825).

    Raises:
        UnsupportedModel: There is no such image or region, or no Keras process.
        Cancelled: The user stopped it.
    """
    asked = _asked(bundle, prepared, ask)
    values, (low, high) = asked.image.values, asked.image.value_range
    rng = np.random.default_rng(ask.seed)
    maps = []
    for index, one in enumerate(values):
        noise = rng.normal(0.0, NOISE * (high - low), (COPIES, *one.shape))
        gradient, _ = asked.at(one + noise, index)
        maps.append(np.abs(gradient.mean(axis=0)).max(-1))
        if ask.progress is not None:
            ask.progress((index + 1) / len(values))
    return _made(bundle, prepared, ask, "smooth-grad", np.stack(maps), "logit units per unit of input")


def integrated_gradients(bundle: Bundle, prepared: Prepared, ask: Ask) -> Explanation:
    """Gradients along the straight way from a blurred scan to the scan (Sundararajan et al. 2017, arXiv:1703.01365).

    The attributions add up to the difference of the two scores, if the way is walked in small enough steps: their
    number is doubled until the gap is below `GAP` of that difference, and the gap that is left is in `facts`. The
    frames of a sequence or volume walk together.

    Raises:
        UnsupportedModel: There is no such image or region, or no Keras process.
        Cancelled: The user stopped it.
    """
    asked = _asked(bundle, prepared, ask)
    values = asked.image.values
    maps, gaps, steps_needed = [], [], []
    for index, one in enumerate(values):
        found, gap, steps = _integrated(asked, index, one, _blurred(one, prepared.geometry))
        maps.append(found)
        gaps.append(gap)
        steps_needed.append(steps)
        if ask.progress is not None:
            ask.progress((index + 1) / len(values))
    facts = {"completeness_gap": max(gaps), "steps": float(max(steps_needed))}
    return _made(bundle, prepared, ask, "integrated-gradients", np.stack(maps), "logit units", True, facts)


def _integrated(
    asked: Gradients, index: int, end: NDArray[np.float32], start: NDArray[np.float32]
) -> tuple[NDArray[np.float64], float, int]:
    """Attributions ([frames,] rows, columns), the gap as a fraction of the scores' difference, and the steps taken."""
    _, ends = asked.at(np.stack([start, end]), index)
    difference = float(ends[1] - ends[0])
    steps = STEPS
    while True:
        # Gauss and Legendre's points need far fewer gradients than equal steps for the same error.
        points, fractions = np.polynomial.legendre.leggauss(steps)
        total = np.zeros(end.shape, np.float64)
        for first in range(0, steps, BLOCK):
            where = ((points[first : first + BLOCK] + 1) / 2).reshape(-1, *[1] * end.ndim)
            gradient, _ = asked.at(start + where * (end - start), index)
            total += np.tensordot(fractions[first : first + BLOCK] / 2, gradient.astype(np.float64), 1)
        values = (total * (end - start)).sum(-1)
        gap = abs(float(values.sum()) - difference) / max(abs(difference), 1e-3)
        if gap < GAP or 2 * steps > MOST_STEPS:
            return values, gap, steps
        steps *= 2


def guided_grad_cam(bundle: Bundle, prepared: Prepared, ask: Ask) -> Explanation:
    """Grad-CAM times guided backpropagation (Selvaraju et al. 2017, section 3.1; Springenberg et al. 2014).

    Guided backpropagation draws edges and depends little on the class (Adebayo et al. 2018); it is here for teaching.

    Raises:
        UnsupportedModel: There is no such image or region, no layer that sees it, or no Keras process.
    """
    asked = _asked(bundle, prepared, ask)
    coarse = np.maximum(grad_cam_rule(*activations_and_gradient(bundle, prepared, ask)), 0)
    gradient, _ = asked.at(asked.image.values, guided=True)
    rows, columns = gradient.shape[-3:-1]
    fine = np.maximum(gradient, 0).max(-1).reshape(-1, rows, columns)
    enlarged = [
        cv2.resize(grid, (columns, rows), interpolation=cv2.INTER_LINEAR) for grid in on_frames(coarse, asked.image)
    ]
    return _made(bundle, prepared, ask, "guided-grad-cam", fine * np.stack(enlarged), "Grad-CAM times guided gradient")
