"""Which layer an image is explained at where a model has several, each with a branch of its own."""

from __future__ import annotations

from dataclasses import replace

from core.errors import UnsupportedModel
from core.explain.explanation import Explanation
from core.explain.methods.cam import asked_grad_cam
from core.explain.methods.layer_maps import KERAS_FILE
from core.explain.request import Ask
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared

#: Layers that are tried, from the last one on; each costs a gradient.
MOST_TRIED = 10


def grad_cam_of_input(bundle: Bundle, prepared: Prepared, ask: Ask) -> Explanation:
    """Grad-CAM of one image at the card's layer, or at the last layer that sees this image.

    Args:
        bundle: The model.
        prepared: Its inputs, with the way back of the image.
        ask: With the image's name in `input`; a layer that it names is the only one that is tried.

    Raises:
        UnsupportedModel: No layer with a map sees the image.
        KerasProcessFailed: It was needed and failed.
    """
    try:
        return asked_grad_cam(bundle, prepared, ask)
    except UnsupportedModel as refusal:
        if ask.layer or ask.keras is None or len(bundle.card.inputs) < 2:
            raise
        for layer in _layers_from_the_last(bundle, ask):
            try:
                return asked_grad_cam(bundle, prepared, replace(ask, layer=layer, output=None))
            except UnsupportedModel:
                continue
        raise refusal from None


def _layers_from_the_last(bundle: Bundle, ask: Ask) -> list[str]:
    assert ask.keras is not None  # the caller looked
    card = bundle.card
    arguments = {"model": str(card.folder / KERAS_FILE), "sha256": card.sha256.get(KERAS_FILE, "")}
    answer, _ = ask.keras.call("layers", arguments, {})
    named = [str(layer["path"]) for layer in answer["layers"] if layer["explainable"]]
    return [name for name in reversed(named) if name != bundle.explain_layer][:MOST_TRIED]
