"""Grad-CAM: which cells of the last feature map raise or lower one logit.

Selvaraju et al. 2017, eq. 1 and 2. The map is kept on the scale of the logit and never stretched to its own maximum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.explain.explanation import Explanation
from core.explain.inputs import explained_image, is_plain, on_image
from core.explain.methods.layer_maps import KERAS_FILE, layer_explainer
from core.explain.request import Ask, KerasTasks
from core.inference.bundle import Bundle, ModelOutput
from core.inference.prepare import Prepared
from core.models.card import ModelCard


def grad_cam(
    bundle: Bundle,
    prepared: Prepared,
    target: int,
    output: ModelOutput | None = None,
    keras: KerasTasks | None = None,
) -> Explanation:
    """Grad-CAM of one class for each frame.

    With activations A (h, w, C) and the gradient G of the logit with respect to A, the weight of channel c is the mean
    of G over the h·w positions, and the cell (i, j) is `max(0, Σ_c weight_c A_ijc)`. Behind global average pooling and
    a dense layer the weight is the dense weight divided by h·w, so a cell is exactly what this position adds to the
    logit, and without the rectifier all cells and the bias add up to the logit. For other heads the number is the
    channel's mean slope times its activation: still in units of the logit, but no exact fraction of it.

    Where the head is affine in A, the weights are constants in the bundle and this is one matrix product on top of
    the prediction. Otherwise the Keras process takes the gradient.

    Args:
        bundle: The opened model.
        prepared: Frames on the model's grid.
        target: Index of the label to explain. With one output unit, label 1 is the logit and label 0 its negative.
        output: The prediction's output with its activations, so that the model need not run again.
        keras: The Keras process, for heads that are not affine.

    Raises:
        UnsupportedModel: The model has no spatial layer, or its head is not affine and there is no Keras process.
        KerasProcessFailed: The Keras process hung, crashed or ran out of memory.
    """
    unit, sign = logit_of(bundle.card, bundle.units, target)
    if bundle.cam_weights is None:
        grids = _grids_by_keras(bundle, prepared, unit, sign, keras)
    else:
        if output is None or output.activations is None:
            output = bundle.run(prepared.batch, outputs=("activations",))
        assert output.activations is not None  # a bundle with weights has activations
        activations = on_image(output.activations, explained_image(bundle, prepared, Ask(target)))
        grids = cam_grids(activations, sign * bundle.cam_weights[unit])
    label = bundle.card.labels[target]
    return Explanation(grids, prepared.frames, prepared.geometry, "grad-cam", label, bundle.explain_layer)


def asked_grad_cam(bundle: Bundle, prepared: Prepared, ask: Ask) -> Explanation:
    """`grad_cam` as the registry calls it: of any layer and any kind of input, and of one label rather than another.

    Raises:
        UnsupportedModel: The model has no such layer, or its head needs the Keras process and there is none.
        KerasProcessFailed: The Keras process hung, crashed or ran out of memory.
    """
    own_layer = ask.against is None and ask.layer in {"", bundle.explain_layer} and bundle.randomised is None
    if own_layer and is_plain(bundle, prepared):
        return grad_cam(bundle, prepared, ask.target, ask.output, ask.keras)
    return layer_explainer("grad-cam")(bundle, prepared, ask)


def cam_grids(activations: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rectified weighted sum over the channels: (N, h, w, C) and (C,) to (N, h, w).

    Example:
        >>> cam_grids(np.array([[[[1.0, 2.0], [3.0, 0.0]]]]), np.array([1.0, -1.0])).tolist()
        [[[0.0, 3.0]]]
    """
    return np.maximum(activations @ weights, np.float32(0.0))


def logit_of(card: ModelCard, units: int, target: int) -> tuple[int, float]:
    """Output unit and sign that speak for a label.

    A binary model may have one output unit for two labels: then the first label is the negated logit.

    Raises:
        UnsupportedModel: There is no such label.
    """
    if not 0 <= target < len(card.labels):
        raise UnsupportedModel(
            f"The model has {len(card.labels)} labels, and none is number {target}", "choose a label of the model"
        )
    if card.task == "binary" and units == 1:
        return 0, 1.0 if target == 1 else -1.0
    return target, 1.0


def _grids_by_keras(
    bundle: Bundle, prepared: Prepared, unit: int, sign: float, keras: KerasTasks | None
) -> NDArray[np.float32]:
    card = bundle.card
    if "activations" not in bundle.outputs:
        raise UnsupportedModel(f"{card.title} has no layer with a spatial output", "choose another explanation")
    if keras is None:
        raise UnsupportedModel(
            f"The head of {card.title} is not affine",
            "let the Keras process take the gradient, or choose another model",
        )
    arguments = {
        "model": str(card.folder / KERAS_FILE),
        "sha256": card.sha256.get(KERAS_FILE, ""),
        "layer": bundle.explain_layer,
        "unit": unit,
        "sign": sign,
    }
    _, arrays = keras.call("grad_cam", arguments, prepared.batch)
    return arrays["grids"].astype(np.float32)
