"""CAM methods that need activations and gradients of a layer, and where these come from.

Where the head is an average over the positions and one dense layer, the gradient is the same at every position and for
every scan: it lies in the bundle, and nothing but the prediction is needed. Any other head, and any other layer than
the card's, goes to the Keras process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UnsupportedModel
from core.explain.explanation import Explanation
from core.explain.inputs import Image, explained_image, image_names, negative, on_frames, refuse_unseen
from core.explain.methods.cam_rules import RULES, Maps
from core.explain.region import explained_region
from core.explain.request import Ask
from core.explain.target import score_weights
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared
from core.keras_process.names import REGION

KERAS_FILE = "model.keras"


def keras_arguments(bundle: Bundle, ask: Ask) -> dict[str, Any]:
    """What every task of the Keras process has to know of a model and of the question."""
    card = bundle.card
    arguments: dict[str, Any] = {
        "model": str(card.folder / KERAS_FILE),
        "sha256": card.sha256.get(KERAS_FILE, ""),
        "layer": ask.layer or bundle.explain_layer,
        "weights": score_weights(card, bundle.units, ask.target, ask.against).tolist(),
    }
    if bundle.randomised is not None:
        arguments["randomised"] = list(bundle.randomised)
    return arguments


def keras_arrays(bundle: Bundle, prepared: Prepared, ask: Ask) -> dict[str, NDArray[np.float32]]:
    """The (N, …) inputs for a task of the Keras process, and the region to explain where the model outlines."""
    region = explained_region(bundle, prepared, ask)
    return dict(prepared.batch) if region is None else {**prepared.batch, REGION: region}


def activations_and_gradient(bundle: Bundle, prepared: Prepared, ask: Ask) -> tuple[Maps, Maps]:
    """A and G of the asked layer, both (N, h, w, C), or (N, frames, h, w, C) where the layer has frames.

    Raises:
        UnsupportedModel: There is no such layer, it does not see the image, or gradients are needed and there is no
            Keras process.
        KerasProcessFailed: It hung, crashed or ran out of memory.
    """
    if ask.layer in {"", bundle.explain_layer} and bundle.pooled_head:
        output = ask.output
        if output is None or output.activations is None:
            output = bundle.run(prepared.batch, outputs=("activations",))
        assert output.activations is not None  # a pooled head has activations
        assert bundle.cam_weights is not None
        refuse_other_layer(bundle, prepared, ask, output.activations)
        slope = score_weights(bundle.card, bundle.units, ask.target, ask.against) @ bundle.cam_weights
        return output.activations, np.broadcast_to(slope.astype(np.float32), output.activations.shape)
    if not (ask.layer or bundle.explain_layer):
        raise UnsupportedModel(f"{bundle.card.title} has no layer with a spatial output", "choose another method")
    if ask.keras is None:
        raise UnsupportedModel("A gradient needs the Keras process, which is not there", "choose another method")
    arguments, given = keras_arguments(bundle, ask), keras_arrays(bundle, prepared, ask)
    _, arrays = ask.keras.call("layer_gradients", arguments, given)
    refuse_other_layer(bundle, prepared, ask, arrays["activations"].astype(np.float32))
    return arrays["activations"].astype(np.float32), arrays["gradient"].astype(np.float32)


def refuse_other_layer(bundle: Bundle, prepared: Prepared, ask: Ask, activations: NDArray[np.float32]) -> None:
    """Refuse a layer that does not see the explained image, where a model has several.

    Whether it does is found out by trying: the image is turned into its negative.

    Raises:
        UnsupportedModel: The activations stay the same.
        KerasProcessFailed: It was needed, for another layer than the card's, and failed.
    """
    images, image = len(image_names(bundle, prepared)), explained_image(bundle, prepared, ask)
    if images == 1 or bundle.randomised is not None:
        return  # a random copy may see nothing by chance; where its layer looks was tried with the trained model
    changed = negative(image)
    if ask.layer in {"", bundle.explain_layer}:
        before = bundle.run(prepared.batch, outputs=("activations",)).activations
        after = bundle.run(changed, outputs=("activations",)).activations
    else:
        assert ask.keras is not None  # the activations came from there
        arguments, region = keras_arguments(bundle, ask), explained_region(bundle, prepared, ask)
        given = changed if region is None else {**changed, REGION: region}
        before = activations
        after = ask.keras.call("layer_gradients", arguments, given)[1]["activations"].astype(np.float32)
    assert before is not None and after is not None  # noqa: PT018  there is a layer
    refuse_unseen(image, images, ask.layer or bundle.explain_layer, before, after)


def layer_explainer(method: str) -> Callable[[Bundle, Prepared, Ask], Explanation]:
    """The explainer of one rule of `RULES`."""

    def explain(bundle: Bundle, prepared: Prepared, ask: Ask) -> Explanation:
        image = explained_image(bundle, prepared, ask)
        values = RULES[method](*activations_and_gradient(bundle, prepared, ask))
        return map_of(bundle, prepared, ask, method, image, values)

    explain.__doc__ = RULES[method].__doc__
    return explain


def map_of(
    bundle: Bundle,
    prepared: Prepared,
    ask: Ask,
    method: str,
    image: Image,
    values: NDArray[np.floating],
    units: str = "logit units",
) -> Explanation:
    """A rectified (N, [frames,] h, w) map of a layer as an explanation; CAM methods say nothing against the target.

    Where a layer has frames no longer, its one map stands for every frame, and `facts` say so.
    """
    labels = bundle.card.labels
    shared = image.values.ndim == 5 and values.ndim == 3
    return Explanation(
        grids=np.maximum(on_frames(values, image), 0).astype(np.float32),
        frames=prepared.frames,
        geometry=prepared.geometry,
        method=method,
        label=labels[ask.target],
        layer=ask.layer or bundle.explain_layer,
        units=units,
        rather_than="" if ask.against is None else labels[ask.against],
        facts={"frames_with_the_same_map": float(image.depth)} if shared else {},
    )
