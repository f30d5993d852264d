"""What the reading page draws for a model, by its kind: the image on the left, the answer on the right.

A panel gets the scan on the page, the model's card, the frame that the viewer is turned to, and the places for image
and answer. It returns how the image was prepared for the model; the page draws what is below, the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from streamlit.delta_generator import DeltaGenerator

from core.models.card import ModelCard
from core.scan import Scan, Step
from ui.reading.multi_input.gather import needs_study
from ui.reading.panels.classification import show_classification
from ui.reading.panels.multi_input import show_multi_input
from ui.reading.panels.segmentation import show_segmentation
from ui.session import Reading

Kind = Literal["classification", "multi_input", "segmentation"]
Panel = Callable[[Reading, Scan, ModelCard, int, DeltaGenerator, DeltaGenerator], Sequence[Step]]

#: A kind of model is one entry here and one file beside this one.
PANELS: dict[Kind, Panel] = {
    "classification": show_classification,
    "multi_input": show_multi_input,
    "segmentation": show_segmentation,
}


def kind_of(card: ModelCard) -> Kind:
    """Which panel shows a model: by its task first, then by whether one image is all that it takes."""
    if card.task == "segmentation":
        return "segmentation"
    return "multi_input" if needs_study(card) else "classification"
