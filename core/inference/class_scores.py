"""The answer of a classifier: probabilities, the decision at the stored threshold, calibration, and its doubt.

Nothing is chosen here: threshold and temperature come from the card, which took them from the validation split.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.inference.bundle import Bundle, ModelOutput
from core.inference.decision import Decision, decide
from core.inference.ood import Similarity
from core.inference.prepare import Prepared
from core.inference.study import Study, prepare_study, study_fit
from core.inference.withhold import Reason, Withheld, scan_reasons, withheld
from core.models.card import ModelCard


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of some frames of a scan.

    Attributes:
        card: The model.
        frames: Frames of the scan, in the order of the rows below; (0,) where a whole sequence or volume is one case.
        logits: (frames, outputs) before the final activation.
        probabilities: (frames, classes) after it.
        calibrated: (frames, classes) with the card's temperature.
        similarity: One entry a frame: how near it is to what the model has seen; empty where the bundle cannot tell.
        warning: Why this scan does not fit the model, or `""`.
        note: What could not be checked about the fit, or `""`.
        prepared: The model's input, kept for explanations.
        output: Raw outputs, kept for explanations.
        study: What the model was asked about, None where that is not known.
    """

    card: ModelCard
    frames: tuple[int, ...]
    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    calibrated: NDArray[np.float32]
    similarity: tuple[Similarity, ...]
    warning: str
    note: str
    prepared: Prepared
    output: ModelOutput
    study: Study | None = None

    @cached_property
    def reasons(self) -> tuple[Reason, ...]:
        """Why the scans are outside the model's contract, whatever it makes of their pixels; worked out when asked."""
        return () if self.study is None else scan_reasons(self.card, self.study)

    def withheld(self, position: int = 0) -> Withheld | None:
        """Why the answer for `frames[position]` is withheld, None where it may be shown."""
        return withheld(self.card, self.reasons, self.similarity[position] if self.similarity else None)

    def decision(self, position: int = 0) -> Decision:
        """The decision for `frames[position]` at the card's threshold."""
        return decide(self.card, self.probabilities[position], self.calibrated[position])


def class_scores(
    bundle: Bundle,
    study: Study,
    frames: Sequence[int] | None,
    progress: Callable[[float], None] | None,
    cancelled: Callable[[], bool] | None,
) -> Prediction:
    """What a classifier says of a study, one row a case; see `core.inference.predict.predict`, which calls this."""
    card = bundle.card
    prepared = prepare_study(study, card, frames)
    output = bundle.run(prepared.batch, progress=progress, cancelled=cancelled)
    cases = prepared.frames if len(prepared.frames) == len(output.logits) else tuple(range(len(output.logits)))
    fit = study_fit(card, study)
    return Prediction(
        card=card,
        frames=cases,
        logits=output.logits,
        probabilities=bundle.probabilities(output.logits),
        calibrated=bundle.probabilities(output.logits, card.temperature),
        similarity=bundle.similarity(output.features),
        warning="" if fit.fits else fit.reason,
        note=fit.reason if fit.fits else "",
        prepared=prepared,
        output=output,
        study=study,
    )
