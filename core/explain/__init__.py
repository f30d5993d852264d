"""The methods of explanation, all behind one signature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core.explain.explanation import Explanation
from core.explain.methods.attention import attention_rollout
from core.explain.methods.channel_maps import ablation_cam, score_cam, score_cam_all
from core.explain.methods.counterfactual import smallest_turning_region
from core.explain.methods.gradients import (
    gradient_times_input,
    guided_grad_cam,
    integrated_gradients,
    saliency,
    smooth_grad,
)
from core.explain.methods.layer_maps import layer_explainer
from core.explain.methods.layer_of_input import grad_cam_of_input
from core.explain.methods.perturbation import occlusion, rise
from core.explain.methods.shapley import kernel_shap
from core.explain.request import Ask
from core.inference.bundle import Bundle
from core.inference.prepare import Prepared


@dataclass(frozen=True)
class Explainer:
    """One way to explain a prediction.

    Attributes:
        name: Its key in `EXPLAINERS`.
        title: For people.
        function: `(bundle, prepared, ask) -> Explanation`.
        reference: The paper.
        cost: What a user waits for, in words.
        needs: What the model must offer.
        family: Where it stands in a list.
    """

    name: str
    title: str
    function: Callable[[Bundle, Prepared, Ask], Explanation]
    reference: str
    cost: str
    needs: Literal["activations", "gradients", "predictions", "attention"]
    family: Literal["activations", "gradients", "perturbation", "counterfactual", "attention"] = "activations"


_AS_GRAD_CAM = "as Grad-CAM: nothing behind a pooled head, else a gradient in the Keras process"

#: Every method by its name, in the order people meet them.
EXPLAINERS: dict[str, Explainer] = {
    "grad-cam": Explainer(
        name="grad-cam",
        title="Grad-CAM",
        function=grad_cam_of_input,
        reference="Selvaraju et al. 2017, Grad-CAM: Visual Explanations from Deep Networks, doi:10.1109/ICCV.2017.74",
        cost="nothing beyond the prediction where the head is affine, else a gradient in the Keras process",
        needs="activations",
    ),
    "grad-cam++": Explainer(
        name="grad-cam++",
        title="Grad-CAM++",
        function=layer_explainer("grad-cam++"),
        reference="Chattopadhyay et al. 2018, Grad-CAM++, arXiv:1710.11063",
        cost=_AS_GRAD_CAM,
        needs="activations",
    ),
    "hires-cam": Explainer(
        name="hires-cam",
        title="HiResCAM",
        function=layer_explainer("hires-cam"),
        reference="Draelos and Carin 2020, Use HiResCAM instead of Grad-CAM, arXiv:2011.08891",
        cost=_AS_GRAD_CAM,
        needs="activations",
    ),
    "xgrad-cam": Explainer(
        name="xgrad-cam",
        title="XGrad-CAM",
        function=layer_explainer("xgrad-cam"),
        reference="Fu et al. 2020, Axiom-based Grad-CAM, arXiv:2008.02312",
        cost=_AS_GRAD_CAM,
        needs="activations",
    ),
    "layer-cam": Explainer(
        name="layer-cam",
        title="LayerCAM",
        function=layer_explainer("layer-cam"),
        reference="Jiang et al. 2021, LayerCAM, doi:10.1109/TIP.2021.3089943",
        cost=_AS_GRAD_CAM,
        needs="activations",
    ),
    "eigen-cam": Explainer(
        name="eigen-cam",
        title="Eigen-CAM, the same for every class",
        function=layer_explainer("eigen-cam"),
        reference="Muhammad and Yeasin 2020, Eigen-CAM, arXiv:2008.00299",
        cost=_AS_GRAD_CAM,
        needs="activations",
    ),
    "score-cam": Explainer(
        name="score-cam",
        title="Score-CAM, 32 strongest channels",
        function=score_cam,
        reference="Wang et al. 2020, Score-CAM, arXiv:1910.01279",
        cost="32 predictions",
        needs="activations",
    ),
    "score-cam-all": Explainer(
        name="score-cam-all",
        title="Score-CAM, all channels",
        function=score_cam_all,
        reference="Wang et al. 2020, Score-CAM, arXiv:1910.01279",
        cost="one prediction a channel",
        needs="activations",
    ),
    "ablation-cam": Explainer(
        name="ablation-cam",
        title="Ablation-CAM",
        function=ablation_cam,
        reference="Desai and Ramaswamy 2020, Ablation-CAM, doi:10.1109/WACV45572.2020.9093360",
        cost="nothing behind a pooled head, else one prediction a channel in the Keras process",
        needs="activations",
    ),
    "attention-rollout": Explainer(
        name="attention-rollout",
        title="Attention rollout, the same for every class",
        function=attention_rollout,
        reference="Abnar and Zuidema 2020, Quantifying Attention Flow in Transformers, arXiv:2005.00928",
        cost="one prediction in the Keras process; vision transformers only",
        needs="attention",
        family="attention",
    ),
    "saliency": Explainer(
        name="saliency",
        title="Saliency",
        function=saliency,
        reference="Simonyan et al. 2013, Deep Inside Convolutional Networks, arXiv:1312.6034",
        cost="one gradient",
        needs="gradients",
        family="gradients",
    ),
    "smooth-grad": Explainer(
        name="smooth-grad",
        title="SmoothGrad",
        function=smooth_grad,
        reference="Smilkov et al. 2017, SmoothGrad, arXiv:1706.03825",
        cost="24 gradients",
        needs="gradients",
        family="gradients",
    ),
    "gradient-x-input": Explainer(
        name="gradient-x-input",
        title="Gradient × input",
        function=gradient_times_input,
        reference="Shrikumar et al. 2016, Not Just a Black Box, arXiv:1605.01713",
        cost="one gradient",
        needs="gradients",
        family="gradients",
    ),
    "integrated-gradients": Explainer(
        name="integrated-gradients",
        title="Integrated Gradients",
        function=integrated_gradients,
        reference="Sundararajan et al. 2017, Axiomatic Attribution for Deep Networks, arXiv:1703.01365",
        cost="24 gradients or more, until they add up",
        needs="gradients",
        family="gradients",
    ),
    "guided-grad-cam": Explainer(
        name="guided-grad-cam",
        title="Guided Grad-CAM",
        function=guided_grad_cam,
        reference="Selvaraju et al. 2017, section 3.1, doi:10.1109/ICCV.2017.74",
        cost="one gradient and Grad-CAM",
        needs="gradients",
        family="gradients",
    ),
    "occlusion": Explainer(
        name="occlusion",
        title="Occlusion",
        function=occlusion,
        reference="Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks, arXiv:1311.2901",
        cost="about 200 predictions",
        needs="predictions",
        family="perturbation",
    ),
    "rise": Explainer(
        name="rise",
        title="RISE",
        function=rise,
        reference="Petsiuk et al. 2018, RISE: Randomized Input Sampling for Explanation, arXiv:1806.07421",
        cost="500 predictions",
        needs="predictions",
        family="perturbation",
    ),
    "kernel-shap": Explainer(
        name="kernel-shap",
        title="KernelSHAP",
        function=kernel_shap,
        reference="Lundberg and Lee 2017, A Unified Approach to Interpreting Model Predictions, arXiv:1705.07874",
        cost="about 600 predictions",
        needs="predictions",
        family="perturbation",
    ),
    "counterfactual": Explainer(
        name="counterfactual",
        title="What to hide for another answer",
        function=smallest_turning_region,
        reference="in the spirit of Fong and Vedaldi 2017, arXiv:1704.03296, by a greedy search over patches",
        cost="about 250 predictions",
        needs="predictions",
        family="counterfactual",
    ),
}
