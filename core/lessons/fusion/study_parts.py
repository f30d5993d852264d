"""A model with several inputs whose parts can be taken away: what its answer is without each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.explain.methods.input_fractions import absent_values
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared
from core.lessons.inside.probe import Probe
from core.lessons.phantom import Phantom, phantom_scan
from core.models.card import InputSpec, ModelCard
from core.scan import Scan, answered_frame, windows_of_frames

#: Words of an input that say which contrast of the drawn head stands for it, in order of asking.
_WORDS = (("flair", ("flair", "t2")), ("post", ("post", "gd", "gadolinium", "t1c")))


@dataclass(frozen=True, eq=False)
class Parts:
    """An answer with some inputs taken away.

    Attributes:
        logits: (units,).
        probabilities: (labels,).
        weights: Input name to its fraction of the attention, empty where the model weighs no inputs.
    """

    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    weights: Mapping[str, float]


def answer_without(bundle: Bundle, prepared: Prepared, off: Collection[str], probe: Probe | None = None) -> Parts:
    """The answer for the first case with some inputs left out as the model was trained to go without them.

    Args:
        bundle: The opened model.
        prepared: What it was given.
        off: Names of inputs.
        probe: The same model with taps, to see how it weighs its images.
    """
    batch = {name: array[:1].copy() for name, array in prepared.batch.items()}
    for spec in bundle.card.inputs:
        if spec.name in off:
            batch[spec.name][0] = absent_values(spec)
    logits = bundle.run(batch, outputs=("logits",)).logits
    found = bundle.probabilities(logits)
    return Parts(logits[0], found[0], {} if probe is None else image_weights(bundle.card, probe, batch))


def image_weights(card: ModelCard, probe: Probe, batch: Mapping[str, NDArray[np.float32]]) -> dict[str, float]:
    """How a softmax over the images weighs them, by name, for a batch of input name to (1, …); empty without one."""
    images = [spec.name for spec in card.inputs if spec.is_image]
    for box in probe.network.boxes:
        if box.title == "Softmax" and not box.has_map and box.channels == len(images) > 1:
            values = probe.run(batch, [box.number])[box.number].reshape(-1)
            return dict(zip(images, map(float, values), strict=True))
    return {}


def drawn_contrast(spec: InputSpec) -> str:
    """The contrast of the drawn head that is nearest to what an input wants."""
    words = f"{' '.join(spec.describe)} {spec.name} {spec.title}".lower()
    return next((name for name, wanted in _WORDS if any(word in words for word in wanted)), "pre")


def drawn_scans(card: ModelCard, drawn: Phantom) -> dict[str, Scan]:
    """The drawn head as all images of a model."""
    return {spec.name: phantom_scan(drawn, drawn_contrast(spec)) for spec in card.inputs if spec.is_image}


def one_frame(scan: Scan, index: int | None = None) -> Scan:
    """One frame of a stack as a scan, the middle one for None; a single image stays what it is."""
    if scan.frames == 1:
        return scan
    at = answered_frame(scan) if index is None else index
    windows = windows_of_frames(scan.windows, [at])
    return replace(
        scan,
        pixels=scan.pixels[at : at + 1],
        windows=windows,
        slice_origins_mm=None,
        overlays=(),
        axis="single",
        digest=f"{scan.digest}-{at}",
    )
