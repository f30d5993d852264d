"""What activation maximisation by tf-keras-vis works on and with, for any network and any range of values.

Erhan et al. 2009, Visualizing Higher-Layer Features of a Deep Network; what keeps the image from being noise is that
of Mahendran and Vedaldi 2016, arXiv:1512.02017: penalties on total variation and on the distance from mid-grey, and
jitter. The tool's own settings are for photographs from 0 to 255; here everything is a fraction of the model's own
range, and everything that is drawn has a seed. Runs in the Keras process only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.keras_process.model.split import Graph, call_recorded
from core.processes.worker_loop import Job


@dataclass(frozen=True)
class Climb:
    """How a prototype walks uphill, in fractions of the input's value range.

    Attributes:
        steps: Number of them.
        rate: Length of the first step where the slope is the mean one; the last is a tenth of it.
        smooth: Weight of the total variation, against a score whose slopes have a mean of 1.
        plain: Weight of the norm of the distance from mid-grey, likewise.
        jitter: Most pixels that the image is moved by before a step.
        seed: Of the noise it starts from, and of the jitter.
    """

    steps: int = 160
    rate: float = 0.03
    smooth: float = 0.2
    plain: float = 0.08
    jitter: int = 2
    seed: int = 0


class Canvas:
    """A network of any kind as ActivationMaximization wants a model: one image in, one score out.

    Frames and colours are channels, since it smooths images of four axes only. The slope of the score is divided by
    its mean size, so that the weights of the regularisers mean the same for every model.
    """

    layers: tuple[Any, ...] = ()  # where it looks for half precision; `call_recorded` takes care of that

    def __init__(self, graph: Graph, job: Job, name: str, weights: NDArray[np.float32]) -> None:
        import keras
        import tensorflow as tf

        self._shape = job.arrays[name].shape[1:]
        low, high = (float(value) for value in job.arguments["range"])
        rows, columns = self._shape[-3:-1]
        self.inputs = [keras.KerasTensor((1, rows, columns, int(np.prod(self._shape)) // (rows * columns)), name=name)]
        self.outputs = [keras.KerasTensor((1, 1))]
        types = dict(zip(graph.input_names, (tensor.dtype for tensor in graph.model.inputs), strict=True))

        def score(relative: Any) -> Any:
            image = low + (high - low) * (self._unfold(_even_slope(relative)[0]) + 0.5)
            inputs = {other: tf.constant(array) for other, array in job.arrays.items() if other != name}
            inputs = {key: tf.cast(value, types[key]) for key, value in {**inputs, name: image[None]}.items()}
            return tf.reshape(tf.linalg.matvec(call_recorded(graph, inputs).logits, weights), (1, 1))

        self._score = tf.function(score, autograph=False, jit_compile=False)

    def __call__(self, inputs: list[Any], training: bool = False) -> Any:  # noqa: ARG002  it is told
        """(1, 1) the score of one folded image from -0.5 to 0.5."""
        return self._score(inputs[0])

    def folded(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """([frames,] rows, columns, channels) as (rows, columns, frames · channels)."""
        rows, columns = self._shape[-3:-1]
        return np.moveaxis(image.reshape(-1, *self._shape[-3:]), 0, 2).reshape(rows, columns, -1)

    def unfolded(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """(rows, columns, frames · channels) as ([frames,] rows, columns, channels)."""
        rows, columns, channels = self._shape[-3:]
        return np.moveaxis(image.reshape(rows, columns, -1, channels), 2, 0).reshape(self._shape)

    def _unfold(self, image: Any) -> Any:
        import tensorflow as tf

        rows, columns, channels = self._shape[-3:]
        frames = tf.transpose(tf.reshape(image, (rows, columns, -1, channels)), (2, 0, 1, 3))
        return tf.reshape(frames, self._shape)


def _even_slope(values: Any) -> Any:
    """The values as they are; a gradient that passes back is divided by the sum of its sizes."""
    import tensorflow as tf

    def through(x: Any) -> tuple[Any, Callable[[Any], Any]]:
        return tf.identity(x), lambda slope: slope / (tf.reduce_sum(tf.abs(slope)) + 1e-20)

    return tf.custom_gradient(through)(values)


def within_range(image: Any) -> Any:
    """Clip before each step: tf-keras-vis clips what it returns, and would show the network what is no image."""
    import tensorflow as tf

    return tf.clip_by_value(image, -0.5, 0.5)


class Shake:
    """tf-keras-vis' `Jitter`, but seeded and about the place where the image began, from which that one wanders off."""

    def __init__(self, most: int, rng: np.random.Generator) -> None:
        self.shift = (0, 0)
        self._most, self._rng = most, rng

    def __call__(self, image: Any) -> Any:
        """(1, rows, columns, channels), moved about where it began."""
        import tensorflow as tf

        before = self.shift
        down, across = self._rng.integers(-self._most, self._most + 1, 2)
        self.shift = (int(down), int(across))
        return tf.roll(image, [self.shift[0] - before[0], self.shift[1] - before[1]], axis=[1, 2])


class Steps:
    """An optimiser for tf-keras-vis: shrinking steps along the slope; no pixel moves by more than four mean ones."""

    def __init__(self, how: Climb, pixels: int) -> None:
        self._how, self._pixels, self._done = how, pixels, 0

    def apply_gradients(self, pairs: Any) -> None:
        """One step for each pair of a gradient and its variable."""
        import tensorflow as tf

        slowing = 1.0 - 0.9 * self._done / self._how.steps
        self._done += 1
        for gradient, variable in pairs:
            slope = tf.clip_by_value(gradient * self._pixels, -4.0, 4.0)
            variable.assign_sub(self._how.rate * slowing * slope)
