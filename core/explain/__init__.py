"""The methods of explanation, all behind one signature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.explain.cam import grad_cam
from core.explain.explanation import Explanation


@dataclass(frozen=True)
class Explainer:
    """One way to explain a prediction.

    Attributes:
        name: Its key in `EXPLAINERS`.
        title: For people.
        function: `(bundle, prepared, target, output=None, keras=None) -> Explanation`.
        reference: The paper.
        cost: What a user waits for, in words.
        needs: What the model must offer.
    """

    name: str
    title: str
    function: Callable[..., Explanation]
    reference: str
    cost: str
    needs: Literal["activations", "gradients", "predictions"]


EXPLAINERS: dict[str, Explainer] = {
    "grad-cam": Explainer(
        name="grad-cam",
        title="Grad-CAM",
        function=grad_cam,
        reference="Selvaraju et al. 2017, Grad-CAM: Visual Explanations from Deep Networks, doi:10.1109/ICCV.2017.74",
        cost="nothing beyond the prediction where the head is affine, else a gradient in the Keras process",
        needs="activations",
    ),
}
