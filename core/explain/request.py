"""What a user asks of an explanation, the same for every method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from core.inference.bundle import ModelOutput


class KerasTasks(Protocol):
    """What is needed of `core.keras_process.client.KerasProcess`."""

    def call(
        self, task: str, arguments: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]
    ) -> tuple[dict[str, Any], dict[str, NDArray[np.generic]]]:
        """Run one task with JSON arguments and arrays, and return the same kinds."""


class KerasWithProgress(Protocol):
    """What is needed of `core.keras_process.client.KerasProcess`."""

    def call(
        self,
        task: str,
        arguments: Mapping[str, Any],
        arrays: Mapping[str, NDArray[np.generic]],
        *,
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> tuple[dict[str, Any], dict[str, NDArray[np.generic]]]:
        """Run one task, say how far it is and hear a stop."""


@dataclass(frozen=True, eq=False)
class Ask:
    """Which evidence is wanted, and what is at hand for it. A method leaves aside what it has no use for.

    Attributes:
        target: Index of the label that the evidence should speak for.
        against: Index of a label to compare with, for "A rather than B"; None for the label alone.
        layer: Name of the layer to look at, `""` for the card's; methods that change the input look at none.
        input: Name of the image to explain where a model has several, `""` for the first of the card.
        region: (rows, columns) weights on the output's grid, or (N, rows, columns), of the places whose answers are
            explained, for a segmentation; None for all that the model calls the target.
        output: The prediction's output with its activations, so that the model need not run again.
        keras: The Keras process, for methods and heads that need gradients.
        seed: Of everything that is drawn.
        progress: Called with the fraction done.
        cancelled: Asked often; the method then raises `Cancelled`.
    """

    target: int
    against: int | None = None
    layer: str = ""
    input: str = ""
    region: NDArray[np.float32] | None = None
    output: ModelOutput | None = None
    keras: KerasTasks | None = None
    seed: int = 0
    progress: Callable[[float], None] | None = None
    cancelled: Callable[[], bool] | None = None
