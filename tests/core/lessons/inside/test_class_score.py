import numpy as np
import pytest

from core.errors import UnsupportedModel
from core.lessons.inside.class_score import class_score
from core.lessons.inside.probe import Probe


@pytest.fixture
def image():
    return {"image": np.random.default_rng(1).random((1, 21, 21, 1), np.float32)}


def test_bias_and_fractions_of_a_pooled_head_add_up_to_the_logit(opened, image):
    bundle = opened("branched")
    score = class_score(bundle, image, 1)
    assert score.exact
    logit = float(bundle.run(image).logits[0, 0])
    assert score.logit == pytest.approx(logit, abs=1e-5)
    assert score.bias + score.fractions.sum() == pytest.approx(logit, abs=1e-9)
    np.testing.assert_allclose(score.maps.sum(axis=(1, 2)), score.fractions, rtol=1e-4)


def test_bias_and_weights_are_those_of_the_dense_layer(builder, monkeypatch, opened, image, models):
    b = builder(seed=3)
    models["single"] = b.finish(b.conv(b.first, "last", out=5))
    score = class_score(opened("single"), image, 1)
    np.testing.assert_allclose(score.weights, b.weights[:, 0], rtol=1e-4)
    assert score.bias == pytest.approx(float(b.bias[0]), abs=1e-4)
    del models["single"]


def test_the_other_label_of_one_unit_has_everything_negated(opened, image):
    bundle = opened("plain")
    yes, no = class_score(bundle, image, 1), class_score(bundle, image, 0)
    assert no.logit == -yes.logit
    np.testing.assert_allclose(no.fractions, -yes.fractions)
    assert (yes.label, no.label) == ("Yes", "No")


def test_left_out_channels_of_a_pooled_head_lose_exactly_their_fraction(opened, image, monkeypatch):
    """The way for other heads, tried where the truth is known."""
    bundle = opened("plain")
    exact = class_score(bundle, image, 1)
    bundle.__dict__["pooled_head"] = False
    estimate = class_score(bundle, image, 1)
    assert not estimate.exact
    np.testing.assert_allclose(estimate.fractions, exact.fractions, atol=1e-4)


def test_strongest_channels_come_first_whatever_their_sign(opened, image):
    score = class_score(opened("attended"), image, 1)
    order = np.abs(score.fractions[score.strongest(3)])
    assert (np.diff(order) <= 0).all()


def test_a_model_that_outlines_has_no_single_score(opened, image):
    from dataclasses import replace

    bundle = opened("plain")
    bundle.card = replace(bundle.card, task="segmentation")
    with pytest.raises(UnsupportedModel, match="no score for a whole class"):
        class_score(bundle, image, 1)


def test_the_probe_gives_what_the_bundle_gives(opened, models, image):
    bundle, probe = opened("attended"), Probe(models["attended"])
    network = probe.network
    found = probe.run(image, [network.heat, len(network.boxes) - 1, 0])
    expected = bundle.run(image)
    np.testing.assert_allclose(found[network.heat], np.moveaxis(expected.activations[0], -1, 0), rtol=1e-6)
    np.testing.assert_allclose(found[len(network.boxes) - 1], expected.logits[0], rtol=1e-6)
    np.testing.assert_array_equal(found[0], image["image"][0, None, :, :, 0])
