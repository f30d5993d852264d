"""Every method on every kind of model: a right map, or one sentence that says why there is none.

The models know colours (`taught` in the conftest): red speaks for class 0, green for class 1. So it is known where each
map has to be, and how it has to move.
"""

import dataclasses

import numpy as np
import pytest

from core.errors import UnsupportedModel
from core.explain import EXPLAINERS
from core.explain.methods import gradients as input_gradients
from core.explain.methods import perturbation, shapley
from core.explain.methods.layer_of_input import grad_cam_of_input
from core.explain.request import Ask
from core.explain.target import score_weights
from core.explain.trust.checking import check_explanation
from core.explain.trust.faithfulness import measure_faithfulness
from core.inference.prepare import Geometry, Prepared

pytestmark = pytest.mark.keras
SIZE = 24
#: (row, column) of the red square on two scans, and how far it moves.
RED, MOVED = ((2, 2), (2, 13)), 11

#: Methods that only ask for answers see no network, but only the kinds of what goes in and comes out: one of each.
ASKING = [name for name, explainer in EXPLAINERS.items() if explainer.family == "perturbation"]
OF_EACH_KIND = {
    "flat functional", "one sigmoid unit", "no activation", "multi-label", "time distributed and GRU", "volume",
    "image and table", "several images", "shared backbone", "U-Net",
}  # fmt: skip

ACTIVATIONS = [name for name, explainer in EXPLAINERS.items() if explainer.family == "activations"]
GRADIENTS = [name for name, explainer in EXPLAINERS.items() if explainer.family == "gradients"]
CAMS = [*ACTIVATIONS, "guided-grad-cam"]

#: What cannot be explained: (architecture, method) to words of its one sentence.
REFUSED = {
    **{("shared backbone", method): "no layer with a spatial output" for method in CAMS},
    ("shared backbone", "score-cam"): "no map of channels at this layer",
    ("shared backbone", "score-cam-all"): "no map of channels at this layer",
    ("U-Net", "counterfactual"): "A model that segments calls no one label",
}

TRANSFORMERS = {"transformer", "transformer with a grid", "transformer with a class token"}

#: Methods that look at no class, and those whose map of a label and of its opposite are the same by definition.
BLIND = {"eigen-cam", "attention-rollout"}
OPPOSITES_ALIKE = {"saliency", "smooth-grad"}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Fewer samples than a user gets; how good the averages are is tested elsewhere."""
    monkeypatch.setattr(perturbation, "MASKS", 200)
    monkeypatch.setattr(shapley, "COALITIONS", 160)
    monkeypatch.setattr(input_gradients, "COPIES", 6)


def image_of(red, green=(15, 9)):
    """A dark image with a large red and a smaller, duller green square."""
    image = np.full((SIZE, SIZE, 3), 0.02, np.float32)
    image[red[0] : red[0] + 8, red[1] : red[1] + 8, 0] = 1.0
    image[green[0] : green[0] + 7, green[1] : green[1] + 7, 1] = 0.95
    return image


def prepared_for(bundle):
    """Two scans, on the second of which the red square is further to the right."""
    shapes = bundle.input_shapes
    images = np.stack([image_of(red) for red in RED])
    batch, frames = {}, 2
    for name, shape in shapes.items():
        if len(shape) == 1:
            batch[name] = np.full((2, *shape), 0.1, np.float32)
        elif len(shape) == 4:
            batch[name], frames = np.repeat(images[:, None], shape[0], axis=1), 2 * shape[0]
        else:
            batch[name] = images
    whole = Geometry((SIZE, SIZE), (SIZE, SIZE), (1.0, 1.0), (0.0, 0.0), (0, 0, SIZE, SIZE))
    return Prepared(batch, whole, tuple(range(frames)), ())


def centre(grid):
    """Centre of mass on the model's grid, (row, column)."""
    mass = grid / grid.sum()
    places = [(np.arange(n) + 0.5) * SIZE / n - 0.5 for n in grid.shape]
    return np.array([(mass.sum(axis=1 - axis) * places[axis]).sum() for axis in (0, 1)])


def region_for(bundle):
    return np.ones((SIZE, SIZE), np.float32) if bundle.card.task == "segmentation" else None


@pytest.fixture(scope="module")
def first_answers():
    """What the Keras process said of each architecture before anything was explained."""
    return {}


@pytest.mark.parametrize("method", [name for name in EXPLAINERS if name not in ASKING])
def test_method_draws_a_right_map_or_says_why_not(taught, keras_process, first_answers, any_architecture, method):
    check_method(taught(any_architecture), keras_process, first_answers, any_architecture, method)


@pytest.mark.parametrize("method", ASKING)
@pytest.mark.parametrize("name", sorted(OF_EACH_KIND))
def test_method_that_only_asks_draws_a_right_map_of_each_kind_of_input(
    taught, keras_process, first_answers, name, method
):
    check_method(taught(name), keras_process, first_answers, name, method)


def check_method(bundle, keras_process, first_answers, any_architecture, method):
    """A map that repeats itself, changes nothing of the model, follows the square and tells classes apart."""
    prepared, explain = prepared_for(bundle), EXPLAINERS[method].function
    target = 1 if bundle.units == 1 else 0
    ask = Ask(target, keras=keras_process, region=region_for(bundle))
    call_just_so(bundle, prepared, target)
    refusal = reason_against(any_architecture, method)
    if refusal:
        with pytest.raises(UnsupportedModel, match=refusal) as refused:
            explain(bundle, prepared, ask)
        assert str(refused.value).count(". ") == 0
        return
    if any_architecture not in first_answers:
        first_answers[any_architecture] = answer(bundle, prepared, keras_process)
    found, again = explain(bundle, prepared, ask), explain(bundle, prepared, ask)
    assert found.grids.dtype == np.float32
    assert found.grids.ndim == 3
    assert len(found.grids) == len(found.frames) == len(prepared.frames)
    assert np.isfinite(found.grids).all()
    assert found.grids.min() >= 0
    np.testing.assert_array_equal(found.grids, again.grids)
    np.testing.assert_array_equal(first_answers[any_architecture], answer(bundle, prepared, keras_process))
    alone = len(prepared.frames) == 2 and list(bundle.input_shapes) == ["image"]
    check_movement(found, may_be_empty=method == "counterfactual" and not alone)
    if method != "counterfactual":  # it is only about the label that the model calls
        check_classes(explain, bundle, prepared, ask, found)


def reason_against(architecture, method):
    if method == "attention-rollout" and architecture not in TRANSFORMERS:
        return "no vision transformer"
    return REFUSED.get((architecture, method), "")


def call_just_so(bundle, prepared, target):
    """Put the thresholds of sigmoid units just below what the model says, so that something can turn it."""
    if bundle.units == 1 or bundle.card.task == "multilabel":
        logit = bundle.run(prepared.batch).logits[:, 0 if bundle.units == 1 else target].min()
        cut = float(1 / (1 + np.exp(-0.9 * logit)))
        thresholds = dict.fromkeys(bundle.card.labels, cut)
        bundle.card = dataclasses.replace(bundle.card, threshold=cut, thresholds=thresholds)


def answer(bundle, prepared, keras_process):
    """The model's output in the Keras process, which all methods share."""
    arguments = {"model": str(bundle.card.folder / "model.keras")}
    return keras_process.call("predict", arguments, prepared.batch)[1]["output"]


def check_movement(found, may_be_empty):
    """As the square moves to the right, so does the map of each frame.

    Blurring one frame of several, or one image of two, may turn no decision: then a counterfactual is empty.
    """
    half = len(found.grids) // 2
    pairs = list(zip(found.grids[:half], found.grids[half:], strict=True))
    if may_be_empty:
        pairs = [pair for pair in pairs if min(pair[0].max(), pair[1].max()) > 0]
    for first, second in pairs:
        down, right = centre(second) - centre(first)
        assert right > 1.0
        assert right > 2 * abs(down)


def check_classes(explain, bundle, prepared, ask, found):
    other = explain(bundle, prepared, dataclasses.replace(ask, target=1 - ask.target))
    alike = found.method in BLIND or (bundle.units == 1 and found.method in OPPOSITES_ALIKE)
    assert np.allclose(found.grids, other.grids) == alike


SEVERAL = ["time distributed and GRU", "convolutional LSTM", "volume", "image and table", "several images", "U-Net"]


@pytest.mark.parametrize("name", SEVERAL)
def test_checks_tell_a_right_map_from_a_wrong_one(taught, keras_process, name):
    bundle = taught(name)
    prepared = prepared_for(bundle)
    ask = Ask(0, keras=keras_process, region=region_for(bundle))
    found = EXPLAINERS["occlusion"].function(bundle, prepared, ask)
    upside_down = dataclasses.replace(found, grids=np.ascontiguousarray(found.grids[:, ::-1, ::-1]))
    weights, last = score_weights(bundle.card, bundle.units, 0), len(prepared.frames) - 1
    right = measure_faithfulness(bundle, prepared, found, weights, last, orders=20, ask=ask)
    wrong = measure_faithfulness(bundle, prepared, upside_down, weights, last, orders=20, ask=ask)
    assert right.beats > 85
    assert wrong.beats < 60
    trust = check_explanation(bundle, prepared, found, ask, position=last, thorough=True)
    assert {check.name for check in trust.checks} >= {"Follows the model"}
    assert trust.stability.mean > 0.8
    assert trust.verdict != "does not follow"


def test_each_of_several_images_is_explained_at_a_layer_that_sees_it(taught, keras_process):
    bundle = taught("several images")
    prepared, names = prepared_for(bundle), list(bundle.input_shapes)
    found = {name: grad_cam_of_input(bundle, prepared, Ask(0, input=name, keras=keras_process)) for name in names}
    assert len({explanation.layer for explanation in found.values()}) == len(names)
    for name, explanation in found.items():
        check_movement(explanation, may_be_empty=False)
        ask = Ask(0, input=name, layer=explanation.layer, keras=keras_process)
        assert check_explanation(bundle, prepared, explanation, ask).sanity is not None
