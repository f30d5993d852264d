"""Every method that needs activations or gradients, against definitions, other libraries and models with known maps."""

import numpy as np
import pytest

from core.errors import UnsupportedModel
from core.explain import EXPLAINERS
from core.explain.methods.cam import grad_cam
from core.explain.methods.cam_rules import (
    RULES,
    eigen_cam_rule,
    grad_cam_plus_plus_rule,
    grad_cam_rule,
    hires_cam_rule,
    layer_cam_rule,
    xgrad_cam_rule,
)
from core.explain.request import Ask
from core.inference.prepare import Geometry, Prepared
from core.inference.randomised import randomised_bundle

CAMS = [name for name, explainer in EXPLAINERS.items() if explainer.family == "activations"]
GRADIENTS = [name for name, explainer in EXPLAINERS.items() if explainer.family == "gradients"]


def noise(count=1, size=32, seed=0):
    batch = {"image": np.random.default_rng(seed).random((count, size, size, 3), np.float32)}
    whole = Geometry((size, size), (size, size), (1.0, 1.0), (0.0, 0.0), (0, 0, size, size))
    return Prepared(batch, whole, tuple(range(count)), ())


@pytest.fixture
def arrays():
    rng = np.random.default_rng(4)
    activations = np.maximum(rng.normal(size=(2, 5, 6, 7)), 0).astype(np.float32)
    return activations, rng.normal(size=(2, 5, 6, 7)).astype(np.float32)


def test_with_one_gradient_everywhere_the_linear_rules_agree(arrays):
    activations, gradient = arrays
    uniform = np.broadcast_to(gradient[:, :1, :1], gradient.shape)
    expected = grad_cam_rule(activations, uniform)
    np.testing.assert_allclose(hires_cam_rule(activations, uniform), expected, atol=1e-5)
    np.testing.assert_allclose(xgrad_cam_rule(activations, uniform), expected, atol=1e-5)


def test_rules_are_what_their_papers_say(arrays):
    activations, gradient = arrays
    a, g = activations[0].astype(np.float64), gradient[0].astype(np.float64)
    channels = range(a.shape[-1])
    layer = sum(np.maximum(g[..., k], 0) * a[..., k] for k in channels)
    np.testing.assert_allclose(layer_cam_rule(activations, gradient)[0], layer, atol=1e-5)
    xgrad = sum((g[..., k] * a[..., k] / a[..., k].sum()).sum() * a[..., k] for k in channels)
    np.testing.assert_allclose(xgrad_cam_rule(activations, gradient)[0], xgrad, atol=1e-4)
    plus = np.zeros(a.shape[:2])
    for k in channels:
        alpha = g[..., k] ** 2 / (2 * g[..., k] ** 2 + a[..., k].sum() * g[..., k] ** 3)
        plus += (alpha / alpha.sum() * np.maximum(g[..., k], 0)).sum() * a[..., k]
    np.testing.assert_allclose(grad_cam_plus_plus_rule(activations, gradient)[0], plus, rtol=1e-3, atol=1e-4)


def test_eigen_cam_finds_the_one_direction_there_is():
    shape = np.zeros((4, 4), np.float32)
    shape[1, 2], shape[3, 0] = 2.0, 1.0
    activations = (shape[..., None] * np.array([1.0, 3.0, 0.5], np.float32))[None]
    found = eigen_cam_rule(activations, activations)[0]
    np.testing.assert_allclose(found / found.max(), shape / 2.0, atol=1e-5)


@pytest.mark.parametrize("rule", RULES)
def test_nothing_active_gives_no_heat_and_no_fault(rule):
    nothing = np.zeros((1, 4, 4, 3), np.float32)
    with np.errstate(all="raise"):
        assert not np.any(RULES[rule](nothing, nothing))


@pytest.mark.keras
@pytest.mark.parametrize("method", CAMS)
def test_the_quick_way_equals_the_gradient(open_model, flat_model, hidden_model, keras_process, method):
    bundle, prepared = open_model(flat_model, "last"), noise()
    assert bundle.pooled_head
    quick = EXPLAINERS[method].function(bundle, prepared, Ask(1, against=0, keras=keras_process))
    bundle.__dict__["pooled_head"] = False
    try:
        slow = EXPLAINERS[method].function(bundle, prepared, Ask(1, against=0, keras=keras_process))
    finally:
        del bundle.__dict__["pooled_head"]
    np.testing.assert_allclose(quick.grids, slow.grids, rtol=2e-3, atol=2e-4 * max(1.0, quick.scale))
    assert quick.rather_than == "class 0"


@pytest.mark.keras
def test_a_hidden_layer_is_no_pooled_head(open_model, hidden_model):
    assert not open_model(hidden_model, "last").pooled_head


@pytest.mark.keras
@pytest.mark.parametrize("method", [*CAMS, *GRADIENTS])
def test_classes_differ_and_a_second_run_does_not(open_model, hidden_model, keras_process, method):
    bundle, prepared = open_model(hidden_model, "last"), noise()
    first, again = (EXPLAINERS[method].function(bundle, prepared, Ask(1, keras=keras_process)) for _ in range(2))
    other = EXPLAINERS[method].function(bundle, prepared, Ask(2, keras=keras_process))
    np.testing.assert_array_equal(first.grids, again.grids)
    assert np.isfinite(first.grids).all()
    same = np.allclose(first.grids, other.grids)
    assert same if method == "eigen-cam" else not same


@pytest.mark.keras
@pytest.mark.parametrize("method", [*CAMS, *GRADIENTS])
def test_without_keras_a_gradient_is_refused_in_one_sentence(open_model, hidden_model, method):
    bundle, prepared = open_model(hidden_model, "last"), noise()
    if method.startswith("score-cam"):
        assert EXPLAINERS[method].function(bundle, prepared, Ask(1)).scale >= 0
        return
    with pytest.raises(UnsupportedModel):
        EXPLAINERS[method].function(bundle, prepared, Ask(1))


@pytest.mark.keras
def test_any_layer_can_be_asked(open_model, flat_model, keras_process):
    bundle, prepared = open_model(flat_model, "last"), noise()
    _, _ = keras_process.call("ping")
    facts, _ = keras_process.call("layers", {"model": str(bundle.card.folder / "model.keras")})
    paths = [layer["path"] for layer in facts["layers"] if layer["explainable"]]
    assert "last" in paths
    assert len(paths) == 2
    earlier = EXPLAINERS["grad-cam"].function(bundle, prepared, Ask(1, layer=paths[0], keras=keras_process))
    assert earlier.layer == paths[0]
    assert earlier.grids.shape[1] > bundle.run(prepared.batch).activations.shape[1]


@pytest.mark.keras
def test_integrated_gradients_add_up(open_model, hidden_model, keras_process):
    found = EXPLAINERS["integrated-gradients"].function(
        open_model(hidden_model, "last"), noise(), Ask(1, keras=keras_process)
    )
    assert found.facts["completeness_gap"] < 0.01


@pytest.mark.keras
def test_saliency_and_score_cam_are_those_of_tf_keras_vis(open_model, flat_model, keras_process):
    from tf_keras_vis.saliency import Saliency
    from tf_keras_vis.scorecam import Scorecam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    bundle, prepared = open_model(flat_model, "last"), noise()
    image = prepared.batch["image"]
    ours = EXPLAINERS["saliency"].function(bundle, prepared, Ask(1, keras=keras_process)).grids
    theirs = Saliency(flat_model, ReplaceToLinear(), clone=True)(
        CategoricalScore(1), image, keepdims=True, normalize_map=False
    )
    np.testing.assert_allclose(ours, np.abs(theirs).max(-1), rtol=1e-3, atol=1e-6)
    ours = EXPLAINERS["score-cam-all"].function(bundle, prepared, Ask(1)).grids[0]
    theirs = Scorecam(flat_model)(
        CategoricalScore(1), image, penultimate_layer="last", expand_cam=False, normalize_cam=False
    )
    assert np.corrcoef(ours.ravel(), np.ravel(theirs[0]))[0, 1] > 0.999


@pytest.mark.keras
def test_random_weights_reach_the_keras_process(open_model, hidden_model, keras_process):
    bundle, prepared = open_model(hidden_model, "last"), noise()
    ask = Ask(1, keras=keras_process)
    trained = EXPLAINERS["grad-cam"].function(bundle, prepared, ask).grids
    drawn = EXPLAINERS["grad-cam"].function(randomised_bundle(bundle, 1.0, 3), prepared, ask).grids
    again = EXPLAINERS["grad-cam"].function(bundle, prepared, ask).grids
    assert not np.allclose(trained, drawn)
    np.testing.assert_array_equal(trained, again)


@pytest.mark.keras
def test_grad_cam_of_the_difference_is_that_of_the_weights(open_model, flat_model):
    bundle, prepared = open_model(flat_model, "last"), noise()
    activations = bundle.run(prepared.batch).activations
    expected = np.maximum(activations @ (bundle.cam_weights[1] - bundle.cam_weights[0]), 0)
    found = EXPLAINERS["grad-cam"].function(bundle, prepared, Ask(1, against=0))
    np.testing.assert_allclose(found.grids, expected, atol=1e-5)
    assert not np.allclose(found.grids, grad_cam(bundle, prepared, 1).grids)
